"""The needs of one utterance by what the model says of it, once it has been told what the rules find.

The outputs are calibrated (Platt 1999) on lines by authors that the model had not read and the rules were not
made from, so the confidence of a finding is the share of such findings that are right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from appliance.language.findings import Basis, NeedFinding
from appliance.language.needs_model import STANCES, Calibration, Reading
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

_TAGS: Final = cast("tuple[NeedTag, ...]", NEED_TAGS)


def judged(
    rules: Sequence[NeedFinding], reading: Reading, calibration: Calibration
) -> tuple[NeedFinding, ...]:
    """The needs that are likely enough: those that the rules find, in their order, then the others.

    Args:
        rules: what the rules find in the utterance; less is asked of that.
        reading: the outputs of the model, which was told of it.
        calibration: what the outputs mean.
    """
    by_rules = {finding.tag: finding for finding in rules}
    found = []
    for tag in [*by_rules, *(tag for tag in _TAGS if tag not in by_rules)]:
        at, rule = NEED_TAGS.index(tag), by_rules.get(tag)
        presence = calibration.scale * float(reading.presence[at]) + calibration.offsets[tag]
        stances = calibration.stance_scale * reading.stances[at]
        unled = _surest(presence, stances)
        if rule is not None:
            presence += calibration.rule
            stances = stances + calibration.rule * np.array([stance == rule.stance for stance in STANCES])
        confidence, stance = _surest(presence, stances)
        if confidence >= (calibration.threshold_alone if rule is None else calibration.threshold):
            basis: Basis = "model"
            if rule is not None and rule.stance == stance:
                basis = "both" if unled[1] == stance and unled[0] >= calibration.threshold else "rules"
            found.append(NeedFinding(tag, stance, round(confidence, 2), basis=basis))
    return tuple(found)


def _surest(presence: float, stances: NDArray[np.float64]) -> tuple[float, Stance]:
    """The likeliest stance of a tag, and the probability of both."""
    shares = np.exp(stances - stances.max())
    best = int(np.argmax(shares))
    return _probability(presence) * float(shares[best] / shares.sum()), STANCES[best]


def _probability(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))
