"""The panel during a live call: a real appliance, SIP and RTP, `ridge listen --web`, and a browser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.seat.panel import listening
from tools.browser import Browser
from tools.demo_call.play import CALL, CUSTOMER, SEAT, SETTINGS
from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(400)]


def test_an_agent_sees_a_live_call_from_its_start_to_its_end():
    with RunningAppliance((SEAT,), settings=SETTINGS) as appliance, Browser() as browser:
        ready = appliance.ready
        with listening(
            "--seat", SEAT, "--keys", str(appliance.keys(SEAT)), "--port", "0",
            "--connect", f"tcp://127.0.0.1:{ready['publish_port']}",
            "--control", f"tcp://127.0.0.1:{ready['control_port']}",
        ) as panel:  # fmt: skip
            chinese = browser.page(panel.at("locale=zh"), dark=True)
            english = browser.page(panel.at("locale=en"))
            for page in (chinese, english):
                page.wait("document.body.dataset.live === ''")
            assert "等待来电" in chinese.text(".idle-title")
            caller = subprocess.Popen(
                [
                    sys.executable, "-m", "tools.callsim", str(CALL), "--agent", SEAT, "--customer", CUSTOMER,
                    "--target", f"127.0.0.1:{ready['udp_port']}",
                ],
                cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                english.wait("document.querySelector('.call-state').dataset.event === 'started'", 60)
                assert english.text(".way") == "outbound"
                english.wait("document.querySelector('.score')?.textContent > 0", 60)
                english.wait("document.querySelector('.alert').dataset.kind === 'objection'", 60)
                english.wait("document.querySelector('.title').textContent", 60)
                # Kept, because in a live call the next advice comes while the agent still reads this one.
                english.press("p")
                english.press("h")
                settled = (
                    "(document.querySelector('.verdict-state').dataset.state ?? 'sending') !== 'sending'"
                )
                english.wait(settled, 30)
                assert english.text(".verdict-state") == "Delivered, thank you"
                chinese.wait("document.querySelectorAll('.chip.need:not([hidden])').length > 1", 60)
                assert caller.wait(120) == 0
            finally:
                caller.kill()
                caller.wait()
            for page in (chinese, english):
                page.show()
                page.wait("document.querySelector('.call-state').dataset.event === 'ended'", 60)
                page.wait("document.querySelector('.valence-line').getAttribute('d').split('L').length > 8")
            assert english.text(".score") == chinese.text(".score")
            assert "1:06" in english.text(".clock")
            assert chinese.complaints() == english.complaints() == []
