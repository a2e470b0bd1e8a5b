"""How an utterance becomes the ids that a text network reads: units of two channels, and their pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from appliance.language.pinyin_forms import Heard

#: Longest stretch that is judged at once, in syllables; longer utterances are judged in overlapping ones.
WINDOW: Final = 48
STRIDE: Final = 32
#: Ids 0 and 1 of every vocabulary.
PADDING: Final = 0
UNKNOWN: Final = 1


class Units(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The units that a trained network knows: what its settings hold beside what is its own."""

    #: one character each; its place plus 2 is its id
    characters: str
    syllables: tuple[str, ...]
    #: pairs of neighbouring characters, and of syllables with a space between; places as above
    character_pairs: tuple[str, ...]
    syllable_pairs: tuple[str, ...]

    @property
    def vocabulary(self) -> Vocabulary:
        """Their ids."""
        return Vocabulary.of(self.characters, self.syllables, self.character_pairs, self.syllable_pairs)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Ids of characters and folded syllables."""

    characters: Mapping[str, int]
    syllables: Mapping[str, int]
    character_pairs: Mapping[str, int]
    syllable_pairs: Mapping[str, int]

    @classmethod
    def of(
        cls,
        characters: Sequence[str],
        syllables: Sequence[str],
        character_pairs: Sequence[str],
        syllable_pairs: Sequence[str],
    ) -> Vocabulary:
        """Number every channel from 2 on; 0 is padding and 1 is anything else."""
        numbered = [
            {unit: place + 2 for place, unit in enumerate(units)}
            for units in (characters, syllables, character_pairs, syllable_pairs)
        ]
        return cls(*numbered)

    def encode(self, heard: Heard) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Both channels of an utterance, each (n, 2); n is at least 1."""
        return (
            _numbers(heard.characters, self.characters, self.character_pairs, ""),
            _numbers(heard.syllables, self.syllables, self.syllable_pairs, " "),
        )

    def encode_end(self, said: Heard, units: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Both channels of the last `units` units, each (n, 2); one row of padding where nothing was said."""
        if not len(said):
            return np.full((1, 2), PADDING, dtype=np.int64), np.full((1, 2), PADDING, dtype=np.int64)
        characters, syllables = self.encode(said)
        return characters[-units:], syllables[-units:]


def _numbers(
    units: Sequence[str], ids: Mapping[str, int], pairs: Mapping[str, int], join: str
) -> NDArray[np.int64]:
    if not units:
        return np.array([[UNKNOWN, UNKNOWN]], dtype=np.int64)
    rows = [
        (ids.get(unit, UNKNOWN), pairs.get(f"{before}{join}{unit}", UNKNOWN))
        for before, unit in zip(["", *units[:-1]], units, strict=True)
    ]
    return np.array(rows, dtype=np.int64)


def windows(length: int) -> list[slice]:
    """The stretches of an utterance of `length` units that are judged; the last ends with the utterance."""
    if length <= WINDOW:
        return [slice(0, length)]
    starts = [*range(0, length - WINDOW, STRIDE), length - WINDOW]
    return [slice(start, start + WINDOW) for start in starts]
