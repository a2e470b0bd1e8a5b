"""Audio files as one call: whatever libsndfile reads, at any rate."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from appliance.box.config import Roles
from appliance.capture.replay_error import ReplayError
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallMessage, CallStarted, Leg
from appliance.telephony.rtp import CLOCK_RATE

Samples = NDArray[np.int16]
Rate = Literal[8000, 16000]

#: Like the blocks of live calls.
BLOCK_MS: Final = 80
#: How much is read at a time, in seconds: a call of hours must not lie in memory.
CHUNK_SECONDS: Final = 2
#: The seat of a call whose files say nothing about an agent.
DEFAULT_SEAT: Final = "replay"
WIDE_BAND: Final = 16_000
LEGS: Final[tuple[Leg, Leg]] = ("customer", "agent")


def read_audio(paths: Sequence[Path], roles: Roles) -> Iterator[CallMessage]:
    """The messages of a call in one stereo or two mono files.

    Raises:
        ReplayError: a file cannot be decoded, is empty, or has other channels.
    """
    with contextlib.ExitStack() as stack:
        files = [_open(path, stack) for path in paths]
        wanted = 2 if len(paths) == 1 else 1
        for path, file in zip(paths, files, strict=True):
            if file.channels != wanted:
                raise ReplayError(_wrong_channels(path, file.channels, len(paths)))
            if not file.frames:
                raise ReplayError(f"{path}: holds no sound; give a recording of a call")
        # From here on the generator owns the files.
        return _messages(paths, files, roles, stack.pop_all())


def _open(path: Path, stack: contextlib.ExitStack) -> Any:
    try:
        return stack.enter_context(soundfile.SoundFile(path))
    except (OSError, soundfile.SoundFileError) as error:
        raise ReplayError(
            f"{path}: is no audio file that can be read ({error}); "
            "give WAV (PCM, A-law or mu-law), FLAC or Ogg"
        ) from error


def _wrong_channels(path: Path, channels: int, files: int) -> str:
    has = f"{path}: has {channels} channel{'s' if channels > 1 else ''}"
    if files == 1 and channels == 1:
        return f"{has}; give a second mono file with the agent's leg, or one stereo file"
    if files == 1:
        return f"{has}; give a stereo file, left customer and right agent"
    return f"{has}; of two files each must be mono: the customer's first, then the agent's"


def _messages(
    paths: Sequence[Path], files: Sequence[Any], roles: Roles, owned: contextlib.ExitStack
) -> Iterator[CallMessage]:
    call = secrets.token_urlsafe(16)
    with owned:
        yield CallStarted(
            call, roles.default_seat or DEFAULT_SEAT, roles.direction, "replay", int(time.time() * 1000)
        )
        sources = [_blocks(path, file) for path, file in zip(paths, files, strict=True)]
        ended = 0
        positions = [0, 0]
        pending = [next(source, None) for source in sources]
        while any(one is not None for one in pending):
            for index, source in enumerate(sources):
                found = pending[index]
                if found is None:
                    continue
                rate, samples = found
                for channel in range(samples.shape[1]):
                    leg = index if len(sources) == 2 else channel
                    block = AudioBlock.of(
                        call, LEGS[leg], positions[leg], rate, np.ascontiguousarray(samples[:, channel])
                    )
                    positions[leg] += len(samples)
                    ended = max(ended, block.end_ms)
                    yield block
                pending[index] = next(source, None)
        yield CallEnded(call, ended, "end_of_file")


def _blocks(path: Path, file: Any) -> Iterator[tuple[Rate, Samples]]:
    """80 ms at a time, shape (n, channels); the last may be shorter."""
    rate: Rate = WIDE_BAND if file.samplerate == WIDE_BAND else CLOCK_RATE
    size = rate * BLOCK_MS // 1000
    waiting = np.zeros((0, file.channels), np.int16)
    for samples in _resampled(path, file, rate):
        waiting = np.concatenate([waiting, samples])
        whole = len(waiting) - len(waiting) % size
        for start in range(0, whole, size):
            yield rate, waiting[start : start + size]
        waiting = waiting[whole:]
    if len(waiting):
        yield rate, waiting


def _resampled(path: Path, file: Any, rate: int) -> Iterator[Samples]:
    stream = (
        None
        if file.samplerate == rate
        else soxr.ResampleStream(file.samplerate, rate, file.channels, dtype="float32")
    )
    count = CHUNK_SECONDS * file.samplerate
    while True:
        try:
            # As floats, because soundfile does not scale float files that are read as integers.
            fractions = file.read(count, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise ReplayError(
                f"{path}: cannot be decoded beyond {file.tell() / file.samplerate:.1f} s ({error}); "
                "the file is damaged, export it again"
            ) from error
        last = len(fractions) < count
        if stream is not None:
            fractions = stream.resample_chunk(fractions, last=last)
        yield np.clip(np.rint(np.nan_to_num(fractions) * 32768), -32768, 32767).astype(np.int16)
        if last:
            return
