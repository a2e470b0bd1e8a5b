"""The box's firewall: nftables rules from the configuration, and what their counters say.

In come calls from the gateways, connections from the seats, and admins to the console and SSH; out go
answers. Everything else is dropped and counted. Every rule has a named counter, so that the rules are
evidence: what came, and what was refused. Pure: rules are text, and whoever loads them is another's affair.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from appliance.box.config import Config

TABLE: Final = "ridge"
#: Neighbour and router discovery, without which IPv6 does not work (RFC 4890, section 4.4.1).
_IPV6_DISCOVERY: Final = (
    "nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert, mld2-listener-report"
)
#: nftables' words for the two families of addresses.
_FAMILIES: Final = ((4, "ip"), (6, "ip6"))
#: HTTP and HTTPS, where a URL names no port.
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class FirewallError(Exception):
    """No rules can be made of this configuration; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One accepted way, for one family of addresses."""

    #: its counter
    name: str
    #: what must hold, as nftables says it
    match: str

    def __str__(self) -> str:
        return f"{self.match} counter name {self.name} accept"


def ruleset(config: Config) -> str:
    """The table `inet ridge` as `nft -f` takes it: loaded as a whole or not at all, counters kept.

    Raises:
        FirewallError: a port is left to the system's choice, so that no rule can name it.
    """
    ways_in, ways_out = list(_ways_in(config)), list(_ways_out(config))
    names = dict.fromkeys(rule.name for rule in (*ways_in, *ways_out))
    own = ("in_established", "in_discovery", "in_invalid", "in_dropped", "forward_dropped",
           "out_established", "out_discovery", "out_dropped")  # fmt: skip
    lines = [
        "# Made by `ridge firewall` from the configuration; change that, and not this.",
        f"table inet {TABLE}",
        # The rules go, the counters stay: what was counted before a change is evidence, too.
        f"flush table inet {TABLE}",
        f"table inet {TABLE} {{",
        *(f"    counter {name} {{ }}" for name in (*names, *own)),
        "    chain input {",
        "        type filter hook input priority filter; policy drop;",
        '        iif "lo" accept',
        "        ct state established,related counter name in_established accept",
        "        ct state invalid counter name in_invalid drop",
        f"        icmpv6 type {{ {_IPV6_DISCOVERY} }} counter name in_discovery accept",
        *(f"        {rule}" for rule in ways_in),
        "        counter name in_dropped drop",
        "    }",
        "    chain forward {",
        "        type filter hook forward priority filter; policy drop;",
        "        counter name forward_dropped drop",
        "    }",
        "    chain output {",
        "        type filter hook output priority filter; policy drop;",
        '        oif "lo" accept',
        "        ct state established,related counter name out_established accept",
        f"        icmpv6 type {{ {_IPV6_DISCOVERY} }} counter name out_discovery accept",
        *(f"        {rule}" for rule in ways_out),
        "        counter name out_dropped drop",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def allow_list(networks: Sequence[str]) -> str:
    """A drop-in for a systemd unit: the kernel lets its process speak to these networks and to no other."""
    return "\n".join(["[Service]", *(f"IPAddressAllow={network}" for network in networks)]) + "\n"


def _ways_in(config: Config) -> Iterator[Rule]:
    siprec, feed, console, firewall = config.siprec, config.feed, config.console, config.firewall
    if siprec.enabled:
        low, high = siprec.rtp_ports
        udp = _port("siprec.udp_port", siprec.udp_port)
        tcp = _port("siprec.tcp_port", siprec.tcp_port)
        for source, target in _from(siprec.gateways, siprec.bind):
            yield Rule("in_gateway_sip_udp", f"{source} {target}udp dport {udp}")
            yield Rule("in_gateway_sip_tcp", f"{source} {target}tcp dport {tcp} ct state new")
            yield Rule("in_gateway_rtp", f"{source} {target}udp dport {low}-{high}")
    profiles = _port("feed.publish_port", feed.publish_port)
    requests = _port("feed.control_port", feed.control_port)
    enrolment = _port("feed.enrol_port", feed.enrol_port)
    for source, target in _from(feed.seat_networks, feed.bind):
        yield Rule("in_seat_profiles", f"{source} {target}tcp dport {profiles} ct state new")
        yield Rule("in_seat_requests", f"{source} {target}tcp dport {requests} ct state new")
        yield Rule("in_seat_enrolment", f"{source} {target}tcp dport {enrolment} ct state new")
    if console.enabled:
        port = _port("console.port", console.port)
        for source, target in _from(firewall.admins, console.bind):
            yield Rule("in_admin_console", f"{source} {target}tcp dport {port} ct state new")
    for source, _ in _from(firewall.admins, None):
        yield Rule("in_admin_ssh", f"{source} tcp dport {firewall.ssh_port} ct state new")


def _ways_out(config: Config) -> Iterator[Rule]:
    siprec = config.siprec
    if siprec.enabled:
        udp = _port("siprec.udp_port", siprec.udp_port)
        for version, family in _FAMILIES:
            gateways = _of_family(siprec.gateways, version)
            if gateways and ipaddress.ip_address(siprec.bind).version == version:
                # A BYE comes minutes after the gateway's last message, when its answer's way is forgotten.
                target = f"{family} daddr {{ {', '.join(gateways)} }}"
                yield Rule("out_gateway_sip_udp", f"{target} udp sport {udp}")
    if config.record.url is not None:
        parts = urlsplit(config.record.url)
        host = ipaddress.ip_address(parts.hostname or "")
        family = "ip" if host.version == 4 else "ip6"
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        yield Rule("out_record", f"{family} daddr {host} tcp dport {port} ct state new")


def _from(networks: Sequence[str], bind: str | None) -> Iterator[tuple[str, str]]:
    """For each family of addresses: what matches the networks, and what matches the address bound to."""
    bound = ipaddress.ip_address(bind) if bind is not None else None
    for version, family in _FAMILIES:
        wanted = _of_family(networks, version)
        if not wanted or (bound is not None and bound.version != version):
            continue
        exact = bound is not None and not bound.is_unspecified
        target = f"{family} daddr {bound} " if exact else ""
        yield f"{family} saddr {{ {', '.join(wanted)} }}", target


def _of_family(networks: Sequence[str], version: int) -> list[str]:
    """The networks of one family, none within another, because nftables takes no address twice.

    Loopback is left out: it is accepted as an interface, and what claims such an address elsewhere lies.
    """
    parsed = [network for network in map(ipaddress.ip_network, networks) if not network.is_loopback]
    if version == 4:
        four = [network for network in parsed if isinstance(network, ipaddress.IPv4Network)]
        return [str(network) for network in ipaddress.collapse_addresses(four)]
    six = [network for network in parsed if isinstance(network, ipaddress.IPv6Network)]
    return [str(network) for network in ipaddress.collapse_addresses(six)]


def _port(key: str, port: int) -> int:
    if port == 0:
        raise FirewallError(
            f"{key} = 0 lets the system choose a port, so no rule can name it; write a port from 1 to 65535"
        )
    return port
