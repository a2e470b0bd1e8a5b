"""Which recognizer a box runs when nobody has chosen one, and how it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance import models
from appliance.cli import main
from appliance.models import ModelError, ModelStore
from appliance.models_choice import AUTO, BUNDLED_RECOGNIZER, PULLED_RECOGNIZER, choose_recognizer
from tests.model_archives import FILES, manifest

BOTH = manifest(None, name=PULLED_RECOGNIZER) + manifest(
    None, name=BUNDLED_RECOGNIZER, network="tone-ctc", research_only=True
)
#: `ridge check` names them as well.
VOICE = manifest(None, name="prosody-telephone", kind="prosody", units=None, network=None) + manifest(
    None, name="emotion-telephone-cnn", kind="emotion", units=None, network=None
)


def box(place: Path, *, bundled: bool = True, pulled: bool = False, research: bool = True) -> ModelStore:
    """A box whose manifest knows both recognizers, and what lies on its disk."""
    folders = [place / "bundled" / BUNDLED_RECOGNIZER] if bundled else []
    folders += [place / "state" / "models" / PULLED_RECOGNIZER] if pulled else []
    for folder in (place / "bundled", *folders):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for name, content in FILES.items():
            (folder / name).write_bytes(content)
    file = place / "bundled" / "manifest.toml"
    file.write_text(BOTH + VOICE, encoding="utf-8")
    return ModelStore(None, research, installed=place / "state" / "models", manifest=file)


def test_a_box_as_unpacked_runs_the_bundled_recognizer(tmp_path: Path) -> None:
    choice = choose_recognizer(box(tmp_path), AUTO)
    assert (choice.name, choice.reason) == (BUNDLED_RECOGNIZER, "bundled")


def test_the_pulled_recognizer_is_preferred(tmp_path: Path) -> None:
    choice = choose_recognizer(box(tmp_path, pulled=True, research=False), AUTO)
    assert (choice.name, choice.reason) == (PULLED_RECOGNIZER, "installed")


def test_a_name_overrules_what_is_installed(tmp_path: Path) -> None:
    choice = choose_recognizer(box(tmp_path, pulled=True), BUNDLED_RECOGNIZER)
    assert (choice.name, choice.reason) == (BUNDLED_RECOGNIZER, "configured")


def test_a_pulled_recognizer_that_was_damaged_is_no_reason_to_hear_worse_in_silence(tmp_path: Path) -> None:
    store = box(tmp_path, pulled=True)
    (tmp_path / "state" / "models" / PULLED_RECOGNIZER / "tokens.txt").write_text("altered")
    assert choose_recognizer(store, AUTO).name == PULLED_RECOGNIZER
    with pytest.raises(ModelError, match=r"tokens.txt has 7 bytes.*install the model again"):
        store.open(PULLED_RECOGNIZER)


def test_a_site_that_forbids_research_models_is_told_what_to_pull(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        choose_recognizer(box(tmp_path, research=False), AUTO)
    assert BUNDLED_RECOGNIZER in str(error.value)
    assert "models.allow_research_only is false" in str(error.value)
    assert f"run `ridge models pull {PULLED_RECOGNIZER}`" in str(error.value)


def test_without_any_recognizer_the_command_to_pull_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=f"no recognizer is installed; run `ridge models pull {PULLED_RECOGNIZER}`"
    ):
        choose_recognizer(box(tmp_path, bundled=False), AUTO)


@pytest.mark.parametrize("wanted", ["lexicon-zh", "asr-unknown"])
def test_what_is_no_recognizer_is_refused_with_the_known_ones(wanted: str) -> None:
    with pytest.raises(ModelError, match=PULLED_RECOGNIZER):
        choose_recognizer(ModelStore(), wanted)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of a box as unpacked."""
    box(tmp_path)
    monkeypatch.setattr(models, "_bundled_directory", lambda: tmp_path / "bundled")
    monkeypatch.setattr(models, "_shared_directory", lambda: None)
    file = tmp_path / "ridge.toml"
    file.write_text(f'[box]\nstate_directory = "{tmp_path / "state"}"\n', encoding="utf-8")
    return file


def test_check_says_which_recognizer_will_run_and_why(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(site)]) == 0
    assert (
        f"speech  {BUNDLED_RECOGNIZER} (bundled, until {PULLED_RECOGNIZER} is pulled"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[models]\nallow_research_only = false\n", f"run `ridge models pull {PULLED_RECOGNIZER}`"),
        (f'[speech]\nmodel = "{PULLED_RECOGNIZER}"\n', "is not installed"),
        ('[speech]\nmodel = "asr-unknown"\n', "there is no model asr-unknown"),
        (
            f'[speech]\nmodel = "{BUNDLED_RECOGNIZER}"\n[models]\nallow_research_only = false\n',
            "may be used for research only",
        ),
    ],
)
def test_check_refuses_a_configuration_under_which_nothing_could_be_heard(
    site: Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    site.write_text(site.read_text(encoding="utf-8") + lines, encoding="utf-8")
    assert main(["check", str(site)]) == 1
    error = capsys.readouterr().err
    assert f"{site}: speech.model: " in error
    assert said in error


def test_the_list_says_which_recognizer_runs(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--config", str(site)]) == 0
    assert f"recognition: {BUNDLED_RECOGNIZER} (bundled" in capsys.readouterr().out
    assert main(["models", "list", "--json", "--config", str(site)]) == 0
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows[BUNDLED_RECOGNIZER]["runs"] is True
    assert rows[PULLED_RECOGNIZER]["runs"] is False


def test_the_recognizer_that_is_chosen_by_itself_needs_no_line(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "use", BUNDLED_RECOGNIZER, "--config", str(site)]) == 0
    assert "uses it already (speech.model is auto)" in capsys.readouterr().out
