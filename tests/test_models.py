"""The model store loads what is genuine, and refuses everything else by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.models import ModelError, ModelStore, checkout_directory, read_manifest

WEIGHTS = b"weights of a model" * 100


def manifest_text(
    *, name: str = "tiny", research_only: bool = False, file: str = "tiny.onnx", sha256: str | None = None
) -> str:
    digest = sha256 or hashlib.sha256(WEIGHTS).hexdigest()
    return f"""
[[model]]
name = "{name}"
kind = "asr"
licence = "Apache-2.0"
research_only = {str(research_only).lower()}
source = "the test"
purpose = "Nothing."
card = "tiny/CARD.md"

[[model.file]]
name = "{file}"
bytes = {len(WEIGHTS)}
sha256 = "{digest}"
"""


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """A models folder with one genuine model."""
    folder = tmp_path / "bundled"
    (folder / "tiny").mkdir(parents=True)
    (folder / "manifest.toml").write_text(manifest_text(), encoding="utf-8")
    (folder / "tiny" / "tiny.onnx").write_bytes(WEIGHTS)
    return folder


def store(bundled: Path, directory: Path | None = None, *, research: bool = True) -> ModelStore:
    return ModelStore(directory, research, manifest=bundled / "manifest.toml")


def test_a_genuine_model_is_opened(bundled: Path) -> None:
    model = store(bundled).open("tiny")
    assert model.path("tiny.onnx").read_bytes() == WEIGHTS
    assert model.entry.licence == "Apache-2.0"


def test_an_altered_file_is_refused_by_name(bundled: Path) -> None:
    (bundled / "tiny" / "tiny.onnx").write_bytes(b"W" + WEIGHTS[1:])
    with pytest.raises(ModelError, match=r"tiny\.onnx was altered.*install the model again"):
        store(bundled).open("tiny")


def test_a_truncated_file_is_refused_by_name(bundled: Path) -> None:
    (bundled / "tiny" / "tiny.onnx").write_bytes(WEIGHTS[:-1])
    with pytest.raises(ModelError, match=rf"tiny\.onnx has {len(WEIGHTS) - 1} bytes"):
        store(bundled).open("tiny")


def test_a_missing_model_says_where_it_was_searched(bundled: Path, tmp_path: Path) -> None:
    (bundled / "tiny" / "tiny.onnx").unlink()
    with pytest.raises(ModelError, match=r"not installed.*models\.directory") as caught:
        store(bundled, tmp_path / "site").open("tiny")
    assert str(tmp_path / "site") in str(caught.value)


def test_a_missing_file_of_several_is_named(bundled: Path) -> None:
    second = (
        f'\n[[model.file]]\nname = "more.txt"\nbytes = 3\nsha256 = "{hashlib.sha256(b"abc").hexdigest()}"\n'
    )
    (bundled / "manifest.toml").write_text(manifest_text() + second, encoding="utf-8")
    with pytest.raises(ModelError, match=r"more\.txt is missing"):
        store(bundled).open("tiny")


def test_a_file_that_the_manifest_does_not_list_is_refused(bundled: Path) -> None:
    (bundled / "tiny" / "extra.onnx").write_bytes(WEIGHTS)
    model = store(bundled).open("tiny")
    with pytest.raises(ModelError, match=r"extra\.onnx is not listed"):
        model.path("extra.onnx")


def test_an_unknown_model_is_refused_with_the_known_ones(bundled: Path) -> None:
    with pytest.raises(ModelError, match=r"no model huge.*known models: tiny"):
        store(bundled).open("huge")


def test_research_only_models_are_refused_where_the_site_forbids_them(bundled: Path) -> None:
    (bundled / "manifest.toml").write_text(manifest_text(research_only=True), encoding="utf-8")
    assert store(bundled).open("tiny").entry.research_only
    with pytest.raises(ModelError, match=r"research only.*allow_research_only"):
        store(bundled, research=False).open("tiny")


def test_the_configured_directory_comes_first(bundled: Path, tmp_path: Path) -> None:
    (tmp_path / "site" / "tiny").mkdir(parents=True)
    (tmp_path / "site" / "tiny" / "tiny.onnx").write_bytes(WEIGHTS)
    assert store(bundled, tmp_path / "site").open("tiny").directory == tmp_path / "site" / "tiny"


def test_a_broken_copy_in_the_configured_directory_is_not_passed_over(bundled: Path, tmp_path: Path) -> None:
    (tmp_path / "site" / "tiny").mkdir(parents=True)
    (tmp_path / "site" / "tiny" / "tiny.onnx").write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"site/tiny/tiny\.onnx"):
        store(bundled, tmp_path / "site").open("tiny")


def test_a_directory_in_the_place_of_a_file_is_refused(bundled: Path) -> None:
    (bundled / "tiny" / "tiny.onnx").unlink()
    (bundled / "tiny" / "tiny.onnx").mkdir()
    with pytest.raises(ModelError, match=r"tiny\.onnx is missing"):
        store(bundled).open("tiny")


@pytest.mark.parametrize(
    "text",
    [
        "[[model]\n",
        manifest_text(file="../../etc/passwd"),
        manifest_text(file=".hidden"),
        manifest_text(name="../tiny"),
        manifest_text(sha256="short"),
        manifest_text() + 'surprise = "key"\n',
        manifest_text() + manifest_text(),
        manifest_text() + '[[model.file]]\nname = "tokens.txt"\nbytes = 3\n',
        manifest_text() + '[model.archive]\nurl = "ftp://example.com/a"\n',
        manifest_text() + '[model.archive]\nurl = "https://example.com/a"\nprefix = "../a"\n',
        manifest_text().replace("card =", 'units = "words"\ncard ='),
        "",
    ],
)
def test_a_manifest_that_is_not_valid_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    if text:
        with pytest.raises(ModelError, match=r"manifest\.toml"):
            read_manifest(path)
    else:
        assert read_manifest(path) == ()


def test_the_real_manifest_is_valid_and_every_model_has_its_card() -> None:
    root = checkout_directory()
    assert root is not None
    for entry in read_manifest(root / "models" / "manifest.toml"):
        assert (root / "models" / entry.card).is_file(), entry.name


def test_every_committed_model_is_what_the_manifest_says() -> None:
    real = ModelStore()
    root = checkout_directory()
    assert root is not None
    bundled_names = [
        entry.name for entry in real.entries if real.locate(entry.name) == root / "models" / entry.name
    ]
    assert bundled_names
    assert [problem for name in bundled_names for problem in real.problems(name)] == []
