"""Who may send to capture."""

from __future__ import annotations

import pytest

from appliance.capture.gateways import MAX_REMEMBERED, Gateways


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.20.0.7", True),
        ("10.20.1.7", False),
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("no address", False),
    ],
)
def test_addresses_of_the_networks_are_allowed(address: str, allowed: bool) -> None:
    gateways = Gateways(["10.20.0.0/24", "127.0.0.0/8", "::1/128", "fe80::/10"])
    assert gateways.allow(address) is allowed
    assert gateways.allow(address) is allowed


def test_a_scan_does_not_fill_the_memory() -> None:
    gateways = Gateways(["10.0.0.0/8"])
    for index in range(2 * MAX_REMEMBERED):
        assert gateways.allow(f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}")
    assert len(gateways._remembered) <= MAX_REMEMBERED
