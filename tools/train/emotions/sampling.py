"""Which speakers a training holds out, and how likely it draws each window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.train.emotions.corpus import CLASSES, Item, Material

#: trainings with different held-out speakers; the last is shipped
FOLDS = 3
#: share of a corpus's speakers that a fold holds out, at least one
_HELD_OUT = 1 / 6
#: how much the corpus counts that is like the calls, each of readings, and signals of no speech; the other
#: corpora share the rest by the square root of their recordings
_TARGET, _READ, _NONE = 0.45, 0.05, 0.06


def chances(material: Material, target: str) -> NDArray[np.float64]:
    """How likely each window is drawn: classes count alike inside a corpus."""
    corpora = {str(name): material.corpora == name for name in np.unique(material.corpora)}
    fixed = {"none": _NONE, target: _TARGET}
    neutral = CLASSES.index("neutral")
    for name, inside in corpora.items():
        if (material.labels[inside] == neutral).all():
            fixed[name] = _READ
    rest = 1.0 - sum(weight for name, weight in fixed.items() if name in corpora)
    roots = {
        name: np.sqrt(len(np.unique(material.items[inside])))
        for name, inside in corpora.items()
        if name not in fixed
    }
    weights = fixed | {name: rest * root / sum(roots.values()) for name, root in roots.items()}
    out = np.zeros(len(material.labels))
    for name, inside in corpora.items():
        counts = np.bincount(material.labels[inside])
        out[inside] = weights[name] / np.count_nonzero(counts) / counts[material.labels[inside]]
    return np.asarray(out / out.sum())


def folds(items: list[Item]) -> list[tuple[str, ...]]:
    """Speakers to hold out in each fold: some of every corpus that has enough of them."""
    out: list[tuple[str, ...]] = []
    for number in range(FOLDS):
        held: list[str] = []
        for name in sorted({item.corpus for item in items}):
            speakers = sorted({item.speaker for item in items if item.corpus == name})
            if len(speakers) >= FOLDS:
                held += speakers[number::FOLDS][: max(1, round(len(speakers) * _HELD_OUT))]
        out.append(tuple(held))
    return out
