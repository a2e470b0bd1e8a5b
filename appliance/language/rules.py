"""Reading the rules files of this room: TOML, validated as a whole, with errors that say what is right."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance.language.phrase_grammar import PhraseError, parse, read_classes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class RulesError(ValueError):
    """A rules file cannot be used; each problem names the file, the key, what is wrong and what is right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(path: Path) -> dict[str, Any]:
    """The tables of a rules file.

    Raises:
        RulesError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RulesError([f"{path}: cannot be read: {error.strerror}; install the package again"]) from error
    except UnicodeDecodeError as error:
        raise RulesError([f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise RulesError([f"{path}: is not TOML: {error}"]) from error


def read_directory(directory: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """The tables of all rules files of a directory as those of one file, and where each of them stands.

    Returns:
        the tables, and the file of each by its key: `cues`, but `tags.gold` for the tables of `tags`.

    Raises:
        RulesError: a file cannot be read, there is none, or two hold the same table.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    problems: list[str] = []
    paths = sorted(directory.glob("*.toml"))
    for path in paths:
        for key, value in read(path).items():
            parts = {f"{key}.{name}": part for name, part in value.items()} if key == "tags" else {key: value}
            for name, part in parts.items():
                if name in origins:
                    problems.append(f"{path}: {name}: stands in {origins[name].name} too; keep one of them")
                    continue
                origins[name] = path
                if key == "tags":
                    merged.setdefault(key, {})[name.removeprefix("tags.")] = part
                else:
                    merged[key] = part
    if not paths:
        problems.append(f"{directory}: has no rules files; install the package again")
    if problems:
        raise RulesError(problems)
    return merged, origins


class Checker:
    """Collects the problems of one file or directory, so that they are all reported at once."""

    def __init__(self, path: Path, origins: Mapping[str, Path] | None = None) -> None:
        """Check what was read of `path`; `origins` gives the files of its keys, where it is a directory."""
        self._path = path
        self._origins = origins or {}
        self.problems: list[str] = []
        #: the classes of words that phrases may name, once `read_classes` was called
        self.classes: dict[str, tuple[str, ...]] = {}

    def problem(self, key: str, what: str) -> None:
        """Remember a problem at `key`; `what` says what is wrong and what would be right."""
        inside = [name for name in self._origins if key == name or key.startswith((f"{name}.", f"{name}["))]
        path = self._origins[max(inside, key=len)] if inside else self._path
        self.problems.append(f"{path}: {key}: {what}")

    def known(self, key: str, given: Iterable[str], allowed: Iterable[str]) -> None:
        """Every name of `given` must be in `allowed`."""
        names = list(allowed)
        for name in given:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(names))}"
                self.problem(f"{key}.{name}" if key else name, f"no such key; {hint}")

    def read_classes(self, value: object) -> None:
        """Take the table `classes` of the file: lists of words by the name that phrases use."""
        table = self.table("classes", value) if value is not None else {}
        lists = {name: self.phrases(f"classes.{name}", words, parsed=False) for name, words in table.items()}
        for name, words in lists.items():
            try:
                self.classes |= read_classes({**self.classes, name: words})
            except PhraseError as error:
                self.problem(f"classes.{name}", str(error))

    def phrases(self, key: str, value: object, *, parsed: bool = True) -> list[str]:
        """A list of phrases, all well formed, none twice."""
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problem(key, 'write a list of phrases such as ["保本", "不能亏"]')
            return []
        for index, item in enumerate(value):
            try:
                if parsed:
                    parse(item, self.classes)
            except PhraseError as error:
                self.problem(f"{key}[{index}]", str(error))
            if item in value[:index]:
                self.problem(f"{key}[{index}]", f"{item!r} stands twice; remove one")
        return value

    def table(self, key: str, value: object) -> dict[str, Any]:
        """A table."""
        if isinstance(value, dict):
            return value
        self.problem(key, "must be a table; write it as [" + key + "]")
        return {}

    def fraction(self, key: str, value: object) -> float:
        """A number from 0 to 1."""
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        self.problem(key, f"must be a number from 0 to 1 (found {value!r})")
        return 0.0

    def finish(self) -> None:
        """Raise `RulesError` if anything was wrong."""
        if self.problems:
            raise RulesError(self.problems)
