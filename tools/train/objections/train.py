"""Trains the objection model and stores it, int8 quantized, in models/objection-zh.

Set up an environment of its own with `python3 -m venv` and `pip install torch==2.13.0 onnx onnxruntime
"numpy<2" pypinyin msgspec tomli`, then run from the checkout (one thread):

    nice -n 10 python -m tools.train.objections.train
    .venv/bin/python -m tools.train.objections.register

and score it as the card says.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from appliance.language.objections import NETWORK, SETTINGS, SHORTEST_PARTIAL
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised
from appliance.language.text_units import Vocabulary, windows
from appliance.protocol.vocabulary import OBJECTION_TYPES
from tools.train.objections import corpus, embedding
from tools.train.objections.calibration import DRILLS, Fold, calibrate
from tools.train.objections.export import export, quantize
from tools.train.objections.fitting import Average, optimizer, say_files, split
from tools.train.objections.network import Body, ObjectionNetwork
from tools.train.objections.pretraining import pretrain
from tools.train.objections.sampler import OTHER_WEIGHTS, Hearing, Sampler, agent_ids, padded

SEED = 20261
BATCH = 64
#: Every so many-th style is left out of the network that calibrates, besides those once held out.
LEFT_OUT = 6
STEPS = 9000
#: How far each table of embeddings is moved (Euclidean length), where it hurts most, for a second look at
#: every batch (Miyato, Dai and Goodfellow 2017).
AGAINST = 0.25
OUTPUT = Path(os.environ.get("RIDGE_TRAIN_OUTPUT", corpus.ROOT / "models/objection-zh"))
#: Where the float network and the outputs out of fold are left, to be looked at.
SCRATCH = Path(tempfile.gettempdir())
FLOAT = "objections.float.onnx"
FOLD = "objections.fold.npz"


def fit(
    body: Body, examples: list[corpus.Example], words: Vocabulary, hearing: Hearing, steps: int, seed: int
) -> ObjectionNetwork:
    """A network trained on the examples, starting from a copy of `body`."""
    torch.manual_seed(seed)
    network = ObjectionNetwork(copy.deepcopy(body), len(OBJECTION_TYPES)).train()
    embeddings, _ = split(network)
    moves, schedule = optimizer(network, steps, 3e-3, 4e-3)
    sampler = Sampler(examples, words, corpus.agent_lines(), hearing, seed)
    average = Average(network)
    started, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        *inputs, targets = sampler.batch(BATCH)
        wanted = targets * 0.97 + 0.01
        loss = binary_cross_entropy_with_logits(network(*inputs), wanted)
        moves.zero_grad()
        loss.backward()
        with moved(embeddings, AGAINST):
            binary_cross_entropy_with_logits(network(*inputs), wanted).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        moves.step()
        schedule.step()
        running += loss.item()
        average.take(step)
        if step % 400 == 0:
            print(
                f"step {step}/{steps} loss {running / 400:.4f} {time.monotonic() - started:.0f} s", flush=True
            )
            running = 0.0
    return average.network.eval()


@contextmanager
def moved(embeddings: list[torch.nn.Parameter], length: float) -> Iterator[None]:
    """Each table moved by `length` along its gradient, and back at the end."""
    shifts = [length * table.grad / (table.grad.norm() + 1e-12) for table in embeddings]
    with torch.no_grad():
        for table, shift in zip(embeddings, shifts, strict=True):
            table.add_(shift)
    try:
        yield
    finally:
        with torch.no_grad():
            for table, shift in zip(embeddings, shifts, strict=True):
                table.sub_(shift)


def heard_out(
    network: ObjectionNetwork, words: Vocabulary, text: str, before: str
) -> tuple[np.ndarray, np.ndarray]:
    """The raw outputs for one utterance at its end, and the highest of each type while it grew to it."""
    characters, syllables = words.encode(hear(text))
    lengths = [*range(SHORTEST_PARTIAL, len(characters)), len(characters)]
    parts = [(length, window) for length in lengths for window in windows(length)]
    inputs = padded([(characters[window], syllables[window]) for _, window in parts])
    agent = padded([agent_ids(words, hear(before))])
    with torch.no_grad():
        rows = network(*inputs, *(channel.expand(len(parts), -1, -1) for channel in agent)).numpy()
    at_end = np.array([length == len(characters) for length, _ in parts])
    peak = rows[~at_end].max(axis=0) if not at_end.all() else np.full(rows.shape[1], -np.inf)
    return rows[at_end].max(axis=0), peak


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--pretraining", type=int, default=2000, help="steps of pretraining")
    parser.add_argument(
        "--calibration",
        choices=["fit", "keep"],
        default="fit",
        help="keep the stored one to save half the time",
    )
    parser.add_argument("--only-fold", action="store_true", help="report out of fold and store nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    own = corpus.all_own()
    others = corpus.intents() + corpus.small_talk()
    print(f"{sum(map(len, own.values()))} of our own in {len(own)} styles, {len(others)} others", flush=True)
    if options.calibration == "fit":
        calibration, chosen = calibrate(out_of_fold(options, own, others))
    else:
        kept = json.loads((OUTPUT / SETTINGS).read_text(encoding="utf-8"))
        calibration, chosen = kept["calibration"], kept["thresholds"]
    if not options.only_fold:
        everything = [example for examples in own.values() for example in examples] + others
        network, units = trained(everything, options.steps, options.pretraining)
        store(network, units, calibration, chosen)


def trained(
    examples: list[corpus.Example], steps: int, pretraining: int
) -> tuple[ObjectionNetwork, tuple[str, list[str], list[str], list[str]]]:
    """A network that has read nothing of ours but the examples, and its vocabularies."""
    units = embedding.vocabulary(
        [example.text for example in examples] + corpus.agent_lines(),
        [example.style not in OTHER_WEIGHTS for example in examples] + [True] * len(corpus.agent_lines()),
    )
    words = Vocabulary.of(*units)
    hearing = Hearing(SEED)
    tables = embedding.tables(words, [example.text for example in examples])
    print(f"vocabularies and embeddings: {time.process_time():.0f} s of processor time", flush=True)
    body = pretrain(words, tables, hearing, pretraining, SEED)
    return fit(body, examples, words, hearing, steps, SEED), units


def out_of_fold(
    options: argparse.Namespace, own: dict[str, list[corpus.Example]], others: list[corpus.Example]
) -> Fold:
    """The styles that calibrate, clean and noised, as heard out by a network that never read them."""
    chance = random.Random(SEED)
    left_out = [*corpus.ONCE_HELD_OUT]
    left_out += [style for style in own if style not in {*left_out, *DRILLS}][::LEFT_OUT]
    print(f"fold without {', '.join(left_out)}", flush=True)
    train = [example for style in own if style not in left_out for example in own[style]] + others
    network, units = trained(train, options.steps, options.pretraining)
    words = Vocabulary.of(*units)
    scores, peaks, truth, styles, noisy = [], [], [], [], []
    for example in (example for style in left_out for example in own[style]):
        for wrong in (False, True):
            text, context = example.text, example.context
            if wrong:
                text, context = noised(text, chance), context and noised(context, chance)
            score, peak = heard_out(network, words, text, context)
            scores.append(score)
            peaks.append(peak)
            truth.append([float(kind in example.labels) for kind in OBJECTION_TYPES])
            styles.append(example.style)
            noisy.append(wrong)
    np.savez(SCRATCH / FOLD, scores=scores, peaks=peaks, truth=truth, styles=styles, noisy=noisy)
    return Fold(np.array(scores), np.array(peaks), np.array(truth), styles, np.array(noisy))


def store(
    network: ObjectionNetwork,
    units: tuple[str, list[str], list[str], list[str]],
    calibration: dict[str, tuple[float, float]],
    chosen: dict[str, float],
) -> None:
    """Write the int8 network and its settings to OUTPUT, and the float network to SCRATCH."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    source = SCRATCH / FLOAT
    export(network, source)
    quantize(source, OUTPUT / NETWORK)
    settings = dict(zip(("characters", "syllables", "character_pairs", "syllable_pairs"), units, strict=True))
    settings |= {"calibration": calibration, "thresholds": chosen}
    (OUTPUT / SETTINGS).write_text(json.dumps(settings, ensure_ascii=False) + "\n", encoding="utf-8")
    say_files(source, (OUTPUT / NETWORK, OUTPUT / SETTINGS))


if __name__ == "__main__":
    main()
