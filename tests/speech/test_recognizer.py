"""The speech engine on real speech and on everything that is none."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.models import ModelStore
from appliance.speech.errorrate import count_errors
from appliance.speech.legstream import LONGEST_MS
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import ModelStream
from appliance.speech.utterance import SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from appliance.telephony.band import telephone_band
from tests.shared_data import shared_data

TELEPHONE = 8000


def speech(name: str) -> NDArray[np.int16]:
    """An utterance at 16 kHz."""
    samples, rate = soundfile.read(shared_data(f"asr/eval/{name}.flac"), dtype="int16")
    assert rate == 16_000
    return np.asarray(samples)


@pytest.fixture(scope="module")
def engine() -> SpeechEngine:
    return SpeechEngine.load(ModelStore(), Speech(), threads=1)


def run(
    engine: SpeechEngine,
    samples: NDArray[np.int16],
    rate: int = TELEPHONE,
    packet: int = 640,
    start_ms: int = 0,
) -> list[SpeechEvent]:
    """All events of a leg that hears these samples in packets."""
    leg = engine.open("customer")
    events: list[SpeechEvent] = []
    for start in range(0, len(samples), packet):
        leg.feed(samples[start : start + packet], rate, start_ms + start * 1000 // rate)
        engine.step()
        events += leg.take()
    leg.finish()
    events += leg.take()
    leg.close()
    return events


def finals(events: Sequence[SpeechEvent]) -> list[Utterance]:
    return [event for event in events if isinstance(event, Utterance) and event.final]


def text(events: Sequence[SpeechEvent]) -> str:
    return "".join(utterance.text for utterance in finals(events))


def spoken(name: str) -> str:
    """What is said in an utterance, as its manifest says."""
    with shared_data("asr/eval/manifest.tsv").open(encoding="utf-8") as file:
        return next(
            row["text"] for row in csv.DictReader(file, delimiter="\t") if row["path"] == f"{name}.flac"
        )


def silence(seconds: float, rate: int = TELEPHONE) -> NDArray[np.int16]:
    return np.zeros(int(seconds * rate), np.int16)


def test_wide_band_speech_becomes_characters(engine: SpeechEngine) -> None:
    events = run(engine, speech("BAC009S0764W0139"), 16_000, 1600)
    assert count_errors(spoken("BAC009S0764W0139"), text(events)).total <= 2


def test_telephone_speech_becomes_characters(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0185"), 16_000)
    assert count_errors(spoken("BAC009S0764W0185"), text(run(engine, narrow))).total <= 2


@pytest.mark.parametrize("packet", [160, 480, 803, 8000, 1_000_000])
def test_the_result_does_not_depend_on_the_packets(engine: SpeechEngine, packet: int) -> None:
    narrow = telephone_band(speech("BAC009S0764W0121"), 16_000)
    expected = finals(run(engine, narrow))
    assert expected
    assert finals(run(engine, narrow, packet=packet)) == expected


def test_times_rise_and_stay_inside_the_call(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0295"), 16_000)
    events = run(engine, narrow, start_ms=60_000)
    end = 60_000 + len(narrow) * 1000 // TELEPHONE + 20
    for utterance in finals(events):
        edges = [edge for word in utterance.words for edge in (word.start_ms, word.end_ms)]
        assert edges == sorted(edges)
        assert 60_000 <= utterance.start_ms == edges[0]
        assert edges[-1] == utterance.end_ms <= end
        assert utterance.text == "".join(word.text for word in utterance.words)
        assert all(0.0 <= word.confidence <= 1.0 for word in utterance.words)
        assert len(utterance.pinyin) == len(utterance.text)


def test_speech_spans_alternate_and_hold_the_utterance(engine: SpeechEngine) -> None:
    narrow = np.concatenate((silence(1), telephone_band(speech("BAC009S0764W0139"), 16_000), silence(2)))
    events = run(engine, narrow)
    spans = [event for event in events if isinstance(event, SpeechStarted | SpeechEnded)]
    assert [type(span) for span in spans] == [SpeechStarted, SpeechEnded] * (len(spans) // 2)
    times = [span.at_ms for span in spans]
    assert times == sorted(times)
    assert times[0] >= 1000
    assert times[-1] <= len(narrow) * 1000 // TELEPHONE
    (utterance,) = finals(events)
    assert abs(utterance.start_ms - times[0]) < 300


def test_partials_grow_into_the_final_under_one_number(engine: SpeechEngine) -> None:
    pause = silence(1.5)
    one, other = (telephone_band(speech(f"BAC009S0764W0{name}"), 16_000) for name in ("139", "185"))
    events = [e for e in run(engine, np.concatenate((one, pause, other, pause))) if isinstance(e, Utterance)]
    assert [event.number for event in events] == sorted(event.number for event in events)
    whole = finals(events)
    assert [utterance.number for utterance in whole] == list(range(len(whole)))
    for utterance in whole:
        partials = [event for event in events if event.number == utterance.number and not event.final]
        lengths = [len(partial.text) for partial in partials]
        assert partials
        assert lengths == sorted(lengths)
        assert lengths[-1] <= len(utterance.text) + 1


def test_a_pause_as_long_as_the_endpoint_ends_the_utterance(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0139"), 16_000)
    events = run(engine, np.concatenate((narrow, silence(1.5), narrow, silence(1.5))))
    first, second = finals(events)
    assert first.text == second.text
    assert second.start_ms - first.start_ms == pytest.approx(len(narrow) / 8 + 1500, abs=100)


def test_the_final_comes_within_a_second_of_the_endpoint(engine: SpeechEngine) -> None:
    narrow = np.concatenate((telephone_band(speech("BAC009S0764W0139"), 16_000), silence(3)))
    leg = engine.open("customer")
    for start in range(0, len(narrow), 640):
        leg.feed(narrow[start : start + 640], TELEPHONE, start // 8)
        engine.step()
        events = leg.take()
        ended = [event.at_ms for event in events if isinstance(event, SpeechEnded)]
        if ended:
            last_speech = ended[-1]
        if finals(events):
            assert (start + 640) // 8 - last_speech <= engine.endpoint_ms + 80
            break
    else:
        pytest.fail("no utterance became final while the line was silent")
    leg.close()


def test_two_legs_do_not_disturb_each_other(engine: SpeechEngine) -> None:
    one, other = (telephone_band(speech(f"BAC009S0764W0{name}"), 16_000) for name in ("139", "185"))
    alone = text(run(engine, one)), text(run(engine, other))
    legs = engine.open("customer"), engine.open("agent")
    for start in range(0, max(len(one), len(other)), 640):
        for leg, samples in zip(legs, (one, other), strict=True):
            if start < len(samples):
                leg.feed(samples[start : start + 640], TELEPHONE, start // 8)
        engine.step()
    heard = []
    for leg in legs:
        leg.finish()
        heard.append(text(leg.take()))
        leg.close()
    assert tuple(heard) == alone


def hiss(decibels: float, seconds: float = 20) -> NDArray[np.int16]:
    generator = np.random.default_rng(3)
    return np.clip(
        generator.normal(0, 32768 * 10 ** (decibels / 20), int(seconds * TELEPHONE)), -32768, 32767
    ).astype(np.int16)


def seconds_of(seconds: float = 20) -> NDArray[np.float64]:
    return np.arange(int(seconds * TELEPHONE)) / TELEPHONE


def music() -> NDArray[np.int16]:
    """Chords that change every half second, as hold music does."""
    time = seconds_of()
    chord = np.floor(time * 2).astype(int) % 4
    base = np.array([262.0, 220.0, 349.0, 392.0])[chord]
    wave = sum(np.sin(2 * np.pi * base * ratio * time) for ratio in (1, 1.25, 1.5))
    return (wave * np.exp(-(time % 0.5) * 4) * 4000).astype(np.int16)


def melody() -> NDArray[np.int16]:
    """Four plucked notes a second with overtones, over two octaves."""
    time = seconds_of()
    steps = np.random.default_rng(1).integers(0, 24, 20 * 4)
    phase = np.cumsum(2 * np.pi * np.repeat(220 * 2 ** (steps / 12), TELEPHONE // 4) / TELEPHONE)
    wave = sum(np.sin(overtone * phase) / overtone for overtone in range(1, 8))
    return (wave * np.exp(-(time % 0.25) * 8) * 5000).astype(np.int16)


def call_tone(period: float, on: float) -> NDArray[np.int16]:
    """The 450 Hz tone of Chinese exchanges: 1 s of 5 is ringing, 0.35 s of 0.7 is engaged."""
    time = seconds_of()
    return (8000 * np.sin(2 * np.pi * 450 * time) * (time % period < on)).astype(np.int16)


def bursts() -> NDArray[np.int16]:
    """Noise whose level jumps five times a second, as traffic and wind do."""
    generator = np.random.default_rng(5)
    level = np.repeat(generator.random(20 * 5) ** 2, TELEPHONE // 5)
    return (generator.normal(0, 1500, len(level)) * level).astype(np.int16)


@pytest.mark.parametrize(
    "line",
    [
        *(silence(20), hiss(-60), hiss(-40), hiss(-20), hiss(0), np.full(8000, 32767, np.int16)),
        *(music(), melody(), call_tone(5, 1), call_tone(0.7, 0.35), bursts()),
    ],
    ids=[
        *("silence", "quiet", "hiss", "loud", "clipped", "constant"),
        *("music", "melody", "ringing", "engaged", "bursts"),
    ],
)
def test_what_is_no_speech_gives_no_text(engine: SpeechEngine, line: NDArray[np.int16]) -> None:
    assert text(run(engine, line)) == ""


def test_clipped_speech_is_still_heard(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0139"), 16_000).astype(np.int32)
    clipped = np.clip(narrow * 12, -32768, 32767).astype(np.int16)
    assert count_errors("国家统计局的数据显示", text(run(engine, clipped))).total <= 6


def test_a_line_that_changes_its_rate_goes_on(engine: SpeechEngine) -> None:
    wide = speech("BAC009S0764W0139")
    narrow = telephone_band(wide, 16_000)
    leg = engine.open("customer")
    leg.feed(wide, 16_000, 0)
    leg.feed(narrow, TELEPHONE, len(wide) // 16)
    leg.feed(wide, 16_000, len(wide) // 8)
    leg.finish()
    assert len(finals(leg.take())) == 3
    leg.close()


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros(100, np.float32), 8000),
        (np.zeros((100, 2), np.int16), 8000),
        (np.zeros(100, np.int16), 44_100),
    ],
)
def test_audio_that_is_no_line_is_refused_with_the_right_form(
    engine: SpeechEngine, samples: Any, rate: int
) -> None:
    leg = engine.open("customer")
    with pytest.raises(ValueError, match="int16 at 8000 or 16000"):
        leg.feed(samples, rate, 0)
    leg.close()


def test_a_hole_in_the_audio_shifts_what_follows(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0139"), 16_000)
    leg = engine.open("customer")
    leg.feed(narrow, TELEPHONE, 0)
    leg.feed(narrow, TELEPHONE, 100_000)
    leg.finish()
    first, second = finals(leg.take())
    assert first.end_ms < 5000
    assert 100_000 <= second.start_ms < 102_000
    leg.close()


def test_audio_that_comes_twice_is_heard_once(engine: SpeechEngine) -> None:
    narrow = telephone_band(speech("BAC009S0764W0139"), 16_000)
    leg = engine.open("customer")
    for start in range(0, len(narrow), 800):
        leg.feed(narrow[start : start + 800], TELEPHONE, start // 8)
        leg.feed(narrow[start : start + 800], TELEPHONE, start // 8)
    leg.finish()
    assert text(leg.take()) == text(run(engine, narrow))
    leg.close()


def test_a_monologue_is_cut_into_utterances(engine: SpeechEngine) -> None:
    pieces = [telephone_band(speech(f"BAC009S0764W0{name}"), 16_000) for name in ("295", "203", "322", "239")]
    loud = [piece[np.abs(piece) > 0] for piece in (piece[3000:-4000] for piece in pieces)]
    utterances = finals(run(engine, np.concatenate(loud * 3)))
    assert len(utterances) >= 2
    assert all(utterance.end_ms - utterance.start_ms <= LONGEST_MS + 500 for utterance in utterances)


class _FailingModel:
    """Passes everything to the real recognizer, but fails on one chosen step."""

    def __init__(self, real: Any, fail_on: int) -> None:
        self._real = real
        self._left = fail_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def decode(self, streams: Sequence[ModelStream]) -> None:
        self._left -= 1
        if self._left == 0:
            raise RuntimeError("the stream is broken")
        self._real.decode(streams)


def test_a_stream_that_fails_is_restarted_alone(engine: SpeechEngine, capsys: Any) -> None:
    narrow = telephone_band(speech("BAC009S0764W0139"), 16_000)
    twice = np.concatenate((narrow, silence(1.5), narrow, silence(1)))
    expected = finals(run(engine, twice))
    broken = SpeechEngine(_FailingModel(engine._model, 6), engine._begin_reading, 500)
    found = finals(run(broken, twice))
    assert broken.restarts == 1
    assert found[-1].text == expected[-1].text
    assert expected[0].text.startswith(found[0].text[:2])
    log = capsys.readouterr().err
    assert "recognizer_stream_restarted" in log
    assert "国" not in log


def test_a_closed_leg_is_forgotten(engine: SpeechEngine) -> None:
    before = len(engine._legs)
    leg = engine.open("agent")
    leg.feed(telephone_band(speech("BAC009S0764W0139"), 16_000), TELEPHONE, 0)
    leg.close()
    leg.close()
    assert len(engine._legs) == before
    engine.step()
