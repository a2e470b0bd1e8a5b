"""The recognizer that comes with the appliance: the box works before anything was pulled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile
from numpy.typing import NDArray

from appliance.box.config import Config, Models, Speech
from appliance.engine.offline import messages_of
from appliance.models import ModelStore
from appliance.models_choice import BUNDLED_RECOGNIZER, choose_recognizer
from appliance.protocol.messages import CueMessage, ProfileMessage
from appliance.speech.errorrate import count_errors
from appliance.speech.loading import load_recognizer
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import StreamingModel
from appliance.speech.tonectc import ToneCtcModel
from appliance.speech.utterance import Utterance
from appliance.telephony.band import telephone_band
from tests.shared_data import shared_data

DEMO_CALL = Path(__file__).parents[2] / "tools" / "demo_call" / "demo_call.wav"
#: The most a model may weigh that everybody gets with the appliance.
LARGEST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def model() -> StreamingModel:
    return load_recognizer(ModelStore(), Speech(model=BUNDLED_RECOGNIZER), 1)[0]


def evaluated(name: str) -> NDArray[np.float32]:
    """An utterance by telephone, with silence behind it."""
    samples, rate = soundfile.read(shared_data(f"asr/eval/{name}.flac"), dtype="int16")
    narrow = telephone_band(samples, rate)
    return np.concatenate((narrow, np.zeros(8000, np.int16))).astype(np.float32) / 32768


def hear(model: StreamingModel, lines: list[NDArray[np.float32]], packet: int) -> list[list[str]]:
    streams = [model.open() for _ in lines]
    for start in range(0, max(map(len, lines)), packet):
        for stream, line in zip(streams, lines, strict=True):
            stream.accept(line[start : start + packet])
        while ready := [stream for stream in streams if stream.ready()]:
            model.decode(ready)
    for stream in streams:
        stream.finish()
    while ready := [stream for stream in streams if stream.ready()]:
        model.decode(ready)
    return [list(stream.hearing().tokens) for stream in streams]


def test_it_runs_where_no_recognizer_was_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelStore, "locate", _without_pulled(ModelStore.locate))
    choice = choose_recognizer(ModelStore(), "auto")
    assert choice.name == BUNDLED_RECOGNIZER
    assert choice.reason == "bundled"


def test_it_is_small_enough_to_come_with_every_box() -> None:
    entry = ModelStore().entry(BUNDLED_RECOGNIZER)
    assert sum(file.bytes for file in entry.file) <= LARGEST_BYTES
    assert entry.research_only


def test_it_understands_the_demonstration_call() -> None:
    config = Config(speech=Speech(model=BUNDLED_RECOGNIZER), models=Models())
    messages = list(messages_of([DEMO_CALL], config))
    cues = {message.code for message in messages if isinstance(message, CueMessage)}
    last = [message for message in messages if isinstance(message, ProfileMessage)][-1]
    assert {"objection.doubt", "objection.hesitation"} <= cues
    assert {need.tag for need in last.demand.needs} >= {"idle_money", "spouse", "principal_safety"}
    # the call ends at the border of the two
    assert last.relationship.stage in {"trusting", "ready"}


def test_what_it_hears_depends_on_neither_packets_nor_the_other_legs(model: StreamingModel) -> None:
    lines = [evaluated(f"BAC009S0764W0{number}") for number in (121, 139, 148)]
    together = hear(model, lines, 640)
    assert [hear(model, [line], 4001)[0] for line in lines] == together
    assert sum(map(len, together)) > 20


def test_sherpa_onnx_runs_it_in_a_batch_and_hears_the_same() -> None:
    installed = ModelStore().open(BUNDLED_RECOGNIZER)
    # sherpa-onnx takes the best path, which is what is done here with all but syllables
    network, tokens = installed.path("recognizer.int8.onnx"), installed.path("tokens.txt")
    model = ToneCtcModel("bundled", network, tokens, "characters", 1)
    recognizer = sherpa_onnx.OnlineRecognizer.from_t_one_ctc(
        tokens=str(tokens), model=str(network), num_threads=1
    )
    lines = [evaluated(f"BAC009S0764W0{number}") for number in (121, 130, 139, 148)]
    streams = [recognizer.create_stream() for _ in lines]
    for stream, line in zip(streams, lines, strict=True):
        stream.accept_waveform(8000, line)
        stream.accept_waveform(8000, np.zeros(4800, np.float32))
    while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
        recognizer.decode_streams(ready)
    theirs = [list(recognizer.recognizer.get_result(stream).tokens) for stream in streams]
    ours = hear(model, lines, 8000)
    # the two builds of ONNX Runtime round differently, which may turn a token that was a toss-up
    differing = sum(count_errors(one, other).total for one, other in zip(ours, theirs, strict=True))
    assert differing <= 0.05 * sum(map(len, ours))


@pytest.mark.parametrize("sound", ["silence", "noise", "ringing"])
def test_nothing_is_written_of_what_is_no_speech(sound: str) -> None:
    rng = np.random.default_rng(8001)
    time = np.arange(8000 * 20) / 8000
    samples = {
        "silence": np.zeros(len(time)),
        "noise": rng.standard_normal(len(time)) * 300,
        "ringing": np.sin(2 * np.pi * 425 * time) * 6000 * (time % 5 < 1),
    }[sound]
    engine = SpeechEngine.load(ModelStore(), Speech(model=BUNDLED_RECOGNIZER))
    leg = engine.open("customer")
    for start in range(0, len(samples), 640):
        leg.feed(samples[start : start + 640].astype(np.int16), 8000, start // 8)
        engine.step()
    leg.finish()
    assert [event for event in leg.take() if isinstance(event, Utterance)] == []


def _without_pulled(locate):  # type: ignore[no-untyped-def]
    def found(self: ModelStore, name: str) -> Path | None:
        return None if name != BUNDLED_RECOGNIZER else locate(self, name)

    return found
