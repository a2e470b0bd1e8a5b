"""Simulated recognition errors: as many as asked for, repeatable, and never a crash."""

import random

from hypothesis import given
from hypothesis import strategies as st

from appliance.language.pinyin_forms import hear, plain_syllables
from appliance.language.recognition_noise import noised

SENTENCE = "我跟你说这个产品的收益太低了而且期限又长我想再考虑考虑"


def _distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for index, said in enumerate(one, start=1):
        diagonal, row[0] = row[0], index
        for place, heard in enumerate(other, start=1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (said != heard)),
            )
    return row[-1]


def test_the_same_seed_makes_the_same_errors() -> None:
    assert noised(SENTENCE, random.Random(1)) == noised(SENTENCE, random.Random(1))


def test_nothing_changes_where_no_errors_are_asked_for() -> None:
    assert noised(SENTENCE, random.Random(1), 0.0, 0.0) == SENTENCE


def test_syllable_errors_are_about_as_many_as_asked_for() -> None:
    chance = random.Random(2)
    right = plain_syllables(SENTENCE)
    wrong = sum(_distance(right, plain_syllables(noised(SENTENCE, chance, 0.12, 0.0))) for _ in range(200))
    assert 0.08 < wrong / (200 * len(right)) < 0.16


def test_homophones_change_characters_and_hardly_any_sound() -> None:
    chance = random.Random(3)
    texts = [noised(SENTENCE, chance, 0.0, 0.5) for _ in range(50)]
    changed = sum(a != b for text in texts for a, b in zip(text, SENTENCE, strict=True))
    sounds = hear(SENTENCE).syllables
    unheard = sum(a != b for text in texts for a, b in zip(hear(text).syllables, sounds, strict=True))
    assert changed > 300
    assert unheard < 0.25 * changed


@given(st.text(max_size=60), st.integers())
def test_any_text_can_be_noised(text: str, seed: int) -> None:
    noised(text, random.Random(seed))
