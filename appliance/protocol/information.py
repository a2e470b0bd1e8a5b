"""How many bits of information a door message carries, at most, to one who has seen what was sent before.

A bound in bytes does not say what can be hidden in a message: a profile of 1 KiB that differs from the one
before in a single number tells next to nothing, and one that is made up anew can hold a second of coded
speech. So the door counts bits. `History.bits` gives each message the length of a code word in one fixed,
uniquely decodable code, given what was sent before. By Kraft's inequality (Cover and Thomas, Elements of
Information Theory, 5.2) at most 2**n different sequences of messages have a total length of n bits. Whoever
chooses among the sequences that a leaky bucket of bits lets pass can therefore tell no more than it lets
pass, by whatever field, order, count, size or moment.

The code is made for profiles as they are: what stays the same costs a third of a bit, a small step of a
number a few bits, a new piece of evidence some thirty. It need not be good; it must only not let more pass
than it counts. The derivation and the figures are in `tests/adversary/README.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from appliance.protocol.codec import GRID, TIME_GRID_MS
from appliance.protocol.messages import (
    CueMessage,
    DoorMessage,
    Evidence,
    EvidenceId,
    Milliseconds,
    ProfileMessage,
    Quote,
    StrategyId,
    forgets,
)
from appliance.protocol.vocabulary import CUE_CODES, EVIDENCE_CODES, STRATEGIES

#: The feed publishes at multiples of this time, so that a message's moment tells no more than its number.
TICK_SECONDS: Final = 0.05
#: 22 characters of 64.
_NEW_CALL_BITS: Final = 22 * 6.0
#: A moment between 1970 and 2100 in steps of the time grid.
_WALL_BITS: Final = math.log2(4_102_444_800_000 / TIME_GRID_MS)
#: Calls that one reader is kept in mind of: as many as the feed keeps for a seat.
MAX_HISTORY_CALLS: Final = 8
#: A field that is as before, and one that is not.
_SAME, _CHANGED = -math.log2(0.8), -math.log2(0.2)
#: An item of a list: the next one of before, another one of before, one of before with changes, a new one.
_NEXT, _OTHER = -math.log2(0.7), -math.log2(0.1)
#: Letters of ids; characters of quotes: the 20,992 unified ideographs with ASCII and punctuation, or any.
_LETTER_BITS, _IDEOGRAPH_BITS, _CHARACTER_BITS = 6.0, 15.5, 22.0
_SHIPPED_STRATEGY_BITS: Final = 1 + math.log2(len(STRATEGIES))


def _count(number: int) -> float:
    """Bits of a whole number from 0 on, by the distribution 1/(z(z+1)) over z = 1, 2, ..."""
    return math.log2(number + 1) + math.log2(number + 2)


def _integer(step: int) -> float:
    """Bits of a whole number of any sign."""
    return _count(2 * step if step >= 0 else -2 * step - 1)


@dataclass(slots=True)
class _Context:
    """What decides how much something tells, besides its value before."""

    #: of the message, ms
    at: int
    #: the highest number of an evidence so far
    newest: int
    strategies: set[str]
    #: words that the reader has had already
    quotes: set[str] = field(default_factory=set)


#: Takes the value, the value before (None: there was none) and the context; returns bits.
_Cost = Callable[[Any, Any, _Context], float]


def _number_cost(span: float, scale: int) -> _Cost:
    new = math.log2(span * scale + 1)

    def cost(value: Any, before: Any, _context: _Context) -> float:
        if before is None:
            return new
        return _integer(round((value - before) * scale))

    return cost


def _time_cost(value: Any, before: Any, context: _Context) -> float:
    return _integer((context.at - value if before is None else value - before) // TIME_GRID_MS)


def _evidence_cost(value: str, _before: Any, context: _Context) -> float:
    return _integer(int(value[1:]) - context.newest)


def _strategy_cost(value: str, _before: Any, context: _Context) -> float:
    if value in STRATEGIES:
        return _SHIPPED_STRATEGY_BITS
    if value in context.strategies:
        return 2 + math.log2(len(context.strategies))
    return 2 + _letters(value, _LETTER_BITS)


def _quote_cost(value: str, _before: Any, context: _Context) -> float:
    if value in context.quotes:
        return 1 + math.log2(len(context.quotes))
    context.quotes.add(value)
    plain = sum("\u4e00" <= char <= "\u9fff" or char.isascii() or char in "，。？！、…" for char in value)
    return 1 + _count(len(value)) + plain * _IDEOGRAPH_BITS + (len(value) - plain) * _CHARACTER_BITS


def _letters(value: str, bits: float) -> float:
    return _count(len(value)) + bits * len(value)


def _choice_cost(count: int) -> _Cost:
    bits = math.log2(count)
    return lambda _value, _before, _context: bits


def _bool_cost(_value: Any, before: Any, _context: _Context) -> float:
    # That it has changed says it all.
    return 1.0 if before is None else 0.0


def _optional_cost(inner: _Cost) -> _Cost:
    return lambda value, before, context: 1.0 + (0.0 if value is None else inner(value, before, context))


def _struct_cost(kind: type[msgspec.Struct], skipped: frozenset[str] = frozenset()) -> _Cost:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    parts = [
        (one.name, _cost_of(kind, one.name, one.type)) for one in described.fields if one.name not in skipped
    ]

    def cost(value: Any, before: Any, context: _Context) -> float:
        if before is None:
            return sum(part(getattr(value, name), None, context) for name, part in parts)
        bits = 0.0
        for name, part in parts:
            now, then = getattr(value, name), getattr(before, name)
            bits += _SAME if now == then else _CHANGED + part(now, then, context)
        return bits

    return cost


def _list_cost(item: _Cost, identity: Callable[[Any], Any]) -> _Cost:
    def cost(value: Any, before: Any, context: _Context) -> float:
        old = before or []
        bits = _SAME if len(value) == len(old) else _CHANGED + _integer(len(value) - len(old))
        place = 0
        for entry in value:
            if place < len(old) and entry == old[place]:
                bits += _NEXT
                place += 1
                continue
            bits += _OTHER
            found = next((at for at, one in enumerate(old) if identity(one) == identity(entry)), None)
            if found is None:
                bits += item(entry, None, context)
                continue
            place = found + 1
            bits += math.log2(len(old)) + (0.0 if entry == old[found] else item(entry, old[found], context))
        return bits

    return cost


def _first_field(entry: Any) -> Any:
    """What says which one an entry of a list is: its type, tag or id; a code is its own."""
    return getattr(entry, entry.__struct_fields__[0]) if isinstance(entry, msgspec.Struct) else entry


#: Kinds of fields that have a code of their own, by what msgspec knows of them.
_KINDS: Final[list[tuple[inspect.Type, _Cost]]] = [
    (inspect.type_info(Milliseconds), _time_cost),
    (inspect.type_info(EvidenceId), _evidence_cost),
    (inspect.type_info(StrategyId), _strategy_cost),
    (inspect.type_info(Quote), _quote_cost),
]
_CODES: Final = {Evidence: len(EVIDENCE_CODES), CueMessage: len(CUE_CODES)}
#: What the header's own code counts.
_HEADER: Final = frozenset({"v", "call", "seat", "seq", "at", "wall"})


def _cost_of(struct: type, name: str, kind: inspect.Type) -> _Cost:
    if name == "code" and struct in _CODES:
        return _choice_cost(_CODES[struct])
    for known, cost in _KINDS:
        if kind == known:
            return cost
    if isinstance(kind, inspect.Metadata):
        return _cost_of(struct, name, kind.type)
    if isinstance(kind, inspect.FloatType) and kind.ge is not None and kind.le is not None:
        return _number_cost(kind.le - kind.ge, GRID)
    if isinstance(kind, inspect.IntType) and kind.ge is not None and kind.le is not None:
        return _number_cost(kind.le - kind.ge, 1)
    if isinstance(kind, inspect.LiteralType):
        return _choice_cost(len(kind.values))
    if isinstance(kind, inspect.BoolType):
        return _bool_cost
    if isinstance(kind, inspect.StructType):
        return _struct_cost(kind.cls)
    if isinstance(kind, inspect.ListType):
        return _list_cost(_cost_of(struct, name, kind.item_type), _first_field)
    if isinstance(kind, inspect.UnionType):
        (inner,) = (member for member in kind.types if not isinstance(member, inspect.NoneType))
        return _optional_cost(_cost_of(struct, name, inner))
    raise TypeError(f"{struct.__name__}.{name}: nothing says how much a {kind} may tell")


_BODIES: Final = {kind: _struct_cost(kind, _HEADER) for kind in get_args(DoorMessage)}
_KIND_BITS: Final = math.log2(len(_BODIES))


@dataclass(slots=True)
class _Call:
    """What was said of a call."""

    seat: str
    at: int
    wall: int
    #: when the last message passed, in steps of the time grid
    when: int
    newest: int = 0
    strategies: set[str] = field(default_factory=set)
    profile: ProfileMessage | None = None


class History:
    """What one reader has been sent, so that the bits of the next message can be counted. Pure.

    The reader's calls are known until `MAX_HISTORY_CALLS` newer ones have come; then they count as new again.
    """

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._tick = 0

    def bits(self, message: DoorMessage, now: float) -> float:
        """What a message tells if it is published at `now` (monotonic, in seconds), in bits."""
        known = self._calls.get(message.call)
        bits = _KIND_BITS + math.log2(len(self._calls) + 1) + _count(max(0, tick_of(now) - self._tick))
        when = _when(now)
        if known is None:
            bits += _NEW_CALL_BITS + _letters(message.seat, _LETTER_BITS)
            bits += _count(message.at // TIME_GRID_MS) + _WALL_BITS
            context = _Context(message.at, 0, set())
        else:
            elapsed = when - known.when
            bits += 0.0 if message.seat == known.seat else _letters(message.seat, _LETTER_BITS)
            bits += _integer((message.at - known.at) // TIME_GRID_MS - elapsed)
            bits += _integer((message.wall - known.wall) // TIME_GRID_MS - elapsed)
            context = _Context(message.at, known.newest, known.strategies, _quotes(known.profile))
        before = known.profile if known is not None and isinstance(message, ProfileMessage) else None
        return bits + _BODIES[type(message)](message, before, context)

    def note(self, message: DoorMessage, now: float) -> None:
        """A message was published at `now`."""
        self._tick = max(self._tick, tick_of(now))
        known = self._calls.get(message.call)
        if known is None:
            while len(self._calls) >= MAX_HISTORY_CALLS:
                del self._calls[next(iter(self._calls))]
            known = self._calls[message.call] = _Call(message.seat, message.at, message.wall, _when(now))
        known.at, known.wall, known.when = message.at, message.wall, _when(now)
        if forgets(message):
            known.profile = None
        elif isinstance(message, ProfileMessage):
            known.profile = message
            known.newest = max(known.newest, *(int(one.id[1:]) for one in message.evidence), 0)
            known.strategies.update(one.id for one in message.advice)


def _quotes(profile: ProfileMessage | None) -> set[str]:
    return {one.quote for one in profile.evidence if one.quote is not None} if profile is not None else set()


def tick_of(now: float) -> int:
    """The number of the tick that `now` (monotonic, in seconds) lies in."""
    return int(now / TICK_SECONDS)


def _when(now: float) -> int:
    return int(now * 1000) // TIME_GRID_MS
