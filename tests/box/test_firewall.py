from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.box.config import Config, load
from appliance.box.firewall import FirewallError, allow_list, ruleset
from appliance.cli import main

SITE = """
[siprec]
bind = "10.77.1.1"
gateways = ["10.77.1.0/24", "10.77.1.64/26", "fd00:1::/64"]
[feed]
bind = "0.0.0.0"
seat_networks = ["10.77.2.0/24"]
[firewall]
admins = ["10.77.4.0/24", "fd00:4::/64"]
ssh_port = 2222
"""


def site(tmp_path: Path, more: str = "", text: str = SITE) -> Config:
    file = tmp_path / "site.toml"
    file.write_text(text + more, encoding="utf-8")
    return load(file)


def accepted(rules: str, chain: str) -> list[str]:
    """The matches of a chain's rules that accept, without its counters."""
    body = rules.partition(f"chain {chain} {{")[2].partition("    }\n")[0]
    return re.findall(r"^ +(.+) counter name \w+ accept$", body, re.MULTILINE)


def test_calls_come_from_the_gateways_connections_from_the_seats_and_admins_log_in(tmp_path: Path) -> None:
    ways = accepted(ruleset(site(tmp_path)), "input")
    # The networks that lie in one another are one; IPv6 gateways cannot call an IPv4 address.
    assert ways[2:] == [
        "ip saddr { 10.77.1.0/24 } ip daddr 10.77.1.1 udp dport 5060",
        "ip saddr { 10.77.1.0/24 } ip daddr 10.77.1.1 tcp dport 5060 ct state new",
        "ip saddr { 10.77.1.0/24 } ip daddr 10.77.1.1 udp dport 20000-20999",
        "ip saddr { 10.77.2.0/24 } tcp dport 5570 ct state new",
        "ip saddr { 10.77.2.0/24 } tcp dport 5571 ct state new",
        "ip saddr { 10.77.2.0/24 } tcp dport 5572 ct state new",
        "ip saddr { 10.77.4.0/24 } tcp dport 2222 ct state new",
        "ip6 saddr { fd00:4::/64 } tcp dport 2222 ct state new",
    ]


def test_only_sip_to_the_gateways_leaves_unasked(tmp_path: Path) -> None:
    ways = accepted(ruleset(site(tmp_path)), "output")
    assert ways[2:] == ["ip daddr { 10.77.1.0/24 } udp sport 5060"]


def test_the_banks_record_is_asked_at_its_own_address_and_port(tmp_path: Path) -> None:
    config = site(tmp_path, '[record]\nurl = "https://10.77.1.9/customers/{number}"\n')
    assert accepted(ruleset(config), "output")[-1] == "ip daddr 10.77.1.9 tcp dport 443 ct state new"


def test_a_box_that_takes_no_calls_opens_no_port_for_them(tmp_path: Path) -> None:
    rules = ruleset(site(tmp_path, text="[siprec]\nenabled = false\n"))
    assert "gateway" not in rules


def test_the_defaults_let_nobody_in_from_outside() -> None:
    assert all(
        "ct state established" in way or "icmpv6" in way for way in accepted(ruleset(Config()), "input")
    )


def test_everything_else_is_dropped_and_every_rule_has_a_counter(tmp_path: Path) -> None:
    rules = ruleset(site(tmp_path))
    for chain in ("input", "forward", "output"):
        body = rules.partition(f"chain {chain} {{")[2].partition("    }\n")[0].splitlines()
        assert "policy drop;" in body[1]
        assert re.fullmatch(r" +counter name \w+_dropped drop", body[-1])
        assert all("counter name" in line or 'if "lo"' in line for line in body[2:])
    declared = set(re.findall(r"^    counter (\w+) \{ \}$", rules, re.MULTILINE))
    assert declared == set(re.findall(r"counter name (\w+)", rules))


@pytest.mark.parametrize(
    "key", ["siprec.udp_port", "siprec.tcp_port", "feed.publish_port", "feed.enrol_port"]
)
def test_a_port_of_the_systems_choice_is_refused_with_its_key(tmp_path: Path, key: str) -> None:
    table, _, name = key.partition(".")
    address = '\ngateways = ["10.0.0.0/8"]\nbind = "10.0.0.1"' if table == "siprec" else ""
    seats = '\nseat_networks = ["10.0.0.0/8"]\nbind = "10.0.0.1"' if table == "feed" else ""
    config = site(tmp_path, text=f"[{table}]\n{name} = 0{address}{seats}\n")
    with pytest.raises(FirewallError, match=f"{key} = 0 .*; write a port"):
        ruleset(config)


def test_a_units_allow_list_names_the_networks(tmp_path: Path) -> None:
    assert allow_list(site(tmp_path).feed.seat_networks) == "[Service]\nIPAddressAllow=10.77.2.0/24\n"


def test_a_seats_network_is_validated_like_a_gateways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[feed]\nseat_networks = ["10.77.2.5/24"]\n', encoding="utf-8")
    assert main(["firewall", "--config", str(file)]) == 1
    assert "feed.seat_networks[0]" in (said := capsys.readouterr().err)
    assert "write a network such as 10.77.2.0/24" in said


def test_the_command_prints_the_rules_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = site(tmp_path)
    assert main(["firewall", "--config", str(tmp_path / "site.toml")]) == 0
    assert capsys.readouterr().out == ruleset(config)


def test_admins_reach_the_console_where_there_is_one(tmp_path: Path) -> None:
    config = site(tmp_path, '[console]\nenabled = true\nbind = "10.77.4.1"\n')
    rules = ruleset(config)
    assert "ip saddr { 10.77.4.0/24 } ip daddr 10.77.4.1 tcp dport 8443 ct state new" in accepted(
        rules, "input"
    )
    # The IPv6 network of the admins cannot reach an IPv4 address.
    assert rules.count("counter name in_admin_console accept") == 1
    assert "in_admin_console" not in ruleset(site(tmp_path))


def test_a_console_on_any_port_cannot_be_let_in(tmp_path: Path) -> None:
    with pytest.raises(FirewallError, match=r"console\.port"):
        ruleset(site(tmp_path, "[console]\nenabled = true\nport = 0\n"))
