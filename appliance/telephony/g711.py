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


def _alaw_decisions() -> NDArray[np.int64]:
    """Where the intervals of the 128 magnitudes begin (table 1a, column 5, at 16 bits)."""
    magnitude = np.arange(128)
    exponent, mantissa = magnitude >> 4, magnitude & 15
    return np.where(exponent == 0, mantissa << 4, (mantissa + 16 << 4) << np.maximum(exponent - 1, 0))


def _ulaw_decisions() -> NDArray[np.int64]:
    """Where the intervals of the 128 magnitudes begin (table 2a, column 5, at 16 bits)."""
    magnitude = np.arange(128)
    exponent, mantissa = magnitude >> 4, magnitude & 15
    begin = (((mantissa << 3) + 0x80) << exponent) - 0x84
    return np.where(magnitude == 0, 0, begin)


def _encoder(decisions: NDArray[np.int64], positive: int, negative: int) -> NDArray[np.uint8]:
    """For each int16 value (offset by 32768) its code.

    A value on a decision value belongs to the interval above it; negative values mirror at -0.5, as in the
    reference coder of ITU-T G.191. The sign is told by the masks that a magnitude is combined with.
    """
    values = np.arange(-32768, 32768)
    magnitude = np.searchsorted(decisions, np.where(values < 0, ~values, values), side="right") - 1
    codes: NDArray[np.uint8] = (magnitude ^ np.where(values < 0, negative, positive)).astype(np.uint8)
    return codes


_ALAW, _ULAW = _alaw_table(), _ulaw_table()
# A-law inverts the even bits of the code, mu-law all bits of the magnitude and the sign.
_TO_ALAW = _encoder(_alaw_decisions(), 0xD5, 0x55)
_TO_ULAW = _encoder(_ulaw_decisions(), 0xFF, 0x7F)


def alaw_decode(data: bytes) -> Samples:
    """A-law bytes to int16 samples, shape (len(data),)."""
    return _ALAW[np.frombuffer(data, np.uint8)]


def alaw_encode(samples: Samples) -> bytes:
    """int16 samples, shape (n,), to n bytes of A-law."""
    codes: NDArray[np.uint8] = _TO_ALAW[samples.astype(np.int32) + 32768]
    return codes.tobytes()


def ulaw_decode(data: bytes) -> Samples:
    """mu-law bytes to int16 samples, shape (len(data),)."""
    return _ULAW[np.frombuffer(data, np.uint8)]


def ulaw_encode(samples: Samples) -> bytes:
    """int16 samples, shape (n,), to n bytes of mu-law."""
    codes: NDArray[np.uint8] = _TO_ULAW[samples.astype(np.int32) + 32768]
    return codes.tobytes()
