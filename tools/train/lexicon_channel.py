"""What it costs to read a heard syllable as another one: from measured confusions and phonetics."""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from appliance.speech.pinyin import split

BINS = 3
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


def candidates(
    observable: Sequence[str], sayable: Sequence[str], path: Path, most: int, widest: float
) -> tuple[np.ndarray, np.ndarray]:
    """For each bin and each syllable that can be heard: what may have been said, cheapest first.

    Args:
        observable: syllables the recognizer can write; their index is the heard id.
        sayable: syllables of the lexicon, a prefix of `observable`, so that both share ids.
        path: the counts of `confusions.py`.
        most: candidates kept a syllable.
        widest: candidates costlier than the best by more than this (nats) are dropped.

    Returns:
        ids, uint16, (BINS, len(observable), most) and costs in thousandths of a nat, uint16, same shape;
        a cost of 65535 marks an empty place.
    """
    counts = read_counts(path)
    parts = [split(syllable) for syllable in observable]
    values = [sorted({part[index] for part in parts}) for index in range(3)]
    places = [{value: place for place, value in enumerate(part)} for part in values]
    index = np.array([[places[k][part[k]] for k in range(3)] for part in parts])
    said = index[: len(sayable)]
    letters = np.array([part[2] == "" for part in parts])
    ids = np.zeros((BINS, len(observable), most), np.uint16)
    costs = np.full((BINS, len(observable), most), 65535, np.uint16)
    for level in range(BINS):
        tables = []
        for k, name in enumerate(("initial", "final", "tone")):
            table = part_costs(name, values[k], counts, level)
            tables.append(np.array([[table[a, b] for b in values[k]] for a in values[k]]))
        for heard in range(len(observable)):
            total = sum(tables[k][said[:, k], index[heard, k]] for k in range(3))
            total = np.where(letters[: len(sayable)] == letters[heard], total, np.inf)
            order = np.argsort(total, kind="stable")[:most]
            order = order[total[order] <= total[order[0]] + widest]
            ids[level, heard, : len(order)] = order
            costs[level, heard, : len(order)] = np.minimum(np.rint(total[order] * 1000), 65534)
    return ids, costs
