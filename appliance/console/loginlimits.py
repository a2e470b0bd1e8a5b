"""How often somebody may try to log in: less and less, by address, and so often in all. Pure."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

#: Mistakes that cost nothing but the time to hash.
FREE_TRIES: Final = 5
#: The first wait after that, in seconds; each mistake doubles it.
FIRST_WAIT: Final = 2.0
LONGEST_WAIT: Final = 900.0
#: An address without a mistake for so long begins anew.
FORGET_SECONDS: Final = 3600.0
#: Tries of all addresses together: a hash takes 0.1 s and 32 MiB, so these are at most 1/20 of a core.
TRIES_A_MINUTE: Final = 30
#: Addresses that are remembered; the one that was heard of longest ago makes way.
MOST_ADDRESSES: Final = 4096


@dataclass(slots=True)
class _Address:
    mistakes: int = 0
    last: float = 0.0
    may_again: float = 0.0


@dataclass(slots=True)
class LoginLimits:
    """`now` is monotonic, in seconds."""

    _addresses: OrderedDict[str, _Address] = field(default_factory=OrderedDict)
    _recent: list[float] = field(default_factory=list)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try; 0 where it may try now, which counts as a try."""
        self._recent = [moment for moment in self._recent if now - moment < 60.0]
        known = self._addresses.get(_network(address))
        if known is not None and now < known.may_again:
            return known.may_again - now
        if len(self._recent) >= TRIES_A_MINUTE:
            return 60.0 - (now - self._recent[0])
        self._recent.append(now)
        return 0.0

    def failed(self, address: str, now: float) -> int:
        """A wrong password came from here; returns how many in a row that were."""
        network = _network(address)
        known = self._addresses.pop(network, None) or _Address()
        if now - known.last > FORGET_SECONDS:
            known = _Address()
        known.mistakes += 1
        known.last = now
        beyond = known.mistakes - FREE_TRIES
        if beyond >= 0:
            known.may_again = now + min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(beyond, 30))
        self._addresses[network] = known
        while len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        return known.mistakes

    def succeeded(self, address: str) -> None:
        """The right password came from here."""
        self._addresses.pop(_network(address), None)


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, of which one host has all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
