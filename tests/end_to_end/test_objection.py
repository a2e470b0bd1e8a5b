"""A customer objects in the middle of a call that a whole appliance is hearing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tools.running import REPOSITORY, RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

SECOND_CALL = REPOSITORY / "tools/demo_call/second_call.wav"
SETTINGS = """
[memory]
enabled = true
"""


def test_from_the_objection_on_nothing_is_heard_shown_or_remembered() -> None:
    with RunningAppliance(("8001",), settings=SETTINGS) as appliance:
        listener = appliance.listener("8001", "--json", "--once-call", stdout=subprocess.PIPE)
        done = subprocess.run(
            [
                sys.executable, "-m", "tools.callsim", str(SECOND_CALL), "--quiet",
                "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
                "--later", "12=X-Ridge-Consent: refused",
            ],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        out, _ = listener.communicate(timeout=60)
        told = [message for message in map(json.loads, out.splitlines()) if message["type"] != "beat"]
        analysis = [message["policy"]["analysis"] for message in told if "policy" in message]
        assert analysis[0] == "full"
        stopped = analysis.index("off")
        assert set(analysis[stopped:]) == {"off"}
        before = [message for message in told if message["type"] == "profile"][: max(1, stopped - 1)]
        assert any(message["evidence"] for message in before)
        silent = [message for message in told if message.get("policy", {}).get("analysis") == "off"]
        assert [message["type"] for message in silent] == ["call", "profile", "profile", "call"]
        assert {message["policy"]["reason"] for message in silent} == {"customer"}
        for message in silent:
            assert not message.get("evidence")
            assert not message.get("advice")
        assert told[-1]["event"] == "ended"
        heard = appliance.wait_for("call_ended")
        assert 10_000 < heard["customer_heard_ms"] + heard.get("customer_silence_ms", 0) < 15_000
        assert heard["milliseconds"] > 20_000
        assert "0 customers" in appliance.ridge("memory", "status", "--config", str(appliance.config))
