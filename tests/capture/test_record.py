"""The bank's record: from a file or over HTTP, late or wrong answers leave the call as it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.box.config import Config, ConfigError, Record, load
from appliance.box.journal import Journal
from appliance.capture.record import BankRecord, read_table
from appliance.capture.service import CaptureService
from appliance.engine.pipeline import CallPipeline
from appliance.telephony.audioblock import CustomerKnown, KnownFact, decode, encode
from tests.profile.dialogue import Call

CALL = "k3Jf9-Qm_2xLw8Rt0ZbYpA"
FACTS = [{"tag": "deposit", "stance": "has", "amount": 200_000}, {"tag": "child", "stance": "has"}]


@contextmanager
def serving(body: bytes, status: int = 200, *, wait: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            time.sleep(wait)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/c/{{number}}", asked
    finally:
        server.shutdown()
        server.server_close()


def of(record: BankRecord, number: str = "13800138000") -> CustomerKnown | None:
    return asyncio.run(record.of(CALL, number))


def test_a_file_is_read_and_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "customers.tsv"
    path.write_text("number\tfacts\n+86 138 0013 8000\tdeposit:has=200000 gold:wants\n", encoding="utf-8")
    record = BankRecord(Record(file=path))
    known = of(record)
    assert known is not None
    assert known.facts == (KnownFact("deposit", "has", 0.9, 200_000), KnownFact("gold", "wants"))
    assert decode(encode(known)) == known
    assert of(record, "13900000000") is None
    path.write_text("number\tfacts\n13900000000\tbonds:has\n", encoding="utf-8")
    assert of(record) is None
    assert of(record, "13900000000") is not None
    assert of(record, "anonymous") is None
    assert record.counters == {"found": 2, "nothing": 2, "bad_lines": 0}


def test_lines_that_cannot_be_read_are_counted_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "customers.tsv"
    path.write_text(
        "number\tfacts\n13800138000\tdeposit:has\n13900000000\tyacht:has\nnobody\tgold:has\n"
        "13700000000\tgold:owns\n13600000000\tgold:has=much\n\n",
        encoding="utf-8",
    )
    table, bad = read_table(path)
    assert list(table) == ["13800138000"]
    assert bad == 4


@pytest.mark.parametrize("content", [b"", b"13800138000\tdeposit:has\n", b"\xff\xfe"])
def test_a_file_that_is_none_of_ours_is_counted_as_failed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "customers.tsv"
    path.write_bytes(content)
    record = BankRecord(Record(file=path))
    assert of(record) is None
    path.unlink()
    assert of(record) is None
    assert record.counters == {"failed": 2}


def test_a_service_is_asked_with_the_plain_number() -> None:
    with serving(json.dumps({"facts": FACTS, "more": 1}).encode()) as (url, asked):
        record = BankRecord(Record(url=url))
        known = of(record, "+86 138-0013-8000")
    assert known is not None
    assert [fact.tag for fact in known.facts] == ["deposit", "child"]
    assert asked == ["/c/13800138000"]


@pytest.mark.parametrize(
    ("body", "status", "counted"),
    [
        (b"", 404, "nothing"),
        (b'{"facts": []}', 200, "nothing"),
        (b"", 500, "failed"),
        (b"", 302, "failed"),
        (b"not json", 200, "failed"),
        (b'{"facts": [{"tag": "yacht", "stance": "has"}]}', 200, "failed"),
        (b'{"facts": ' + b"[" * 5000, 200, "failed"),
        (b" " * 20_000, 200, "failed"),
    ],
)
def test_any_other_answer_is_counted_and_tells_nothing(body: bytes, status: int, counted: str) -> None:
    with serving(body, status) as (url, asked):
        record = BankRecord(Record(url=url))
        assert of(record) is None
    assert record.counters == {counted: 1}
    assert len(asked) == 1, "a redirect is not followed"


def test_a_service_that_does_not_answer_in_time_is_left_alone() -> None:
    with serving(json.dumps({"facts": FACTS}).encode(), wait=1.5) as (url, _):
        record = BankRecord(Record(url=url, timeout_seconds=0.2))
        assert of(record) is None
    assert record.counters == {"failed": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('file = "a.tsv"\nurl = "http://10.20.0.9/{number}"', "keep one of them"),
        ('url = "http://10.20.0.9/customers"', "no place for the number"),
        ('url = "http://192.0.2.1/{number}"', "within siprec.gateways"),
        ('url = "http://crm.bank.example/{number}"', "within siprec.gateways"),
        ('url = "ftp://127.0.0.1/{number}"', "must begin with http"),
    ],
)
def test_a_source_that_may_not_be_asked_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f"[record]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load(path)


def test_nothing_is_asked_by_default() -> None:
    assert Config().record == Record()


def test_what_is_known_becomes_evidence_of_the_record() -> None:
    call = Call()
    pipeline = CallPipeline.__new__(CallPipeline)
    pipeline.profile = call.profile
    pipeline._told_record = False
    pipeline.known(CustomerKnown(CALL, (KnownFact("deposit", "has", 0.9, 700_000),)))
    parts = call.parts()
    assert [(item.code, item.source) for item in parts.evidence] == [("record.deposit", "record")]
    assert call.needs() == {"deposit": "has"}
    assert call.customer("deposit:rejects").needs() == {"deposit": "rejects"}


def test_capture_tells_the_engine_what_the_record_says_while_the_call_is_on(tmp_path: Path) -> None:
    path = tmp_path / "customers.tsv"
    path.write_text("number\tfacts\n13800138000\tdeposit:has\n", encoding="utf-8")
    sent: list[object] = []

    async def look_up() -> None:
        config = Config.model_validate(
            {
                "box": {"runtime_directory": tmp_path, "state_directory": tmp_path},
                "record": {"file": path},
                "memory": {"enabled": True},
            }
        )
        service = CaptureService(config, Journal("capture"))
        service._calls["a session"] = SimpleNamespace(call=CALL, known=sent.append)  # type: ignore[assignment]
        service._ask(CALL, "13800138000")
        service._ask("x" * 22, "13800138000")
        service._ask(CALL, "13900000000")
        await asyncio.gather(*service._lookups)
        identity = service._identify("13800138000")
        assert identity is not None
        assert identity == service._identify("+86 13800138000")
        service._sockets.shut()
        service._outlet.close(0.0)

    asyncio.run(look_up())
    assert sent == [CustomerKnown(CALL, (KnownFact("deposit", "has"),))]
