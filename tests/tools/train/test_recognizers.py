"""What the training of the bundled recognizer takes from texts, and what it does to recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.speech.pinyin import BASES, join_tokens
from tools.train.recognizers.corpus import BLANK, read_manifest, readings, token_table, tokens_of
from tools.train.recognizers.line import through_line


def spelled(syllable: str) -> list[str]:
    tokens = tokens_of(syllable)
    return [one.text for one in join_tokens(tokens, [0.0] * len(tokens), [])]


def test_every_syllable_is_spelled_so_that_the_appliance_reads_it_back() -> None:
    hummed = {"n", "ng", "m"}
    syllables = [f"{base}{tone}" for base in BASES - hummed for tone in "12345"]
    assert [spelled(syllable) for syllable in syllables] == [[syllable] for syllable in syllables]


def test_the_table_has_every_token_once_and_blank_first() -> None:
    table = token_table()
    assert table[0] == BLANK
    assert len(set(table)) == len(table) < 256
    used = {token for base in BASES for tone in "12345" for token in tokens_of(f"{base}{tone}")}
    assert used <= set(table)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("理财，到期！", ("li3", "cai2", "dao4", "qi1")),
        ("嗯", ("n2",)),
        ("买A股", ()),
        ("3.5%", ()),
        ("", ()),
    ],
)
def test_only_texts_of_hanzi_are_read(text: str, expected: tuple[str, ...]) -> None:
    assert readings(text) == expected


def test_speech_that_is_kept_for_scoring_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "eval" / "manifest.tsv"
    manifest.parent.mkdir()
    manifest.write_text("path\ttext\tspeaker\tseconds\n", encoding="utf-8")
    with pytest.raises(ValueError, match="for scoring only"):
        read_manifest(manifest)


@pytest.mark.parametrize("speed", [0.88, 1.0, 1.15])
def test_a_line_changes_the_length_by_the_pace_alone_and_the_same_chance_makes_the_same_line(
    speed: float,
) -> None:
    voice = np.sin(np.arange(32_000) / 16_000 * 2 * np.pi * 440).astype(np.float32)
    behind = np.ones(8000, np.float32)
    for seed in range(6):
        one, other = (
            through_line(voice, 16_000, speed, behind, np.random.default_rng(seed)) for _ in range(2)
        )
        assert one.dtype == np.int16
        assert len(one) == pytest.approx(16_000 / speed, abs=2)
        assert np.array_equal(one, other)
        assert np.abs(one.astype(int)).max() > 100
