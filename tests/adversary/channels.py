"""Where in a message a payload can be hidden: each channel writes digits into one and reads them at the seat.

A digit has a radix, the number of values that the schema leaves it, so a message carries the sum of their
logarithms. All numbers are on the grid that the codec wants: off it, a message is refused whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from msgspec.structs import replace

from appliance.protocol.codec import TIME_GRID_MS
from appliance.protocol.messages import (
    Advice,
    CallMessage,
    CueMessage,
    DoorMessage,
    Estimate,
    Evidence,
    Mind,
    Need,
    ProfileMessage,
    StyleIndices,
    StyleProbabilities,
)
from appliance.protocol.vocabulary import (
    CUE_CODES,
    EVIDENCE_CODES,
    NEED_TAGS,
    STRATEGIES,
    CueKind,
    Gap,
    Stance,
)
from tests.protocol.samples import CALL, WALL, call, cue, profile

#: An hour of the grid, so that every time has a digit of its own.
HOUR = 3_600_000 // TIME_GRID_MS
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_IDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_CUES, _EVIDENCE, _STRATEGIES = sorted(CUE_CODES), sorted(EVIDENCE_CODES), sorted(STRATEGIES)
_KINDS, _GAPS, _STANCES = get_args(CueKind), get_args(Gap), get_args(Stance)
#: The block of the unified ideographs.
_FIRST, _IDEOGRAPHS = 0x4E00, 20_992

Digits = list[int]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to hide a payload."""

    name: str
    zh: str
    en: str
    radices: Digits
    build: Callable[[Digits], DoorMessage]
    read: Callable[[Any], Digits]

    @property
    def bits(self) -> float:
        """What one message carries."""
        return sum(map(math.log2, self.radices))


def _style(digits: Digits) -> StyleProbabilities:
    return StyleProbabilities(*(digit / 100 for digit in digits))


def _indices(digits: Digits) -> StyleIndices:
    return StyleIndices(*((digit - 100) / 100 for digit in digits))


def _mind(digits: Digits) -> Mind:
    return Mind(*(Estimate(one / 100, two / 100) for one, two in zip(digits[::2], digits[1::2], strict=True)))


def _numbers(digits: Digits) -> ProfileMessage:
    base = profile()
    return replace(
        base,
        influence=replace(
            base.influence,
            style=_style(digits[:5]),
            indices=_indices(digits[5:10]),
            mind=_mind(digits[10:22]),
        ),
        relationship=replace(base.relationship, score=digits[22], low=digits[23], high=digits[24]),
    )


def _hundredths(value: float) -> int:
    return round(value * 100)


def _read_numbers(message: ProfileMessage) -> Digits:
    influence, relationship = message.influence, message.relationship
    mind = [getattr(influence.mind, name) for name in Mind.__struct_fields__]
    return [
        *(_hundredths(getattr(influence.style, name)) for name in StyleProbabilities.__struct_fields__),
        *(_hundredths(getattr(influence.indices, name)) + 100 for name in StyleIndices.__struct_fields__),
        *(part for one in mind for part in (_hundredths(one.value), _hundredths(one.confidence))),
        relationship.score, relationship.low, relationship.high,
    ]  # fmt: skip


def _few_numbers(digits: Digits) -> ProfileMessage:
    base = profile()
    return replace(base, relationship=replace(base.relationship, trend=(digits[0] - 100) / 100))


def _times(digits: Digits) -> ProfileMessage:
    base = profile()
    needs = [Need(tag, "has", 0.5, at * TIME_GRID_MS) for tag, at in zip(NEED_TAGS, digits, strict=False)]
    return replace(base, demand=replace(base.demand, needs=needs))


def _codes(digits: Digits) -> ProfileMessage:
    base = profile()
    needs = [Need(NEED_TAGS[tag], _STANCES[stance], 0.5, 700) for tag, stance in _pairs(digits[:24])]
    evidence = [Evidence(f"e{n}", 500, "words", _EVIDENCE[code], 0.1) for n, code in enumerate(digits[24:])]
    return replace(base, demand=replace(base.demand, needs=needs), evidence=evidence)


def _pairs(digits: Digits) -> list[tuple[int, int]]:
    return list(zip(digits[::2], digits[1::2], strict=True))


def _need(need: Need) -> tuple[int, int]:
    return NEED_TAGS.index(need.tag), _STANCES.index(need.stance)


def _order(digits: Digits) -> ProfileMessage:
    """A count, and then which of those that are left stands at each place."""
    base, left, gaps = profile(), list(_GAPS), []
    for digit in digits[1:]:
        gaps.append(left.pop(digit))
    return replace(base, demand=replace(base.demand, gaps=gaps[: digits[0] + 1] if digits[0] < 4 else gaps))


def _read_order(message: ProfileMessage) -> Digits:
    left, digits = list(_GAPS), []
    for gap in message.demand.gaps:
        digits.append(left.index(gap))
        left.remove(gap)
    return [len(digits) - 1, *digits]


def _in_letters(digit: int, count: int, letters: str) -> str:
    text = ""
    for _ in range(count):
        digit, letter = divmod(digit, len(letters))
        text += letters[letter]
    return text


def _from_letters(text: str, letters: str) -> int:
    digit = 0
    for letter in reversed(text):
        digit = digit * len(letters) + letters.index(letter)
    return digit


def _quotes(digits: Digits) -> ProfileMessage:
    texts = [
        "".join(chr(_FIRST + digit) for digit in digits[first : first + 40])
        for first in range(0, len(digits), 40)
    ]
    evidence = [Evidence(f"e{n}", 500, "words", "signal.praise", 0.1, text) for n, text in enumerate(texts)]
    return replace(profile(), evidence=evidence)


def _everything(digits: Digits) -> ProfileMessage:
    """All numbers, all times, and evidence with ids and codes at once."""
    numbers, times, rest = digits[:25], digits[25:37], digits[37:]
    evidence = [
        Evidence(f"e{number}", at * TIME_GRID_MS, "words", _EVIDENCE[code], 0.1)
        for number, at, code in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    ]
    return replace(_numbers(numbers), demand=_times(times).demand, evidence=evidence)


def _read_everything(message: ProfileMessage) -> Digits:
    evidence = [
        part
        for one in message.evidence
        for part in (int(one.id[1:]), one.at // TIME_GRID_MS, _EVIDENCE.index(one.code))
    ]
    return [*_read_numbers(message), *(need.at // TIME_GRID_MS for need in message.demand.needs), *evidence]


def _cue(digits: Digits) -> CueMessage:
    kind, code, confidence, first, second = digits
    advice = [_STRATEGIES[first], _STRATEGIES[second]]
    return CueMessage(1, CALL, "8001", 0, 0, WALL, _KINDS[kind], _CUES[code], confidence / 100, advice)


def _read_cue(message: CueMessage) -> Digits:
    return [
        _KINDS.index(message.kind), _CUES.index(message.code), _hundredths(message.confidence),
        *(_STRATEGIES.index(one) for one in message.advice),
    ]  # fmt: skip


_LONG = 37**39
CHANNELS = [
    Channel(
        "numbers", "把语音编码藏进画像里的全部数值", "Hide coded speech in all numbers of a profile",
        [101] * 5 + [201] * 5 + [101] * 12 + [101] * 3, _numbers, _read_numbers,
    ),
    Channel(
        "one_number", "只改动一个数值，高频发送", "Change a single number, as often as possible",
        [201], _few_numbers, lambda message: [_hundredths(message.relationship.trend) + 100],
    ),
    Channel(
        "small_steps", "让全部数值只做微小变动", "Let all numbers move by the smallest steps only",
        [3] * 25, lambda digits: _numbers([50 + digit for digit in digits]),
        lambda message: [number - 50 for number in _read_numbers(message)],
    ),
    Channel(
        "times", "藏进各项的发生时间", "Hide it in the times at which things were observed",
        [HOUR] * 12, _times, lambda message: [need.at // TIME_GRID_MS for need in message.demand.needs],
    ),
    Channel(
        "codes", "藏进需求与证据代码的选择", "Hide it in the choice of codes of needs and evidence",
        [len(NEED_TAGS), len(_STANCES)] * 12 + [len(_EVIDENCE)] * 12, _codes,
        lambda message: [
            *(part for one in message.demand.needs for part in _need(one)),
            *(_EVIDENCE.index(one.code) for one in message.evidence),
        ],
    ),
    Channel(
        "order", "藏进列表的顺序", "Hide it in the order of a list's items",
        [1, 16, 15, 14, 13], lambda digits: _order([4, *digits[1:]]),
        lambda message: [0, *_read_order(message)[1:]],
    ),
    Channel(
        "count", "藏进列表的长度", "Hide it in the number of a list's items",
        [4], lambda digits: _order([digits[0], 0, 0, 0, 0]), lambda message: [len(message.demand.gaps) - 1],
    ),
    Channel(
        "evidence_ids", "藏进证据编号", "Hide it in the numbers of evidence",
        [100_000] * 16,
        lambda digits: replace(
            profile(),
            advice=[Advice(_STRATEGIES[n], [f"e{one}" for one in digits[n * 4 :][:4]]) for n in range(4)],
        ),
        lambda message: [int(one[1:]) for advice in message.advice for one in advice.evidence],
    ),
    Channel(
        "strategy_ids", "藏进策略名称的字母", "Hide it in the letters of strategies' names",
        [_LONG] * 2,
        lambda digits: replace(cue(), advice=["a" + _in_letters(one, 39, _LETTERS) for one in digits]),
        lambda message: [_from_letters(one[1:], _LETTERS) for one in message.advice],
    ),
    Channel(
        "call_ids", "不断虚构通话，藏进通话编号", "Make up calls, and hide it in their random ids",
        [64**22], lambda digits: call(call_id=_in_letters(digits[0], 22, _IDS)),
        lambda message: [_from_letters(message.call, _IDS)],
    ),
    Channel(
        "clock", "藏进时间戳", "Hide it in the time stamps",
        [10**10], lambda digits: replace(cue(), wall=digits[0] * TIME_GRID_MS),
        lambda message: [message.wall // TIME_GRID_MS],
    ),
    Channel(
        "position", "藏进通话内的时间位置", "Hide it in the position within the call",
        [HOUR], lambda digits: replace(cue(), at=digits[0] * TIME_GRID_MS),
        lambda message: [message.at // TIME_GRID_MS],
    ),
    Channel(
        "sequence", "藏进消息序号", "Hide it in the sequence numbers of messages",
        [2**53], lambda digits: replace(cue(), seq=digits[0]), lambda message: [message.seq],
    ),
    Channel(
        "cues", "用大量短提示传送", "Send many short cues, each with a choice of codes",
        [len(_KINDS), len(_CUES), 101, len(_STRATEGIES), len(_STRATEGIES)], _cue, _read_cue,
    ),
    Channel(
        "events", "用通话事件传送", "Send call events, hold and resume",
        [2], lambda digits: call(("held", "resumed")[digits[0]], at=0),
        lambda message: [("held", "resumed").index(message.event)],
    ),
    Channel(
        "everything", "每条消息都用尽全部字段", "Fill every field of every message anew",
        [101] * 5 + [201] * 5 + [101] * 15 + [HOUR] * 12 + [100_000, HOUR, len(_EVIDENCE)] * 12,
        _everything, _read_everything,
    ),
]  # fmt: skip
QUOTED = Channel(
    "quotes", "藏进引用的文字", "Hide it in the characters of quotes",
    [_IDEOGRAPHS] * 40, _quotes,
    lambda message: [ord(char) - _FIRST for one in message.evidence for char in one.quote or ""],
)  # fmt: skip


def at_time(message: DoorMessage, ticks: int, moves: bool) -> DoorMessage:
    """The message with its times going with the clock, where the channel does not use them itself."""
    seconds_ms = ticks * 50 // TIME_GRID_MS * TIME_GRID_MS
    if not moves:
        return message
    if isinstance(message, CallMessage):
        return replace(message, at=seconds_ms, wall=WALL + seconds_ms)
    return replace(message, at=seconds_ms, wall=message.wall + seconds_ms)
