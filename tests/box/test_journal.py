from __future__ import annotations

import contextlib
import json

import pytest

from appliance.box.journal import REPLACED, Field, Journal


def written(capsys: pytest.CaptureFixture[str], **fields: Field) -> dict[str, Field]:
    Journal("capture").event("call_ended", **fields)
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    event: dict[str, Field] = json.loads(line)
    return event


def test_an_event_is_one_line_with_its_process_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    event = written(capsys, received=1200, lost=3, share=0.25, held=False, reason=None)
    assert isinstance(event.pop("at"), float)
    assert event == {
        "process": "capture", "event": "call_ended",
        "received": 1200, "lost": 3, "share": 0.25, "held": False, "reason": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "code",
    ["bye", "siprec.no_media", "10.20.0.5:5060", "/run/ridge/audio-0.sock", "desk_1@site", "", "123456"],
)
def test_codes_addresses_and_paths_pass(capsys: pytest.CaptureFixture[str], code: str) -> None:
    assert written(capsys, code=code)["code"] == code


@pytest.mark.parametrize(
    "speech",
    [
        "我手上有二十万闲钱", "好", "a word", "two\nlines", "tab\tbed", "ends with a line break\n", "code\n",
        "１３９", "naïve", "x" * 121, "a,b", '"quoted"',
    ],
)  # fmt: skip
def test_speech_and_other_text_is_withheld(capsys: pytest.CaptureFixture[str], speech: str) -> None:
    assert written(capsys, text=speech)["text"] == REPLACED


@pytest.mark.parametrize(
    "number",
    ["13900000000", "+8613900000000", "sip:13900000000@10.20.0.5", "6217001", "x1234567y", "010-12345678",
     "139-0000-0000"],
)  # fmt: skip
def test_long_runs_of_digits_are_withheld(capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert written(capsys, user=number)["user"] == REPLACED


def test_a_journal_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115, PTH123 - closed in the middle of the test
    monkeypatch.setattr("sys.stderr", full)
    Journal("capture").event("call_ended", received=1200)
    with contextlib.suppress(OSError):
        full.close()
    Journal("capture").event("call_ended", received=1200)
