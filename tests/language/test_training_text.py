"""The training text is labelled as the guide says, and the held-out author is nowhere in it."""

from collections import Counter

import pytest

from appliance.language.evaluation import read_manifest
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections import corpus


def test_every_style_holds_known_labels_and_no_line_twice() -> None:
    assert len(corpus.styles()) >= 12
    for style in corpus.styles():
        texts = [example.text for example in corpus.own(style)]
        assert len(texts) == len(set(texts)), style


def test_all_styles_together_hold_every_type_many_times() -> None:
    labels = Counter(
        label for style in corpus.styles() for line in corpus.own(style) for label in line.labels
    )
    assert set(labels) == set(OBJECTION_TYPES)
    assert min(labels.values()) >= 100
    assert sum(len(corpus.own(style)) for style in corpus.styles()) >= 1200


def test_no_held_out_line_is_trained_on() -> None:
    held_out = {text for path in corpus.HELD_OUT.glob("*.tsv") for text, _ in read_manifest(path)}
    trained = {example.text for style in corpus.styles() for example in corpus.own(style)}
    assert held_out
    assert not held_out & trained


def test_the_held_out_author_uses_every_label() -> None:
    (path,) = corpus.HELD_OUT.glob("*.tsv")
    labels = Counter(label for _, label in read_manifest(path))
    assert set(labels) == {*OBJECTION_TYPES, "none"}
    assert min(labels.values()) >= 15


def test_every_intent_is_mapped_once() -> None:
    if not corpus.INTENTS.is_file():
        pytest.fail(
            f"{corpus.INTENTS} is missing; put the shared data beside the checkout or set RIDGE_SHARED"
        )
    examples = corpus.intents()
    assert Counter(label for example in examples for label in example.labels)["doubt"] > 200
    assert sum(not example.labels for example in examples) > 4000


def test_quiet_dialogue_holds_no_objection() -> None:
    if not corpus.DIALOGUES.is_file():
        pytest.fail(
            f"{corpus.DIALOGUES} is missing; put the shared data beside the checkout or set RIDGE_SHARED"
        )
    assert all(not example.labels for example in corpus.small_talk())
