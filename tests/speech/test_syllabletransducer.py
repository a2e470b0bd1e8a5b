"""The transducer that tells what else it may have heard, beside sherpa-onnx, which runs the same files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sherpa_onnx
import soundfile
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.models import ModelStore
from appliance.models_choice import PULLED_RECOGNIZER
from appliance.speech.filterbank import FilterBank
from appliance.speech.lexicon import CONFUSION_PERCENT, RIVAL_PERCENT, Lexicon
from appliance.speech.loading import load_recognizer
from appliance.speech.pinyin import Syllable, join_tokens
from appliance.speech.streamingmodel import Hearing, StreamingModel
from appliance.speech.syllabletransducer import BLANK_PENALTY, SyllableTransducer
from appliance.speech.transducer import TransducerModel
from tests.shared_data import shared_data

NAMES = ("BAC009S0764W0139", "BAC009S0764W0185", "BAC009S0724W0122")


def speech(name: str) -> NDArray[np.float32]:
    samples, _ = soundfile.read(shared_data(f"asr/eval/{name}.flac"), dtype="float32")
    return np.asarray(samples)


@pytest.fixture(scope="module")
def theirs() -> sherpa_onnx.OnlineRecognizer:
    model = ModelStore().open(PULLED_RECOGNIZER)
    files = {
        file.name.split("-")[0].removesuffix(".txt"): str(model.path(file.name)) for file in model.entry.file
    }
    return sherpa_onnx.OnlineRecognizer.from_transducer(**files, num_threads=1, blank_penalty=BLANK_PENALTY)


@pytest.fixture(scope="module")
def ours() -> StreamingModel:
    model, _ = load_recognizer(ModelStore(), Speech(model=PULLED_RECOGNIZER), 1)
    assert isinstance(model, SyllableTransducer)
    return model


def hear(model: StreamingModel, samples: NDArray[np.float32], packet: int = 1600) -> Hearing:
    stream = model.open()
    for start in range(0, len(samples), packet):
        stream.accept(samples[start : start + packet])
        while stream.ready():
            model.decode([stream])
    stream.finish()
    while stream.ready():
        model.decode([stream])
    return stream.hearing()


def test_the_filter_bank_is_the_one_that_the_networks_were_trained_with(
    theirs: sherpa_onnx.OnlineRecognizer,
) -> None:
    samples = speech(NAMES[0])
    stream = theirs.create_stream()
    stream.accept_waveform(16_000, samples)
    bank = FilterBank()
    frames = np.concatenate(
        [bank.accept(samples[start : start + 333]) for start in range(0, len(samples), 333)]
    )
    expected = np.array(stream.get_frames(0, 150)).reshape(150, -1)
    assert np.abs(frames[:150] - expected).max() < 2e-3


@pytest.mark.parametrize("name", NAMES)
def test_it_hears_what_sherpa_onnx_hears(
    ours: StreamingModel, theirs: sherpa_onnx.OnlineRecognizer, name: str
) -> None:
    samples = speech(name)
    stream = theirs.create_stream()
    stream.accept_waveform(16_000, np.concatenate((samples, np.zeros(6400, np.float32))))
    while theirs.is_ready(stream):
        theirs.decode_stream(stream)
    expected = theirs.recognizer.get_result(stream)
    heard = hear(ours, samples)
    count = len(expected.tokens)
    assert count > 10
    # The last chunk is decoded by one of them alone where a packet ends with it.
    assert heard.tokens[:count] == expected.tokens
    assert len(heard.tokens) - count <= 2
    assert heard.times[:count] == pytest.approx(expected.timestamps)
    sure = [math.exp(one) for one in heard.log_probabilities[:count]]
    assert sure == pytest.approx([math.exp(one) for one in expected.ys_probs], abs=0.1)


def test_packets_do_not_change_what_is_heard(ours: StreamingModel) -> None:
    samples = speech(NAMES[0])
    assert hear(ours, samples, 333).tokens == hear(ours, samples, 100_000).tokens


def test_each_token_is_the_likeliest_of_its_rivals(ours: StreamingModel) -> None:
    heard = hear(ours, speech(NAMES[0]))
    assert len(heard.alternatives) == len(heard.tokens)
    for token, rivals in zip(heard.tokens, heard.alternatives, strict=True):
        assert max(rivals, key=rivals.__getitem__) == token
        assert "<blk>" not in rivals
        assert sum(math.exp(one) for one in rivals.values()) <= 1 + 1e-6


def test_the_beam_is_left_to_sherpa_onnx() -> None:
    model, _ = load_recognizer(ModelStore(), Speech(model=PULLED_RECOGNIZER, search="beam"), 1)
    assert isinstance(model, TransducerModel)
    assert not hear(model, speech(NAMES[0])).alternatives


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load(ModelStore())


def costs(lexicon: Lexicon, syllable: Syllable) -> dict[str, int]:
    return {lexicon._syllables[number]: cost for number, cost in lexicon.candidates(syllable)}


def syllable(initials: dict[str, float] | None, finals: dict[str, float], text: str) -> Syllable:
    return Syllable(text, 0, 100, 0.9, 0.9, initials, finals)


def test_a_rival_that_was_nearly_as_likely_costs_little_more(lexicon: Lexicon) -> None:
    alone = costs(lexicon, Syllable("shi4", 0, 100, 0.9, 0.9))
    told = costs(lexicon, syllable({"sh": -0.6, "d": -0.8}, {"ì": -0.1}, "shi4"))
    assert told["shi4"] == min(told.values())
    assert "di4" not in alone or alone["di4"] - alone["shi4"] > told["di4"] - told["shi4"]


def test_costs_are_confusions_and_rivals_by_their_weights(lexicon: Lexicon) -> None:
    counted = costs(lexicon, Syllable("shi4", 0, 100, 0.9, 0.9))
    told = costs(lexicon, syllable({"sh": -0.5}, {"ì": -0.25}, "shi4"))
    expected = counted["shi4"] * CONFUSION_PERCENT / 100 + 750 * RIVAL_PERCENT / 100
    assert told["shi4"] == pytest.approx(expected, abs=2)


def test_rivals_reach_the_syllables_that_they_belong_to() -> None:
    tokens = ["sh", "ì", "án", "q"]
    alternatives = [{token: -0.1} for token in tokens]
    first, second = join_tokens(tokens, [0.1, 0.2, 0.4, 0.6], [-0.1] * 4, alternatives)
    assert (first.initial_rivals, first.final_rivals) == ({"sh": -0.1}, {"ì": -0.1})
    assert (second.initial_rivals, second.final_rivals) == (None, {"án": -0.1})
