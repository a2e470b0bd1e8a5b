"""What the values of several tables are made of: ports, networks, addresses, patterns of numbers."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Port = Annotated[
    int, Field(ge=0, le=65535, description="a port from 1 to 65535, or 0 to let the system choose")
]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        hint = "10.20.0.0/24"
        with contextlib.suppress(ValueError):
            hint = str(ipaddress.ip_network(value, strict=False))
        raise ValueError(f"{error}; write a network such as {hint}") from None
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is not an IP address; write one such as 10.20.0.5, or 127.0.0.1 for this machine"
        ) from None
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(
            f"{value!r} is not a regular expression ({error}); write one such as 80[0-9]{{2}}"
        ) from None
    return value


Network = Annotated[str, AfterValidator(_network)]
Address = Annotated[str, AfterValidator(_address)]
NumberPattern = Annotated[str, AfterValidator(_pattern)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
