"""The training text is labelled as the guide says, and the held-out author is nowhere in it."""

from collections import Counter
from pathlib import Path

import pytest

from appliance.language.evaluation import read_manifest
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections import corpus


def _plain(text: str) -> str:
    return text.replace(" ", "")


def test_every_style_holds_known_labels_and_no_line_twice() -> None:
    assert len(corpus.styles()) >= 40
    for style, examples in corpus.all_own().items():
        lines = [(_plain(example.text), example.context) for example in examples]
        assert len(lines) == len(set(lines)), style


def test_no_line_stands_in_two_styles_with_different_labels() -> None:
    labels: dict[tuple[str, str], set[frozenset[str]]] = {}
    for examples in corpus.all_own().values():
        for line in examples:
            labels.setdefault((_plain(line.text), line.context), set()).add(line.labels)
    assert {line: kinds for line, kinds in labels.items() if len(kinds) > 1} == {}


def test_all_styles_together_hold_every_type_many_times() -> None:
    labels = Counter(
        label for style in corpus.styles() for line in corpus.own(style) for label in line.labels
    )
    assert set(labels) == set(OBJECTION_TYPES)
    assert min(labels.values()) >= 600
    assert sum(len(corpus.own(style)) for style in corpus.styles()) >= 6000


def test_no_held_out_line_is_trained_on() -> None:
    held_out = {
        (_plain(item.text), item.context)
        for path in corpus.HELD_OUT.glob("*.tsv")
        for item in read_manifest(path)
    }
    trained = {
        (_plain(example.text), context)
        for examples in corpus.all_own().values()
        for example in examples
        for context in {"", example.context}
    }
    assert held_out
    assert not held_out & trained


@pytest.mark.parametrize("path", sorted(corpus.HELD_OUT.glob("*.tsv")), ids=lambda path: path.stem)
def test_every_held_out_author_uses_every_label(path: Path) -> None:
    labels = Counter(item.label for item in read_manifest(path))
    assert set(labels) == {*OBJECTION_TYPES, "none"}
    assert min(labels.values()) >= 25


def test_the_held_out_authors_are_at_least_two() -> None:
    assert len(list(corpus.HELD_OUT.glob("*.tsv"))) >= 2
    assert not {path.stem for path in corpus.HELD_OUT.glob("*.tsv")} & set(corpus.styles())


def test_an_agents_line_is_no_line_of_a_customer() -> None:
    customers = {_plain(example.text) for examples in corpus.all_own().values() for example in examples}
    said = corpus.agent_lines()
    assert len(said) == len(set(said)) >= 100
    assert len(customers & {_plain(line) for line in said}) <= 8


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
