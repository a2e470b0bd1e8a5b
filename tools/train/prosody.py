"""Train the prosody models: manifests in; quantized models with settings, cards and checksums out.

    python tools/train/prosody.py ../shared/data/prosody/manifest.tsv \
        --unmarked ../shared/data/emotion/manifest.tsv --unmarked-corpora emodb \
        --out models/prosody-telephone --open models/prosody-telephone-open

The recordings of the first manifest have glottal marks. One training is run for each of its speakers, who is
never seen by it; the model that did not see the last one is shipped, so that anybody can score it on that
speaker with `ridge eval prosody`. Made-up voices of known pitch are added.

The open model sees nothing of the first manifest: it is trained on the made-up voices and recordings without
marks, which are labelled by two public trackers where these agree, and every marked speaker is unseen.

With `--work` what was described and trained is kept in a folder, and an interrupted run goes on from there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from appliance.affect.prosody_model import decode  # noqa: E402
from appliance.affect.runtime import TfliteModel  # noqa: E402
from appliance.affect.scores import PitchErrors, pitch_errors  # noqa: E402
from tools.train.prosodies import card, comparison, corpus, network  # noqa: E402

#: probability of voicing from which a frame is voiced: the middle, so that no recording chooses it
VOICED_FROM = 0.5
_EXAMPLES = 400
#: share of the epochs of a training that is scored and thrown away
_SHORTER = 0.5


@dataclass(frozen=True)
class Outcome:
    """One training: its model, and the float and int8 scores of the plain recordings it never saw."""

    content: bytes
    corpora: tuple[str, ...]
    tracks: list[corpus.Track]
    float_scores: list[network.Floats]
    int8_scores: list[network.Floats]

    def errors(self, bound: float, quantized: bool) -> dict[str, list[PitchErrors]]:
        """Errors of each recording, by speaker."""
        found: dict[str, list[PitchErrors]] = {}
        scores = self.int8_scores if quantized else self.float_scores
        for track, one in zip(self.tracks, scores, strict=True):
            found.setdefault(track.speaker, []).append(pitch_errors(decode(one, bound)[0], track.pitch))
        return found


def run(
    seen: list[corpus.Track], judged: list[corpus.Track], recipe: network.Recipe, kept: Path | None
) -> Outcome:
    model = network.kept_or_trained(seen, recipe, kept)
    rng = np.random.default_rng(recipe.seed)
    content = network.quantize(model, recipe, [seen[n] for n in rng.permutation(len(seen))[:_EXAMPLES]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        scorer = TfliteModel(path)
        quantized = [network.quantized_scores(scorer, track) for track in judged]
    corpora = tuple(sorted({track.corpus for track in seen}))
    return Outcome(content, corpora, judged, [network.float_scores(model, t) for t in judged], quantized)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("manifest", type=Path, help="TSV with the columns path, marks, speaker")
    parser.add_argument("--unmarked", type=Path, help="TSV with the columns path, speaker, corpus")
    parser.add_argument("--unmarked-corpora", nargs="*", help="use only these of the unmarked recordings")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, such as models/NAME")
    parser.add_argument("--open", type=Path, help="folder of the model that sees no marked recording")
    parser.add_argument("--copies", type=int, default=3, help="changed copies of each recording")
    parser.add_argument("--voices", type=int, default=600, help="made-up voices of three seconds")
    parser.add_argument(
        "--work", type=Path, help="folder that keeps what is done; an interrupted run goes on"
    )
    parser.add_argument("--epochs", type=int, default=network.Recipe.epochs)
    parser.add_argument("--seed", type=int, default=network.Recipe.seed)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe = network.Recipe(epochs=options.epochs, seed=options.seed)
    marked = corpus.read_manifest(options.manifest)
    if any(item.marks is None for item in marked):
        parser.error(f"{options.manifest} has rows without marks; list those in the manifest of --unmarked")
    unmarked = []
    if options.unmarked is not None:
        only = None if options.unmarked_corpora is None else tuple(options.unmarked_corpora)
        unmarked = corpus.read_manifest(options.unmarked, only)
    work: Path | None = options.work
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)

    def described(name: str, items: list[corpus.Item], voices: int) -> list[corpus.Track]:
        file = work / f"{name}.pickle" if work is not None else None
        return corpus.kept_or_prepared(items, options.copies, voices, file)

    tracks = described("marked", marked, options.voices)
    speakers = list(dict.fromkeys(item.speaker for item in marked))
    outcomes: list[Outcome] = []
    shorter = replace(recipe, epochs=max(1, round(recipe.epochs * _SHORTER)))
    # the shipped one first, so that what is built on it need not wait
    for speaker in reversed(speakers):
        print(f"training without {speaker}", flush=True)
        seen = [track for track in tracks if track.speaker != speaker]
        judged = [track for track in tracks if track.speaker == speaker and track.plain]
        own = recipe if speaker == speakers[-1] else shorter
        outcomes.insert(0, run(seen, judged, own, work / f"{speaker}.keras" if work else None))
    others = comparison.compare(marked)
    about = card.About(recipe, options.copies, options.voices)
    card.write(options.out, outcomes, (speakers[-1],), VOICED_FROM, others, about)
    if options.open is not None:
        print("training of the open model: without any marked recording", flush=True)
        seen = [*described("unmarked", unmarked, 0), *(t for t in tracks if t.speaker == corpus.SYNTHETIC)]
        judged = [track for track in tracks if track.speaker in speakers and track.plain]
        outcome = run(seen, judged, recipe, work / "open.keras" if work else None)
        card.write(options.open, [outcome], tuple(speakers), VOICED_FROM, others, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
