"""What a gateway says of a call beside the recording: header fields that the site asked for, and hosts.

Only what was asked for is taken out of a request; everything else in it goes no further than SIP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.telephony.sip import SipError, SipRequest, split_list
from appliance.telephony.sip_headers import host_of, parse_name_address

#: Values of one field that are looked at; a flag has one.
MAX_VALUES: Final = 16
MAX_VALUE: Final = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names, in lower case, of what the site wants to know."""

    headers: frozenset[str] = frozenset()
    #: elements of the recording metadata, in whatever namespace
    elements: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Signalled:
    """What one request said."""

    #: name to values, both in lower case; a field that is there without a value has the value ""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    #: hosts of the request URI, To and From, in lower case
    hosts: frozenset[str] = field(default=frozenset(), repr=False)


def signalled(request: SipRequest, wanted: Wanted) -> Signalled:
    """Take what is wanted out of a request; parameters after a semicolon and quotes are left aside."""
    headers: dict[str, tuple[str, ...]] = {}
    for name in wanted.headers:
        fields = request.headers.get_all(name)
        if fields:
            values = [plain(value) for one in fields for value in split_list(one) or [""]]
            # One value too many would be a way to hide the one that counts.
            headers[name] = tuple(values) if len(values) <= MAX_VALUES else ("",)
    return Signalled(headers, _hosts(request))


def plain(value: str) -> str:
    """A value without parameters, quotes and case."""
    return value.partition(";")[0].strip().strip('"').strip().lower()[:MAX_VALUE]


def _hosts(request: SipRequest) -> frozenset[str]:
    addresses = [request.uri]
    for name in ("To", "From"):
        try:
            addresses.append(parse_name_address(request.headers.get(name) or "").uri)
        except SipError:
            continue
    return frozenset(host for host in map(host_of, addresses) if host)
