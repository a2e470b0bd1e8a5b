"""Trains the objection model and stores it, int8 quantized, in models/objection-zh.

Set up an environment of its own with `python3 -m venv` and `pip install torch==2.13.0 onnx onnxruntime
"numpy<2" pypinyin msgspec tomli`, then run from the checkout (one thread):

    nice -n 10 python -m tools.train.objections.train
    .venv/bin/python -m tools.train.objections.register

and score it as the card says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from appliance.language.objections import NETWORK, SETTINGS, Vocabulary, windows
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections import corpus, embedding
from tools.train.objections.network import ObjectionNetwork, export, quantize

SEED = 20261
#: An utterance of ours is drawn this many times as often as one of the intents.
OWN_WEIGHT = 8.0
OTHER_WEIGHTS = {"intents": {True: 1.6, False: 0.6}, "dialogue": {True: 0.0, False: 0.25}}
NOISED = 0.6
JOINED = 0.15
CUT = 0.15
BATCH = 64
OUTPUT = Path(os.environ.get("RIDGE_TRAIN_OUTPUT", corpus.ROOT / "models/objection-zh"))
FLOAT = "objections.float.onnx"
EMBEDDINGS = ("character", "character_pair", "syllable", "syllable_pair")


class Sampler:
    """Draws varied training batches: noise, cuts at the end, and small talk joined before an objection."""

    def __init__(self, examples: list[corpus.Example], words: Vocabulary, seed: int) -> None:
        self._examples = examples
        self._words = words
        self._chance = random.Random(seed)
        self._weights = [
            OTHER_WEIGHTS[example.style][bool(example.labels)]
            if example.style in OTHER_WEIGHTS
            else OWN_WEIGHT
            for example in examples
        ]
        self._small_talk = [example for example in examples if not example.labels and len(example.text) < 16]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Characters, syllables and targets of `size` utterances, padded."""
        rows = []
        for example in self._chance.choices(self._examples, self._weights, k=size):
            text, labels = example.text, example.labels
            if self._chance.random() < JOINED and len(text) < 24:
                other = self._chance.choice(self._small_talk)
                text = f"{other.text} {text}" if self._chance.random() < 0.7 else f"{text} {other.text}"
            elif self._chance.random() < CUT and len(text) > 8:
                text = text[: self._chance.randint(math.ceil(len(text) * 0.7), len(text))]
            if self._chance.random() < NOISED:
                errors = self._chance.uniform(0.02, 0.2)
                text = noised(text, self._chance, errors, self._chance.uniform(0.0, 0.25))
            rows.append((*self._words.encode(hear(text)), labels))
        return pad(rows)


def pad(
    rows: list[tuple[np.ndarray, np.ndarray, frozenset[str]]],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rows = [
        (characters[windows(len(characters))[-1]], syllables[windows(len(syllables))[-1]], labels)
        for characters, syllables, labels in rows
    ]
    longest = max(len(row[0]) for row in rows)
    characters = np.zeros((len(rows), longest, 2), dtype=np.int64)
    syllables = np.zeros_like(characters)
    targets = np.zeros((len(rows), len(OBJECTION_TYPES)), dtype=np.float32)
    for index, (row_characters, row_syllables, labels) in enumerate(rows):
        characters[index, : len(row_characters)] = row_characters
        syllables[index, : len(row_syllables)] = row_syllables
        for label in labels:
            targets[index, OBJECTION_TYPES.index(label)] = 1
    return torch.from_numpy(characters), torch.from_numpy(syllables), torch.from_numpy(targets)


def fit(
    examples: list[corpus.Example],
    words: Vocabulary,
    tables: list[np.ndarray],
    steps: int,
    seed: int,
    name: str,
) -> ObjectionNetwork:
    torch.manual_seed(seed)
    network = ObjectionNetwork(tables, len(OBJECTION_TYPES))
    # Words that the labelled text lacks keep their place: embeddings move slowly and do not decay.
    slow = [value for name, value in network.named_parameters() if name.split(".")[0] in EMBEDDINGS]
    fast = [value for name, value in network.named_parameters() if name.split(".")[0] not in EMBEDDINGS]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "weight_decay": 0.0}, {"params": fast, "weight_decay": 0.03}]
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-3, 3e-3], total_steps=steps, pct_start=0.1)
    sampler = Sampler(examples, words, seed)
    started, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        characters, syllables, targets = sampler.batch(BATCH)
        targets = targets * 0.97 + 0.01
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(characters, syllables), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running += loss.item()
        if step % 200 == 0:
            print(
                f"{name} step {step}/{steps} loss {running / 200:.4f} {time.monotonic() - started:.0f} s",
                flush=True,
            )
            running = 0.0
    return network.eval()


def logits(network: ObjectionNetwork, words: Vocabulary, texts: list[str]) -> np.ndarray:
    out = []
    with torch.no_grad():
        for text in texts:
            characters, syllables = words.encode(hear(text))
            rows = [
                network(
                    torch.from_numpy(characters[None, window]), torch.from_numpy(syllables[None, window])
                ).numpy()[0]
                for window in windows(len(characters))
            ]
            out.append(np.max(rows, axis=0))
    return np.array(out)


def platt(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Scale and offset of the logit with the least log loss, slightly drawn to (1, 0)."""
    parameters = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    given, wanted = torch.from_numpy(scores.astype(np.float64)), torch.from_numpy(truth.astype(np.float64))
    optimizer = torch.optim.LBFGS([parameters], max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            parameters[0] * given + parameters[1], wanted
        )
        loss = loss + 1e-3 * ((parameters[0] - 1) ** 2 + parameters[1] ** 2)
        loss.backward()
        return loss

    optimizer.step(closure)
    scale, offset = parameters.detach().tolist()
    return round(max(scale, 0.1), 4), round(offset, 4)


def thresholds(probabilities: np.ndarray, truth: np.ndarray, most_false: float) -> dict[str, float]:
    """For each type the threshold of best F1, all raised together until few `none` lines are objections."""
    chosen = []
    for column in range(truth.shape[1]):
        grid = np.arange(0.2, 0.75, 0.01)
        scores = [_f1(probabilities[:, column] >= value, truth[:, column] > 0) for value in grid]
        best = max(scores)
        chosen.append(
            float(
                np.mean([value for value, score in zip(grid, scores, strict=True) if score >= best - 0.005])
            )
        )
    nothing = truth.sum(axis=1) == 0
    extra = 0.0
    while (
        extra < 0.3 and np.mean((probabilities[nothing] >= np.array(chosen) + extra).any(axis=1)) > most_false
    ):
        extra += 0.01
    return {
        kind: round(min(value + extra, 0.9), 3) for kind, value in zip(OBJECTION_TYPES, chosen, strict=True)
    }


def _f1(found: np.ndarray, truth: np.ndarray) -> float:
    hits = float((found & truth).sum())
    return 2 * hits / max(1.0, float(found.sum() + truth.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument(
        "--folds", type=int, default=3, help="folds of author styles that calibrate; 0 keeps the calibration"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    own = {style: corpus.own(style) for style in corpus.styles()}
    others = corpus.intents() + corpus.small_talk()
    everything = [example for examples in own.values() for example in examples] + others
    print(f"{sum(map(len, own.values()))} of our own in {len(own)} styles, {len(others)} others")
    units = embedding.vocabulary(
        [example.text for example in everything],
        [example.style not in OTHER_WEIGHTS for example in everything],
    )
    words = Vocabulary.of(*units)
    tables = embedding.tables(words, [example.text for example in everything])
    if options.folds:
        calibration, chosen = calibrate(*out_of_fold(options, own, others, words, tables))
    else:
        kept = json.loads((OUTPUT / SETTINGS).read_text(encoding="utf-8"))
        calibration, chosen = kept["calibration"], kept["thresholds"]
    network = fit(everything, words, tables, options.steps, SEED, "final")
    store(network, units, calibration, chosen)


def out_of_fold(
    options: argparse.Namespace,
    own: dict[str, list[corpus.Example]],
    others: list[corpus.Example],
    words: Vocabulary,
    tables: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and truth of every line of ours, clean and noised, from networks that never read its style."""
    chance = random.Random(SEED)
    scores, truth = [], []
    names = list(own)
    for fold in range(options.folds):
        left_out = names[fold :: options.folds]
        print(f"fold {fold + 1}: without {', '.join(left_out)}")
        train = [example for style in names if style not in left_out for example in own[style]] + others
        network = fit(train, words, tables, max(400, options.steps * 2 // 3), SEED + fold, f"fold {fold + 1}")
        for example in (example for style in left_out for example in own[style]):
            target = [float(kind in example.labels) for kind in OBJECTION_TYPES]
            for text in (example.text, noised(example.text, chance)):
                scores.append(logits(network, words, [text])[0])
                truth.append(target)
    return np.array(scores), np.array(truth)


def calibrate(
    scores: np.ndarray, truth: np.ndarray
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    calibration = {
        kind: platt(scores[:, place], truth[:, place]) for place, kind in enumerate(OBJECTION_TYPES)
    }
    probabilities = np.stack(
        [
            1 / (1 + np.exp(-(calibration[kind][0] * scores[:, place] + calibration[kind][1])))
            for place, kind in enumerate(OBJECTION_TYPES)
        ],
        axis=1,
    )
    chosen = thresholds(probabilities, truth, 0.035)
    found = probabilities >= np.array([chosen[kind] for kind in OBJECTION_TYPES])
    for place, kind in enumerate(OBJECTION_TYPES):
        print(
            f"out of fold {kind}: F1 {_f1(found[:, place], truth[:, place] > 0):.3f}"
            f" threshold {chosen[kind]} Platt {calibration[kind]}"
        )
    nothing = truth.sum(axis=1) == 0
    best = np.where(
        found.any(axis=1), np.argmax(np.where(found, probabilities, -1), axis=1), len(OBJECTION_TYPES)
    )
    single = truth.sum(axis=1) <= 1
    right = np.where(truth.any(axis=1), truth.argmax(axis=1), len(OBJECTION_TYPES))
    macro = np.mean(
        [_f1(best[single] == kind, right[single] == kind) for kind in range(len(OBJECTION_TYPES) + 1)]
    )
    print(f"out of fold macro-F1 of lines with one label, clean and noised: {macro:.3f}")
    print(f"out of fold false alarms on none: {found[nothing].any(axis=1).mean():.3f}")
    return calibration, chosen


def store(
    network: ObjectionNetwork,
    units: tuple[str, list[str], list[str], list[str]],
    calibration: dict[str, tuple[float, float]],
    chosen: dict[str, float],
) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    source = Path("/tmp") / FLOAT
    export(network, source)
    quantize(source, OUTPUT / NETWORK)
    settings = dict(zip(("characters", "syllables", "character_pairs", "syllable_pairs"), units, strict=True))
    settings |= {"calibration": calibration, "thresholds": chosen}
    (OUTPUT / SETTINGS).write_text(json.dumps(settings, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"float model: {source} ({source.stat().st_size} bytes)")
    for name in (NETWORK, SETTINGS):
        data = (OUTPUT / name).read_bytes()
        print(f"{name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
