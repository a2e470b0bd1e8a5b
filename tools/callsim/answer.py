"""What the server's SDP answer (RFC 3264) wants of the offered streams."""

from __future__ import annotations

from dataclasses import dataclass

from tools.callsim.sip_client import Address, SipFailureError


@dataclass(frozen=True, slots=True)
class AnsweredStream:
    """Where the server wants a stream of our offer."""

    address: Address
    #: false where the port is 0 or the direction is inactive
    wanted: bool
    payload_types: tuple[int, ...]


def answered_streams(sdp: bytes) -> list[AnsweredStream]:
    """The `m=` sections of an SDP answer, in order.

    Raises:
        SipFailureError: the answer cannot be read.
    """
    session = ""
    streams: list[dict[str, str]] = []
    try:
        for line in sdp.decode("utf-8").splitlines():
            kind, _, value = line.partition("=")
            if kind == "m":
                _, port, _, formats = value.split(" ", 3)
                streams.append({"port": port, "formats": formats, "direction": "sendrecv", "host": session})
            elif kind == "c":
                host = value.split(" ")[2]
                if streams:
                    streams[-1]["host"] = host
                else:
                    session = host
            elif kind == "a" and value in ("inactive", "recvonly", "sendonly", "sendrecv") and streams:
                streams[-1]["direction"] = value
        return [
            AnsweredStream(
                (stream["host"], int(stream["port"])),
                int(stream["port"]) > 0 and stream["direction"] in ("recvonly", "sendrecv"),
                tuple(int(number) for number in stream["formats"].split()),
            )
            for stream in streams
        ]
    except (ValueError, IndexError) as error:
        raise SipFailureError(f"the server's SDP answer cannot be read ({error})") from error
