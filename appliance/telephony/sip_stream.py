"""SIP over a stream (RFC 3261 section 18.3): messages framed by Content-Length, and CRLF keep-alives."""

from __future__ import annotations

from typing import Final

from appliance.telephony.sip import (
    MAX_HEAD_BYTES,
    SipError,
    SipMessage,
    content_length,
    find_head_end,
    parse_head,
)

#: RFC 5626 section 3.5.1: a client sends two CRLF as a ping, the server answers with one.
PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"


class SipStream:
    """Cuts the bytes of one connection into messages.

    After an error the place of the next message is unknown, so the connection has to be closed.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: SipMessage | None = None
        self._body_length = 0
        self._searched = 0
        self._pongs = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived."""
        self._buffer += data

    def take_pongs(self) -> int:
        """How many keep-alive pings wait for their answer, since the last time this was asked."""
        pongs, self._pongs = self._pongs, 0
        return pongs

    def next_message(self) -> SipMessage | None:
        """The next whole message, or None until more bytes come.

        Raises:
            SipError: what came is no SIP, has no Content-Length, or is too long.
        """
        if self._head is None and not self._take_head():
            return None
        assert self._head is not None
        if len(self._buffer) < self._body_length:
            return None
        message, self._head = self._head, None
        message.body = bytes(self._buffer[: self._body_length])
        del self._buffer[: self._body_length]
        return message

    def _take_head(self) -> bool:
        self._skip_keep_alives()
        end = find_head_end(self._buffer, max(0, self._searched - 3))
        if end is None:
            self._searched = len(self._buffer)
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise SipError(f"a head of more than {MAX_HEAD_BYTES} bytes", 513)
            return False
        self._searched = 0
        head = parse_head(bytes(self._buffer[: end[0]]))
        try:
            length = content_length(head.headers)
        except SipError as error:
            error.head = head
            raise
        if length is None:
            raise SipError("no Content-Length on a stream", head=head)
        del self._buffer[: end[1]]
        self._head, self._body_length = head, length
        return True

    def _skip_keep_alives(self) -> None:
        while self._buffer.startswith((b"\r", b"\n")):
            if self._buffer.startswith(PING):
                self._pongs += 1
                del self._buffer[: len(PING)]
            elif PING.startswith(self._buffer):
                # It may become a ping, or a message may follow (RFC 3261 section 7.5).
                return
            else:
                del self._buffer[:1]
            self._searched = 0
