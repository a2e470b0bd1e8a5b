"""The protocol document is enough: a client in another language passes the vectors and hears a live feed."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import msgspec
import pytest

from appliance.protocol.codec import SchemaError, decode_seat
from appliance.protocol.requests import decode_redeem, decode_request
from appliance.protocol.schema import control_schema, schema
from tests.feed.running import PATIENCE, eventually, running_feed
from tests.protocol.samples import CALL, call, cue, profile
from tools.protocol_vectors import VECTORS_FILE, rendered

NODE_CLIENT = Path(__file__).with_name("node_client")
VECTORS = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))


def test_the_vectors_are_current():
    assert VECTORS_FILE.read_text(encoding="utf-8") == rendered(), "run python -m tools.protocol_vectors"


def named(part):
    return [pytest.param(entry, id=entry["name"]) for entry in VECTORS[part]]


@pytest.mark.parametrize("vector", named("messages"))
def test_every_message_is_valid_in_the_codec_and_in_the_schema(vector):
    assert msgspec.to_builtins(decode_seat(bytes.fromhex(vector["hex"]))) == vector["json"]
    jsonschema.validate(vector["json"], schema())


@pytest.mark.parametrize("vector", named("refused"))
def test_what_a_client_must_leave_is_refused_by_the_codec(vector):
    with pytest.raises(SchemaError):
        decode_seat(bytes.fromhex(vector["hex"]))


@pytest.mark.parametrize("vector", named("requests"))
def test_every_request_is_read_by_the_feed(vector):
    data = bytes.fromhex(vector["hex"])
    request = decode_redeem(data) if vector["json"]["ask"] == "redeem" else decode_request(data)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request)) == vector["json"]
    jsonschema.validate(vector["json"], control_schema())


@pytest.mark.parametrize("vector", named("replies"))
def test_every_reply_is_valid_in_the_schema(vector):
    assert msgspec.msgpack.decode(bytes.fromhex(vector["hex"])) == vector["json"]
    jsonschema.validate(vector["json"], control_schema())


@pytest.fixture(scope="module")
def node():
    """The program, where it and its packages are installed; without them these tests fail and say so."""
    program = shutil.which("node")
    assert program, "Node.js is not installed; run tools/setup test"
    assert (NODE_CLIENT / "node_modules" / "zeromq").is_dir(), "no packages for Node.js; run tools/setup test"
    return program


def test_the_client_in_another_language_passes_the_vectors(node):
    done = subprocess.run(
        [node, str(NODE_CLIENT / "vectors.mjs"), str(VECTORS_FILE)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    counted = sum(
        len(VECTORS[part]) for part in ("messages", "refused", "requests", "requests", "replies", "streams")
    )
    assert done.stdout == f"{counted + 1} vectors passed\n"


def test_the_client_in_another_language_uses_nothing_of_ours():
    for file in NODE_CLIENT.glob("*.mjs"):
        imported = [
            line.rpartition("from ")[2].strip('";')
            for line in file.read_text().splitlines()
            if " from " in line and line.startswith("import")
        ]
        assert all(
            name.startswith(("node:", "./")) or name in {"zeromq", "@msgpack/msgpack"} for name in imported
        )
    lock = (NODE_CLIENT / "package-lock.json").read_text()
    assert '"resolved"' not in lock, "the lock names no place that packages come from"
    assert lock.count('"integrity"') == 4


@contextmanager
def node_seat(node, directory):
    """The client as a process; gives it, and a function that waits for a printed message."""
    process = subprocess.Popen(
        [node, str(NODE_CLIENT / "seat.mjs"), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines: queue.Queue[dict] = queue.Queue()
    threading.Thread(
        target=lambda: [lines.put(json.loads(line)) for line in process.stdout], daemon=True
    ).start()

    def wait(kind):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                message = lines.get(timeout=0.2)
            except queue.Empty:
                assert process.poll() is None, "the client has ended"
                continue
            if message["type"] == kind:
                return message
        raise AssertionError(f"no {kind} came within {PATIENCE:g} s")

    try:
        yield process, wait
    finally:
        process.kill()
        process.wait()


def test_it_listens_to_a_live_feed_and_gives_feedback(node, tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        feed.send(call(), profile(score=30, quote="我再想想"))
        with node_seat(node, feed.key_directory("8001")) as (process, wait):
            assert wait("call")["event"] == "started"
            first = wait("profile")
            assert (first["seq"], first["relationship"]["score"]) == (2, 30)
            assert first["evidence"][0]["quote"] == "我再想想"
            feed.send(cue(), cue(seat="8002", call_id="B" * 22), profile(final=True, score=61))
            assert wait("cue")["seq"] == 3
            final = wait("profile")
            assert (final["seq"], final["final"], final["seat"]) == (4, True, "8001")
            for verdict, reply in (("helpful", "feedback"), ("splendid", "error")):
                process.stdin.write(f"{CALL} let_them_verify {verdict}\n")
                process.stdin.flush()
                if reply == "feedback":
                    assert wait("reply")["reply"] == reply
            eventually(lambda: feed.control.counters.bad == 1, "the verdict that is none to be refused")
            assert feed.service._feedback.counts["let_them_verify"].helpful == 1


def test_it_recovers_when_the_feed_is_started_anew_and_renews_its_lease(node, tmp_path):
    with (
        running_feed(tmp_path, "8001", lease_seconds=3.0) as feed,
        node_seat(node, feed.key_directory("8001")) as (_, wait),
    ):
        feed.send(call(), profile(score=30))
        wait("profile")
        ports = {"publish_port": feed.service.publish_port, "control_port": feed.service.control_port}
        feed.stop()
        feed.config = feed.config.model_copy(update={"feed": feed.config.feed.model_copy(update=ports)})
        feed.start()
        feed.send(profile(score=70))
        again = wait("profile")
        assert (again["seq"], again["relationship"]["score"]) == (1, 70)
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            wait("beat")
        assert feed.service._leases.expired == 0
