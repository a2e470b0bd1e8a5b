"""The catalogue of strategies: a TOML file that a site may edit, validated as a whole when it is loaded.

The words that people read for the built-in strategies live on the seat's side. A site's own strategies bring
theirs with them, in Chinese and English; they stay in the file and never pass the door.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from appliance.profile.spoken_advice import LOCALES, problems_of
from appliance.protocol.vocabulary import (
    NEED_TAGS,
    OBJECTION_TYPES,
    SIGNALS,
    Emotion,
    Match,
    NeedTag,
    ObjectionType,
    Signal,
    Stage,
    Style,
    Suitability,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: respond: to an objection or a feeling; build: the relationship; inform: answer and explain; advance:
#: propose and agree; comply: a duty that comes before selling; close: end the call politely.
Kind = Literal["respond", "build", "inform", "advance", "comply", "close"]
#: The psychological lever. `two_sided`: naming the weak point oneself; `autonomy`: leaving the choice.
Lever = Literal[
    "social_proof", "reciprocity", "contrast", "commitment", "authority", "liking", "scarcity",
    "autonomy", "two_sided", "honesty",
]  # fmt: skip
#: Standings of a call that are no single evidence.
Standing = Literal["stopped", "promised_return", "hard_sell", "elderly", "bereaved"]
#: Customers of whom these stand are protected for the rest of the call: nothing presses them.
PROTECTIONS: Final[tuple[Standing, ...]] = ("elderly", "bereaved")

IDENTIFIER: Final = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
BUILT_IN: Final = Path(__file__).parent / "strategies.toml"
#: Bounds what a broken or hostile file may cost.
MAX_STRATEGIES: Final = 300
MAX_BYTES: Final = 256 * 1024

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "objections": OBJECTION_TYPES,
    "signals": SIGNALS,
    "needs": NEED_TAGS,
    "emotions": get_args(Emotion),
    "standing": get_args(Standing),
    "styles": get_args(Style),
    "avoid_styles": get_args(Style),
    "stages": get_args(Stage),
    "match": get_args(Match),
    "suitability": get_args(Suitability),
}
#: Keys of which at least one must be there: what calls for the strategy.
_TRIGGERS: Final = (
    "objections",
    "signals",
    "needs",
    "emotions",
    "standing",
    "styles",
    "match",
    "suitability",
)
_KNOWN: Final = ("id", "kind", "lever", "base", "pressure", "only_if_true", *LOCALES, *_CHOICES)


class CatalogueError(ValueError):
    """The catalogue cannot be used. Each problem names the file, the key, what is wrong and what is right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy. Empty tuples do not restrict."""

    id: str
    kind: Kind
    lever: Lever
    #: what calls for it: any of these
    objections: tuple[ObjectionType, ...]
    signals: tuple[Signal, ...]
    needs: tuple[NeedTag, ...]
    emotions: tuple[Emotion, ...]
    standing: tuple[Standing, ...]
    match: tuple[Match, ...]
    suitability: tuple[Suitability, ...]
    #: what it suits (calls for it too where nothing else is named)
    styles: tuple[Style, ...]
    avoid_styles: tuple[Style, ...]
    #: outside these stages it is not given
    stages: tuple[Stage, ...]
    #: -1..1, the site's own preference
    base: float
    #: puts pressure on the customer: not for the elderly, the angry or those it does not suit
    pressure: bool
    #: the agent may use it only where what it says is a fact (a real deadline)
    only_if_true: bool
    #: locale to title, say and avoid, where the catalogue gives them
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All strategies, in the file's order."""

    strategies: tuple[Strategy, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Catalogue:
        """Read and validate a catalogue; without a path, the built-in one.

        Raises:
            CatalogueError: the file cannot be read, is not TOML, has a typo or a hole; all problems at once.
        """
        file = path if path is not None else BUILT_IN
        data = _read(file)
        problems: list[str] = []
        for key in data:
            if key not in ("version", "strategy"):
                problems.append(f"{file}: {key}: no such key; {_near(key, ('version', 'strategy'))}")
        if data.get("version") != 1:
            problems.append(f"{file}: version: must be 1 (found {data.get('version')!r}); write version = 1")
        tables = data.get("strategy", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise CatalogueError(
                [*problems, f"{file}: strategy: must be tables; begin each with [[strategy]]"]
            )
        if len(tables) > MAX_STRATEGIES:
            raise CatalogueError(
                [f"{file}: strategy: {len(tables)} are too many; keep at most {MAX_STRATEGIES}"]
            )
        strategies = []
        seen: set[str] = set()
        for number, table in enumerate(tables, 1):
            strategy = _strategy(file, number, table, problems, own=file != BUILT_IN)
            if strategy is None:
                continue
            if strategy.id in seen:
                problems.append(
                    f"{file}: strategy {strategy.id}: id: given twice; give the second another id"
                )
            seen.add(strategy.id)
            strategies.append(strategy)
        if not problems:
            problems.extend(_holes(file, strategies))
        if problems:
            raise CatalogueError(problems)
        return cls(tuple(strategies))


def _read(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CatalogueError([f"{file}: cannot be read: {error.strerror}; name an existing file"]) from error
    if len(data) > MAX_BYTES:
        raise CatalogueError([f"{file}: has {len(data)} bytes; keep a catalogue below {MAX_BYTES}"])
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CatalogueError([f"{file}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError([f"{file}: is not TOML: {error}"]) from error


@cache
def _built_in_ids() -> frozenset[str]:
    return frozenset(strategy.id for strategy in Catalogue.load().strategies)


def _strategy(
    file: Path, number: int, table: dict[str, Any], problems: list[str], *, own: bool
) -> Strategy | None:
    identifier = table.get("id")
    if not isinstance(identifier, str) or not IDENTIFIER.match(identifier):
        problems.append(
            f"{file}: strategy number {number}: id: must be at most 40 lower-case letters, digits and "
            f'underscores, the first a letter (found {identifier!r}); write one such as id = "offer_a_time"'
        )
        return None
    where = f"{file}: strategy {identifier}"
    before = len(problems)
    for key in table:
        if key not in _KNOWN:
            problems.append(f"{where}: {key}: no such key; {_near(key, _KNOWN)}")
    lists = {key: _choices(where, key, table.get(key, []), problems) for key in _CHOICES}
    kind = _choice(where, "kind", table.get("kind"), get_args(Kind), problems)
    lever = _choice(where, "lever", table.get("lever"), get_args(Lever), problems)
    base = table.get("base", 0.0)
    if isinstance(base, bool) or not isinstance(base, int | float) or not -1.0 <= base <= 1.0:
        problems.append(f"{where}: base: must be a number from -1 to 1 (found {base!r}); leave it out for 0")
    flags = {}
    for key in ("pressure", "only_if_true"):
        flags[key] = table.get(key, False)
        if not isinstance(flags[key], bool):
            problems.append(f"{where}: {key}: must be true or false (found {flags[key]!r})")
    if not any(lists[key] for key in _TRIGGERS):
        problems.append(f"{where}: nothing calls for it; name at least one of {', '.join(_TRIGGERS)}")
    if lever == "scarcity" and not (flags["only_if_true"] is True and flags["pressure"] is True):
        problems.append(
            f"{where}: lever: scarcity is allowed only where it is true; "
            "add only_if_true = true and pressure = true"
        )
    needed = own and identifier not in _built_in_ids()
    problems.extend(f"{where}: {key}: {what}" for key, what in problems_of(table, needed=needed))
    if len(problems) > before:
        return None
    words = {locale: table[locale] for locale in LOCALES if locale in table}
    return Strategy(id=identifier, kind=kind, lever=lever, base=float(base), words=words, **flags, **lists)  # type: ignore[arg-type]


def _choice(where: str, key: str, value: object, allowed: tuple[str, ...], problems: list[str]) -> Any:
    if value is None:
        problems.append(f"{where}: {key}: is missing; write one of {', '.join(allowed)}")
    elif not isinstance(value, str) or value not in allowed:
        problems.append(f"{where}: {key}: {value!r} is not known; {_near(str(value), allowed)}")
    return value


def _choices(where: str, key: str, values: object, problems: list[str]) -> tuple[Any, ...]:
    if not isinstance(values, list):
        problems.append(f'{where}: {key}: must be a list (found {values!r}); write {key} = ["..."]')
        return ()
    for value in values:
        if not isinstance(value, str) or value not in _CHOICES[key]:
            problems.append(f"{where}: {key}: {value!r} is not known; {_near(str(value), _CHOICES[key])}")
    return tuple(values)


def _near(word: str, allowed: Iterable[str]) -> str:
    allowed = list(allowed)
    near = difflib.get_close_matches(word, allowed, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(allowed)}"


def _holes(file: Path, strategies: list[Strategy]) -> list[str]:
    """What a catalogue must cover: each objection, each style, and every duty of compliance."""
    problems = []
    for kind in OBJECTION_TYPES:
        if not any(kind in strategy.objections for strategy in strategies):
            problems.append(f"{file}: no strategy has {kind} in objections; add one that answers it")
    for style in get_args(Style):
        if not any(style in strategy.styles for strategy in strategies):
            problems.append(f"{file}: no strategy has {style} in styles; add one that suits it")
    duties: tuple[tuple[Standing, Kind], ...] = (
        ("stopped", "close"),
        ("promised_return", "comply"),
        ("hard_sell", "comply"),
        ("elderly", "comply"),
        ("bereaved", "comply"),
    )
    for standing, duty in duties:
        if not any(standing in strategy.standing and strategy.kind == duty for strategy in strategies):
            problems.append(
                f"{file}: no strategy of kind {duty} has {standing} in standing; add one, compliance needs it"
            )
    return problems
