"""What is played: a stereo recording as two legs of G.711."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.telephony import g711
from appliance.telephony.band import to_rate
from appliance.telephony.rtp import CLOCK_RATE, Codec

#: 20 ms of G.711
FRAME = CLOCK_RATE // 50


class RecordingError(Exception):
    """The recording cannot be played; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Both legs, coded, of the same length: a whole number of 20 ms frames."""

    customer: bytes
    agent: bytes
    codec: Codec

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.customer) / CLOCK_RATE


def load(path: Path, codec: Codec = "PCMA", seconds: float | None = None) -> Recording:
    """Read a stereo file, left customer and right agent; `seconds` cuts it off, or repeats it to that length.

    Raises:
        RecordingError: the file cannot be read, is empty or not stereo.
    """
    try:
        # As floats, because soundfile does not scale float files that are read as integers.
        fractions, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise RecordingError(
            f"{path}: cannot be read ({error}); give a stereo WAV, FLAC or Ogg file"
        ) from error
    if fractions.shape[1] != 2:
        raise RecordingError(
            f"{path}: has {fractions.shape[1]} channels; give a stereo file, left customer and right agent"
        )
    if not len(fractions):
        raise RecordingError(f"{path}: holds no sound; give a file with speech")
    samples = np.clip(np.rint(np.nan_to_num(fractions) * 32768), -32768, 32767).astype(np.int16)
    encode = g711.alaw_encode if codec == "PCMA" else g711.ulaw_encode
    legs = []
    for channel in (0, 1):
        line = to_rate(np.ascontiguousarray(samples[:, channel]), rate, CLOCK_RATE)
        wanted = len(line) if seconds is None else int(seconds * CLOCK_RATE)
        frames = max(1, -(-wanted // FRAME))
        line = np.resize(line, frames * FRAME) if seconds is not None else _padded(line, frames * FRAME)
        legs.append(encode(line))
    return Recording(legs[0], legs[1], codec)


def _padded(line: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    return np.concatenate([line, np.zeros(length - len(line), np.int16)])
