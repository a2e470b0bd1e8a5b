from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from appliance.box import config
from appliance.box.config import Config, load

SAMPLE = Path(config.__file__).with_name("sample.toml")
#: `key = value`, with or without the "# " of a default; prose in a comment has no equals sign after one word.
_KEY = re.compile(r"^(?:# )?([a-z_]+) = (.+)$")
_TABLE = re.compile(r"^\[([a-z]+)\]$")
#: Their defaults depend on the user and the environment, or are absent; the sample explains them in words.
_WITHOUT_FIXED_DEFAULT = {
    ("box", "runtime_directory"), ("box", "state_directory"), ("siprec", "advertise"),
    ("roles", "labels"), ("roles", "seats"), ("roles", "default_seat"), ("models", "directory"),
    ("advice", "catalogue"), ("record", "file"), ("record", "url"),
}  # fmt: skip


def schema() -> Iterator[tuple[str, str]]:
    for table, field in Config.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for key in model.model_fields:
            yield table, key


def sample_lines() -> Iterator[tuple[str, str, str]]:
    table = ""
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        if header := _TABLE.match(line):
            table = header[1]
        elif key := _KEY.match(line):
            yield table, key[1], line


def test_the_sample_loads() -> None:
    assert load(SAMPLE).siprec.gateways == ("10.20.0.0/24",)


def test_the_sample_names_every_key_of_the_schema_once_and_no_other() -> None:
    assert sorted((table, key) for table, key, _ in sample_lines()) == sorted(schema())


def test_every_key_of_the_sample_is_explained_above_it() -> None:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    for _, key, line in sample_lines():
        before = lines[lines.index(line) - 1]
        assert before.startswith("# "), f"{key} has no explanation"


@pytest.mark.parametrize(
    ("table", "key", "line"),
    [line for line in sample_lines() if line[2].startswith("# ") and line[:2] not in _WITHOUT_FIXED_DEFAULT],
)
def test_a_commented_key_shows_the_default(tmp_path: Path, table: str, key: str, line: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(f"[{table}]\n{line.removeprefix('# ')}\n", encoding="utf-8")
    assert getattr(getattr(load(file), table), key) == getattr(getattr(Config(), table), key)


@pytest.mark.parametrize(
    ("table", "line"), [(table, line) for table, _, line in sample_lines() if line.startswith("# ")]
)
def test_a_commented_key_is_valid_when_the_sign_is_taken_away(tmp_path: Path, table: str, line: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(f"[{table}]\n{line.removeprefix('# ')}\n", encoding="utf-8")
    load(file)
