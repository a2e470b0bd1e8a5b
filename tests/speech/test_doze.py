"""Sound that is no speech lets the recognizer sleep, and what is said behind or within it is still heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.models_choice import BUNDLED_RECOGNIZER
from appliance.speech.doze import PATIENCE_MS, SLEEP_MS, STEADY_PATIENCE_MS, Doze
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import ModelStream, StreamingModel
from appliance.speech.utterance import SpeechEnded, SpeechEvent, SpeechStarted, Utterance
from tests.speech.toy_networks import (
    CHUNK_MS,
    STEP,
    SYLLABLE_TOKENS,
    installed,
    tokens_text,
    tone,
    tone_ctc,
)

CHINA = (1, 2, 3, 4)
BANK = (5, 6, 7, 8)


class _Counted:
    """A model that counts the seconds of audio that it decodes."""

    def __init__(self, real: StreamingModel) -> None:
        self._real = real
        self.rate, self.units, self.symbols = real.rate, real.units, real.symbols
        self.largest_batch, self.confusions = real.largest_batch, real.confusions
        self.seconds = 0.0

    def open(self) -> ModelStream:
        return self._real.open()

    def decode(self, streams: Sequence[ModelStream]) -> None:
        self.seconds += len(streams) * CHUNK_MS / 1000
        self._real.decode(streams)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> SpeechEngine:
    files = {"recognizer.onnx": tone_ctc(), "tokens.txt": tokens_text(SYLLABLE_TOKENS).encode()}
    return SpeechEngine.load(installed(tmp_path_factory.mktemp("store"), BUNDLED_RECOGNIZER, files), Speech())


@pytest.fixture
def model(loaded: SpeechEngine) -> _Counted:
    return _Counted(loaded._model)


@pytest.fixture
def engine(loaded: SpeechEngine, model: _Counted) -> SpeechEngine:
    return SpeechEngine(model, loaded._begin_reading, 500)


def hiss(token: float, milliseconds: int) -> NDArray[np.int16]:
    """A token of the toy network as sound whose spectrum never stays, as a voice's does not."""
    signs = np.random.default_rng(1).choice((-1, 1), milliseconds * 8)
    return (token * STEP * signs).astype(np.int16)


def say(*tokens: int, before: int = 400, behind: int = 800) -> NDArray[np.int16]:
    """Tokens of 60 ms each, with silence around them."""
    return np.concatenate((tone(0, before), *(hiss(token, 60) for token in tokens), tone(0, behind)))


def music(seconds: float) -> NDArray[np.int16]:
    """Notes that are loud enough for voice activity and of which the network makes nothing."""
    note = np.concatenate(((tone(1, 300) * 0.4).astype(np.int16), tone(0, 100)))
    return np.tile(note, int(seconds * 1000 / 400))


def rustle(seconds: float) -> NDArray[np.int16]:
    """The same with noise in place of the notes."""
    return np.tile(np.concatenate((hiss(0.4, 300), tone(0, 100))), int(seconds * 1000 / 400))


Sound = Callable[[float], NDArray[np.int16]]
each_sound = pytest.mark.parametrize("sound", [music, rustle])


def run(engine: SpeechEngine, *pieces: NDArray[np.int16]) -> list[SpeechEvent]:
    samples = np.concatenate(pieces)
    leg = engine.open("customer")
    events: list[SpeechEvent] = []
    for start in range(0, len(samples), 640):
        leg.feed(samples[start : start + 640], 8000, start // 8)
        engine.step()
        events += leg.take()
    leg.finish()
    events += leg.take()
    leg.close()
    return events


def finals(events: Sequence[SpeechEvent]) -> list[Utterance]:
    return [event for event in events if isinstance(event, Utterance) and event.final]


def test_noise_costs_less_than_its_time(engine: SpeechEngine, model: _Counted) -> None:
    assert finals(run(engine, rustle(60))) == []
    assert PATIENCE_MS / 1000 < model.seconds < 60 * 0.75


def test_music_costs_a_fraction_of_its_time(engine: SpeechEngine, model: _Counted) -> None:
    assert finals(run(engine, music(60))) == []
    assert STEADY_PATIENCE_MS / 1000 < model.seconds < 60 * 0.25


def test_music_with_pauses_costs_a_fraction_of_its_time(engine: SpeechEngine, model: _Counted) -> None:
    bars = [piece for _ in range(20) for piece in (music(2.4), tone(0, 600))]
    assert finals(run(engine, *bars)) == []
    assert model.seconds < 60 * 0.3


@each_sound
def test_speech_within_sound_that_is_slept_through_is_heard_whole(engine: SpeechEngine, sound: Sound) -> None:
    before = sound(20)
    for shift in range(0, SLEEP_MS, 700):
        pieces = (before, sound(shift / 1000), say(*CHINA, *BANK, before=0, behind=0), sound(8))
        (utterance,) = finals(run(engine, *pieces))
        assert utterance.text == "中国银行"
        began = (len(pieces[0]) + len(pieces[1])) // 8
        assert utterance.start_ms == pytest.approx(began, abs=60)


@each_sound
def test_speech_behind_a_short_pause_is_heard_from_its_onset(engine: SpeechEngine, sound: Sound) -> None:
    for pause in (40, 200, 700):
        (utterance,) = finals(run(engine, sound(15), tone(0, pause), say(*CHINA, before=0)))
        assert utterance.text == "中国"


@each_sound
def test_speech_at_the_very_end_of_what_is_slept_through_is_heard(engine: SpeechEngine, sound: Sound) -> None:
    (utterance,) = finals(run(engine, sound(12), say(*CHINA, before=0, behind=0)))
    assert utterance.text == "中国"


@each_sound
def test_behind_a_pause_speech_is_told_of_without_delay(engine: SpeechEngine, sound: Sound) -> None:
    line = np.concatenate((sound(15), say(*CHINA, before=800, behind=800)))
    leg = engine.open("customer")
    for start in range(0, len(line), 640):
        leg.feed(line[start : start + 640], 8000, start // 8)
        engine.step()
        if finals(leg.take()):
            break
    leg.close()
    assert (start + 640) // 8 <= len(line) // 8 - 800 + 500 + 100


def test_speech_over_music_is_shown_before_a_sleep_would_have_ended(engine: SpeechEngine) -> None:
    line = np.concatenate((music(20), say(*(CHINA * 10), before=0, behind=0), music(8)))
    leg = engine.open("customer")
    for start in range(0, len(line), 640):
        leg.feed(line[start : start + 640], 8000, start // 8)
        engine.step()
        if any(isinstance(event, Utterance) for event in leg.take()):
            break
    leg.close()
    assert start // 8 - 20_000 < 1_500


@each_sound
def test_talk_that_was_no_speech_ends_where_the_leg_falls_asleep(engine: SpeechEngine, sound: Sound) -> None:
    events = run(engine, sound(30))
    spans = [event for event in events if isinstance(event, SpeechStarted | SpeechEnded)]
    assert [type(span) for span in spans] == [SpeechStarted, SpeechEnded]
    assert spans[1].at_ms - spans[0].at_ms < PATIENCE_MS + 1000


def test_long_speech_is_never_slept_through(engine: SpeechEngine, model: _Counted) -> None:
    line = say(*(CHINA * 30), before=200)
    assert "".join(utterance.text for utterance in finals(run(engine, line))).startswith("中国中国")
    assert model.seconds >= len(line) / 8000 - 1


def test_a_hole_in_the_audio_forgets_what_was_kept(engine: SpeechEngine) -> None:
    leg = engine.open("customer")
    line = rustle(12)
    for start in range(0, len(line), 640):
        leg.feed(line[start : start + 640], 8000, start // 8)
        engine.step()
    leg.feed(say(*CHINA), 8000, 100_000)
    leg.finish()
    (utterance,) = finals(leg.take())
    assert utterance.text == "中国"
    assert utterance.start_ms >= 100_000
    leg.close()


def test_what_is_kept_is_bounded() -> None:
    doze = Doze()
    for place in range(10_000):
        doze.keep(np.full(160, place % 100, np.int16))
    assert len(doze.everything()) * 20 == SLEEP_MS + 1600
    assert doze.everything() == []
