"""Mutations of bytes: of bits and bytes, of lines, of numbers, and by joining two inputs."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

MAX_BYTES = 70_000
_NUMBERS = (b"0", b"-1", b"1", b"255", b"65535", b"65536", b"2147483648", b"99999999999999999999", b"")


def mutate(data: bytes, others: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    """One to eight mutations after one another."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(_MUTATIONS)(data, others, words, chance)[:MAX_BYTES]
    return data


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 4, 16, 64, 512)))


def _flip(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    if not data:
        return b"\0"
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _random_bytes(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + chance.randbytes(chance.randrange(9)) + data[end:]


def _remove(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 20, 200)) + data[end:]


def _cut(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _join(data: bytes, others: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _word(data: bytes, _o: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    if not words:
        return data
    start, end = _span(data, chance)
    return data[:start] + chance.choice(words) + data[end if chance.random() < 0.5 else start :]


def _lines(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    what = chance.randrange(3)
    if what == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif what == 1:
        lines.insert(second, lines[first])
    else:
        del lines[first]
    return b"".join(lines)


def _number(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    found = list(re.finditer(rb"[0-9]+", data[:20_000]))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(_NUMBERS) + data[one.end() :]


def _endings(data: bytes, _o: Sequence[bytes], _w: Sequence[bytes], chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        return data.replace(b"\r\n", b"\n")
    return data.replace(b"\r\n", b"\n").replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n")))


_MUTATIONS = (_flip, _random_bytes, _remove, _repeat, _cut, _join, _word, _lines, _number, _endings)
