"""`ridge bench`: what calls cost by stage, how many the machine carries, and how late profiles come."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from appliance.cli import main
from appliance.engine.bench.calls import TICK_MS, Lines, Recording, bundled_call
from appliance.engine.bench.report import Report, capacity, latency, page
from appliance.engine.bench.rooms import STAGES
from appliance.engine.bench.stopwatch import Stopwatch
from appliance.models_choice import BUNDLED_RECOGNIZER
from appliance.telephony.audioblock import AudioBlock, CallEnded, CallStarted


class _Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def recording(ticks: int) -> Recording:
    blocks = [AudioBlock.of("x" * 22, "customer", 640 * one, 8000, np.full(640, one)) for one in range(ticks)]
    return Recording(tuple((block,) for block in blocks))


def test_time_counts_for_the_innermost_stage() -> None:
    hand = _Hand()
    clock = Stopwatch(hand)
    clock.begin("outer")
    hand.now = 1.0
    clock.begin("inner")
    hand.now = 4.0
    clock.end()
    hand.now = 6.0
    clock.end()
    hand.now = 100.0
    clock.begin("inner")
    hand.now = 100.5
    clock.end()
    assert clock.seconds == {"outer": 3.0, "inner": 3.5}


def test_a_stage_ends_where_its_work_fails() -> None:
    hand = _Hand()
    clock = Stopwatch(hand)

    def fails() -> None:
        hand.now += 2.0
        raise ValueError

    clock.begin("outer")
    with pytest.raises(ValueError):
        clock.timed("inner", fails)()
    hand.now += 1.0
    clock.end()
    assert clock.seconds == {"outer": 1.0, "inner": 2.0}


def test_methods_of_a_timed_class_count_and_its_properties_work() -> None:
    class Room:
        size = 3

        def work(self) -> int:
            return self._inside()

        def _inside(self) -> int:
            hand.now += 1.0
            return self.size

    hand = _Hand()
    clock = Stopwatch(hand)
    assert clock.timed_class("work", Room)().work() == 3
    assert clock.seconds == {"work": 1.0}


def test_lines_begin_at_different_places_and_go_on_with_the_next_call() -> None:
    lines = Lines(recording(4), 2)
    began: dict[str, list[int]] = {}
    heard: dict[str, list[int]] = {}
    ended: dict[str, int] = {}
    for tick in range(9):
        for message in lines.tick(0):
            if isinstance(message, CallStarted):
                began.setdefault(message.seat, []).append(tick)
                heard[message.call] = []
            elif isinstance(message, AudioBlock):
                assert message.start_ms == len(heard[message.call]) * TICK_MS
                heard[message.call].append(int(message.samples[0]))
            else:
                assert isinstance(message, CallEnded)
                ended[message.call] = message.at
    assert began == {"bench-0": [0, 4, 8], "bench-1": [0, 2, 6]}
    assert sorted(heard.values()) == [[0], [0, 1, 2], *[[0, 1, 2, 3]] * 3, [2, 3]]
    assert ended == {call: len(heard[call]) * TICK_MS for call in ended}
    assert {message.call for message in lines.end()} == heard.keys() - ended.keys()


def test_the_end_of_a_voice_is_found_by_its_level(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, (8000, 2))
    silence = np.zeros((8000, 2))
    file = tmp_path / "call.wav"
    soundfile.write(file, np.concatenate((silence, noise, silence)).astype(np.int16), 8000)
    found = Recording.read([file])
    (end,) = found.ends
    assert end == pytest.approx(2000, abs=20)
    lines = Lines(found, 2)
    first, second = (message.call for message in lines.tick(0) if isinstance(message, CallStarted))
    assert lines.voice_end(first, 2150) == end
    assert lines.voice_end(first, 3300) is None
    # The second begins in the middle of the recording, at a whole tick.
    assert lines.voice_end(second, 700) == end - len(found.ticks) // 2 * TICK_MS


def test_a_box_carries_what_its_cores_carry_at_four_fifths() -> None:
    found = capacity(0.03, 4, 1)
    assert (found.one_core, found.this_box) == (26, 106)


def test_without_utterances_there_is_no_latency() -> None:
    assert latency([], 500, 0.0).median is None
    assert latency([600.0], 500, 0.0).p95 is None
    assert latency([600.0, 700.0, 650.0], 500, 0.0).median == 650.0


def test_a_short_run_reports_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--seconds", "2", "--calls", "3", "--model", BUNDLED_RECOGNIZER, "--json"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    report = msgspec.json.decode(printed, type=Report)
    assert json.loads(printed)["model"] == BUNDLED_RECOGNIZER
    assert tuple(report.stages) == STAGES
    assert all(
        report.stages[stage].rtf > 0 for stage in ("voice_activity", "recognition", "decoding", "affect")
    )
    costs = [*report.stages.values(), report.other]
    assert sum(cost.share for cost in costs) == pytest.approx(1, abs=0.01)
    assert sum(cost.rtf for cost in costs) == pytest.approx(report.rtf, abs=1e-4)
    assert report.call_seconds > 0
    assert 2 <= report.seconds < 60
    # rounded down from a cost that is itself rounded
    assert report.capacity.one_core == pytest.approx(0.8 / report.rtf, abs=1.5)
    assert report.batches.largest <= 6 <= report.batches.limit
    assert report.memory_mib.running >= report.memory_mib.loaded * 0.9
    assert report.path_over_recognizer is not None
    text = page(report)
    assert f"one core carries   {report.capacity.one_core} calls at 80% load" in text
    assert "voice activity" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--calls", "0"], "--calls 0: give 1 to 500"),
        (["--seconds", "0.2"], "--seconds 0.2: give 1 to 3600"),
        (["--model", "no-such-model"], "no-such-model"),
        (["nothing.wav"], "nothing.wav: cannot be read"),
    ],
)
def test_what_cannot_be_played_is_said(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 1
    assert problem in capsys.readouterr().err


def test_the_package_brings_the_call_that_is_played() -> None:
    assert bundled_call().is_file()
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"tools/demo_call/demo_call.wav" = "appliance/bundled_calls/demo_call.wav"' in project
