from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.box import config
from appliance.box.config import Config, load

SAMPLE = Path(config.__file__).with_name("sample.toml")
#: `key = value`, with or without the "# " of a default; prose in a comment has no equals sign after one word.
_KEY = re.compile(r"^(?:# )?([a-z_]+) = (.+)$")
_TABLE = re.compile(r"^(?:# )?\[\[?([a-z.]+)\]\]?$")
#: Their defaults depend on the user and the environment, or are absent; the sample explains them in words.
_WITHOUT_FIXED_DEFAULT = {
    ("box", "runtime_directory"), ("box", "state_directory"), ("siprec", "advertise"),
    ("roles", "labels"), ("roles", "seats"), ("roles", "default_seat"), ("models", "directory"),
    ("advice", "catalogue"), ("record", "file"), ("record", "url"),
    ("console", "certificate"), ("console", "key"),
}  # fmt: skip


#: Entries of it are examples, which differ from the defaults.
_LIST = "policy.queue"


def schema(model: type[BaseModel] = Config, table: str = "") -> Iterator[tuple[str, str]]:
    for key, field in model.model_fields.items():
        inner, name = _model_of(field), f"{table}.{key}".strip(".")
        # Tables with a default are tables of the file; those that may be missing stand on one line.
        if inner is not None:
            yield from schema(inner, name)
        else:
            yield table, key


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    if typing.get_origin(kind) is tuple:
        kind = typing.get_args(kind)[0]
    is_table = isinstance(kind, type) and issubclass(kind, BaseModel)
    return kind if is_table and kind.__name__ != "SiteWord" else None  # type: ignore[return-value]


def as_file(table: str, line: str) -> str:
    """The least file that has this line."""
    if table != _LIST:
        return f"[{table}]\n{line}\n"
    key = line.partition(" = ")[0]
    needed = {"name": '"q"', "agent_numbers": '["8001"]'}
    rest = "".join(f"{name} = {value}\n" for name, value in needed.items() if name != key)
    return f"[[{table}]]\n{rest}{line}\n"


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
    [
        line
        for line in sample_lines()
        if line[2].startswith("# ") and line[:2] not in _WITHOUT_FIXED_DEFAULT and line[0] != _LIST
    ],
)
def test_a_commented_key_shows_the_default(tmp_path: Path, table: str, key: str, line: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(as_file(table, line.removeprefix("# ")), encoding="utf-8")
    value = attrgetter(f"{table}.{key}")
    assert value(load(file)) == value(Config())


@pytest.mark.parametrize(
    ("table", "line"), [(table, line) for table, _, line in sample_lines() if line.startswith("# ")]
)
def test_a_commented_key_is_valid_when_the_sign_is_taken_away(tmp_path: Path, table: str, line: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(as_file(table, line.removeprefix("# ")), encoding="utf-8")
    load(file)


def test_the_example_of_a_queue_is_valid_as_a_whole(tmp_path: Path) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    lines = text[text.index("# [[policy.queue]]") :].splitlines()
    entry = [line.removeprefix("# ") for line in lines if _TABLE.match(line) or _KEY.match(line)]
    file = tmp_path / "site.toml"
    file.write_text("\n".join(entry), encoding="utf-8")
    (queue,) = load(file).policy.queue
    assert (queue.name, queue.voice, queue.retention_days) == ("complaints", False, 30)
