"""`python -m tools.bench.calls --calls 10`: what calls cost, and how soon a seat knows what was said.

Plays N calls at once through the simulator into a running appliance on this machine and prints one JSON
object: processor time per call and process, RTP received, lost and dropped, and the delay from the end of a
customer's utterance to the first profile at the seat that knows of it. The ends are those of the recording's
turns (FILE.json beside it), on the call's own clock; the arrival is on the seat's. Both are this machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from appliance.protocol.codec import TIME_GRID_MS
from appliance.seat.client import SeatClient
from appliance.seat.keys import SeatKeys
from tools.running import REPOSITORY, RunningAppliance

FIRST_AGENT = 8001
CALL = REPOSITORY / "tools/demo_call/demo_call.wav"
#: How the supervisor starts its children.
SUPERVISED = b"appliance.box.supervised"
#: Final profiles may wait some seconds for the door's budget.
AFTER_SECONDS = 15.0
#: The recognizer's end of an utterance is this close to the end of the turn in the recording.
TURN_SLACK_MS = 1000


@dataclass
class Seat:
    """One seat's client in a thread, noting when what arrived."""

    client: SeatClient
    arrivals: dict[tuple[str, int], int] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    stop: bool = False

    def listen(self) -> None:
        """Note what arrives until `stop` is set."""
        while not self.stop:
            message = self.client.receive(0.25)
            if message is None or message["type"] == "beat":
                continue
            now = time.time_ns() // 1_000_000
            if message["type"] == "profile":
                self.arrivals.setdefault((message["call"], message["at"]), now)
                if message["final"]:
                    self.final.add(message["call"])
        self.client.close()


def main() -> int:
    options = _options()
    agents = [str(FIRST_AGENT + number) for number in range(options.calls)]
    with RunningAppliance(agents, engines=options.engines) as appliance:
        seats = [Seat(_client(appliance, agent)) for agent in agents]
        threads = [threading.Thread(target=seat.listen) for seat in seats]
        for thread in threads:
            thread.start()
        before, began = _cpu_seconds(appliance.pid), time.monotonic()
        results = _call(appliance, options)
        after, wall = _cpu_seconds(appliance.pid), time.monotonic() - began
        _wait_for_finals(seats, options.calls)
        for seat in seats:
            seat.stop = True
        for thread in threads:
            thread.join()
        appliance.stop()
        print(json.dumps(_report(options, appliance.events, seats, results, before, after, wall), indent=2))
    return 0


def _client(appliance: RunningAppliance, seat: str) -> SeatClient:
    return SeatClient(
        SeatKeys.load(appliance.keys(seat), seat),
        f"tcp://127.0.0.1:{appliance.ready['publish_port']}",
        f"tcp://127.0.0.1:{appliance.ready['control_port']}",
    )


def _call(appliance: RunningAppliance, options: argparse.Namespace) -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            sys.executable, "-m", "tools.callsim", str(options.file), "--json",
            "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
            "--calls", str(options.calls), "--agent", str(FIRST_AGENT), "--stagger", str(options.stagger),
        ],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"the simulator's calls failed:\n{done.stdout}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _wait_for_finals(seats: list[Seat], calls: int) -> None:
    end = time.monotonic() + AFTER_SECONDS
    while sum(len(seat.final) for seat in seats) < calls and time.monotonic() < end:
        time.sleep(0.1)


def _cpu_seconds(supervisor: int) -> dict[str, float]:
    """User and system seconds of the supervisor's children, by what they run."""
    ticks = os.sysconf("SC_CLK_TCK")
    used: dict[str, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            command = path.with_name("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == supervisor and SUPERVISED in command:
            # Followed by the supervisor's process id and the command.
            name = command[command.index(SUPERVISED) + 2].decode()
            used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / ticks
    return used


def _report(
    options: argparse.Namespace,
    events: list[dict[str, Any]],
    seats: list[Seat],
    results: list[dict[str, Any]],
    before: dict[str, float],
    after: dict[str, float],
    wall: float,
) -> dict[str, Any]:
    ended = [event for event in events if event["event"] == "call_ended"]
    delays = _delays(events, seats, _turn_ends(options.file))
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    return {
        "calls": options.calls,
        "engines": options.engines,
        "seconds": round(wall, 1),
        "clean_calls": sum(result["clean"] for result in results),
        "final_profiles": sum(len(seat.final) for seat in seats),
        "rtp": {
            "sent": sum(sum(result["sent"].values()) for result in results),
            **{name: _over_legs(ended, name) for name in ("received", "lost", "late", "concealed_ms")},
            "dropped_by_the_kernel": sum(event["dropped"] for event in ended),
        },
        "cpu_seconds": {name: round(seconds, 2) for name, seconds in used.items()},
        "cpu_share_per_call": round(sum(used.values()) / wall / options.calls, 4),
        "utterances": len(delays),
        "delay_ms": {
            "median": round(median(delays)) if delays else None,
            "p95": round(quantiles(delays, n=20)[-1]) if len(delays) > 1 else None,
        },
    }


def _over_legs(ended: list[dict[str, Any]], counter: str) -> int:
    return sum(event.get(f"{leg}_{counter}", 0) for event in ended for leg in ("customer", "agent"))


def _delays(events: list[dict[str, Any]], seats: list[Seat], turn_ends: list[int]) -> list[int]:
    arrivals = {key: when for seat in seats for key, when in seat.arrivals.items()}
    started = {event["call"]: event["at"] * 1000 for event in events if event["event"] == "call_started"}
    delays = []
    for event in events:
        if event["event"] != "utterance_told" or event["call"] not in started:
            continue
        key = event["call"], event["at_ms"] - event["at_ms"] % TIME_GRID_MS
        if key not in arrivals:
            continue
        end = min(turn_ends, key=lambda end: abs(end - event["end"]))
        # An utterance that the recognizer ended inside a turn has no end of a turn to be measured from.
        if abs(end - event["end"]) <= TURN_SLACK_MS:
            delays.append(round(arrivals[key] - started[event["call"]]) - end)
    return delays


def _turn_ends(recording: Path) -> list[int]:
    turns = json.loads(recording.with_suffix(".json").read_text(encoding="utf-8"))
    return [round(turn["end"] * 1000) for turn in turns if turn["leg"] == "customer"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--engines", type=int, default=2, help="engine processes")
    parser.add_argument("--stagger", type=float, default=1.0, help="seconds between the starts of two calls")
    parser.add_argument("--file", type=Path, default=CALL, help="stereo file, left customer, right agent")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
