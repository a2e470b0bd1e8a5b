"""A recognizer that mishears in its own way brings its own table, and the lexicon reads through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.box.config import Speech
from appliance.models import ModelError, ModelStore
from appliance.speech.lexicon import CONFUSIONS_FILE, COST_TABLES, Lexicon
from appliance.speech.loading import load_recognizer
from appliance.speech.pinyin import Syllable
from tests.speech.toy_networks import SYLLABLE_TOKENS, installed, tokens_text, tone_ctc

STORE = ModelStore()


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load(STORE)


def tables(lexicon: Lexicon) -> dict[str, NDArray[Any]]:
    return {name: lexicon.arrays[name].copy() for name in COST_TABLES}


def likeliest(lexicon: Lexicon, heard: str) -> str:
    number, _ = lexicon.candidates(Syllable(heard, 0, 200, 0.9, 0.9))[0]
    return list(lexicon.heard_ids)[number]


def deaf_to_tones(lexicon: Lexicon) -> dict[str, NDArray[Any]]:
    """Whatever is heard, the fourth tone is the most likely one."""
    costs = tables(lexicon)
    costs["tone_costs"][:] = 9000
    fourth = int(lexicon._parts[lexicon.heard_ids["shi4"], 2])
    costs["tone_costs"][:, fourth, :] = 0
    return costs


def test_what_was_heard_is_read_through_the_recognizers_own_table(lexicon: Lexicon, tmp_path: Path) -> None:
    assert likeliest(lexicon, "shi2") == "shi2"
    np.savez(tmp_path / CONFUSIONS_FILE, **deaf_to_tones(lexicon))  # type: ignore[arg-type]
    assert likeliest(Lexicon.load_for(STORE, tmp_path / CONFUSIONS_FILE), "shi2") == "shi4"
    assert likeliest(Lexicon.load_for(STORE, None), "shi2") == "shi2"


def test_a_table_of_another_shape_is_refused(lexicon: Lexicon, tmp_path: Path) -> None:
    costs = tables(lexicon)
    costs["tone_costs"] = costs["tone_costs"][:, :4]
    np.savez(tmp_path / "short.npz", **costs)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"short\.npz do not fit the lexicon: tone_costs .*install"):
        Lexicon.load_for(STORE, tmp_path / "short.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.npz cannot be read .*install"):
        Lexicon.load_for(STORE, tmp_path / "broken.npz")


@pytest.mark.parametrize("brought", [False, True])
def test_a_ctc_network_brings_a_table_if_its_manifest_lists_one(
    lexicon: Lexicon, tmp_path: Path, brought: bool
) -> None:
    files = {"toy.onnx": tone_ctc(), "tokens.txt": tokens_text(SYLLABLE_TOKENS).encode()}
    if brought:
        np.savez(tmp_path / "table.npz", **tables(lexicon))  # type: ignore[arg-type]
        files[CONFUSIONS_FILE] = (tmp_path / "table.npz").read_bytes()
    model, _ = load_recognizer(installed(tmp_path, "toy", files), Speech(model="toy"), 1)
    assert (model.confusions is not None) == brought
