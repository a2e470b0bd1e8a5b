"""The rules in a kernel, around the appliance's own capture and feed, against everybody who tries."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.box.config import load
from appliance.box.firewall import ruleset
from appliance.console.box_state import read_counters, rules_loaded
from tests.box.namespaces import DROPPED_AFTER, NEIGHBOURS, Site, address, box_address, missing

ROOT = Path(__file__).parents[2]
SYSCTL = ROOT / "systemd/sysctl.d/ridge.conf"
SIP, PROFILES, REQUESTS, RTP, SSH = 5060, 5570, 5571, 20000, 22
CONFIG = f"""
[box]
runtime_directory = "{{0}}/run"
state_directory = "{{0}}/state"
[siprec]
bind = "{box_address("gateway")}"
gateways = ["10.77.1.0/24"]
[feed]
bind = "0.0.0.0"
seat_networks = ["10.77.2.0/24"]
"""
OPTIONS = (
    "OPTIONS sip:box SIP/2.0\r\nVia: SIP/2.0/UDP {0}:5060;branch=z9hG4bK{1}\r\nMax-Forwards: 70\r\n"
    "From: <sip:gateway@{0}>;tag=1\r\nTo: <sip:box>\r\nCall-ID: {1}\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)

_missing = missing()
pytestmark = pytest.mark.skipif(_missing is not None, reason=str(_missing))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Capture and feed run in the box; a stand-in for SSH listens, too. No rules are loaded yet."""
    directory = tmp_path_factory.mktemp("site")
    config = directory / "site.toml"
    config.write_text(CONFIG.format(directory), encoding="utf-8")
    built = Site()
    processes = []
    try:
        for command in ("feed", "capture"):
            process = built.in_box(
                sys.executable, "-m", "appliance", command, "--config", str(config),
                cwd=ROOT, stderr=subprocess.PIPE,
            )  # fmt: skip
            processes.append(process)
            assert process.stderr is not None
            assert any(f"{command}_ready" in line for line in process.stderr)
        ssh = built.socket("box", socket.SOCK_STREAM)
        ssh.bind(("0.0.0.0", SSH))
        ssh.listen()
        built.rules = ruleset(load(config))  # type: ignore[attr-defined]
        yield built
        ssh.close()
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=30)
        built.close()


@pytest.fixture
def guarded(site: Site) -> Iterator[Site]:
    """The site with the rules loaded, all counters at zero."""
    site.nft("-f", "-", rules=site.rules)  # type: ignore[attr-defined]
    yield site
    site.nft("delete", "table", "inet", "ridge")


def counters(site: Site) -> dict[str, int]:
    listed = json.loads(site.nft("-j", "list", "counters", "table", "inet", "ridge"))["nftables"]
    return {one["counter"]["name"]: one["counter"]["packets"] for one in listed if "counter" in one}


def sip_answer(site: Site, place: str, call: str) -> bytes | None:
    with site.socket(place, socket.SOCK_DGRAM) as line:
        line.bind((address(place), SIP))
        line.sendto(OPTIONS.format(address(place), call).encode(), (box_address("gateway"), SIP))
        try:
            return line.recv(4096)
        except TimeoutError:
            return None


def test_without_the_rules_an_outsider_reaches_every_port(site: Site) -> None:
    for port in (PROFILES, REQUESTS, SSH):
        assert site.connects("outsider", box_address("outsider"), port)
    assert site.connects("outsider", box_address("gateway"), SIP)


def test_a_gateway_gets_its_answers(guarded: Site) -> None:
    assert (sip_answer(guarded, "gateway", "a") or b"").startswith(b"SIP/2.0 ")
    assert guarded.connects("gateway", box_address("gateway"), SIP)
    counted = counters(guarded)
    assert counted["in_gateway_sip_udp"] == 1
    assert counted["in_gateway_sip_tcp"] == 1
    assert counted["out_established"] > 0


def test_audio_of_the_gateway_comes_in_and_audio_of_others_does_not(guarded: Site) -> None:
    with guarded.socket("box", socket.SOCK_DGRAM) as leg:
        leg.bind((box_address("gateway"), RTP))
        for place in ("outsider", "seats", "gateway"):
            with guarded.socket(place, socket.SOCK_DGRAM) as line:
                line.sendto(b"\x80" + place.encode(), (box_address("gateway"), RTP))
        assert leg.recv(100) == b"\x80gateway"
        with pytest.raises(TimeoutError):
            leg.recv(100)
    counted = counters(guarded)
    assert (counted["in_gateway_rtp"], counted["in_dropped"]) == (1, 2)


def test_a_seat_reaches_the_feed(guarded: Site) -> None:
    for port in (PROFILES, REQUESTS):
        with guarded.socket("seats", socket.SOCK_STREAM) as line:
            line.connect((box_address("seats"), port))
            # The feed itself answers: every ZMTP connection begins with this signature (RFC 23/ZMTP 3.0).
            assert line.recv(1) == b"\xff"
    counted = counters(guarded)
    assert (counted["in_seat_profiles"], counted["in_seat_requests"]) == (1, 1)


@pytest.mark.parametrize(
    ("place", "ports"),
    [("outsider", (SIP, PROFILES, REQUESTS, SSH)), ("gateway", (PROFILES, SSH)), ("seats", (SIP, SSH))],
)
def test_nobody_reaches_what_is_not_for_him(guarded: Site, place: str, ports: tuple[int, ...]) -> None:
    for number, port in enumerate(ports, 1):
        for target in {box_address(place), box_address("gateway")}:
            assert not guarded.connects(place, target, port), f"{place} reaches {target} port {port}"
        assert counters(guarded)["in_dropped"] >= number
    assert place == "gateway" or sip_answer(guarded, place, f"no-{place}") is None


@pytest.mark.parametrize(("rp_filter", "taken"), [(0, 1), (1, 0)])
def test_a_packet_with_the_gateways_address_must_come_from_where_the_gateway_is(
    guarded: Site, rp_filter: int, taken: int
) -> None:
    assert "net.ipv4.conf.all.rp_filter = 1" in SYSCTL.read_text(encoding="utf-8")
    for scope in ("all", "default", "to-outsider"):
        path = f"/proc/sys/net/ipv4/conf/{scope}/rp_filter"
        guarded.run("box", "sh", "-c", f"echo {rp_filter} > {path}")
    guarded.run("outsider", "ip", "addr", "add", f"{address('gateway')}/32", "dev", "lo")
    try:
        with guarded.socket("outsider", socket.SOCK_DGRAM) as line:
            line.bind((address("gateway"), RTP))
            line.sendto(b"\x80", (box_address("gateway"), RTP))
            # The next packet on the same cable comes after it.
            assert not guarded.connects("outsider", box_address("outsider"), SSH)
        assert counters(guarded)["in_gateway_rtp"] == taken
    finally:
        guarded.run("outsider", "ip", "addr", "del", f"{address('gateway')}/32", "dev", "lo")


def test_nothing_leaves_unasked_but_sip_to_the_gateway(guarded: Site) -> None:
    listeners = {}
    for place in NEIGHBOURS:
        listeners[place] = guarded.socket(place, socket.SOCK_DGRAM)
        listeners[place].bind((address(place), 5060))
    with guarded.socket("box", socket.SOCK_DGRAM) as sip, guarded.socket("box", socket.SOCK_DGRAM) as other:
        sip.bind((box_address("seats"), SIP))
        for place in NEIGHBOURS:
            for line in (sip, other):
                if (place, line) == ("gateway", sip):
                    line.sendto(b"BYE", (address(place), 5060))
                else:
                    with pytest.raises(PermissionError):
                        line.sendto(b"speech", (address(place), 5060))
    assert listeners["gateway"].recv(100) == b"BYE"
    for listener in listeners.values():
        with pytest.raises(TimeoutError):
            listener.recv(100)
        listener.close()
    assert not guarded.connects("box", address("outsider"), 443)
    counted = counters(guarded)
    assert counted["out_gateway_sip_udp"] == 1
    assert counted["out_dropped"] >= 6


def test_the_box_is_no_way_from_the_seats_to_the_gateway(guarded: Site) -> None:
    guarded.run("box", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    with guarded.socket("seats", socket.SOCK_DGRAM) as line:
        line.sendto(b"hello", (address("gateway"), 9))
        deadline = time.monotonic() + DROPPED_AFTER
        while not counters(guarded)["forward_dropped"] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert counters(guarded)["forward_dropped"] == 1


def test_rules_that_are_loaded_again_keep_what_was_counted(guarded: Site) -> None:
    assert guarded.connects("gateway", box_address("gateway"), SIP)
    guarded.nft("-f", "-", rules=guarded.rules)  # type: ignore[attr-defined]
    assert counters(guarded)["in_gateway_sip_tcp"] == 1
    assert guarded.connects("gateway", box_address("gateway"), SIP)
    assert counters(guarded)["in_gateway_sip_tcp"] == 2


def test_the_command_tells_what_was_counted(guarded: Site) -> None:
    assert guarded.connects("seats", box_address("seats"), PROFILES)
    ridge = (sys.executable, "-m", "appliance", "firewall", "--counters")
    assert json.loads(guarded.run("box", *ridge, "--json"))["in_seat_profiles"]["packets"] == 1
    lines = [line.split() for line in guarded.run("box", *ridge).splitlines()]
    assert ["in_seat_profiles", "1", "packets"] in [line[:3] for line in lines]


def test_what_was_counted_is_exported_for_the_console_and_so_is_that_there_are_no_rules(
    site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "firewall.json"
    ridge = (sys.executable, "-m", "appliance", "firewall", "--export", str(file))
    site.nft("-f", "-", rules=site.rules)  # type: ignore[attr-defined]
    assert site.connects("seats", box_address("seats"), PROFILES)
    site.run("box", *ridge)
    exported = read_counters(file)
    assert exported is not None
    assert exported.counters["in_seat_profiles"].packets == 1
    assert rules_loaded(exported, exported.at) is True
    site.nft("delete", "table", "inet", "ridge")
    site.run("box", *ridge)
    assert rules_loaded(read_counters(file), time.time()) is False
    assert rules_loaded(exported, exported.at + 3600) is None
    assert [path.name for path in tmp_path.iterdir()] == ["firewall.json"]
