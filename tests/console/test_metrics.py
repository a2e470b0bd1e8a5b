import re
import time

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from appliance.console.health import Finding
from appliance.console.metrics import exposition
from tests.console.running import board


def families(shown=None, findings=()):
    text = exposition(shown or board(), findings, 1_800_000_000.0, "0.1.0").decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(family, **labels):
    return next(sample.value for sample in family.samples if sample.labels == labels)


def test_what_the_processes_told_is_there():
    found = families()
    assert value(found["ridge_capture_rtp_packets"], part="capture") == 9000
    assert value(found["ridge_capture_customers_objected"], part="capture") == 0
    assert value(found["ridge_engine_calls"], part="engine-0") == 1
    assert value(found["ridge_feed_seats_connected"], part="feed") == 1
    assert value(found["ridge_feed_ledger_up"]) == 1
    assert value(found["ridge_part_up"], part="feed") == 1
    assert value(found["ridge_console_certificate_expiry_timestamp_seconds"]) == 1_800_000_000


def test_names_are_as_prometheus_wants_them():
    for name, family in families().items():
        assert re.fullmatch(r"ridge_[a-z]+(_[a-z]+)*", name)
        assert family.documentation.endswith(".")
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        assert not name.endswith(("_ms", "_milliseconds", "_total"))


def test_no_label_names_a_call_or_a_seat():
    text = exposition(board(), (), 0.0, "0.1.0").decode()
    for person in ("aB3-_x9Z", "8001", "lead-1", "loans"):
        assert person not in text
    labels = {label for family in families().values() for sample in family.samples for label in sample.labels}
    assert labels == {"part", "severity", "reason", "version"}


def test_a_silent_part_is_down_and_its_last_numbers_are_not_shown_as_present_ones():
    shown = board()
    parts = tuple(
        msgspec.structs.replace(part, at=part.at - 60_000) if part.name == "feed" else part
        for part in shown.parts
    )
    found = families(msgspec.structs.replace(shown, parts=parts))
    assert value(found["ridge_part_up"], part="feed") == 0
    assert value(found["ridge_part_up"], part="capture") == 1
    assert "ridge_feed_ledger_up" not in found
    assert not found["ridge_feed_seats_connected"].samples


def test_findings_are_counted_by_severity():
    found = families(findings=[Finding("x", "bad", "feed"), Finding("y", "bad", "feed")])
    assert value(found["ridge_findings"], severity="bad") == 2
    assert value(found["ridge_findings"], severity="note") == 0


def test_an_empty_board_is_an_answer(monkeypatch):
    empty = msgspec.structs.replace(board(), parts=(), written=int(time.time() * 1000))
    assert families(empty)["ridge_findings"]
