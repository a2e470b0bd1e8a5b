"""CTC networks with the T-one interface: what they hear, in batches, and which files are refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sherpa_onnx
from numpy.typing import NDArray
from onnx import TensorProto

from appliance.box.config import Speech
from appliance.models import ModelError
from appliance.models_choice import BUNDLED_RECOGNIZER
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import Hearing, ModelStream
from appliance.speech.tonectc import ToneCtcModel
from appliance.speech.utterance import SpeechEvent, Utterance
from tests.speech.toy_networks import STEP, SYLLABLE_TOKENS, installed, say, tokens_text, tone, tone_ctc

CHINA = (1, 2, 3, 4)
BANK = (5, 6, 7, 8)


@pytest.fixture
def model(tmp_path: Path) -> ToneCtcModel:
    return opened(tmp_path, tone_ctc())


def opened(place: Path, network: bytes, tokens: str = tokens_text(SYLLABLE_TOKENS)) -> ToneCtcModel:
    (place / "toy.onnx").write_bytes(network)
    (place / "tokens.txt").write_text(tokens, encoding="utf-8")
    return ToneCtcModel("toy", place / "toy.onnx", place / "tokens.txt", "pinyin", 1)


def floats(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / 32768


def heard(model: ToneCtcModel, *lines: NDArray[np.int16], packet: int = 640) -> list[Hearing]:
    """Decode all lines side by side, in one batch where several are ready."""
    streams = [model.open() for _ in lines]
    for start in range(0, max(map(len, lines)), packet):
        for stream, line in zip(streams, lines, strict=True):
            stream.accept(floats(line[start : start + packet]))
        while ready := [stream for stream in streams if stream.ready()]:
            model.decode(ready)
    for stream in streams:
        stream.finish()
    while ready := [stream for stream in streams if stream.ready()]:
        model.decode(ready)
    return [stream.hearing() for stream in streams]


def test_tokens_come_with_their_times_and_probabilities(model: ToneCtcModel) -> None:
    (hearing,) = heard(model, say(*CHINA, before=400))
    assert hearing.tokens == ["zh", "ōng", "g", "uó"]
    assert hearing.times == pytest.approx([0.40, 0.46, 0.52, 0.58])
    assert all(-0.01 < value <= 0 for value in hearing.log_probabilities)


def test_a_sound_between_two_tokens_is_less_probable(model: ToneCtcModel) -> None:
    between = np.rint(tone(3, 60).astype(float) * 3.45 / 3).astype(np.int16)
    (hearing,) = heard(model, np.concatenate((between, tone(0, 600))))
    assert hearing.tokens == ["g"]
    squares = [(0.45 * STEP) ** 2, (0.55 * STEP) ** 2]
    expected = 1 / (1 + math.exp(-1e-5 * (squares[1] - squares[0])))
    assert math.exp(hearing.log_probabilities[0]) == pytest.approx(expected, abs=0.02)


def test_a_token_said_twice_needs_silence_between(model: ToneCtcModel) -> None:
    one, two = heard(model, say(8, 8), say(8, 0, 8))
    assert one.tokens == ["áng"]
    assert two.tokens == ["áng", "áng"]


def test_a_token_that_goes_on_into_the_next_chunk_is_one(model: ToneCtcModel) -> None:
    (hearing,) = heard(model, np.concatenate((tone(0, 260), tone(8, 100), tone(0, 600))))
    assert hearing.tokens == ["áng"]
    assert hearing.times == pytest.approx([0.26])


@pytest.mark.parametrize("packet", [80, 640, 2400, 100_000])
def test_what_is_heard_does_not_depend_on_the_packets(model: ToneCtcModel, packet: int) -> None:
    line = say(*CHINA, 0, *BANK)
    assert heard(model, line, packet=packet) == heard(model, line, packet=333)


def test_a_batch_hears_what_each_stream_hears_alone(model: ToneCtcModel) -> None:
    lines = [say(*tokens, before=40 * place) for place, tokens in enumerate((CHINA, BANK, (1,), CHINA * 3))]
    alone = [heard(model, line)[0] for line in lines]
    together = heard(model, *lines)
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert [one.times for one in together] == [one.times for one in alone]


def test_the_last_words_come_out_when_the_audio_ends_with_them(model: ToneCtcModel) -> None:
    (hearing,) = heard(model, say(*CHINA, behind=0))
    assert hearing.tokens == ["zh", "ōng", "g", "uó"]


def test_a_network_that_lags_tells_when_a_token_was_said(tmp_path: Path) -> None:
    lagging = opened(tmp_path, tone_ctc(metadata=META | {"lag_ms": "240"}))
    (hearing,) = heard(lagging, say(*CHINA, before=400))
    assert hearing.tokens == ["zh", "ōng", "g", "uó"]
    assert hearing.times == pytest.approx([0.16, 0.22, 0.28, 0.34])
    assert heard(lagging, say(*CHINA, before=0))[0].times == [0.0, 0.0, 0.0, 0.0]


def test_samples_beyond_full_scale_are_clipped(model: ToneCtcModel) -> None:
    stream = model.open()
    stream.accept(np.array([2.0, -2.0, 1.0, -1.0, 0.5], np.float32))
    assert stream._waiting.tolist() == [32767, -32767, 32767, -32767, 16383]


def test_sherpa_onnx_runs_the_same_file_in_batches_and_hears_the_same(
    model: ToneCtcModel, tmp_path: Path
) -> None:
    recognizer = sherpa_onnx.OnlineRecognizer.from_t_one_ctc(
        tokens=str(tmp_path / "tokens.txt"), model=str(tmp_path / "toy.onnx"), num_threads=1
    )
    lines = [say(*CHINA, *BANK[: place % 4], before=100 + 20 * place, behind=1200) for place in range(16)]
    streams = [recognizer.create_stream() for _ in lines]
    for stream, line in zip(streams, lines, strict=True):
        stream.accept_waveform(8000, floats(line))
    while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
        recognizer.decode_streams(ready)
    theirs = [list(recognizer.recognizer.get_result(stream).tokens) for stream in streams]
    assert theirs == [one.tokens for one in heard(model, *lines)]


def test_a_failed_inference_leaves_every_stream_where_it_was(
    model: ToneCtcModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [model.open(), model.open()]
    for stream in streams:
        stream.accept(floats(say(*CHINA)))
    real = model._run

    def fail(*_: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(model, "_run", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        model.decode(streams)
    monkeypatch.setattr(model, "_run", real)
    for stream in streams:
        while stream.ready():
            model.decode([stream])
        assert stream.hearing().tokens == ["zh", "ōng", "g", "uó"]


META = {"frame_length_ms": "300", "state_dim": "4", "sample_rate": "8000"}


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        (b"", "cannot be opened"),
        (b"<html>not found</html>", "cannot be opened"),
        (tone_ctc()[:-200], "toy.onnx"),
        (tone_ctc(metadata={}), "its metadata has no number sample_rate"),
        (tone_ctc(metadata=META | {"state_dim": "4.0"}), "no number state_dim"),
        (tone_ctc(metadata=META | {"frame_length_ms": "0"}), "out of range"),
        (tone_ctc(metadata=META | {"sample_rate": "44100"}), "sample_rate 44100"),
        (tone_ctc(metadata=META | {"lag_ms": "2000"}), "lag_ms 2000"),
        (tone_ctc(metadata=META | {"frame_length_ms": "320"}), r"x is tensor\(int32\).*not.*2560"),
        (tone_ctc(metadata=META | {"state_dim": "5"}), r"state is .*not tensor\(float16\) of \(\*, 5\)"),
        (tone_ctc(audio_type=TensorProto.FLOAT), r"x is tensor\(float\).*not tensor\(int32\)"),
        (tone_ctc(state_type=TensorProto.FLOAT), r"state is tensor\(float\).*not tensor\(float16\)"),
        (tone_ctc(vocabulary=5), "scores 5 tokens, but the tokens' file names 9"),
        (tone_ctc(scores="squared"), "no log-probabilities"),
    ],
    ids=[
        *(
            "empty",
            "page",
            "truncated",
            "no metadata",
            "no number",
            "no chunk",
            "rate",
            "lag",
            "chunk",
            "state",
        ),
        *("float audio", "float state", "vocabulary", "scores"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused_by_name(
    tmp_path: Path, network: bytes, fault: str
) -> None:
    with pytest.raises(ModelError, match=f"model toy: .*{fault}"):
        opened(tmp_path, network)


@pytest.mark.parametrize(
    "tokens",
    [
        "",
        tokens_text(SYLLABLE_TOKENS[1:]),
        tokens_text((*SYLLABLE_TOKENS, "<blank>")),
        "<blk> 0\nzh\n",
        "<blk> 0\nzh 0\n",
        "<blk> 0\nzh 2\n",
    ],
    ids=["empty", "no blank", "two blanks", "no number", "twice", "gap"],
)
def test_tokens_that_do_not_number_symbols_are_refused(tmp_path: Path, tokens: str) -> None:
    with pytest.raises(ModelError, match=r"model toy: tokens.txt.*install"):
        opened(tmp_path, tone_ctc(), tokens)


def test_a_network_of_one_stream_at_a_time_is_never_given_two(tmp_path: Path) -> None:
    model = opened(tmp_path, tone_ctc(batch=1))
    assert model.largest_batch == 1
    assert heard(model, say(*CHINA))[0].tokens == ["zh", "ōng", "g", "uó"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SpeechEngine:
    """The engine of a box on which nothing was pulled."""
    files = {"recognizer.int8.onnx": tone_ctc(), "tokens.txt": tokens_text(SYLLABLE_TOKENS).encode()}
    store = installed(tmp_path_factory.mktemp("store"), BUNDLED_RECOGNIZER, files)
    return SpeechEngine.load(store, Speech())


def run(
    engine: SpeechEngine, lines: Sequence[NDArray[np.int16]], rate: int = 8000
) -> list[list[SpeechEvent]]:
    """The events of legs that hear these lines at the same time."""
    legs = [engine.open("customer") for _ in lines]
    packet = rate * 80 // 1000
    for start in range(0, max(map(len, lines)), packet):
        for leg, line in zip(legs, lines, strict=True):
            if len(part := line[start : start + packet]):
                leg.feed(part, rate, start * 1000 // rate)
        engine.step()
    for leg in legs:
        leg.finish()
    events = [leg.take() for leg in legs]
    for leg in legs:
        leg.close()
    return events


def texts(events: Sequence[SpeechEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Utterance) and event.final]


def test_the_bundled_network_turns_a_call_into_words(engine: SpeechEngine) -> None:
    (events,) = run(engine, [np.concatenate((say(*CHINA), say(*BANK)))])
    assert texts(events) == ["中国", "银行"]
    first = next(event for event in events if isinstance(event, Utterance) and event.final)
    assert 300 <= first.start_ms <= 400
    assert first.confidence > 0.9


def test_a_wide_band_leg_is_resampled_to_the_network_s_rate(engine: SpeechEngine) -> None:
    (events,) = run(engine, [say(*CHINA, rate=16_000)], rate=16_000)
    assert texts(events) == ["中国"]


class _Watched:
    """A model that notes the size of each batch, and fails wherever a stream has heard `poison`."""

    def __init__(self, real: ToneCtcModel, poison: str | None = None) -> None:
        self._real = real
        self._poison = poison
        self.rate, self.units, self.largest_batch = real.rate, real.units, real.largest_batch
        self.batches: list[int] = []

    def open(self) -> ModelStream:
        return self._real.open()

    def decode(self, streams: Sequence[ModelStream]) -> None:
        self.batches.append(len(streams))
        if any(self._poison in stream.hearing().tokens for stream in streams):
            raise RuntimeError("the stream is broken")
        self._real.decode(streams)


def watched(engine: SpeechEngine, poison: str | None = None) -> tuple[SpeechEngine, _Watched]:
    real = engine._model
    assert isinstance(real, ToneCtcModel)
    model = _Watched(real, poison)
    return SpeechEngine(model, engine._begin_reading, engine.endpoint_ms), model


def test_legs_that_are_ready_together_are_decoded_together(engine: SpeechEngine) -> None:
    ours, model = watched(engine)
    events = run(ours, [say(*CHINA), say(*BANK), say(*CHINA, *BANK)])
    assert [texts(one) for one in events] == [["中国"], ["银行"], ["中国银行"]]
    assert max(model.batches) == 3


def test_more_legs_than_a_batch_holds_are_all_served(engine: SpeechEngine) -> None:
    ours, model = watched(engine)
    model.largest_batch = 2
    assert [texts(one) for one in run(ours, [say(*CHINA)] * 5)] == [["中国"]] * 5
    assert max(model.batches) == 2


def test_the_stream_that_breaks_a_batch_is_restarted_alone(
    engine: SpeechEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, _ = watched(engine, poison="uó")
    events = run(ours, [say(*BANK), np.concatenate((say(*CHINA, *BANK, *BANK), say(*BANK))), say(*BANK)])
    assert [texts(events[0]), texts(events[2])] == [["银行"], ["银行"]]
    assert texts(events[1])[0].startswith("中国")
    assert texts(events[1])[-1] == "银行"
    assert ours.restarts == 1
    assert "recognizer_stream_restarted" in capsys.readouterr().err


def test_the_engine_knows_which_recognizer_it_has_and_why(engine: SpeechEngine) -> None:
    assert engine.choice is not None
    assert (engine.choice.name, engine.choice.reason) == (BUNDLED_RECOGNIZER, "bundled")


@pytest.mark.parametrize("networks", [(), ("one.onnx", "two.onnx")])
def test_a_manifest_without_exactly_one_network_is_refused(tmp_path: Path, networks: tuple[str, ...]) -> None:
    files = {name: tone_ctc() for name in networks} | {"tokens.txt": tokens_text(SYLLABLE_TOKENS).encode()}
    store = installed(tmp_path, BUNDLED_RECOGNIZER, files)
    with pytest.raises(ModelError, match=f"lists {len(networks)} networks, a CTC model has one"):
        SpeechEngine.load(store, Speech())
