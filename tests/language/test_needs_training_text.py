"""The lines that the needs model learns from are labelled as the guide says, and in no held-out call."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from appliance.language.needs_evaluation import Item, read_manifest
from appliance.protocol.vocabulary import NEED_TAGS
from tools.dialogues.script import load

WRITTEN = sorted((Path(__file__).parents[2] / "tools/train/needs/written").glob("*.tsv"))
#: Shorter turns (不要, 那行) are anybody's.
SHORT = 6


def _plain(text: str) -> str:
    return re.sub(r"[^一-鿿A-Za-z0-9]", "", text)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return [item for path in WRITTEN for item in read_manifest(path)]


def test_no_line_stands_twice(items: list[Item]) -> None:
    lines = Counter((_plain(item.text), item.context) for item in items)
    assert [line for line, count in lines.items() if count > 1] == []


def test_every_tag_is_told_often_and_a_good_part_of_the_lines_tells_nothing(items: list[Item]) -> None:
    tags = Counter(tag for item in items for tag, wanted in item.needs.items() if not wanted.optional)
    assert set(tags) == set(NEED_TAGS)
    assert min(tags.values()) >= 100
    assert sum(not item.needs for item in items) / len(items) > 0.25
    assert sum(bool(item.context) for item in items) / len(items) > 0.4


def test_no_turn_of_a_held_out_call_is_trained_on(items: list[Item]) -> None:
    held_out = {
        _plain(turn.words)
        for call in load()
        if call.held_out
        for turn in call.turns
        if turn.leg == "customer" and len(_plain(turn.words)) > SHORT
    }
    assert held_out
    assert not held_out & {_plain(item.text) for item in items}
