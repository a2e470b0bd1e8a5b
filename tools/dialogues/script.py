"""The written calls of `tests/dialogues`: TOML tables of turns, each with what a profile must say of it.

A turn is `A` (agent) or `C` (customer), its words, and after `|` what is expected once it has been said:

    deposit:has, idle_money:has=200000   a need with its stance (and amount in yuan)
    gold:opt, gold:asks:opt              may be found or not (the latter: if found, then with this stance)
    doubt, doubt:opt                     an objection that is raised, or may be
    @cold/warming                        the stage is one of these
    >hold/build                          the pace is one of these
    +close_politely                      this strategy is advised
    !advance, !pressure, !plain_words    nothing of this kind, nothing that presses, not this strategy
    *promise_return                      (agent's turns) this pacing warning is given

`end` lists needs that must stand with their stance when the call is over (`-tag`: must not), and `never` what
may not be advised at any time of the call, as after `!`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from appliance.profile.catalogue import Catalogue, Kind
from appliance.protocol.vocabulary import CUE_CODES, NEED_TAGS, OBJECTION_TYPES, Pace, Stage, Stance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DIRECTORY: Final = Path(__file__).parents[2] / "tests" / "dialogues"
#: Calls below this folder are for measuring alone: no rule was tuned on them.
HELD_OUT: Final = "heldout"
SHORTEST: Final = 6
LONGEST: Final = 25
_LEGS: Final = {"A": "agent", "C": "customer"}
_KEYS: Final = ("id", "voice", "changes_mind", "turns", "end", "never")


class ScriptError(ValueError):
    """A written call cannot be read; the message names file, call, turn and what would be right."""


@dataclass(frozen=True, slots=True)
class ExpectedNeed:
    """A need that a turn states (or may state)."""

    tag: str
    #: None: any stance will do
    stance: str | None
    amount: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and what is expected after it."""

    leg: str
    words: str
    needs: tuple[ExpectedNeed, ...] = ()
    objections: frozenset[str] = frozenset()
    possible_objections: frozenset[str] = frozenset()
    stages: tuple[str, ...] = ()
    paces: tuple[str, ...] = ()
    advised: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call."""

    id: str
    voice: str
    changes_mind: bool
    held_out: bool
    turns: tuple[Turn, ...]
    #: tag to the stance that must stand at the end; None: the tag must not stand
    end: dict[str, str | None]
    never: tuple[str, ...]


def load(directory: Path = DIRECTORY) -> list[WrittenCall]:
    """All calls below `directory`, in the order of their files.

    Raises:
        ScriptError: a file is not as described above, or two calls share an id.
    """
    calls = [call for path in sorted(directory.rglob("*.toml")) for call in _read(path, directory)]
    seen: set[str] = set()
    for call in calls:
        if call.id in seen:
            raise ScriptError(f"{directory}: two calls are called {call.id!r}; rename one")
        seen.add(call.id)
    return calls


def _read(path: Path, directory: Path) -> Iterator[WrittenCall]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("call", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptError(f"{path}: cannot be read: {error}") from error
    held_out = HELD_OUT in path.relative_to(directory).parts
    for table in tables:
        yield _call(path, table, held_out=held_out)


def _call(path: Path, table: dict[str, Any], *, held_out: bool) -> WrittenCall:
    where = f"{path}: {table.get('id', 'a call without an id')}"
    for key in table:
        if key not in _KEYS:
            raise ScriptError(f"{where}: {key}: no such key; known here: {', '.join(_KEYS)}")
    try:
        lines = [line for line in table["turns"].splitlines() if line.strip()]
        turns = tuple(_turn(f"{where}: turn {number}", line) for number, line in enumerate(lines, 1))
        if not SHORTEST <= len(turns) <= LONGEST:
            raise ScriptError(f"{where}: has {len(turns)} turns; write {SHORTEST} to {LONGEST}")
        return WrittenCall(
            id=table["id"],
            voice=table["voice"],
            changes_mind=table.get("changes_mind", False),
            held_out=held_out,
            turns=turns,
            end=dict(_standing(where, word) for word in table.get("end", "").split()),
            never=tuple(_forbidden(where, word) for word in table.get("never", "").split()),
        )
    except KeyError as error:
        raise ScriptError(f"{where}: {error.args[0]} is missing") from error


def _standing(where: str, word: str) -> tuple[str, str | None]:
    tag, _, stance = word.removeprefix("-").partition(":")
    known = tag in NEED_TAGS and (word.startswith("-") if not stance else stance in get_args(Stance))
    if not known:
        raise ScriptError(f"{where}: end: {word!r} is no need; write tag:stance, or -tag")
    return tag, stance or None


def _forbidden(where: str, word: str) -> str:
    if word != "pressure" and word not in get_args(Kind) and word not in _strategies():
        raise ScriptError(f"{where}: {word!r} is no kind of strategy, no strategy and not `pressure`")
    return word


@cache
def _strategies() -> frozenset[str]:
    return frozenset(strategy.id for strategy in Catalogue.load().strategies)


def _turn(where: str, line: str) -> Turn:
    said, _, expected = line.partition("|")
    leg, _, words = said.strip().partition(" ")
    if leg not in _LEGS or not words.strip():
        raise ScriptError(f"{where}: begin with A or C, then the words")
    needs: list[ExpectedNeed] = []
    lists: dict[str, list[str]] = {sign: [] for sign in "@>+!*"}
    objections, possible = set(), set()
    for word in expected.split():
        if word[0] in lists:
            lists[word[0]] += word[1:].split("/")
        elif word.partition(":")[0] in OBJECTION_TYPES:
            (possible if word.endswith(":opt") else objections).add(word.partition(":")[0])
        elif word.startswith("-"):
            continue
        else:
            needs.append(_need(where, word))
    for sign, allowed in (("@", get_args(Stage)), (">", get_args(Pace)), ("+", tuple(_strategies()))):
        for word in lists[sign]:
            if word not in allowed:
                raise ScriptError(f"{where}: {sign}{word} is not known; one of {', '.join(sorted(allowed))}")
    for word in lists["*"]:
        if f"pacing.{word}" not in CUE_CODES:
            raise ScriptError(f"{where}: *{word} is no pacing warning")
    return Turn(
        leg=_LEGS[leg],
        words=words.strip(),
        needs=tuple(needs),
        objections=frozenset(objections),
        possible_objections=frozenset(possible),
        stages=tuple(lists["@"]),
        paces=tuple(lists[">"]),
        advised=tuple(lists["+"]),
        forbidden=tuple(_forbidden(where, word) for word in lists["!"]),
        cues=tuple(f"pacing.{word}" for word in lists["*"]),
    )


def _need(where: str, word: str) -> ExpectedNeed:
    optional = word.endswith(":opt")
    tag, _, rest = word.removesuffix(":opt").partition(":")
    stance, _, amount = rest.partition("=")
    if tag not in NEED_TAGS or (stance not in get_args(Stance) and not (optional and not stance)):
        raise ScriptError(f"{where}: {word!r} is no need; write tag:stance such as deposit:has")
    return ExpectedNeed(tag, stance or None, int(amount) if amount else None, optional)
