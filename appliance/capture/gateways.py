"""Which addresses belong to the site's gateways; nobody else is listened to or spoken to."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

#: Answers that are remembered; a scan of the port must not fill the memory.
MAX_REMEMBERED: Final = 4_096


class Gateways:
    """The networks of `siprec.gateways`."""

    def __init__(self, networks: Sequence[str]) -> None:
        # The configuration allows host bits, as people write 10.20.0.5/24.
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._remembered: dict[str, bool] = {}

    def allow(self, address: str) -> bool:
        """Whether the address (IPv4 or IPv6, with or without zone) lies in one of the networks."""
        known = self._remembered.get(address)
        if known is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[address] = self._look(address)
        return known

    def _look(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed.version == network.version and parsed in network for network in self._networks)
