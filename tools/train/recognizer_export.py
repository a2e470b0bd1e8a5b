"""Turns the checkpoint of `recognizer.py` into the model that the appliance bundles, and measures it.

    /tmp/train/bin/python -m tools.train.recognizer_export --work /tmp/recognizer

Then count how it mishears (`confusions.py --model`, which needs the files in their place), and run this
again, so that the manifest lists the table, too.

Writes the int8 network, its tokens, the learning curve (SVG and JSON lines) and its entry in the manifest
beside the model's folder; prints float and int8 side by side on the recordings kept out of training. The
card is written by hand from these figures and from `ridge eval asr`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.speech.lexicon import CONFUSIONS_FILE
from appliance.speech.syllablesearch import SyllableGrammar, SyllablePath
from tools.train.model_files import Entry, enter
from tools.train.recognizer import HELD_OUT
from tools.train.recognizers.corpus import read_manifest, token_table
from tools.train.recognizers.curve import draw
from tools.train.recognizers.network import FRAME_MS, Recognizer, Size
from tools.train.recognizers.score import Judge, logits_of
from tools.train.recognizers.streaming import export, run_chunks

VOICE = "unseen voice"
PENALTIES = tuple(quarter / 4 for quarter in range(13))
_LICENCES = (
    "trained on AISHELL-1 sample: Apache-2.0; textbook readings: study and research only; "
    "digits, CASIA: none stated; word commands: MIT; HSK words: CC BY-SA; "
    "synthetic speech of espeak-ng for sentences of our own; labels of asr-zh-pinyin-zipformer: Apache-2.0"
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--work", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--out", type=Path, default=root / "models" / "asr-zh-pinyin-telephone")
    unseen = root.parent / "shared" / "data" / "asr" / "train" / f"{HELD_OUT}.tsv"
    parser.add_argument("--judge", type=Path, default=unseen, help="a manifest the training never saw")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = token_table()
    network = Recognizer(len(table), Size())
    network.load_state_dict(torch.load(options.work / "checkpoint.pt", weights_only=True)["average"])
    judge = Judge({VOICE: [one for one in read_manifest(options.judge) if one.syllables]}, table, seed=8001)
    grammar = SyllableGrammar(table, 0)
    penalty = _best_penalty(judge, network, grammar)
    wide, narrow = export(network, table, penalty, options.work / "export")
    for path in (wide, narrow):

        def hear(samples: NDArray[np.float32], path: Path = path) -> Sequence[str]:
            return syllables(grammar, run_chunks(path, samples, network.lag))

        print(
            f"{path.name}: {judge.errors(VOICE, hear):.1%} tone-less syllable errors, "
            f"{path.stat().st_size:,} bytes"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    for path in (narrow, narrow.with_name("tokens.txt"), options.work / "curve.jsonl"):
        shutil.copyfile(path, options.out / path.name)
    (options.out / "curve.svg").write_text(draw(options.out / "curve.jsonl"), encoding="utf-8")
    entry = Entry(
        kind="asr",
        licence=_LICENCES,
        research_only=True,
        source="tools/train/recognizer.py",
        purpose="Streaming Mandarin recognition of telephone speech into toned pinyin; it is bundled.",
        more={"units": "pinyin", "network": "tone-ctc"},
    )
    # counted with this model by confusions.py, so there only when this runs again
    files = [narrow.name, "tokens.txt", CONFUSIONS_FILE]
    enter(options.out, entry, [name for name in files if (options.out / name).exists()])
    return 0


def _best_penalty(judge: Judge, network: Recognizer, grammar: SyllableGrammar) -> float:
    """The penalty of the blank with the fewest errors on the voice that the training never heard."""
    heard: dict[bytes, NDArray[np.float32]] = {}
    errors = {}
    for penalty in PENALTIES:

        def hear(samples: NDArray[np.float32], penalty: float = penalty) -> Sequence[str]:
            key = samples.tobytes()
            if key not in heard:
                heard[key] = logits_of(network, samples)
            logits = heard[key].astype(np.float64)
            logits[:, 0] -= penalty
            return syllables(grammar, logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))

        errors[penalty] = judge.errors(VOICE, hear)
    print("blank penalty: " + "  ".join(f"{one:g}: {share:.1%}" for one, share in errors.items()))
    return min(errors, key=lambda one: errors[one])


def syllables(grammar: SyllableGrammar, scores: NDArray[Any]) -> Sequence[str]:
    """What the appliance hears in log-probabilities (frames, tokens), before the lexicon."""
    path = SyllablePath(grammar)
    path.advance(scores.astype(np.float32))
    return path.hearing(FRAME_MS / 1000, 0.0).tokens


if __name__ == "__main__":
    raise SystemExit(main())
