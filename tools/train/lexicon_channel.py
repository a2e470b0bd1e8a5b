"""What it costs to read a heard syllable as another one: from measured confusions and phonetics."""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from appliance.speech.lexicon import CONFIDENCE_BINS
from appliance.speech.pinyin import split

BINS = len(CONFIDENCE_BINS) + 1
#: Confusions that dialects and telephone lines are known for, as pseudo-counts a thousand syllables said.
_KNOWN_INITIALS = (
    ("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("f", "h"), ("l", "r"), ("b", "p"),
    ("d", "t"), ("g", "k"), ("j", "q"), ("z", "c"), ("zh", "ch"), ("s", "x"), ("sh", "x"),
    ("z", "j"), ("zh", "j"), ("ch", "q"), ("c", "q"), ("b", "d"), ("d", "g"), ("p", "t"),
    ("t", "k"), ("m", "n"), ("k", "h"), ("f", "s"), ("s", "c"), ("sh", "ch"), ("x", "q"), ("y", ""),
    ("w", ""), ("h", ""), ("b", "g"), ("p", "k"), ("f", "p"), ("w", "h"), ("y", "r"),
)  # fmt: skip
_KNOWN_FINALS = (
    ("in", "ing"), ("en", "eng"), ("an", "ang"), ("ian", "iang"), ("uan", "uang"), ("un", "ong"),
    ("ong", "eng"), ("o", "uo"), ("e", "uo"), ("ie", "ue"), ("ui", "ei"), ("u", "v"), ("ou", "uo"),
    ("ou", "ong"), ("ian", "ie"), ("i", "e"), ("i", "in"), ("i", "v"), ("e", "en"), ("ai", "ei"),
    ("ai", "an"), ("ao", "ou"), ("ua", "a"), ("a", "an"), ("ian", "in"), ("uan", "un"),
    ("iao", "iu"), ("i", "ei"), ("u", "ou"), ("an", "en"), ("ue", "uan"),
)  # fmt: skip
_KNOWN_WEIGHT = 8.0
_ANY_WEIGHT = 0.25
_TONE_WEIGHT = 20.0
#: Pseudo-counts weigh as much as this many syllables said, in every bin.
_PRIOR_SYLLABLES = 60.0


def read_counts(path: Path) -> dict[tuple[str, int], dict[str, Counter[str]]]:
    """(part, bin) → said → heard → count."""
    result: dict[tuple[str, int], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            result[row["part"], int(row["bin"])][row["said"]][row["heard"]] += int(row["count"])
    return result


def part_costs(
    part: str, values: Sequence[str], counts: dict[tuple[str, int], dict[str, Counter[str]]], level: int
) -> dict[tuple[str, str], float]:
    """(said, heard) → −ln P(heard | said) of one part in one bin of confidence."""
    known = {"initial": _KNOWN_INITIALS, "final": _KNOWN_FINALS, "tone": ()}[part]
    pairs = {pair for one, other in known for pair in ((one, other), (other, one))}
    table = counts.get((part, level), {})
    # How often this bin is right at all, over every value: rare values borrow it.
    right = sum(row[said] for said, row in table.items()) + 1.0
    total = sum(sum(row.values()) for row in table.values()) + 2.0
    wrong_share = 1.0 - right / total
    costs = {}
    for said in values:
        row = table.get(said, Counter())
        prior = {
            heard: _KNOWN_WEIGHT
            if (said, heard) in pairs
            else _TONE_WEIGHT
            if part == "tone"
            else _ANY_WEIGHT
            for heard in values
            if heard != said
        }
        scale = wrong_share / sum(prior.values())
        for heard in values:
            expected = 1.0 - wrong_share if heard == said else prior[heard] * scale
            share = (row[heard] + _PRIOR_SYLLABLES * expected) / (sum(row.values()) + _PRIOR_SYLLABLES)
            costs[said, heard] = -math.log(share)
    return costs


def tables(observable: Sequence[str], path: Path) -> dict[str, np.ndarray]:
    """The costs of the three parts, and which parts each syllable has.

    Args:
        observable: syllables that can be heard, the sayable ones first; a syllable's index is its id.
        path: the counts of `confusions.py`.

    Returns:
        `syllable_parts`, uint8 (n, 3): places of initial, final and tone among their values;
        `initial_costs`, `final_costs`, `tone_costs`, uint16 (bins, said, heard), thousandths of a nat.
    """
    counts = read_counts(path)
    parts = [split(syllable) for syllable in observable]
    result: dict[str, np.ndarray] = {}
    columns = []
    for index, name in enumerate(("initial", "final", "tone")):
        values = sorted({part[index] for part in parts})
        place = {value: number for number, value in enumerate(values)}
        columns.append([place[part[index]] for part in parts])
        costs = np.zeros((BINS, len(values), len(values)))
        for level in range(BINS):
            table = part_costs(name, values, counts, level)
            for (said, heard), cost in table.items():
                costs[level, place[said], place[heard]] = cost
        result[f"{name}_costs"] = np.minimum(np.rint(costs * 1000), 65535).astype(np.uint16)
    result["syllable_parts"] = np.array(columns, np.uint8).T.copy()
    return result
