"""Train the emotion model: a manifest in; a quantized model with settings, card and checksums out.

    python tools/train/emotion.py ../shared/data/emotion/manifest.tsv --out models/emotion-telephone-cnn

One training is run for each fold of FOLDS; the speakers of a fold are never seen by its training, and every
figure on the card comes from such speakers. The model of the last fold is the one that is shipped, so its
held-out speakers can be scored by anybody with `ridge eval emotion`. The calibration (one temperature) and
the bounds of "uncertain" and of the alerts are chosen on the held-out predictions of the other folds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from appliance.affect.emotion import Settings  # noqa: E402
from tools.train.emotions import calibration, card, corpus, network  # noqa: E402

#: One Mandarin speaker each, with some speakers of the other corpora; the last fold is shipped.
FOLDS = (
    ("casia-liuchanhg", "emodb-03", "emodb-08", "ravdess-01", "ravdess-02", "ravdess-03", "ravdess-04"),
    ("casia-wangzhe", "emodb-09", "emodb-10", "ravdess-09", "ravdess-10", "ravdess-11", "ravdess-12"),
    ("casia-zhaoquanyin", "emodb-15", "emodb-16", "ravdess-21", "ravdess-22", "ravdess-23", "ravdess-24"),
)
#: changed copies of each recording; the calls are Mandarin, so that corpus counts more
COPIES = {"casia": 5, "emodb": 3, "ravdess": 2}
NOTHING = 400
EXAMPLES = 300


@dataclass(frozen=True)
class Outcome:
    """One fold: what its two models said about speakers they never saw."""

    held_out: tuple[str, ...]
    content: bytes
    float_logits: NDArray[np.float32]
    int8_logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    items: NDArray[np.int64]
    speakers: NDArray[np.str_]


def run_fold(material: corpus.Material, held_out: tuple[str, ...], recipe: network.Recipe) -> Outcome:
    unseen = np.isin(material.speakers, held_out)
    seen = np.flatnonzero(~unseen)
    model = network.train(material.windows[seen], material.labels[seen], len(corpus.CLASSES), recipe)
    rng = np.random.default_rng(recipe.seed)
    content = network.quantize(model, material.windows[rng.choice(seen, EXAMPLES, replace=False)])
    judged = np.flatnonzero(unseen & material.plain)
    windows = material.windows[judged]
    return Outcome(
        held_out,
        content,
        network.float_logits(model, windows),
        network.quantized_logits(content, windows),
        material.labels[judged],
        material.items[judged],
        material.speakers[judged],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("manifest", type=Path, help="TSV with the columns path, speaker, emotion")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, such as models/NAME")
    parser.add_argument("--epochs", type=int, default=network.Recipe.epochs)
    parser.add_argument("--seed", type=int, default=network.Recipe.seed)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe = network.Recipe(epochs=options.epochs, seed=options.seed)
    began = time.monotonic()
    items = corpus.read_manifest(options.manifest)
    speakers = {item.speaker for item in items}
    folds = [tuple(s for s in fold if s in speakers) for fold in FOLDS]
    if not all(folds):
        parser.error(f"the manifest has none of the speakers of a fold; edit FOLDS in {__file__}")
    material = corpus.prepare(items, COPIES, NOTHING, recipe.seed)
    outcomes = []
    for number, fold in enumerate(folds):
        print(f"fold {number + 1} of {len(folds)}: without {', '.join(fold)}", flush=True)
        outcomes.append(run_fold(material, fold, recipe))
    bounds = calibration.choose([calibration.Judged(o.int8_logits, o.labels, o.items) for o in outcomes[:-1]])
    shipped = outcomes[-1]
    settings = Settings(held_out=shipped.held_out, **bounds)
    options.out.mkdir(parents=True, exist_ok=True)
    card.write(options.out, settings, outcomes, items, recipe, time.monotonic() - began)
    return 0


if __name__ == "__main__":
    sys.exit(main())
