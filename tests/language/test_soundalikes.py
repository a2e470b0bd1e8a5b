"""No short phrase of the rules is set off by ordinary speech that merely sounds like it."""

import pytest

from appliance.language.needs import NeedRules
from appliance.language.phrases import EXACT, SOUND, PhraseBook
from appliance.language.pinyin_forms import hear
from appliance.models import ModelStore
from appliance.speech.lexicon import Lexicon
from tools import soundalikes


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load(ModelStore())


@pytest.fixture(scope="module")
def too_often(lexicon: Lexicon) -> dict[str, soundalikes.Rivals]:
    found = soundalikes.rivals(lexicon, soundalikes.books())
    assert len(found) > 100
    return {entry.phrase: entry for entry in found if entry.too_often}


def test_no_short_phrase_sounds_like_what_everybody_says(too_often: dict[str, soundalikes.Rivals]) -> None:
    new = [str(entry) for phrase, entry in too_often.items() if phrase not in soundalikes.allowed()]
    assert not new, (
        "add the rivals to appliance/language/everyday.txt, or write the phrase with a leading =: "
        + "\n".join(new)
    )


def test_every_allowed_phrase_has_a_reason_and_still_needs_it(
    too_often: dict[str, soundalikes.Rivals],
) -> None:
    assert all(len(reason) > 20 for reason in soundalikes.allowed().values())
    assert set(soundalikes.allowed()) <= set(too_often)


def test_a_phrase_that_sounds_like_a_frequent_word_is_told(lexicon: Lexicon) -> None:
    book = PhraseBook([("适后", None), ("=事后", None)], {"适后", "=事后"})
    (entry,) = soundalikes.rivals(lexicon, {"rules": book})
    assert entry.phrase == "适后"
    assert entry.too_often
    assert max(entry.others, key=lambda words: entry.others[words]) == "时候"


def test_a_phrase_that_sounds_like_two_words_is_told(lexicon: Lexicon) -> None:
    (entry,) = soundalikes.rivals(lexicon, {"rules": PhraseBook([("么世", None)], {"么世"})})
    assert "什么|事" in entry.others


@pytest.mark.parametrize(
    ("said", "phrase"), [("我给你讲个故事", "股市"), ("通过在网点办理", "国债"), ("首先你说", "寿险")]
)
def test_an_everyday_word_is_meant_where_it_is_written(said: str, phrase: str) -> None:
    mentions = NeedRules().books()["mentions"]
    assert phrase not in {match.phrase for match in mentions.find(hear(said))}
    assert [match.certainty for match in mentions.find(hear(phrase)) if match.phrase == phrase] == [EXACT]


def test_a_misheard_word_is_still_found_by_its_sound() -> None:
    found = NeedRules().books()["mentions"].find(hear("我在谷市里亏了"))
    assert [(match.phrase, match.certainty) for match in found if match.phrase == "股市"] == [("股市", SOUND)]
