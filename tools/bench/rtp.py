"""What receiving RTP costs: microseconds of one core a packet, from the datagram to the engine's socket.

    python tools/bench/rtp.py [--seconds 600] [--json]

A leg of G.711 in 20 ms packets is received as it was sent, and with loss, jitter and reordering; the blocks
go to an engine's socket that is read by another thread. A call has 100 packets a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import zmq  # noqa: E402

from appliance.capture.leg import LegReceiver  # noqa: E402
from appliance.capture.outlet import AudioOutlet, socket_path  # noqa: E402
from appliance.telephony import g711  # noqa: E402
from appliance.telephony.audioblock import AudioBlock  # noqa: E402
from tools.callsim.media import Impairments, LegMedia, Script  # noqa: E402

SOURCE = ("127.0.0.1", 40_000)
POLL = 0.02
CASES = {
    "as sent": Impairments(),
    "loss 2 %, jitter 30 ms, reordering 1 %, duplicates 1 %": Impairments(0.02, 0.03, 0.01, 0.01),
    "loss 20 %": Impairments(loss=0.2),
}
CALL = "A" * 22


def leg(arrivals: list[tuple[float, bytes]]) -> tuple[float, list[AudioBlock], LegReceiver]:
    """Seconds of processor time for all datagrams and polls, the blocks, and the leg."""
    receiver = LegReceiver(CALL, "customer", {8: "PCMA"}, frozenset({101}), 0.0)
    blocks: list[AudioBlock] = []
    polled = 0.0
    began = time.thread_time()
    for now, data in arrivals:
        receiver.datagram(data, SOURCE, now)
        if now - polled >= POLL:
            polled = now
            blocks += receiver.poll(now)
    blocks += receiver.flush(polled)
    return time.thread_time() - began, blocks, receiver


def outlet(blocks: list[AudioBlock]) -> tuple[float, int]:
    """Seconds of processor time to send all blocks to an engine that reads, and how many were dropped."""
    with tempfile.TemporaryDirectory() as directory:
        context = zmq.Context()
        engine = context.socket(zmq.PULL)
        engine.bind(f"ipc://{socket_path(Path(directory), 0)}")

        def read() -> None:
            for _ in blocks:
                if not engine.poll(5000):
                    return
                engine.recv()

        reader = threading.Thread(target=read)
        reader.start()
        way = AudioOutlet(Path(directory), 1, max_backlog_seconds=60.0)
        spent = 0.0
        for block in blocks:
            began = time.thread_time()
            way.send(block)
            spent += time.thread_time() - began
            while way.counters.waiting > 100:
                time.sleep(0.001)
                way.flush()
        way.close(10.0)
        reader.join()
        dropped = way.counters.dropped_blocks
        context.destroy(linger=0)
    return spent, dropped


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="how long the leg is (default 600)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sound = np.random.default_rng(1).normal(0, 2000, int(options.seconds * 8000)).astype(np.int16)
    coded = g711.alaw_encode(sound)
    results = []
    for name, impairments in CASES.items():
        arrivals = list(LegMedia(coded, "PCMA", impairments, Script(), seed=1).packets())
        spent, blocks, receiver = min((leg(arrivals) for _ in range(3)), key=lambda one: one[0])
        counters = receiver.counters
        results.append(
            {
                "case": name,
                "packets": len(arrivals),
                "microseconds_per_packet": round(1e6 * spent / len(arrivals), 2),
                "lost": counters.lost,
                "late": counters.late,
                "concealed_ms": counters.concealed_ms,
                "blocks": len(blocks),
            }
        )
        if name == "as sent":
            sending, dropped = outlet(blocks)
            results.append(
                {
                    "case": "blocks to the engine's socket",
                    "blocks": len(blocks),
                    "dropped": dropped,
                    "microseconds_per_block": round(1e6 * sending / len(blocks), 2),
                    "microseconds_per_packet": round(1e6 * sending / len(arrivals), 2),
                }
            )
    if options.json:
        print(json.dumps(results))
        return 0
    for result in results:
        print(f"{result.pop('case')}: " + ", ".join(f"{value} {name}" for name, value in result.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
