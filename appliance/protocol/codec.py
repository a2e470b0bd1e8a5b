"""The door's codec: msgpack in and out of the closed schema, with every bound checked on both sides.

What the type does not say is said here: at most 4 KiB a message, fractions on a grid of 0.01, times on one
of 100 ms, codes from the closed sets, no control characters in text. Together with the schema (no binary
fields, no lists of numbers) that bounds what a message can carry; `information` counts it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import inspect

from appliance.protocol.messages import (
    CueMessage,
    DoorMessage,
    Evidence,
    Milliseconds,
    SeatMessage,
    UnixMilliseconds,
)
from appliance.protocol.vocabulary import CUE_CODES, EVIDENCE_CODES

#: Whole profiles with full lists stay below this; intelligible speech of a second does not fit.
MAX_MESSAGE_BYTES: Final = 4096
#: No text field is longer; the schema's own bounds are tighter still.
MAX_TEXT_CHARACTERS: Final = 200
#: Fractions are whole hundredths: finer digits tell an agent nothing, and could carry hidden data.
GRID: Final = 100
#: Times are whole tenths of a second, for the same reasons.
TIME_GRID_MS: Final = 100

#: Takes a value and whether to round; returns the value to use.
_Check = Callable[[Any, bool], Any]
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class SchemaError(ValueError):
    """A message does not fit the schema; the text names the field and says what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field or 'the message'}: {problem}")
        #: path of the field, such as `influence.style.tiger`; empty for the whole message. Safe to log,
        #: while the text may quote what the field held.
        self.field = field
        self._problem = problem

    def inside(self, place: str) -> SchemaError:
        """The same, said from one level further out: `place` is a field's name, or `[3]`."""
        joint = "" if not self.field or self.field.startswith("[") else "."
        return SchemaError(f"{place}{joint}{self.field}", self._problem)


def encode(message: SeatMessage) -> bytes:
    """One message as msgpack, its fractions rounded to hundredths.

    Raises:
        SchemaError: a field is out of its bounds or not finite, or the message is over 4 KiB.
    """
    check = _MESSAGE_CHECKS.get(type(message))
    if check is None:
        raise SchemaError("", f"a {type(message).__name__} is no message of the schema, and may not pass")
    try:
        data = _encoder.encode(check(message, True))
    except (TypeError, UnicodeEncodeError, OverflowError, msgspec.MsgspecError) as error:
        raise SchemaError("", f"a field has a wrong type: {error}") from error
    # A struct does not check its own bounds when it is made, so the sender reads what it wrote.
    decode_seat(data)
    return data


def encode_numbered(message: DoorMessage, sequence: int) -> bytes:
    """A message from `decode_door`, which has checked it, with another `seq`.

    Raises:
        SchemaError: the message is over 4 KiB now.
    """
    data = _encoder.encode(msgspec.structs.replace(message, seq=sequence))
    if len(data) > MAX_MESSAGE_BYTES:
        raise SchemaError("", f"has {len(data)} bytes; {MAX_MESSAGE_BYTES} are allowed")
    return data


def decode_door(data: bytes) -> DoorMessage:
    """A message of the engine: `call`, `profile` or `cue`.

    Raises:
        SchemaError: the bytes are no such message.
    """
    message: DoorMessage = _decode(_door_decoder, data)
    return message


def decode_seat(data: bytes) -> SeatMessage:
    """A message to a seat: `call`, `profile`, `cue` or `beat`.

    Raises:
        SchemaError: the bytes are no such message.
    """
    message: SeatMessage = _decode(_seat_decoder, data)
    return message


def _decode(decoder: msgspec.msgpack.Decoder[Any], data: bytes) -> Any:
    if len(data) > MAX_MESSAGE_BYTES:
        raise SchemaError("", f"has {len(data)} bytes; {MAX_MESSAGE_BYTES} are allowed")
    try:
        message = decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _schema_error(error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError("", f"is not msgpack: {error}") from error
    return _MESSAGE_CHECKS[type(message)](message, False)


def _schema_error(error: msgspec.ValidationError) -> SchemaError:
    reason, _, place = str(error).partition(" - at `")
    field = place.rstrip("`").removeprefix("$").removeprefix(".")
    return SchemaError(field, reason[:1].lower() + reason[1:])


def _fraction(value: Any, rounding: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, (float, int)):
        raise SchemaError("", f"a number is wanted, and a {type(value).__name__} was found")
    if not math.isfinite(value):
        raise SchemaError("", f"is {value}; a finite number is wanted")
    # Adding zero turns the negative zero into zero, so that a value has one encoding only.
    rounded = round(value * GRID) / GRID + 0.0
    if not rounding and (rounded != value or (not value and math.copysign(1.0, value) < 0)):
        raise SchemaError("", f"{value!r} is not a whole number of hundredths")
    return rounded


def _time(value: Any, rounding: bool) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SchemaError("", f"a whole number is wanted, and a {type(value).__name__} was found")
    if not rounding and value % TIME_GRID_MS:
        raise SchemaError("", f"{value} is not a multiple of {TIME_GRID_MS} ms")
    return value - value % TIME_GRID_MS


def _text(value: Any, _rounding: bool) -> Any:
    if not isinstance(value, str):
        raise SchemaError("", f"text is wanted, and a {type(value).__name__} was found")
    if len(value) > MAX_TEXT_CHARACTERS:
        raise SchemaError("", f"has {len(value)} characters; {MAX_TEXT_CHARACTERS} are allowed")
    # `$` in a pattern matches before a last line feed, so control characters are refused by name.
    if _CONTROL.search(value):
        raise SchemaError("", "has a control character")
    return value


def _code_in(codes: frozenset[str]) -> _Check:
    def check(value: Any, _rounding: bool) -> Any:
        if value not in codes:
            raise SchemaError("", f"{value!r} is no known code")
        return value

    return check


#: Fields whose set of values is closed by the vocabulary and not by a pattern.
_CLOSED_CODES: Final[dict[tuple[type, str], frozenset[str]]] = {
    (Evidence, "code"): EVIDENCE_CODES,
    (CueMessage, "code"): CUE_CODES,
}


#: The types that are times, in ms.
_TIMES: Final = (inspect.type_info(Milliseconds), inspect.type_info(UnixMilliseconds))


def _check_of(kind: inspect.Type) -> _Check | None:
    """The check of a type, or None where msgspec's own suffices."""
    if kind in _TIMES:
        return _time
    if isinstance(kind, inspect.Metadata):
        return _check_of(kind.type)
    if isinstance(kind, inspect.FloatType):
        return _fraction
    if isinstance(kind, inspect.StrType):
        return _text
    if isinstance(kind, inspect.StructType):
        return _struct_check(kind)
    if isinstance(kind, inspect.ListType):
        return _list_check(_check_of(kind.item_type))
    if isinstance(kind, inspect.UnionType):
        return _optional_check(kind)
    if isinstance(kind, (inspect.LiteralType, inspect.IntType, inspect.BoolType, inspect.NoneType)):
        return None
    raise TypeError(f"{kind} may not stand in the schema of the door")


def _struct_check(kind: inspect.StructType) -> _Check:
    checks: list[tuple[str, _Check]] = []
    for field in kind.fields:
        closed = _CLOSED_CODES.get((kind.cls, field.name))
        check = _code_in(closed) if closed else _check_of(field.type)
        if check is not None:
            checks.append((field.name, check))

    def walk(value: Any, rounding: bool) -> Any:
        if type(value) is not kind.cls:
            raise SchemaError("", f"a {kind.cls.__name__} is wanted, and a {type(value).__name__} was found")
        changed: dict[str, Any] = {}
        name = ""
        try:
            for name, check in checks:
                before = getattr(value, name)
                after = check(before, rounding)
                if after is not before:
                    changed[name] = after
        except SchemaError as error:
            raise error.inside(name) from None
        return msgspec.structs.replace(value, **changed) if rounding and changed else value

    return walk


def _list_check(item: _Check | None) -> _Check | None:
    if item is None:
        return None

    def walk(value: Any, rounding: bool) -> Any:
        if not isinstance(value, list):
            raise SchemaError("", f"a list is wanted, and a {type(value).__name__} was found")
        checked: list[Any] = []
        try:
            for entry in value:
                checked.append(item(entry, rounding))
        except SchemaError as error:
            raise error.inside(f"[{len(checked)}]") from None
        return checked

    return walk


def _optional_check(kind: inspect.UnionType) -> _Check:
    (inner,) = (member for member in kind.types if not isinstance(member, inspect.NoneType))
    check = _check_of(inner)

    def walk(value: Any, rounding: bool) -> Any:
        return value if value is None or check is None else check(value, rounding)

    return walk


def _message_checks() -> dict[type, _Check]:
    union = inspect.type_info(SeatMessage)
    if not isinstance(union, inspect.UnionType):
        raise TypeError("SeatMessage must be a union of structs")
    checks: dict[type, _Check] = {}
    for member in union.types:
        if not isinstance(member, inspect.StructType):
            raise TypeError("SeatMessage must be a union of structs")
        checks[member.cls] = _struct_check(member)
    return checks


_MESSAGE_CHECKS: Final = _message_checks()
_encoder: Final = msgspec.msgpack.Encoder()
_door_decoder: Final[msgspec.msgpack.Decoder[Any]] = msgspec.msgpack.Decoder(DoorMessage)
_seat_decoder: Final[msgspec.msgpack.Decoder[Any]] = msgspec.msgpack.Decoder(SeatMessage)
