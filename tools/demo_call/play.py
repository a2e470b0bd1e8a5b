"""Plays the demo call into a running appliance over SIP and RTP and shows what the seat sees.

Two seats are enrolled, each with keys of its own: 8001, whose agent is on the call, and 8002, which must
receive nothing of it. The program ends with 0 when the call has ended, the seat has its final profile and the
second seat has received nothing of the call.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import zmq

from appliance.seat.keys import SeatKeys
from tools.running import REPOSITORY, ApplianceError, RunningAppliance

SEAT, OTHER_SEAT = "8001", "8002"
#: The second seat renews its lease at this pace.
LEASE_MS = 2_000
CUSTOMER = "13900000000"
CALL = Path(__file__).with_name("demo_call.wav")
#: The agent calls the customer; redacted quotes stay off, as at a site by default.
SETTINGS = "[roles]\ndirection = 'outbound'\n"
#: The last profile waits for the door's budget, which takes some seconds.
AFTER_CALL_SECONDS = 30.0


def main() -> int:
    options = _options()
    say("Ridge demo: starting the appliance on loopback (the voices of the call are synthetic)")
    journal_path = options.journal or Path(tempfile.gettempdir()) / "ridge-demo-journal.jsonl"
    with journal_path.open("w", encoding="utf-8") as journal:
        try:
            with (
                RunningAppliance((SEAT, OTHER_SEAT), settings=options.settings, journal=journal) as appliance,
                _panel(appliance, options),
            ):
                return _play(appliance, options)
        except ApplianceError as error:
            say(f"the demo failed: {error}\nThe journal is in {journal_path}")
            return 1


def _play(appliance: RunningAppliance, options: argparse.Namespace) -> int:
    ready = appliance.ready
    say(
        f"appliance ready: SIPREC on UDP port {ready['udp_port']}, feed on port {ready['publish_port']}; "
        f"journal: {len(appliance.events)} events so far"
    )
    other = Eavesdropper(appliance)
    # The view would draw over the panel's link.
    as_json = options.json or options.web or not sys.stdout.isatty()
    seat = appliance.listener(
        SEAT,
        "--once-call",
        *(["--json"] if as_json else ["--locale", options.locale]),
        stdout=subprocess.PIPE if as_json else None,
    )
    messages: list[dict[str, Any]] = []
    reader = threading.Thread(target=_read, args=(seat, messages, options.json), daemon=True)
    reader.start()
    try:
        say(f"calling: customer {CUSTOMER} and agent {SEAT}, {options.file.name}, G.711 in 20 ms packets")
        caller = subprocess.run(
            [
                sys.executable, "-m", "tools.callsim", str(options.file),
                "--target", f"127.0.0.1:{ready['udp_port']}",
                "--agent", SEAT, "--customer", CUSTOMER, "--speed", str(options.speed), "--json",
            ],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if caller.returncode:
            say(f"the simulated gateway's call failed:\n{caller.stdout}{caller.stderr}")
            return 1
        try:
            seat.wait(AFTER_CALL_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"the seat was not told the end of the call within {AFTER_CALL_SECONDS:.0f} s")
            return 1
        reader.join(5)
    finally:
        if seat.poll() is None:
            seat.terminate()
        overheard = other.stop()
    if overheard:
        say(f"seat {OTHER_SEAT} received {overheard} messages of a call that is not its own")
        return 1
    say(f"seat {OTHER_SEAT}, with keys of its own, received 0 messages of the call")
    if not as_json:
        return int(seat.returncode)
    return _conclude(messages, options)


@contextmanager
def _panel(appliance: RunningAppliance, options: argparse.Namespace) -> Iterator[None]:
    """With `--web` the browser panel of the seat, from before the call until Ctrl-C."""
    if not options.web:
        yield
        return
    # Standard output is for the messages.
    panel = appliance.listener(
        SEAT, "--web", "--port", "0", "--open", "--locale", options.locale, stdout=sys.stderr
    )
    try:
        yield
        say("the panel stays until Ctrl-C")
        panel.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if panel.poll() is None:
            panel.terminate()
        panel.wait()


class Eavesdropper(threading.Thread):
    """The second seat: enrolled, with keys and a lease of its own, and subscribed to all it can name."""

    def __init__(self, appliance: RunningAppliance) -> None:
        super().__init__(daemon=True)
        self._keys = SeatKeys.load(appliance.keys(OTHER_SEAT), OTHER_SEAT)
        self._ports = (appliance.ready["publish_port"], appliance.ready["control_port"])
        self._stopping = threading.Event()
        self._overheard = 0
        self.start()

    def run(self) -> None:
        """Renew the lease, subscribe to everything under it, and count what comes."""
        context = zmq.Context()
        listener, asker = self._socket(context, zmq.SUB, 0), self._socket(context, zmq.DEALER, 1)
        for topic in (b"", b"seat/", f"seat/{SEAT}".encode(), f"seat/{SEAT}/".encode()):
            listener.subscribe(topic)
        lease = ""
        while not self._stopping.is_set():
            request = {"ask": "lease", "id": 1} | ({"lease": lease} if lease else {})
            asker.send(msgpack.packb(request))
            if asker.poll(LEASE_MS):
                lease = msgpack.unpackb(asker.recv_multipart()[0]).get("lease", lease)
                for seat in (SEAT, OTHER_SEAT):
                    listener.subscribe(f"seat/{seat}/{lease}/".encode())
            self._stopping.wait(LEASE_MS / 1000)
            self._overheard += _foreign(listener)
        context.destroy(linger=0)

    def stop(self) -> int:
        """How many messages have come that are not of the seat's own topic."""
        self._stopping.set()
        self.join()
        return self._overheard

    def _socket(self, context: zmq.Context[zmq.Socket[bytes]], kind: int, port: int) -> zmq.Socket[bytes]:
        socket = context.socket(kind)
        socket.curve_serverkey, socket.curve_publickey = self._keys.box, self._keys.public
        socket.curve_secretkey = self._keys.secret
        socket.connect(f"tcp://127.0.0.1:{self._ports[port]}")
        return socket


def _foreign(listener: zmq.Socket[bytes]) -> int:
    found = 0
    while listener.poll(0):
        topic, *_ = listener.recv_multipart()
        found += not topic.startswith(f"seat/{OTHER_SEAT}/".encode())
    return found


def _read(seat: subprocess.Popen[str], messages: list[dict[str, Any]], as_json: bool) -> None:
    if seat.stdout is None:
        return
    for line in seat.stdout:
        message = json.loads(line)
        messages.append(message)
        if as_json:
            sys.stdout.write(line)
            sys.stdout.flush()
        elif message["type"] != "beat":
            print(_short(message), flush=True)


def _conclude(messages: list[dict[str, Any]], options: argparse.Namespace) -> int:
    profiles = [message for message in messages if message["type"] == "profile"]
    ended = any(message["type"] == "call" and message["event"] == "ended" for message in messages)
    if not ended or not profiles or not profiles[-1]["final"]:
        say("the seat did not get the end of the call and its final profile")
        return 1
    first, last = profiles[0]["relationship"], profiles[-1]["relationship"]
    objections = sorted({item["type"] for item in profiles[-1]["influence"]["objections"]})
    say(
        f"the call has ended: {len(profiles)} profiles; relationship {first['stage']} ({first['score']}) to "
        f"{last['stage']} ({last['score']}); objections: {', '.join(objections) or 'none'}"
    )
    return 0


def _short(message: dict[str, Any]) -> str:
    at = f"{message['at'] / 1000:6.1f} s"
    if message["type"] == "call":
        return f"{at}  call {message['event']}"
    if message["type"] == "cue":
        return f"{at}  cue {message['code']} -> {', '.join(message['advice'])}"
    relationship, influence = message["relationship"], message["influence"]
    opens = ", ".join(item["type"] for item in influence["objections"] if item["open"])
    needs = ", ".join(f"{need['stance']} {need['tag']}" for need in message["demand"]["needs"])
    advice = ", ".join(item["id"] for item in message["advice"])
    return (
        f"{at}  relationship {relationship['score']:3d} {relationship['stage']}, "
        f"{influence['emotion']['label']} | open: {opens or '-'} | needs: {needs or '-'} "
        f"| say: {advice or '-'}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the seat's messages as JSON lines")
    parser.add_argument("--web", action="store_true", help="show the seat in a browser, too")
    parser.add_argument("--file", type=Path, default=CALL, help="a stereo file (left customer, right agent)")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time")
    parser.add_argument(
        "--locale", choices=("zh", "en"), default="zh", help="the language of the seat's view"
    )
    parser.add_argument("--journal", type=Path, help="where the appliance's journal goes")
    parser.add_argument("--settings", default=SETTINGS, help="TOML text added to the configuration")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
