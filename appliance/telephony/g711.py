"""G.711 A-law and mu-law (ITU-T G.711, tables 1a to 2b), as table look-ups over numpy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


def _alaw_table() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = code & 15
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _ulaw_table() -> Samples:
    code = ~np.arange(256) & 0xFF
    exponent = (code >> 4) & 7
    magnitude = ((((code & 15) << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _inverse(table: Samples) -> NDArray[np.uint8]:
    """For each int16 value (offset by 32768) the code whose value is nearest to it."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    middles = (values[1:] + values[:-1]) / 2
    positions = np.searchsorted(middles, np.arange(-32768, 32768), side="left")
    return order[positions].astype(np.uint8)


_ALAW, _ULAW = _alaw_table(), _ulaw_table()
_TO_ALAW, _TO_ULAW = _inverse(_ALAW), _inverse(_ULAW)


def alaw_decode(data: bytes) -> Samples:
    """A-law bytes to int16 samples, shape (len(data),)."""
    return _ALAW[np.frombuffer(data, np.uint8)]


def alaw_encode(samples: Samples) -> bytes:
    """int16 samples to A-law bytes, each to the nearest code."""
    codes: NDArray[np.uint8] = _TO_ALAW[samples.astype(np.int32) + 32768]
    return codes.tobytes()


def ulaw_decode(data: bytes) -> Samples:
    """mu-law bytes to int16 samples, shape (len(data),)."""
    return _ULAW[np.frombuffer(data, np.uint8)]


def ulaw_encode(samples: Samples) -> bytes:
    """int16 samples to mu-law bytes, each to the nearest code."""
    codes: NDArray[np.uint8] = _TO_ULAW[samples.astype(np.int32) + 32768]
    return codes.tobytes()
