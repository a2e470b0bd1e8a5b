"""Sound files as the recognizer takes them: int16, one array a channel, at 8 or 16 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from appliance.speech.legstream import RATES
from appliance.telephony.band import to_rate


class AudioFileError(ValueError):
    """A file is no sound that can be recognized; the message says why and what to do."""


def read_channels(path: Path) -> tuple[list[NDArray[np.int16]], int]:
    """The channels of a file (one or two), each int16 of shape (n,), and their rate (8000 or 16000).

    Other rates are resampled to 16000.

    Raises:
        AudioFileError: the file is missing, is no sound file, or has more than two channels.
    """
    if not path.is_file():
        raise AudioFileError(f"{path}: there is no such file; name a WAV, FLAC, Ogg or Opus file")
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioFileError(
            f"{path}: cannot be read as sound ({error}); convert it to WAV or FLAC first"
        ) from error
    if samples.shape[1] > 2:
        raise AudioFileError(
            f"{path}: has {samples.shape[1]} channels; one or two (customer left, agent right) are understood"
        )
    channels = [np.ascontiguousarray(samples[:, index]) for index in range(samples.shape[1])]
    if rate not in RATES:
        channels = [to_rate(channel, rate, max(RATES)) for channel in channels]
        rate = max(RATES)
    return channels, rate
