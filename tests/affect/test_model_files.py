from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from appliance.affect.emotion import EmotionModel, EmotionModelError
from appliance.affect.models import (
    EMOTION_FILE,
    EMOTION_MODELS,
    PROSODY_FILE,
    PROSODY_MODELS,
    PROSODY_SETTINGS,
    SETTINGS_FILE,
    AffectModels,
    allowed,
    chosen_models,
    load_emotion,
    load_prosody,
)
from appliance.affect.pitch import AutocorrelationTracker
from appliance.affect.prosody_model import ProsodyModel, ProsodyModelError
from appliance.affect.runtime import ModelShapeError, TfliteModel
from appliance.affect.window import CHANNELS, STEPS
from appliance.models import ModelError, ModelStore
from tools.train.emotions import card as emotion_card
from tools.train.prosodies import card as prosody_card

EMOTION_MODEL, OPEN_MODEL = EMOTION_MODELS
PROSODY_MODEL = PROSODY_MODELS[0]
FILES = {EMOTION_MODEL: EMOTION_FILE, PROSODY_MODEL: PROSODY_FILE}


def copy_of(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(ModelStore().open(name).directory, folder)
    return folder


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped emotion model that may be damaged."""
    return copy_of(EMOTION_MODEL, tmp_path)


def windows(count):
    return np.random.default_rng(1).normal(0, 1, (count, STEPS, 1, CHANNELS)).astype(np.float32)


def test_batches_of_any_size_give_what_single_windows_give(models):
    some = windows(21)
    together, _ = models.emotion.judge(some)
    for index in (0, 7, 20):
        alone, _ = models.emotion.judge(some[index : index + 1])
        np.testing.assert_allclose(alone[0], together[index], atol=0.02)
    assert models.emotion.judge(windows(0))[0].shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "file"),
    [*((name, EMOTION_FILE) for name in EMOTION_MODELS), *((name, PROSODY_FILE) for name in PROSODY_MODELS)],
)
def test_every_model_is_small_and_whole_integer(name, file):
    installed = ModelStore().open(name)
    assert installed.path(file).stat().st_size <= 400_000
    model = TfliteModel(installed.path(file))
    assert model._input["dtype"] == np.int8
    assert model._output["dtype"] == np.int8


def test_a_window_of_another_shape_is_refused(models):
    with pytest.raises(ModelShapeError, match="trained with other features"):
        models.emotion.judge(windows(1)[:, :-1])


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_model_is_refused_before_it_is_loaded(name, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(TfliteModel, "__init__", lambda _, path: opened.append(path.parent.name))
    folder = copy_of(name, tmp_path)
    damaged = bytearray((folder / FILES[name]).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / FILES[name]).write_bytes(damaged)
    load = load_emotion if name == EMOTION_MODEL else load_prosody
    with pytest.raises(ModelError, match="sha256"):
        load(ModelStore(tmp_path), name)
    assert opened == []


def test_without_emotion_a_damaged_model_does_not_matter_because_none_is_opened(copy):
    (copy / EMOTION_FILE).write_bytes(b"broken")
    assert AffectModels.load(ModelStore(copy.parent), emotion=False).emotion is None


def test_a_site_that_forbids_models_for_research_gets_the_open_ones():
    store = ModelStore(allow_research_only=False)
    assert store.entry(EMOTION_MODEL).research_only
    with pytest.raises(ModelError, match="research only"):
        load_emotion(store, EMOTION_MODEL)
    models = AffectModels.load(store, emotion=True)
    assert isinstance(models.tracker, ProsodyModel)
    names = [OPEN_MODEL, PROSODY_MODEL]
    assert [(entry.name, entry.research_only) for entry in models.entries] == [(n, False) for n in names]
    assert [entry.name for entry in chosen_models(store, emotion=True)] == names
    assert models.emotion is not None
    assert models.emotion.settings.prosody == PROSODY_MODEL
    assert [entry.name for entry in AffectModels.load(store, emotion=False).entries] == [PROSODY_MODEL]


def test_what_is_left_where_every_model_of_a_kind_is_forbidden(monkeypatch):
    store = ModelStore(allow_research_only=False)
    assert allowed(store, [EMOTION_MODEL]) is None
    monkeypatch.setattr("appliance.affect.models.PROSODY_MODELS", [EMOTION_MODEL])
    models = AffectModels.load(store, emotion=False)
    assert isinstance(models.tracker, AutocorrelationTracker)
    assert models.entries == ()


def test_a_model_that_heard_nothing_like_the_calls_raises_no_alert():
    assert load_emotion(ModelStore(), EMOTION_MODEL).settings.alerts
    assert not load_emotion(ModelStore(), OPEN_MODEL).settings.alerts


@pytest.mark.parametrize("name", EMOTION_MODELS)
def test_a_model_is_chosen_only_where_its_card_shows_it_better_than_chance_on_unseen_mandarin(name):
    card = ModelStore().open(name).path(EMOTION_FILE).with_name("CARD.md").read_text(encoding="utf-8")
    row = re.search(r"(?m)^\| casia-[^|]*\(the shipped model\).*\((0\.\d+) to 0\.\d+\)", card)
    assert row is not None
    assert float(row[1]) >= 0.30


@pytest.mark.parametrize("name", [*EMOTION_MODELS, *PROSODY_MODELS])
def test_a_card_and_its_picture_say_what_was_measured_and_nothing_else(name, tmp_path):
    folder = copy_of(name, tmp_path)
    made = [folder / "CARD.md", *folder.glob("*.svg")]
    assert len(made) == 2
    written = [file.read_text(encoding="utf-8") for file in made]
    (emotion_card if name in EMOTION_MODELS else prosody_card).render(folder)
    assert [file.read_text(encoding="utf-8") for file in made] == written


@pytest.mark.parametrize("name", PROSODY_MODELS)
def test_the_pitch_of_unseen_speakers_is_found_better_than_by_the_trackers_that_it_is_compared_with(name):
    results = json.loads((ModelStore().open(name).directory / "results.json").read_text(encoding="utf-8"))
    assert not set(results["corpora"]) & {speaker.split("-")[0] for speaker in results["held_out"]}
    rows = [*results["model"], *results["others"]]
    gross, voicing = (
        {row["tracker"]: row[figure][0] for row in rows if row["speaker"] == "all of them"}
        for figure in ("gross", "voicing")
    )
    assert gross.pop("this model, int8") <= min(0.04, *gross.values())
    assert voicing.pop("this model, int8") <= min(0.12, *voicing.values())


def test_the_models_that_are_loaded_are_named():
    names = [entry.name for entry in AffectModels.load(ModelStore(), emotion=True).entries]
    assert names == [EMOTION_MODEL, PROSODY_MODEL]
    assert [e.name for e in AffectModels.load(ModelStore(), emotion=False).entries] == [PROSODY_MODEL]


@pytest.mark.parametrize("name", EMOTION_MODELS)
def test_a_model_is_never_judged_with_pitch_from_the_speakers_it_was_kept_from(name):
    emotion = load_emotion(ModelStore(), name)
    installed = ModelStore().open(emotion.settings.prosody)
    prosody = json.loads(installed.path(PROSODY_SETTINGS).read_text())
    mandarin = {speaker for speaker in emotion.settings.held_out if speaker.startswith("casia-")}
    assert mandarin
    assert mandarin <= set(prosody["held_out"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"features": 2', '"features": 99'), "features of version 99"),
        (lambda text: text.replace('"temperature"', '"heat"'), "does not describe"),
        (lambda text: text.replace('"none"', '"none", "more"'), "outputs"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_next_step(copy, change, message):
    text = (copy / SETTINGS_FILE).read_text()
    assert change(text) != text
    (copy / SETTINGS_FILE).write_text(change(text))
    with pytest.raises(EmotionModelError, match=message):
        EmotionModel(copy / EMOTION_FILE, copy / SETTINGS_FILE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"periods": 1', '"periods": 99'), "features of version 99"),
        (lambda text: text.replace('"voiced_from"', '"voice"'), "does not describe"),
    ],
)
def test_settings_of_the_prosody_model_that_do_not_fit_are_refused(tmp_path, change, message):
    folder = copy_of(PROSODY_MODEL, tmp_path)
    text = (folder / PROSODY_SETTINGS).read_text()
    assert change(text) != text
    (folder / PROSODY_SETTINGS).write_text(change(text))
    with pytest.raises(ProsodyModelError, match=message):
        ProsodyModel.load(folder / PROSODY_FILE, folder / PROSODY_SETTINGS)


def test_another_model_in_the_place_of_the_prosody_model_is_refused(copy, tmp_path):
    folder = copy_of(PROSODY_MODEL, tmp_path)
    with pytest.raises(ProsodyModelError, match="install both files again"):
        ProsodyModel.load(copy / EMOTION_FILE, folder / PROSODY_SETTINGS)
