"""Train the emotion models: manifests in; quantized models with settings, cards and checksums out.

    python tools/train/emotion.py ../shared/data/emotion/manifest.tsv \
        --neutral ../shared/data/asr/train/aishell-sample.tsv ../shared/data/asr/train/digits.tsv \
        --without-readers S0252 --out models/emotion-telephone-cnn

Three trainings hold out different speakers of every corpus; the model of the last is the one that is
shipped, so its held-out speakers can be scored by anybody with `ridge eval emotion`. The calibration and the
bounds of "uncertain" and of the alerts are chosen on the held-out predictions of the other trainings, on the
corpus most like the calls. Then one training a corpus is run that sees nothing of that corpus.

With `--corpora emodb` the model sees only these corpora and is scored on all others.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from appliance.affect.emotion import Settings  # noqa: E402
from appliance.affect.models import PROSODY_MODELS, load_prosody  # noqa: E402
from appliance.models import MANIFEST_NAME, ModelStore  # noqa: E402
from tools.train import quantized  # noqa: E402
from tools.train.emotions import calibration, card, corpus, network  # noqa: E402
from tools.train.emotions.sampling import FOLDS, folds  # noqa: E402

#: changed copies of each recording: of the corpus that is like the calls, of the others, of readings
COPIES_TARGET, COPIES_OTHER, COPIES_READ = 4, 1, 1
NOTHING = 300
#: recordings taken of each manifest of neutral speech
NEUTRAL = 300
EXAMPLES = 300
#: share of the steps that a training for a left-out corpus has; it is scored and thrown away
_SHORTER = 0.4


@dataclass(frozen=True)
class Outcome:
    """One training: what its two models said about recordings of speakers they never saw."""

    held_out: tuple[str, ...]
    #: of the emotional recordings that were seen, and of the neutral readings
    corpora: tuple[str, ...]
    content: bytes
    float_logits: NDArray[np.float32]
    int8_logits: NDArray[np.float32]
    #: the judged windows, without pictures
    judged: corpus.Material


def run(
    material: corpus.Material,
    unseen: NDArray[np.bool_],
    held_out: tuple[str, ...],
    recipe: network.Recipe,
    file: Path | None = None,
) -> Outcome:
    """Train on all that is not `unseen`, judge the unchanged recordings of it.

    What was trained is kept in the file `file`, or taken from there.
    """
    seen = np.flatnonzero(~unseen)
    judged = material.some(unseen & (material.ways != corpus.CHANGED) & (material.items >= 0))
    if file is not None and file.exists():
        with np.load(file) as arrays:
            content = arrays["content"].tobytes()
            logits = arrays["float_logits"], arrays["int8_logits"]
    else:
        model = network.train(material, seen, len(corpus.CLASSES), recipe)
        rng = np.random.default_rng(recipe.seed)
        examples = rng.choice(seen, min(EXAMPLES, len(seen)), replace=False)
        content = network.quantize(model, material.windows[examples])
        exact = network.float_logits(model, judged.windows)
        logits = exact, network.quantized_logits(content, judged.windows)
        if file is not None:
            whole = np.frombuffer(content, np.uint8)
            np.savez(file, content=whole, float_logits=logits[0], int8_logits=logits[1])
    return Outcome(
        held_out,
        tuple(sorted(set(material.corpora[seen].tolist()) - {"none"})),
        content,
        *logits,
        corpus.Material(judged.windows[:0], *(getattr(judged, f.name) for f in fields(judged)[1:])),
    )


def only(
    material: corpus.Material, corpora: tuple[str, ...], recipe: network.Recipe, file: Path | None
) -> Outcome:
    """See some corpora and the readings only; every fourth speaker of theirs is kept for the calibration."""
    acted = (material.labels != corpus.CLASSES.index("neutral")) & (material.items >= 0)
    others = set(material.speakers[acted & ~np.isin(material.corpora, corpora)].tolist())
    own = sorted(set(material.speakers[np.isin(material.corpora, corpora)].tolist()))
    held_out = tuple(sorted({*others, *own[3::4]}))
    return run(material, np.isin(material.speakers, held_out), held_out, recipe, file)


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    parser.add_argument(
        "manifest", type=Path, help="TSV with the columns path, speaker, emotion (and corpus)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, such as models/NAME")
    parser.add_argument("--neutral", type=Path, nargs="*", default=[], help="manifests of read speech")
    parser.add_argument("--without-readers", nargs="*", default=[], help="readers kept for `false_alarms.py`")
    parser.add_argument("--target", help="the corpus most like the calls (default: the manifest's first)")
    parser.add_argument("--corpora", nargs="*", help="see only these corpora, and score on the others")
    parser.add_argument("--scored", nargs="*", help="with --corpora: score on these only")
    parser.add_argument("--prosody", default=PROSODY_MODELS[0], help="the model that measures pitch")
    parser.add_argument("--steps", type=int, default=network.Recipe.steps)
    parser.add_argument("--seed", type=int, default=network.Recipe.seed)
    parser.add_argument(
        "--work", type=Path, help="folder that keeps what is done; an interrupted run goes on"
    )
    parser.add_argument("--skip-corpora", action="store_true", help="leave no corpus out in turn")
    return parser.parse_args()


def kept(options: argparse.Namespace, name: str) -> Path | None:
    """The file in the work folder that keeps a training."""
    return None if options.work is None else options.work / f"{name}-{options.steps}-{options.seed}.npz"


def measured(options: argparse.Namespace, items: list[corpus.Item], seed: int) -> corpus.Material:
    """The windows of all items, from the cache where there is one."""
    names = [field.name for field in fields(corpus.Material)]
    file = None if options.work is None else options.work / "windows.npz"
    if file is not None and file.exists():
        with np.load(file) as arrays:
            return corpus.Material(*(arrays[name] for name in names))
    copies = {item.corpus: COPIES_OTHER if item.acted else COPIES_READ for item in items}
    if options.corpora is None:
        copies[options.target] = COPIES_TARGET
    else:
        # what is only scored needs no changed copies
        copies |= {item.corpus: 0 for item in items if item.acted}
        copies |= dict.fromkeys(options.corpora, COPIES_TARGET)
    tracker = load_prosody(ModelStore(manifest=options.out.parent / MANIFEST_NAME), options.prosody)
    material = corpus.prepare(items, copies, NOTHING, tracker, seed)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **{name: getattr(material, name) for name in names})
    return material


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    options = parse(parser)
    quantized.use_one_thread()
    began = time.monotonic()
    acted = corpus.read_manifest(options.manifest)
    options.target = options.target or acted[0].corpus
    if options.corpora is not None and options.scored is not None:
        acted = [item for item in acted if item.corpus in {*options.corpora, *options.scored}]
    recipe = network.Recipe(steps=options.steps, seed=options.seed, target=options.target)
    rng = np.random.default_rng(recipe.seed)
    read = [
        item
        for path in options.neutral
        for item in corpus.read_neutral(path, NEUTRAL, tuple(options.without_readers), rng)
    ]
    material = measured(options, [*acted, *read], recipe.seed)
    if options.corpora is not None:
        file = kept(options, "only")
        outcomes, corpora = [only(material, tuple(options.corpora), recipe, file)], []
        # what was heard in other corpora says little of how sure to be on calls
        like_calls = sorted({item.speaker for item in acted if item.corpus == options.target})
        known = like_calls[:-1] or [item.speaker for item in acted if item.speaker in outcomes[0].held_out]
        bounds = calibration.choose([calibration.judged(outcomes[0], speakers=known)])
        # and it speaks only where one answer is likelier than all others together
        bounds["least_confidence"] = calibration.MOST_UNCERTAIN
    else:
        outcomes = []
        for number, held_out in enumerate(folds(acted)):
            if not held_out:
                parser.error(f"{options.manifest}: no corpus has {FOLDS} speakers, so none can be held out")
            print(f"fold {number + 1} of {FOLDS}: without {', '.join(held_out)}", flush=True)
            unseen = np.isin(material.speakers, held_out)
            outcomes.append(run(material, unseen, held_out, recipe, kept(options, f"fold-{number}")))
        others = [calibration.judged(o, corpora=[options.target]) for o in outcomes[:-1]]
        bounds = calibration.choose(others)
        corpora = []
        for name in () if options.skip_corpora else sorted({item.corpus for item in acted}):
            print(f"without the corpus {name}", flush=True)
            shorter = replace(recipe, steps=int(recipe.steps * _SHORTER))
            file = kept(options, f"without-{name}")
            corpora.append(run(material, material.corpora == name, (name,), shorter, file))
    settings = Settings(
        held_out=outcomes[-1].held_out,
        prosody=options.prosody,
        # an alert interrupts an agent, so a model that heard nothing like the calls raises none
        alerts=options.corpora is None or options.target in options.corpora,
        **bounds,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    # where the work was kept means nothing to whoever runs it again
    said = re.sub(r" --work \S+", "", " ".join(sys.argv[1:]))
    command = f"tools/train/emotion.py {said}"
    about = card.About(recipe, command, time.monotonic() - began)
    card.write(options.out, settings, outcomes, corpora, [*acted, *read], about)
    card.render(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
