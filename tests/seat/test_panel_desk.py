"""The panel at a desk: in the frame of a CRM's page, and as a supervisor's board."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from appliance.protocol.messages import Objection
from appliance.seat.examples.open_customer import checked_template, follow
from tests.feed.running import running_feed
from tests.protocol.samples import call, cue, profile
from tests.seat.panel import running_panel
from tools.browser import Browser
from tools.running import REPOSITORY

EXAMPLES = REPOSITORY / "appliance/seat/examples"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *about):
        pass


@contextmanager
def crm():
    """The CRM's web server, an origin of its own."""
    handler = functools.partial(Quiet, directory=EXAMPLES)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # Another name than the panel's: to a browser another site, as a real CRM is.
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with Browser() as running:
        yield running


@pytest.mark.end_to_end
@pytest.mark.timeout(240)
def test_a_crm_page_shows_the_panel_and_hears_of_calls_and_alerts(tmp_path, browser):
    kept = ("--token-file", str(tmp_path / "key"))
    with (
        crm() as origin,
        running_feed(tmp_path, "8001") as feed,
        running_panel(feed, "8001", "--embed", origin, *kept) as panel,
    ):
        page = browser.page(f"{origin}/crm.html?panel={panel.origin}")
        frame = page.frame(panel.origin)
        # What the agent does once: enter the key of the link.
        frame.wait("document.querySelector('dialog.key')?.open")
        frame.run(f"document.querySelector('dialog.key input').value = {json.dumps(panel.token)}")
        frame.run("document.querySelector('dialog.key form').requestSubmit()")
        page.wait("document.getElementById('call').textContent.includes('Seat 8001 is ready')")
        page.run("document.addEventListener('ridge:call', (event) => { window.heard = event.detail; })")
        feed.send(call(call_id="C" * 22), profile(call_id="C" * 22, score=58), cue(call_id="C" * 22))
        page.wait("window.heard?.event === 'started'")
        assert page.run("window.heard.call") == "C" * 22
        assert "seat 8001" in page.text("#customer")
        page.wait("document.getElementById('alert').textContent.includes('objection.doubt')")
        frame.wait("document.querySelector('.score')?.textContent === '58'")
        feed.send(call("ended", call_id="C" * 22, at=9000))
        page.wait("window.heard.event === 'ended'")
        # The second time the frame knows the key.
        page.go(f"{origin}/crm.html?panel={panel.origin}")
        page.frame(panel.origin).wait("document.querySelector('.score')?.textContent === '58'")
        page.close()


@pytest.mark.end_to_end
@pytest.mark.timeout(240)
def test_another_page_gets_neither_the_frame_nor_a_word(tmp_path, browser):
    with (
        crm() as origin,
        running_feed(tmp_path, "8001") as feed,
        running_panel(feed, "8001", "--embed", "https://crm.bank.example") as panel,
    ):
        page = browser.page(f"{origin}/crm.html?panel={panel.origin}")
        page.run("window.words = 0; addEventListener('message', () => { window.words += 1; })")
        page.wait_for(lambda: any("frame-ancestors" in text for text in page.complaints()), "the refusal")
        feed.send(call())
        page.run("greet()")
        page.run("new Promise((done) => setTimeout(done, 1500))")
        assert page.run("window.words") == 0
        assert page.text("#call") == "Waiting for a call"
        page.close()


@pytest.mark.end_to_end
@pytest.mark.timeout(240)
def test_a_supervisor_sees_the_group_by_urgency_and_each_call_one_click_away(tmp_path, browser):
    with running_feed(tmp_path) as feed:
        for seat, group in (("8001", "loans"), ("8002", "loans"), ("8003", "loans"), ("8004", "funds")):
            feed.enrol(seat, group=group)
        feed.enrol("lead", role="supervisor", group="loans")
        calm = profile(seat="8001", call_id="A" * 22, score=70)
        calm = replace(calm, influence=replace(calm.influence, objections=[]))
        hostile = profile(seat="8003", call_id="C" * 22, score=12)
        hostile = replace(
            hostile,
            influence=replace(hostile.influence, objections=[Objection("hostile_resistance", 0.9, 1, True)]),
        )
        for number, letter in enumerate("ABCD", 1):
            feed.send(call(seat=f"800{number}", call_id=letter * 22))
        feed.send(calm, profile(seat="8002", call_id="B" * 22, score=45), hostile)
        with running_panel(feed, "lead") as panel:
            page = browser.page(panel.at("locale=en"))
            seats = "[...document.querySelectorAll('.seat-link')].map((node) => node.textContent).join()"
            page.wait(f"{seats} === '8003,8002,8001'")
            assert "Hostile resistance" in page.text("tbody tr")
            assert "loans" in page.text(".whose")
            assert page.text(".urgent_calls b") == "1"
            page.press("ArrowDown")
            page.press("ArrowDown")
            page.press("Enter")
            page.wait("document.querySelector('.score')?.textContent === '45'")
            page.press("b")
            page.wait(f"{seats} === '8003,8002,8001'")
            page.click("tbody tr:first-child td.at-pace")
            page.wait("document.querySelector('main.call .score')?.textContent === '12'")
            assert "8003" in page.text(".call-state")
            page.press("b")
            feed.send(call("ended", seat="8003", call_id="C" * 22, at=9000))
            page.wait("!document.querySelector('.order-held').hidden")
            assert page.run(seats) == "8003,8002,8001"
            page.hover(".mark")
            page.wait(f"{seats} === '8002,8001,8003'")
            assert page.complaints() == []
            page.close()


def test_a_customer_is_opened_once_for_each_call_and_fields_stay_in_their_place():
    started = {"type": "call", "event": "started", "seat": "80/01?", "wall": 17, "direction": "inbound"}
    messages = [
        {"type": "beat"}, started | {"call": "A"}, started | {"call": "A"},
        started | {"call": "A", "event": "ended"}, started | {"call": "B&x=1"},
    ]  # fmt: skip
    opened = []
    follow(messages, checked_template("https://crm.example/c/{call}?seat={seat}&at={wall}"), opened.append)
    assert opened == [
        "https://crm.example/c/A?seat=80%2F01%3F&at=17",
        "https://crm.example/c/B%26x%3D1?seat=80%2F01%3F&at=17",
    ]


@pytest.mark.parametrize(
    "template", ["http://crm.example/{call}", "https://{call}.example/", "https://crm.example/{phone}", "crm"]
)
def test_an_address_that_cannot_be_opened_is_refused(template):
    with pytest.raises(ValueError, match=r"write an address|behind the host|no field"):
        checked_template(template)
