"""Every code of the vocabulary has words in both languages."""

from __future__ import annotations

import typing

import pytest
from hypothesis import HealthCheck, given, settings

from appliance.protocol import vocabulary
from appliance.protocol.messages import Mind, StyleIndices
from appliance.seat.words import Words
from tests.protocol.arbitrary import SEAT_MESSAGES

KINDS = {
    "style": vocabulary.Style,
    "style_hint": vocabulary.Style,
    "stage": vocabulary.Stage,
    "pace": vocabulary.Pace,
    "emotion": vocabulary.Emotion,
    "objection": vocabulary.ObjectionType,
    "stance": vocabulary.Stance,
    "need": vocabulary.NeedTag,
    "life_stage": vocabulary.LifeStage,
    "stratum": vocabulary.Stratum,
    "match": vocabulary.Match,
    "suitability": vocabulary.Suitability,
    "gap": vocabulary.Gap,
    "source": vocabulary.EvidenceSource,
    "cue": vocabulary.CueKind,
    "call_event": vocabulary.CallEvent,
    "direction": vocabulary.Direction,
    "signal": vocabulary.Signal,
    "opportunity": vocabulary.OpportunityCode,
    "off_reason": vocabulary.OffReason,
}
HANZI = range(0x4E00, 0xA000)


def catalogue(locale):
    return Words.load(locale)._words


def has_hanzi(text):
    return any(ord(character) in HANZI for character in text)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_code_has_words_and_no_words_are_without_a_code(locale):
    for kind, codes in KINDS.items():
        assert set(catalogue(locale)[kind]) == set(typing.get_args(codes)), kind
    for kind, struct in (("mind", Mind), ("index", StyleIndices)):
        assert set(catalogue(locale)[kind]) == set(struct.__struct_fields__)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_code_of_evidence_and_cues_has_words(locale):
    words = Words.load(locale)
    for code in vocabulary.EVIDENCE_CODES | vocabulary.CUE_CODES:
        text = words.evidence(code)
        assert text, code
        assert text != code
        kind, _, name = code.partition(".")
        assert kind == "record" or name in words._words[kind], code


def test_both_languages_have_the_same_codes_and_are_what_they_say():
    zh, en = catalogue("zh"), catalogue("en")
    assert {kind: set(words) for kind, words in zh.items()} == {
        kind: set(words) for kind, words in en.items()
    }
    for kind in zh:
        for code in zh[kind]:
            assert has_hanzi(zh[kind][code]), (kind, code)
            assert not has_hanzi(en[kind][code]), (kind, code)


def test_the_strategies_of_both_languages_are_the_same_and_whole():
    zh, en = Words.load("zh"), Words.load("en")
    assert set(zh._strategies) == set(en._strategies)
    assert zh._strategies
    for code in zh._strategies:
        for words in (zh.strategy(code), en.strategy(code)):
            assert words.title not in {"", code}
            assert words.say


def test_a_code_of_a_later_version_is_shown_as_it_is():
    words = Words.load("en")
    assert words.of("stage", "delighted") == "delighted"
    assert words.evidence("smell.coffee") == "coffee"
    assert words.strategy("sing").title == "sing"


@given(SEAT_MESSAGES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_words_of_an_arbitrary_message_are_found(message):
    for evidence in getattr(message, "evidence", []):
        assert Words.load("zh").evidence(evidence.code) != evidence.code
