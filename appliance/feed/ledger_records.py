"""What stands in the egress ledger: JSON lines in a hash chain, with signed checkpoints. Pure.

A line's hash is sha256(hash of the line before, the line). The first file begins with 32 zero bytes; every
other goes on from the one before, which its header repeats. A checkpoint holds the hash so far and its
signature, so whoever changes, takes away, adds or moves a line would have to forge one.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct, inspect

from appliance.box.clock.latest import JumpKind
from appliance.protocol.messages import SeatMessage
from appliance.protocol.replies import Reply

LEDGER_VERSION: Final = 1
GENESIS: Final = bytes(32)
#: Kinds of records besides entries of messages.
_SIGNED: Final = b"ridge egress ledger 1"

Number = Annotated[int, Meta(ge=0)]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}$")]


class Header(Struct, frozen=True, tag="file", tag_field="is", forbid_unknown_fields=True, omit_defaults=True):
    """The first line of a file."""

    n: Number
    t: Number
    v: int
    file: Number
    #: the hash that this file goes on from
    prev: Hex32
    #: bytes at the end of the file before that are no whole line, left by a crash
    torn: Number = 0
    #: records that were signed and are not there any more
    lost: Number = 0


class Fields(Struct, frozen=True, tag="fields", tag_field="is", forbid_unknown_fields=True):
    """The names of the fields that messages of a kind have; entries say the kind."""

    n: Number
    t: Number
    kind: str
    fields: list[str]


class Sent(Struct, frozen=True, tag="sent", tag_field="is", forbid_unknown_fields=True, omit_defaults=True):
    """A message that left; or several small ones of a kind (beats, heads of replies), with their topics."""

    n: Number
    t: Number
    kind: str
    to: str | list[str]
    #: bytes of the message, or of all
    size: Number
    #: of the message, or of all in this order
    sha256: Hex32
    #: how many connections it was sent to
    copies: Number = 1


class Unrecorded(Struct, frozen=True, tag="unrecorded", tag_field="is", forbid_unknown_fields=True):
    """Messages left without entries, because the site's configuration allows it when the ledger fails."""

    n: Number
    t: Number
    since: Number
    messages: Number
    size: Number


class ClockJump(Struct, frozen=True, tag="clock", tag_field="is", forbid_unknown_fields=True):
    """The wall clock jumped. Times of records go on from the latest; only `confirmed` may take them back."""

    n: Number
    t: Number
    kind: JumpKind
    #: what the clock was to show, and what it showed (unix ms)
    was: Number
    now: Number


class Checkpoint(Struct, frozen=True, tag="checkpoint", tag_field="is", forbid_unknown_fields=True):
    """The hash of everything before this line, signed."""

    n: Number
    t: Number
    chain: Hex32
    signature: Signature


Record = Header | Fields | Sent | Unrecorded | ClockJump | Checkpoint


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """The last checkpoint and the first file that is kept, in a file of its own: no end is cut off unseen."""

    v: int
    n: Number
    t: Number
    chain: Hex32
    file: Number
    first_file: Number
    signature: Signature


_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)
_head_decoder: Final[msgspec.json.Decoder[Head]] = msgspec.json.Decoder(Head)


def line_of(record: Record | Head) -> bytes:
    """A record's line, without its line break."""
    return _encoder.encode(record)


def record_of(line: bytes) -> Record:
    """The record in a line.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _decoder.decode(line)


def head_of(data: bytes) -> Head:
    """The head in its file's bytes, which may be followed by spaces.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _head_decoder.decode(data.strip())


def link(chain: bytes, line: bytes) -> bytes:
    """The hash after a line."""
    return hashlib.sha256(chain + line).digest()


def in_letters(chain: str) -> str:
    """A hash as 64 letters from a to p: the journal withholds what could be a telephone number."""
    return chain.translate(_LETTERS)


def from_letters(text: str) -> str:
    """The hash in hexadecimal, from letters or from hexadecimal digits."""
    return text if set(text) <= set("0123456789abcdef") else text.translate(_DIGITS)


_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_DIGITS: Final = str.maketrans("abcdefghijklmnop", "0123456789abcdef")


def sign(key: Ed25519PrivateKey, *parts: object) -> str:
    """The Ed25519 signature (RFC 8032) of these parts, in hexadecimal."""
    signature: bytes = key.sign(_to_sign(parts))
    return signature.hex()


def is_signed(key: Ed25519PublicKey, signature: str, *parts: object) -> bool:
    """Whether this is the signature of these parts."""
    try:
        key.verify(bytes.fromhex(signature), _to_sign(parts))
    except InvalidSignature:
        return False
    return True


def _to_sign(parts: tuple[object, ...]) -> bytes:
    return b"\n".join([_SIGNED, *(str(part).encode() for part in parts)])


@cache
def fields_of(kind: str) -> tuple[str, ...]:
    """The field names of a kind of message: `profile`, `profile+quote`, `reply.lease`, ...

    Those inside lists are named whether the list has entries or not. Only a profile of the kind
    `profile+quote` has `evidence.quote`.
    """
    union = inspect.type_info(Reply if kind.startswith("reply.") else SeatMessage)
    tag, _, extra = kind.removeprefix("reply.").partition("+")
    types = union.types if isinstance(union, inspect.UnionType) else ()
    for member in types:
        if isinstance(member, inspect.StructType) and member.tag == tag:
            names = [str(member.tag_field), *_names(member, "")]
            return tuple(name for name in names if extra or name != "evidence.quote")
    raise ValueError(f"no kind of message: {kind}")


def _names(kind: inspect.Type, place: str) -> list[str]:
    if isinstance(kind, inspect.Metadata):
        return _names(kind.type, place)
    if isinstance(kind, inspect.ListType):
        return _names(kind.item_type, place)
    if not isinstance(kind, inspect.StructType):
        return []
    found: list[str] = []
    for field in kind.fields:
        inner = _names(field.type, f"{place}{field.name}.")
        found += inner or [f"{place}{field.name}"]
    return found


def kind_of(data: bytes) -> str:
    """The kind of an encoded message to a seat: its type, which is its first field."""
    # A map of up to 15 fields, then the text "type", then a short text.
    length = data[6] & 0x1F
    kind = data[7 : 7 + length].decode("ascii")
    return f"{kind}+quote" if kind == "profile" and b"\xa5quote" in data else kind
