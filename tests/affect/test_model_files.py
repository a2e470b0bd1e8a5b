from __future__ import annotations

import shutil

import numpy as np
import pytest

from appliance.affect.emotion import EmotionModel, EmotionModelError
from appliance.affect.models import EMOTION_FILE, EMOTION_MODEL, SETTINGS_FILE, AffectModels, load_emotion
from appliance.affect.runtime import ModelShapeError
from appliance.affect.window import CHANNELS, STEPS
from appliance.models import ModelError, ModelStore


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped model that may be damaged."""
    folder = tmp_path / EMOTION_MODEL
    shutil.copytree(ModelStore().open(EMOTION_MODEL).directory, folder)
    return folder


def windows(count):
    return np.random.default_rng(1).normal(0, 1, (count, STEPS, 1, CHANNELS)).astype(np.float32)


def test_batches_of_any_size_give_what_single_windows_give(models):
    some = windows(21)
    together, _ = models.emotion.judge(some)
    for index in (0, 7, 20):
        alone, _ = models.emotion.judge(some[index : index + 1])
        np.testing.assert_allclose(alone[0], together[index], atol=0.02)
    assert models.emotion.judge(windows(0))[0].shape == (0, 4)


def test_the_model_is_small_and_whole_integer(models):
    installed = ModelStore().open(EMOTION_MODEL)
    assert installed.path(EMOTION_FILE).stat().st_size <= 400_000
    assert models.emotion._model._input["dtype"] == np.int8
    assert models.emotion._model._output["dtype"] == np.int8


def test_a_window_of_another_shape_is_refused(models):
    with pytest.raises(ModelShapeError, match="trained with other features"):
        models.emotion.judge(windows(1)[:, :-1])


def test_a_damaged_model_is_refused_before_it_is_loaded(copy):
    damaged = bytearray((copy / EMOTION_FILE).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (copy / EMOTION_FILE).write_bytes(damaged)
    with pytest.raises(ModelError, match="sha256"):
        AffectModels.load(ModelStore(copy.parent), emotion=True)


def test_without_emotion_a_damaged_model_does_not_matter_because_none_is_opened(copy):
    (copy / EMOTION_FILE).write_bytes(b"broken")
    assert AffectModels.load(ModelStore(copy.parent), emotion=False).emotion is None


def test_a_site_can_forbid_models_for_research(models):
    assert ModelStore().entry(EMOTION_MODEL).research_only
    with pytest.raises(ModelError, match="research only"):
        load_emotion(ModelStore(allow_research_only=False))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"features": 1', '"features": 99'), "features of version 99"),
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
