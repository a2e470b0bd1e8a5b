"""Transducers that write characters: what they hear, the site's names, and files that are refused."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.box.config import SiteWord, Speech
from appliance.language.reader import LanguageReader
from appliance.models import ModelError, ModelStore
from appliance.speech.characters import CharacterReading
from appliance.speech.pinyin import LONGEST_TAIL_MS
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.spelling import Spelling
from appliance.speech.streamingmodel import Hearing
from appliance.speech.utterance import SpeechEvent, Utterance
from tests.speech.toy_networks import LSTM_METADATA, installed, pitch, tokens_text, toy_transducer

TOKENS = ("<blk>", "恒", "悦", "盈", "月", "三", "号", "A", "▁fund", "s", "<unk>")
NAME = "toy-characters"


def store(place: Path, networks: Mapping[str, bytes], tokens: Sequence[str] = TOKENS) -> ModelStore:
    files = {**networks, "tokens.txt": tokens_text(tokens).encode()}
    return installed(place, NAME, files, network="transducer", units="characters")


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """悦 sounds as 月, and 月 is what is written unless something speaks for 悦."""
    return store(tmp_path_factory.mktemp("toys"), toy_transducer(len(TOKENS), alike=(2, 4)))


def load(toys: ModelStore, *words: str) -> SpeechEngine:
    return SpeechEngine.load(toys, Speech(model=NAME, words=tuple(SiteWord(word=word) for word in words)))


def say(*tokens: int, rate: int = 16_000) -> NDArray[np.int16]:
    """Tokens of 160 ms each with silence around them."""
    pieces = [pitch(token, len(TOKENS), 160, rate) for token in tokens]
    silence = pitch(0, len(TOKENS), 800, rate)
    return np.concatenate((silence, *pieces, silence))


def run(engine: SpeechEngine, line: NDArray[np.int16], rate: int = 16_000) -> list[SpeechEvent]:
    leg = engine.open("customer")
    for start in range(0, len(line), rate // 10):
        leg.feed(line[start : start + rate // 10], rate, start * 1000 // rate)
        engine.step()
    leg.finish()
    events = leg.take()
    leg.close()
    return events


def final(events: Sequence[SpeechEvent]) -> Utterance:
    (utterance,) = [event for event in events if isinstance(event, Utterance) and event.final]
    return utterance


def test_characters_become_an_utterance_with_times_and_pinyin(toys: ModelStore) -> None:
    utterance = final(run(load(toys), say(1, 5, 6)))
    assert utterance.text == "恒三号"
    assert utterance.pinyin == ("heng2", "san1", "hao4")
    assert [word.text for word in utterance.words] == ["恒", "三", "号"]
    starts = [word.start_ms for word in utterance.words]
    assert starts == pytest.approx([800, 960, 1120], abs=120)
    assert all(word.start_ms <= word.end_ms for word in utterance.words)
    assert 0.5 < utterance.confidence <= 1.0


def test_a_growing_utterance_is_told_of(toys: ModelStore) -> None:
    events = run(load(toys), say(1, 5, 6, 5, 6, 5, 6))
    texts = [event.text for event in events if isinstance(event, Utterance)]
    assert len(texts) > 2
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))


def test_latin_pieces_are_joined_to_words(toys: ModelStore) -> None:
    utterance = final(run(load(toys), say(1, 8, 9)))
    assert utterance.text == "恒funds"
    assert utterance.pinyin == ("heng2", "F", "U", "N", "D", "S")


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_without_names_the_likeliest_character_is_written(toys: ModelStore, search: str) -> None:
    engine = SpeechEngine.load(toys, Speech.model_validate({"model": NAME, "search": search}))
    assert final(run(engine, say(1, 4, 3))).text == "恒月盈"


def test_a_name_of_the_site_is_heard_where_it_is_nearly_as_likely(toys: ModelStore) -> None:
    engine = load(toys, "恒悦盈")
    utterance = final(run(engine, say(1, 4, 3)))
    assert utterance.text == "恒悦盈"
    assert [word.text for word in utterance.words] == ["恒悦盈"]
    assert utterance.pinyin == ("heng2", "yue4", "ying2")
    assert final(run(engine, say(5, 4, 6))).text == "三月号"


def test_a_name_is_written_as_the_site_writes_it(toys: ModelStore) -> None:
    utterance = final(run(load(toys, "恒悦3号"), say(1, 4, 5, 6)))
    assert utterance.text == "恒悦3号"
    assert utterance.pinyin == ("heng2", "yue4", "san1", "hao4")


def test_names_that_the_recognizer_cannot_write_are_noted_by_place(
    toys: ModelStore, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = load(toys, "恒悦盈", "睿远宝")
    assert final(run(engine, say(1, 4, 3))).text == "恒悦盈"
    error = capfd.readouterr().err
    assert '"event": "site_word_left_out", "place": 1, "key": "speech.words"' in error
    assert "睿" not in error
    assert "Cannot find ID" not in error


def test_the_names_are_left_open_nowhere(toys: ModelStore) -> None:
    load(toys, "恒悦盈")
    links = [
        str(descriptor.readlink())
        for descriptor in Path("/proc/self/fd").iterdir()
        if descriptor.is_symlink()
    ]
    assert links
    assert not [link for link in links if "hotwords" in link]


def test_the_language_room_understands_it(toys: ModelStore) -> None:
    reader = LanguageReader.load(ModelStore()).open()
    utterance = final(run(load(toys, "恒悦3号"), say(1, 4, 5, 6, 8, 9)))
    assert utterance.text == "恒悦3号funds"
    assert reader.customer(utterance).objections == ()


def test_a_telephone_leg_is_resampled(toys: ModelStore) -> None:
    assert final(run(load(toys), say(1, 5, 6, rate=8000), rate=8000)).text.startswith("恒")


def hearing(*tokens: str, gap: float = 0.2) -> Hearing:
    return Hearing(tokens, [place * gap for place in range(len(tokens))], [-0.1] * len(tokens))


def read(*tokens: str, final: bool = True, names: tuple[str, ...] = ()) -> list[str]:
    reading = CharacterReading(Spelling([SiteWord(word=name) for name in names], set(tokens) | set("三")))
    reading.hear(hearing(*tokens))
    return [word.text for word in reading.words(final)]


def test_latin_words_beside_each_other_are_parted() -> None:
    assert read("▁E", "T", "F", "▁fund", "好") == ["ETF", " fund", "好"]
    assert read(" E", "T", "F", " fund") == ["ETF", " fund"]


def test_the_last_latin_word_waits_until_it_is_whole() -> None:
    assert read("好", "▁fun", final=False) == ["好"]
    assert read("好", "▁fun") == ["好", "fun"]


def test_symbols_without_text_are_left_out() -> None:
    assert read("<unk>", "好", "<0xE4>", "<blk>") == ["好"]


def test_a_longer_name_is_preferred() -> None:
    assert read(*"恒悦盈宝", names=("恒悦", "恒悦盈宝")) == ["恒悦盈宝"]


def test_a_word_ends_where_the_next_begins_and_the_last_after_a_while() -> None:
    reading = CharacterReading(Spelling([], ()))
    reading.hear(hearing("好", "的", gap=0.5))
    first, second = reading.words(final=True)
    assert first.end_ms == first.start_ms + LONGEST_TAIL_MS
    assert second.end_ms == second.start_ms + LONGEST_TAIL_MS
    reading.hear(hearing("好", "的", gap=0.1))
    first, second = reading.words(final=True)
    assert first.end_ms == second.start_ms


V = len(TOKENS)


@pytest.mark.parametrize(
    ("networks", "fault"),
    [
        (toy_transducer(V) | {"encoder.onnx": b"not found"}, "encoder.onnx cannot be opened"),
        (toy_transducer(V, metadata={}), "encoder.onnx.*model_type is not told"),
        (toy_transducer(V, metadata=LSTM_METADATA | {"model_type": "gru"}), "model_type is gru"),
        (toy_transducer(V, metadata=LSTM_METADATA | {"d_model": ""}), "no number d_model"),
        (toy_transducer(V, metadata=LSTM_METADATA | {"T": "45"}), r"x is .*\(\*, 45, 80\)"),
        (toy_transducer(V, metadata=LSTM_METADATA | {"model_type": "zipformer2"}), "no list of numbers enc"),
        (toy_transducer(V, features=64), r"x is .*not tensor\(float\) of \(\*, 32, 80\)"),
        (toy_transducer(V, decoder_metadata={"vocab_size": "11"}), "decoder.onnx.*no number context_size"),
        (toy_transducer(V, decoder_metadata={"vocab_size": "12", "context_size": "2"}), "knows 12 tokens"),
        (toy_transducer(V, decoder_metadata={"vocab_size": "11", "context_size": "3"}), r"y is .*\(\*, 3\)"),
        (toy_transducer(V) | {"joiner.onnx": toy_transducer(12)["joiner.onnx"]}, "joiner.onnx.*scores 12"),
    ],
)  # fmt: skip
def test_files_that_are_no_transducer_are_refused_by_name(
    tmp_path: Path, networks: Mapping[str, bytes], fault: str
) -> None:
    with pytest.raises(ModelError, match=f"model {NAME}: .*{fault}"):
        load(store(tmp_path, networks))


def test_a_transducer_s_blank_is_its_first_token(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the blank is token 10"):
        load(store(tmp_path, toy_transducer(V), (*TOKENS[1:], "<blk>")))
