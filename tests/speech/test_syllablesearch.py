"""Whole syllables in the frames of a CTC network."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from appliance.speech.pinyin import INITIALS, in_ascii, is_syllable, join_tokens
from appliance.speech.streamingmodel import Hearing
from appliance.speech.syllablesearch import SyllableGrammar, SyllablePath

#: "jōng" is no syllable, "áng" needs no initial.
TOKENS = ("<blk>", "zh", "j", "ōng", "áng")
GRAMMAR = SyllableGrammar(TOKENS, 0)

Frames = NDArray[np.float32]


def frames(length: int | st.SearchStrategy[int]) -> st.SearchStrategy[Frames]:
    lengths = st.just(length) if isinstance(length, int) else length
    levels = st.floats(0, 8, width=16)
    return lengths.flatmap(lambda n: arrays(np.float32, (n, len(TOKENS)), elements=levels)).map(normal)


def normal(logits: Frames) -> Frames:
    return (logits - np.log(np.exp(logits.astype(np.float64)).sum(1, keepdims=True))).astype(np.float32)


def told(*rows: dict[str, float]) -> Frames:
    """Frames in which the named tokens have these probabilities and the others share the rest."""
    out = np.zeros((len(rows), len(TOKENS)), np.float32)
    for place, row in enumerate(rows):
        out[place] = (1 - sum(row.values())) / (len(TOKENS) - len(row))
        for token, probability in row.items():
            out[place, TOKENS.index(token)] = probability
    return np.log(out)


def search(scores: Frames, cut: int | None = None) -> Hearing:
    path = SyllablePath(GRAMMAR)
    path.advance(scores[:cut])
    path.hearing(0.03, 0.0)
    if cut is not None:
        path.advance(scores[cut:])
    return path.hearing(0.03, 0.0)


def well_formed(labels: tuple[int, ...]) -> bool:
    """Whether a row of frame labels spells whole syllables, perhaps with an initial at its end."""
    said = [TOKENS[label] for label, _ in itertools.groupby(labels) if label]
    before = ""
    for token in said:
        if token in INITIALS:
            if before:
                return False
            before = token
        else:
            if not is_syllable(before + in_ascii(token)):
                return False
            before = ""
    return True


@settings(max_examples=60)
@given(frames(st.integers(1, 5)))
def test_it_is_the_likeliest_of_all_paths_that_spell_syllables(scores: Frames) -> None:
    path = SyllablePath(GRAMMAR)
    path.advance(scores)
    every = itertools.product(range(len(TOKENS)), repeat=len(scores))
    best = max(
        sum(float(scores[place, label]) for place, label in enumerate(labels))
        for labels in every
        if well_formed(labels)
    )
    assert path._scores.max() == pytest.approx(best, abs=1e-4)


@settings(max_examples=60)
@given(frames(12), st.integers(0, 12))
def test_what_is_heard_does_not_depend_on_the_chunks(scores: Frames, cut: int) -> None:
    assert search(scores, cut) == search(scores)


def test_an_initial_gets_the_final_that_goes_with_it() -> None:
    frames = told({"<blk>": 0.9}, {"j": 0.5, "zh": 0.4}, {"ōng": 0.8}, {"<blk>": 0.9})
    assert frames[1].argmax() == TOKENS.index("j")
    hearing = search(frames)
    assert hearing.tokens == ["zh", "ōng"]
    assert hearing.times == pytest.approx([0.03, 0.06])
    assert hearing.alternatives[0]["j"] > hearing.alternatives[0]["zh"]


def test_an_initial_at_the_end_waits_for_its_final() -> None:
    hearing = search(told({"áng": 0.9}, {"<blk>": 0.9}, {"zh": 0.9}))
    assert hearing.tokens == ["áng", "zh"]
    syllables = join_tokens(hearing.tokens, hearing.times, hearing.log_probabilities)
    assert [one.text for one in syllables] == ["ang2"]


def test_the_margin_says_how_much_likelier_a_syllable_is_than_silence() -> None:
    hearing = search(told({"zh": 0.6, "<blk>": 0.3}, {"ōng": 0.8, "<blk>": 0.1}))
    (syllable,) = join_tokens(
        hearing.tokens,
        hearing.times,
        hearing.log_probabilities,
        hearing.alternatives,
        hearing.margins,
    )
    assert syllable.margin == pytest.approx(np.log(2) + np.log(8), abs=1e-5)
    assert replace(syllable, margin=None) == syllable.__class__(
        "zhong1",
        syllable.start_ms,
        syllable.end_ms,
        pytest.approx(0.6),
        pytest.approx(0.8),
        syllable.initial_rivals,
        syllable.final_rivals,
    )


def test_a_table_without_finals_hears_nothing() -> None:
    path = SyllablePath(SyllableGrammar(("<blk>", "zh"), 0))
    path.advance(np.log(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)))
    assert path.hearing(0.03, 0.0).tokens == []
