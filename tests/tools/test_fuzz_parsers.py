"""The fuzz program: it finds what it is there to find, and the parsers stand it."""

from __future__ import annotations

import json

import pytest

from tools import fuzz_parsers
from tools.fuzz.target import Target


def test_the_parsers_stand_a_short_run() -> None:
    report = fuzz_parsers.run(fuzz_parsers.find_targets(), seed=7, inputs=200)
    assert report.failures == []
    assert {
        "sip",
        "sip_stream",
        "sdp",
        "multipart",
        "metadata",
        "recording_server",
    } <= report.executions.keys()


def _brittle(data: bytes) -> None:
    if b"\0" in data:
        raise IndexError("the parser has fallen over")
    json.loads(data)


BRITTLE = Target("brittle", [b'{"a": 1}'], _brittle, (ValueError,))


def test_an_unexpected_error_is_found_with_its_input() -> None:
    report = fuzz_parsers.run([BRITTLE], seed=1, inputs=5_000)
    assert report.failures
    assert all(b"\0" in failure.data for failure in report.failures)
    assert "IndexError" in report.failures[0].problem


def test_the_same_seed_finds_the_same() -> None:
    first = fuzz_parsers.run([BRITTLE], seed=3, inputs=3_000)
    second = fuzz_parsers.run([BRITTLE], seed=3, inputs=3_000)
    assert [one.data for one in first.failures] == [one.data for one in second.failures]


def test_the_program_ends_with_1_and_prints_the_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz_parsers, "find_targets", lambda: [BRITTLE])
    assert fuzz_parsers.main(["--target", "brittle", "--replay", "6100"]) == 1
    assert "input: 6100" in capsys.readouterr().err
    assert fuzz_parsers.main(["--target", "brittle", "--replay", "7b7d"]) == 0
