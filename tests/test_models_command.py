"""`ridge models pull` and `use`, as an admin types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from appliance import models
from appliance.cli import main
from appliance.models import ModelStore
from appliance.models_progress import Arrival
from tests.model_archives import FILES, Site, manifest, serving, tar_archive, tree, upstream_members

PINYIN = "asr-zh-pinyin-zipformer"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose state directory is empty."""
    file = tmp_path / "ridge.toml"
    file.write_text(f'[box]\nstate_directory = "{tmp_path / "state"}"\n', encoding="utf-8")
    return file


def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Let the appliance's manifest be this one."""
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "manifest.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(models, "_bundled_directory", lambda: tmp_path / "bundled")


def test_a_pulled_model_lies_in_the_state_directory_and_is_found_there(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Site(tar_archive(upstream_members()))) as site:
        known(monkeypatch, tmp_path, manifest(site.url))
        assert main(["models", "pull", "small", "--config", str(config)]) == 0
    said = capsys.readouterr()
    assert f"installed in {tmp_path / 'state' / 'models' / 'small'}, verified" in said.out
    assert f"next: ridge models use small --config {config}" in said.out
    assert site.url in said.err
    assert "(100 %)" in said.err
    assert main(["models", "list", "--json", "--config", str(config)]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["state"], row["found"]) == ("verified", str(tmp_path / "state" / "models" / "small"))


def test_without_a_state_directory_in_the_configuration_its_default_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, tmp_path, manifest(None))
    monkeypatch.setattr(models, "default_installed_directory", lambda: tmp_path / "default")
    (tmp_path / "default" / "small").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "default" / "small" / name).write_bytes(content)
    assert ModelStore().open("small").directory == tmp_path / "default" / "small"


def test_a_failed_pull_is_one_sentence_and_status_one(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Site(b"", statuses=[404])) as site:
        known(monkeypatch, tmp_path, manifest(site.url))
        assert main(["models", "pull", "small", "--config", str(config)]) == 1
    assert "ridge models: http://127.0.0.1" in capsys.readouterr().err
    assert tree(tmp_path / "state") == []


def test_an_unknown_model_is_refused_with_the_known_ones(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pull", "huge", "--config", str(config)]) == 1
    assert f"no model huge in the manifest; known models: {PINYIN}" in capsys.readouterr().err


def test_the_recognizer_in_use_needs_no_change(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "use", PINYIN, "--config", str(config)]) == 0
    assert "uses it already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        ("# no table\n", "Add to {file}", ["    [speech]", '    model = "small"']),
        ("[speech]\nendpoint_ms = 400\n", "Below line 1 of {file} ([speech]), add", ['    model = "small"']),
        (
            '[speech] # words\nsearch = "beam"\n  model = "asr-zh-pinyin-zipformer"\n',
            "In line 3 of {file}, write",
            ['    model = "small"'],
        ),
        (
            "[speech]\n[engine]\nthreads = 1\n",
            "Below line 1 of {file} ([speech]), add",
            ['    model = "small"'],
        ),
        (
            "speech.endpoint_ms = 400\n",
            "In line 1 of {file}, write",
            ['    speech.model = "small"  # or model = "small" in { }'],
        ),
    ],
)
def test_another_recognizer_is_told_line_by_line_and_the_file_is_left_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    place: str,
    wanted: list[str],
) -> None:
    install_small(monkeypatch, tmp_path, manifest(None))
    file = tmp_path / "ridge.toml"
    text += f'[models]\ndirectory = "{tmp_path / "site"}"\n'
    file.write_text(text, encoding="utf-8")
    assert main(["models", "use", "small", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"model small: verified in {tmp_path / 'site' / 'small'}"
    assert lines[1:-1] == [place.format(file=file), *wanted]
    assert f"ridge check {file}" in lines[-1]
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (manifest(None, units=None), "has no units"),
        (manifest(None, network=None), "has no network"),
        (manifest(None, kind="prosody", units=None), "is of kind prosody and recognizes no speech"),
    ],
)
def test_what_the_appliance_cannot_run_is_not_used(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    refusal: str,
) -> None:
    install_small(monkeypatch, tmp_path, text)
    assert main(["models", "use", "small", "--config", str(config)]) == 1
    assert re.search(refusal, capsys.readouterr().err)


def test_what_is_not_installed_is_not_used(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known(monkeypatch, tmp_path, manifest("https://192.0.2.1/a"))
    assert main(["models", "use", "small", "--config", str(config)]) == 1
    assert "run `ridge models pull small`" in capsys.readouterr().err


def test_a_recognizer_of_characters_is_used_like_any_other(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_small(monkeypatch, tmp_path, manifest(None, units="characters"))
    assert main(["models", "use", "small", "--config", str(config)]) == 0
    assert 'model = "small"' in capsys.readouterr().out


def test_upstream_recognizers_that_write_characters_can_be_pulled_and_used() -> None:
    others = [entry for entry in ModelStore().entries if entry.units == "characters"]
    assert len(others) == 2
    for entry in others:
        assert entry.why_not_a_recognizer() is None
        assert entry.archive is not None
        assert entry.archive.url.startswith("https://")
        assert "Not measured here" in entry.purpose


def test_an_interruption_says_what_became_of_the_part(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with serving(Site(tar_archive(upstream_members()))) as site:
        known(monkeypatch, tmp_path, manifest(site.url))
        monkeypatch.setattr("appliance.models_progress.Arrival.progress", interrupt)
        assert main(["models", "pull", "small", "--config", str(config)]) == 130
    assert "the same command goes on there" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Arrival() as arrival:
        arrival.progress(0, 2_000_000)
        arrival.progress(2_000_000, 2_000_000)
    assert "2.0/2.0 MB" in capsys.readouterr().err


def install_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Let the model of the manifest lie in tmp_path/site, and in the state directory too."""
    known(monkeypatch, tmp_path, text)
    for folder in (tmp_path / "site" / "small", tmp_path / "state" / "models" / "small"):
        folder.mkdir(parents=True)
        for name, content in FILES.items():
            (folder / name).write_bytes(content)
