"""The client library can be carried to a seat's machine by itself."""

from __future__ import annotations

import subprocess
import sys
import time

from appliance.feed.keys import CurveKeys
from appliance.seat.client import SeatClient
from appliance.seat.keys import SeatKeys


def test_the_client_needs_pyzmq_and_msgpack_only():
    program = (
        "import sys; import zmq, msgpack, zmq.utils.monitor; before = set(sys.modules)\n"
        "import appliance.seat.client\n"
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("appliance")}
    assert ours == {
        "appliance",
        "appliance.seat",
        "appliance.seat.client",
        "appliance.seat.keys",
        "appliance.seat.lease",
        "appliance.seat.session",
        "appliance.seat.stream",
        "appliance.seat.verdicts",
    }
    outside = (
        {name.partition(".")[0] for name in loaded}
        - set(sys.stdlib_module_names)
        - {"appliance", "zmq", "msgpack"}
    )
    assert outside == set()


def test_a_box_that_is_not_there_is_waited_for():
    keys = CurveKeys.generate()
    with SeatClient(SeatKeys("8001", keys.public, keys.secret, keys.public), "tcp://127.0.0.1:9") as client:
        begun = time.monotonic()
        assert client.receive(0.2) is None
        assert time.monotonic() - begun >= 0.2
        assert client.state == "connecting"
    assert list(client) == []
