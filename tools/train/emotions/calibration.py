"""Temperature and bounds, chosen on speakers that the training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.affect.emotion import FEATURES_VERSION, LABELS, Settings, fold
from appliance.affect.scores import expected_calibration_error
from appliance.affect.scoring import FOLDED
from tools.train.emotions.corpus import CLASSES, PLAIN

#: class of the network to one of the four labels; surprise and none stand for "uncertain"
FOLD = {name: FOLDED[name] for name in CLASSES if name in FOLDED}
#: a neutral recording of an unseen speaker may reach the bound of an alert this often at most
ALARMS = 0.02
#: bounds are never below these; with them read Mandarin sentences (neutral, and of another corpus) raise few
#: alarms, which `tools/bench/false_alarms.py` counts
LEAST_ALERT = {"angry": 0.7, "sad": 0.9}
MOST_ALERT = 0.95
#: the answer is given where it is right at least this often
LEAST_RIGHT = 0.4
#: but what is likelier than all the rest together is always said
MOST_UNCERTAIN = 0.5


@dataclass(frozen=True)
class Judged:
    """Logits of windows with their labels (index into CLASSES) and the recordings they belong to."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    items: NDArray[np.int64]


def judged(
    outcome: Any,
    *,
    way: int = PLAIN,
    corpora: Sequence[str] | None = None,
    speakers: Sequence[str] | None = None,
    quantized: bool = True,
) -> Judged:
    """What an outcome says of some of its recordings."""
    some = outcome.judged
    inside = some.ways == way
    if corpora is not None:
        inside &= np.isin(some.corpora, corpora)
    if speakers is not None:
        inside &= np.isin(some.speakers, speakers)
    logits = outcome.int8_logits if quantized else outcome.float_logits
    return Judged(logits[inside], some.labels[inside], some.items[inside])


def settings_with(temperature: float, **bounds: float) -> dict[str, Any]:
    """The fields of `Settings` but the held-out speakers and the prosody model."""
    wide = {"least_confidence": 0.4, "alert_angry": 0.8, "alert_sad": 0.8}
    return {
        "features": FEATURES_VERSION,
        "classes": CLASSES,
        "fold": FOLD,
        "temperature": round(temperature, 3),
        **{key: round(float(value), 3) for key, value in (wide | bounds).items()},
    }


def by_item(judged: Judged, settings: Settings) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Probabilities of recordings (means of their windows) and their labels, where these are of the four."""
    probabilities, _ = fold(judged.logits, settings)
    rows, truth = [], []
    for item in np.unique(judged.items):
        inside = judged.items == item
        name = CLASSES[judged.labels[inside][0]]
        if name in FOLD:
            rows.append(probabilities[inside].mean(axis=0))
            truth.append(LABELS.index(FOLD[name]))
    return np.array(rows, np.float64), np.array(truth, np.intp)


def choose(outcomes: list[Judged]) -> dict[str, Any]:
    """The temperature of least cross entropy on the speakers that are heard worst, and the bounds at it.

    Too sure on one voice is worse than too unsure on another: what a seat shows rests on it, and alerts do.
    """
    best, least = 1.0, np.inf
    for temperature in np.arange(0.5, 5.01, 0.05):
        trial = Settings(held_out=(), prosody="", **settings_with(float(temperature)))
        parts = [by_item(judged, trial) for judged in outcomes]
        entropy = max(-np.log(p[np.arange(len(t)), t] + 1e-9).mean() for p, t in parts)
        if entropy < least:
            best, least = float(temperature), float(entropy)
    trial = Settings(held_out=(), prosody="", **settings_with(best))
    probabilities, truth = (
        np.concatenate(x) for x in zip(*[by_item(j, trial) for j in outcomes], strict=True)
    )
    right = probabilities.argmax(axis=1) == truth
    confidence = probabilities.max(axis=1)
    # the lowest bound below which answers are right less often than LEAST_RIGHT
    bound = 0.25
    for candidate in np.arange(0.3, MOST_UNCERTAIN + 0.001, 0.01):
        below = confidence < candidate
        if below.sum() >= 20 and right[below].mean() > LEAST_RIGHT:
            break
        bound = float(candidate)
    calm = probabilities[truth == LABELS.index("neutral")]
    alerts = {
        f"alert_{label}": float(
            np.clip(np.quantile(calm[:, LABELS.index(label)], 1 - ALARMS), least, MOST_ALERT)
        )
        for label, least in LEAST_ALERT.items()
    }
    print(
        f"temperature {best:.2f}, calibration error {expected_calibration_error(probabilities, truth):.3f}, "
        f"uncertain below {bound:.2f}, alerts from {alerts}",
        flush=True,
    )
    return settings_with(best, least_confidence=bound, **alerts)
