"""Recorded calls as call messages: a stereo file, two mono files, or a capture of SIP and RTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from appliance.box.config import Config, Roles
from appliance.capture.call_policy import SitePolicies
from appliance.capture.replay_audio import read_audio
from appliance.capture.replay_capture import read_capture
from appliance.capture.replay_error import ReplayError
from appliance.telephony.audioblock import CallMessage

__all__ = ["ReplayError", "is_capture", "read_call"]

#: First bytes of pcap (both byte orders, microseconds and nanoseconds) and pcapng.
_CAPTURE_MAGIC: Final = frozenset(
    {
        b"\xa1\xb2\xc3\xd4",
        b"\xd4\xc3\xb2\xa1",
        b"\xa1\xb2\x3c\x4d",
        b"\x4d\x3c\xb2\xa1",
        b"\x0a\x0d\x0d\x0a",
    }
)


def read_call(
    paths: Sequence[Path], roles: Roles, policies: SitePolicies | None = None
) -> Iterator[CallMessage]:
    """The messages of one call, ordered by time, as fast as they are read.

    Args:
        paths: one stereo file (left customer, right agent), two mono files (customer, agent), or one pcap or
            pcapng file with SIP and RTP.
        policies: the site's policies, for captures, whose SIP says what calls they are and who objected.
            Audio files say nothing, and have what the engine was given. None: those of no configuration.
        roles: the site's numbers; audio files need only its `default_seat` (without it the seat is `replay`).

    Raises:
        ReplayError: the files cannot be read, or are no call. What is wrong with the first bytes of a file is
            raised here, what shows later while iterating.
    """
    if not 1 <= len(paths) <= 2:
        raise ReplayError(
            f"{len(paths)} files were given; give one stereo file (left customer, right agent), "
            "two mono files (customer, then agent), or one pcap with SIP and RTP"
        )
    captures = [path for path in paths if is_capture(path)]
    if not captures:
        return read_audio(paths, roles)
    if len(paths) > 1:
        raise ReplayError(f"{captures[0]}: a capture holds both legs; give it alone")
    return read_capture(captures[0], roles, policies or SitePolicies(Config()))


def is_capture(path: Path) -> bool:
    """Whether a file is a capture of packets, and no audio.

    Raises:
        ReplayError: it cannot be read.
    """
    return _magic(path) in _CAPTURE_MAGIC


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise ReplayError(
            f"{path}: cannot be read ({error.strerror}); name a file that exists and may be read"
        ) from error
