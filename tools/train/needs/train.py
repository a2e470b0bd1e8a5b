"""Trains the needs model and stores it, int8 quantized, in models/needs-zh.

Set up an environment of its own as tools/train/objections/train.py says, then run from the checkout (the
first line leaves what calibrates, and the body, for the second):

    nice -n 10 python -m tools.train.needs.train --fitted-folds 1 --only-folds
    nice -n 10 python -m tools.train.needs.train --folds 0 --keep-body --steps 3600
    .venv/bin/python -m tools.train.needs.register

and score it as the card says.
"""

from __future__ import annotations

import argparse
import copy
import os
import pickle
import random
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
import torch

from appliance.language.findings import NeedFinding
from appliance.language.needs import NeedRules
from appliance.language.needs_model import (
    NETWORK,
    SETTINGS,
    STANCES,
    Calibration,
    Reading,
    Settings,
    encode,
    together,
)
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised_clauses
from appliance.language.text_units import Vocabulary
from appliance.protocol.vocabulary import NEED_TAGS
from tools.train.needs import corpus
from tools.train.needs.calibration import Told, calibrate, report
from tools.train.needs.corpus import Example
from tools.train.needs.export import export
from tools.train.needs.network import NeedNetwork
from tools.train.needs.sampler import Hearing, Sampler
from tools.train.objections import corpus as objections
from tools.train.objections import embedding
from tools.train.objections.export import quantize
from tools.train.objections.fitting import Average, optimizer, say_files
from tools.train.objections.network import Body
from tools.train.objections.pretraining import pretrain
from tools.train.objections.sampler import Hearing as BodyHearing

SEED = 20262
BATCH = 64
#: Pairs that the vocabulary keeps: fewer than that of objections, to stay small.
PAIRS = 6000
OUTPUT = Path(os.environ.get("RIDGE_TRAIN_OUTPUT", objections.ROOT / "models/needs-zh"))
#: Where the float network and the outputs out of fold are left, to be looked at.
SCRATCH = Path(tempfile.gettempdir())
FOLDS = "needs.folds.pickle"
BODY = "needs.body.pickle"
FLOAT = "needs.float.onnx"
KEPT = "needs.network.pickle"

Units = tuple[str, list[str], list[str], list[str]]


def fit(
    body: Body, examples: list[Example], words: Vocabulary, hearing: Hearing, steps: int, seed: int
) -> NeedNetwork:
    """A network trained on the examples, starting from a copy of `body`."""
    torch.manual_seed(seed)
    network = NeedNetwork(copy.deepcopy(body), len(NEED_TAGS), len(STANCES)).train()
    moves, schedule = optimizer(network, steps, 1e-3, 2e-3)
    sampler = Sampler(examples, words, objections.agent_lines(), hearing, seed)
    average = Average(network)
    started, running = time.monotonic(), np.zeros(2)
    for step in range(1, steps + 1):
        batch = sampler.batch(BATCH)
        presence, stances = network(*batch[:5])
        found = torch.nn.functional.binary_cross_entropy_with_logits(
            presence, batch.presence * 0.98 + 0.005, batch.presence_weight, reduction="sum"
        )
        meant = torch.nn.functional.cross_entropy(
            stances.flatten(0, 1), batch.stance.flatten(), reduction="none", label_smoothing=0.03
        )
        meant = (meant * batch.stance_weight.flatten()).sum()
        loss = (found + meant) / BATCH
        moves.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        moves.step()
        schedule.step()
        running += (found.item() / BATCH, meant.item() / BATCH)
        average.take(step)
        if step % 200 == 0:
            print(
                f"step {step}/{steps} presence {running[0] / 200:.4f} stance {running[1] / 200:.4f} "
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )
            running[:] = 0
    return average.network.eval()


def outputs(
    network: NeedNetwork, words: Vocabulary, hearing: Hearing, example: Example
) -> tuple[Reading, tuple[NeedFinding, ...]]:
    """The raw outputs for one utterance, as NeedModel computes them, and what the rules find."""
    heard, said = hear(example.text), hear(example.context)
    asked = not example.style.startswith(corpus.TUNED)
    beside = hearing.known(heard, said, example.topic, asked=asked)
    readings = []
    for part in encode(words, heard, said, beside):
        rows = (part.characters, part.syllables, part.place, part.named, part.told)
        with torch.no_grad():
            presence, stances = network(*(torch.from_numpy(row[None]) for row in rows))
        readings.append(Reading(presence.numpy()[0].astype(float), stances.numpy()[0].astype(float)))
    return together(readings), beside.found or ()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--pretraining", type=int, default=2000, help="steps of pretraining")
    parser.add_argument(
        "--folds", type=int, default=3, help="folds of styles that calibrate; 0: those left before"
    )
    parser.add_argument("--fitted-folds", type=int, help="fit only the first so many folds, to save time")
    parser.add_argument("--only-folds", action="store_true", help="report out of fold and store nothing")
    parser.add_argument("--keep-body", action="store_true", help=f"use the body left in {SCRATCH / BODY}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rules = NeedRules()
    own = corpus.written(rules) | corpus.calls(rules)
    weak = corpus.weak(rules)
    lines = [example for examples in own.values() for example in examples]
    print(f"{len(lines)} of our own in {len(own)} styles, {len(weak)} that the rules read", flush=True)
    units, words, body = bodied(lines, weak, options)
    hearing = Hearing(SEED, rules)
    if options.folds:
        judged = out_of_fold(options, own, weak, words, hearing, body)
        (SCRATCH / FOLDS).write_bytes(pickle.dumps(judged))
    if not options.only_folds:
        network = fit(body, lines + weak, words, hearing, options.steps, SEED)
        (SCRATCH / KEPT).write_bytes(pickle.dumps((network, units)))
    judged = pickle.loads((SCRATCH / FOLDS).read_bytes())
    calibration = calibrate(judged)
    report(judged, calibration)
    if not options.only_folds:
        store(network, units, calibration)


def bodied(
    lines: list[Example], weak: list[Example], options: argparse.Namespace
) -> tuple[Units, Vocabulary, Body]:
    """The vocabularies, and the body that was pretrained for them."""
    path = SCRATCH / BODY
    if options.keep_body:
        units, body = pickle.loads(path.read_bytes())
        return units, Vocabulary.of(*units), body
    texts = [text for example in lines for text in (example.text, example.context) if text]
    others = [example.text for example in weak]
    full = embedding.vocabulary(texts + others, [True] * len(texts) + [False] * len(others))
    units = (full[0], full[1], full[2][:PAIRS], full[3][:PAIRS])
    words = Vocabulary.of(*units)
    tables = embedding.tables(words, texts + others)
    body = pretrain(words, tables, BodyHearing(SEED), options.pretraining, SEED)
    path.write_bytes(pickle.dumps((units, body)))
    return units, words, body


def out_of_fold(
    options: argparse.Namespace,
    own: dict[str, list[Example]],
    weak: list[Example],
    words: Vocabulary,
    hearing: Hearing,
    body: Body,
) -> list[Told]:
    """Each of our lines, clean and noised, with the outputs of a network that never read its style."""
    chance = random.Random(SEED)
    judged = []
    for fold in range(options.fitted_folds or options.folds):
        left_out = list(own)[fold :: options.folds]
        train = [example for style in own if style not in left_out for example in own[style]] + weak
        print(f"fold {fold + 1}: without {len(left_out)} styles", flush=True)
        network = fit(body, train, words, hearing, options.steps, SEED + fold)
        for example in (example for style in left_out for example in own[style]):
            for noisy in (False, True):
                text, before = example.text, example.context
                if noisy:
                    text, before = noised_clauses(text, chance), noised_clauses(before, chance)
                told_so = Example(text, example.labels, example.style, before, example.topic)
                judged.append(Told(told_so, noisy, *outputs(network, words, hearing, told_so)))
    return judged


def store(network: NeedNetwork, units: Units, calibration: Calibration) -> None:
    """Write the int8 network and its settings to OUTPUT, and the float network to SCRATCH."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    source = SCRATCH / FLOAT
    export(network, source)
    quantize(source, OUTPUT / NETWORK)
    settings = Settings(
        tags=NEED_TAGS,
        stances=STANCES,
        characters=units[0],
        syllables=tuple(units[1]),
        character_pairs=tuple(units[2]),
        syllable_pairs=tuple(units[3]),
        calibration=calibration,
    )
    (OUTPUT / SETTINGS).write_bytes(msgspec.json.encode(settings) + b"\n")
    say_files(source, (OUTPUT / NETWORK, OUTPUT / SETTINGS))


if __name__ == "__main__":
    main()
