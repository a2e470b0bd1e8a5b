"""The panel on loopback: who gets in, who does not, and what the tabs are told."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from contextlib import ExitStack, suppress

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from appliance.seat.calls import Calls
from appliance.seat.panel_door import PanelDoor, new_token
from appliance.seat.panel_server import PanelServer
from tests.feed.running import running_feed
from tests.protocol.samples import CALL, call, cue, profile
from tests.seat.panel import running_panel

plain = msgspec.to_builtins
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    with running_feed(tmp_path_factory.mktemp("feed"), "8001") as running:
        yield running


@pytest.fixture(scope="module")
def panel(feed):
    with running_panel(feed) as running:
        yield running


def get(panel, path="/", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def told_until(live, condition, seconds=20.0):
    """Messages up to the first for which the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told = json.loads(live.recv(seconds))
        if condition(told):
            return told
    raise AssertionError("the tab was not told")


def test_the_page_and_all_it_needs_come_with_headers_that_lock_it(panel):
    for path in ("/", "/main.js", "/panel.css", "/words/zh.json", "/words/en.json", "/settings.json"):
        answer, body = get(panel, path)
        assert answer.status == 200, path
        assert body
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/../keys.py", "/%2e%2e/keys.py", "/words/../../keys.py", "//etc/passwd", "/panel.py", "/web/dom.js"],
)
def test_nothing_else_of_the_disk_can_be_had(panel, path):
    answer, _ = get(panel, path)
    assert answer.status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "[::1]:{port}"]
)
def test_a_rebound_name_is_turned_away(panel, host):
    answer, body = get(panel, Host=host.format(port=panel.port))
    assert answer.status == 421
    assert b"<html" not in body


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
def test_another_origin_is_turned_away(panel, origin):
    origin = origin.format(port=panel.port)
    answer, _ = get(panel, Origin=origin)
    assert answer.status == 403
    with pytest.raises(InvalidStatus) as refused:
        panel.live(origin=origin)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_only_get_is_answered(panel, method):
    connection = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    connection.request(method, "/settings.json", body=b"x" * 1000)
    with suppress(http.client.HTTPException, OSError):
        answer = connection.getresponse()
        assert answer.status in range(400, 600)
        assert b"8001" not in answer.read()
    connection.close()
    assert get(panel)[0].status == 200


def test_a_rebound_name_does_not_get_the_live_socket_even_with_the_token(panel):
    with pytest.raises(InvalidStatus) as refused:
        panel.live(Host="evil.example")
    assert refused.value.response.status_code in {400, 421}


@pytest.mark.parametrize("token", ["x", "a" * 43, "", "ü" * 3])
def test_the_live_socket_wants_the_token(panel, token):
    offered = f"ridge.panel.v1, token.{token}".encode("utf-8", "replace").decode("latin-1")
    connection = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    connection.request("GET", "/live", headers={
        "Origin": panel.origin, "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": offered,
    })  # fmt: skip
    assert connection.getresponse().status == 403
    connection.close()


def test_the_live_socket_wants_an_origin(panel):
    connection = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    connection.request("GET", "/live")
    assert connection.getresponse().status == 403
    connection.close()


def test_a_tab_is_told_the_state_and_then_what_changes(feed, panel):
    feed.send(call(), profile(score=41), cue())
    with panel.live() as live:
        assert live.subprotocol == "ridge.panel.v1"
        told = told_until(
            live, lambda told: told.get("call") and told["call"]["profile"] and told["call"]["cues"]
        )
        assert told["call"]["id"] == CALL
        assert told["call"]["profile"]["relationship"]["score"] == 41
        assert told["connection"] == "connected"
        feed.send(profile(score=47, at=4000))
        told = told_until(live, lambda told: told.get("call"))
        assert told["call"]["profile"]["relationship"]["score"] == 47
        assert told["call"]["from"] == 1
        assert [point[:2] for point in told["call"]["points"]] == [[4000, 47]]


def test_several_tabs_are_told_the_same(feed, panel):
    with panel.live() as one, panel.live() as other:
        feed.send(profile(score=53, at=5000))
        for live in (one, other):
            told_until(live, lambda told: told.get("call") and told["call"]["profile"]["at"] == 5000)


def test_a_tab_that_does_not_read_harms_no_other():
    calls = Calls()
    calls.connected("connected", 0)
    server = PanelServer(calls, {}, lambda mark: None)
    token = new_token()

    async def play():
        door = await server.open(0, lambda port: PanelDoor(port, token))
        origin = door.origins[0]
        address = origin.replace("http", "ws") + "/live"
        asked = {"origin": origin, "subprotocols": ["ridge.panel.v1", f"token.{token}"], "proxy": None}
        async with connect(address, max_queue=1, **asked) as deaf, connect(address, **asked) as reading:
            deaf.transport.pause_reading()
            for number in range(2000):
                calls.update(plain(profile(score=number % 100, at=number)), number / 1000)
                server.changed()
                if number % 100 == 0:
                    await asyncio.sleep(0.01)
            end = time.monotonic() + 20
            while time.monotonic() < end:
                told = json.loads(await reading.recv())
                if told.get("call") and told["call"]["profile"]["at"] == 1999:
                    break
            else:
                raise AssertionError("the tab that reads was not told")
            deaf.transport.abort()
        await server.close()

    asyncio.run(asyncio.wait_for(play(), 60))


@pytest.mark.parametrize(
    "said",
    ["", "[]", "{", '{"do":"sing"}', '{"do":"watch"}', '{"do":"watch","call":"../../etc/passwd"}',
     '{"do":"mark","call":"k3Jf9-Qm_2xLw8Rt0ZbYpA","advice":"x","verdict":"perhaps"}',
     '{"do":"mark","call":"k3Jf9-Qm_2xLw8Rt0ZbYpA","advice":"x","verdict":"wrong","more":1}',
     b"\x00\xff", "x" * 900],
)  # fmt: skip
def test_a_tab_that_says_something_else_is_closed_and_the_others_go_on(panel, said):
    with panel.live() as other:
        with panel.live() as live:
            live.send(said)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    live.recv(10)
            assert closed.value.rcvd.code == 1008
        other.recv(10)


def test_a_mark_of_a_call_that_the_box_does_not_know_is_said_to_be_late(feed, panel):
    call_id = "L" * 22
    feed.send(call(call_id=call_id), profile(call_id=call_id))
    with panel.live() as live:
        told_until(
            live,
            lambda told: told.get("call") and told["call"]["id"] == call_id and told["call"]["profile"],
        )
        live.send(json.dumps({"do": "mark", "call": call_id, "advice": "plain_words", "verdict": "wrong"}))
        told = told_until(
            live,
            lambda told: (
                told.get("call") and told["call"]["marks"].get("plain_words", {}).get("state") == "late"
            ),
        )
        assert told["call"]["marks"]["plain_words"]["verdict"] == "wrong"


def test_a_tab_of_a_megabyte_is_closed(panel):
    with panel.live() as live:
        live.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosed):
            while True:
                live.recv(10)


def test_a_tab_that_says_too_much_is_closed(panel):
    with panel.live() as live, pytest.raises(ConnectionClosed):
        for _ in range(200):
            live.send('{"do":"watch","call":null}')
        while True:
            live.recv(10)


def test_there_are_so_many_tabs_and_no_more(panel):
    with ExitStack() as tabs:
        for _ in range(32):
            tabs.enter_context(panel.live()).recv(10)
        with pytest.raises(InvalidStatus) as refused:
            panel.live()
        assert refused.value.response.status_code == 503


def test_the_end_of_the_panel_is_clean_and_the_tabs_are_told(feed):
    with running_panel(feed) as panel:
        with panel.live() as live:
            live.recv(10)
            assert panel.stop() == 0
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    live.recv(10)
            assert closed.value.rcvd.code == 1001
        assert "Traceback" not in panel.process.stdout.read()


def test_a_port_that_is_taken_is_said_with_a_next_step(feed, panel, capsys):
    with pytest.raises(AssertionError, match="--port"), running_panel(feed, port=panel.port):
        pass


def test_the_key_can_be_kept_so_that_the_link_stays(feed, tmp_path):
    links = []
    for _ in range(2):
        with running_panel(feed, "8001", "--token-file", str(tmp_path / "panel.key")) as panel:
            links.append(panel.token)
    assert links[0] == links[1]
    assert (tmp_path / "panel.key").stat().st_mode & 0o777 == 0o600


def test_the_words_of_a_sites_own_strategies_are_shown(feed, tmp_path):
    own = tmp_path / "strategies.toml"
    own.write_text(
        '[[strategy]]\nid = "ours"\nzh = {title = "我们的", say = "请", avoid = ""}\n', encoding="utf-8"
    )
    with running_panel(feed, "8001", "--catalogue", str(own)) as panel:
        words = json.loads(get(panel, "/words/zh.json")[1])
        assert words["strategy"]["ours"]["title"] == "我们的"
        assert "plain_words" in words["strategy"]


def test_only_the_pages_that_are_named_may_show_it_in_a_frame(feed):
    with running_panel(feed, "8001", "--embed", "https://crm.bank.example") as panel:
        answer, _ = get(panel)
        assert "frame-ancestors https://crm.bank.example" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] is None
