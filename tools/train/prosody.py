"""Train the prosody model: manifests in; a quantized model with settings, results, card and checksums out.

    python tools/train/prosody.py ../shared/data/prosody/manifest.tsv --unmarked-only \
        --unmarked ../shared/data/emotion/manifest.tsv ../shared/data/asr/train/word-commands.tsv \
        --unmarked-corpora emodb word-commands --out models/prosody-telephone

The recordings of the first manifest have glottal marks. Those of the others have none: they are labelled by
two public trackers where these agree. Made-up voices of known pitch are added.

With `--unmarked-only` the network sees no marked recording, and every marked speaker is scored as unseen by
the model that is shipped. Without it one training is run for each marked speaker, whom it never sees; the
model that did not see the last one is shipped.

With `--work` what was described and trained is kept in a folder, and an interrupted run goes on from there.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from appliance.affect.prosody_model import decode_recording  # noqa: E402
from appliance.affect.runtime import TfliteModel  # noqa: E402
from appliance.affect.scores import PitchErrors, pitch_errors  # noqa: E402
from tools.train import quantized  # noqa: E402
from tools.train.prosodies import card, comparison, corpus, network  # noqa: E402

#: probabilities of voicing from which a frame may be voiced
BOUNDS = (0.3, 0.4, 0.5, 0.6, 0.7)
_EXAMPLES = 400


Heard = tuple[network.Floats, network.Floats]


@dataclass(frozen=True)
class Outcome:
    """One training: its model, and what its float and int8 form heard in the recordings it never saw."""

    content: bytes
    corpora: tuple[str, ...]
    tracks: list[corpus.Track]
    #: pitch and probability of voicing of each recording
    float_heard: list[Heard]
    int8_heard: list[Heard]

    def errors(self, bound: float, quantized: bool) -> dict[str, list[PitchErrors]]:
        """Errors of each recording, by speaker."""
        found: dict[str, list[PitchErrors]] = {}
        heard = self.int8_heard if quantized else self.float_heard
        for track, (pitch, voicing) in zip(self.tracks, heard, strict=True):
            errors = pitch_errors(np.where(voicing >= bound, pitch, 0.0), track.pitch)
            found.setdefault(track.speaker, []).append(errors)
        return found


def choose_bound(outcomes: list[Outcome], without: str | None = None) -> float:
    """The bound of voicing of the least error, gross and of voicing, on unseen speakers but one."""

    def error(bound: float) -> float:
        found = {name: parts for one in outcomes for name, parts in one.errors(bound, quantized=True).items()}
        totals = [
            sum(parts, PitchErrors(0, 0, 0, 0, 0.0)) for name, parts in found.items() if name != without
        ]
        return float(np.mean([total.gross_pitch_error + total.voicing_error for total in totals]))

    return min(BOUNDS, key=error)


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
        quantized = [decode_recording(network.quantized_scores(scorer, track)) for track in judged]
    exact = [decode_recording(network.float_scores(model, track)) for track in judged]
    return Outcome(content, tuple(sorted({track.corpus for track in seen})), judged, exact, quantized)


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    parser.add_argument("manifest", type=Path, help="TSV with the columns path, marks, speaker")
    parser.add_argument(
        "--unmarked", type=Path, nargs="*", default=[], help="TSVs with path, speaker (corpus)"
    )
    parser.add_argument("--unmarked-corpora", nargs="*", help="use only these of the unmarked recordings")
    parser.add_argument("--without-speakers", nargs="*", default=[], help="unmarked speakers to leave out")
    parser.add_argument("--most", type=int, default=16, help="unmarked recordings of a speaker, at most")
    parser.add_argument(
        "--unmarked-only", action="store_true", help="keep every marked recording for scoring"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, such as models/NAME")
    parser.add_argument("--copies", type=int, default=3, help="changed copies of each recording")
    parser.add_argument("--voices", type=int, default=600, help="made-up voices of three seconds")
    parser.add_argument(
        "--work", type=Path, help="folder that keeps what is done; an interrupted run goes on"
    )
    parser.add_argument("--epochs", type=int, default=network.Recipe.epochs)
    parser.add_argument("--seed", type=int, default=network.Recipe.seed)
    options = parser.parse_args()
    if options.unmarked_only and not options.unmarked:
        parser.error("--unmarked-only needs recordings to learn from: name their manifests with --unmarked")
    return options


def main() -> int:
    options = parse(argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0]))
    quantized.use_one_thread()
    recipe = network.Recipe(epochs=options.epochs, seed=options.seed)
    marked = corpus.read_manifest(options.manifest)
    only = None if options.unmarked_corpora is None else tuple(options.unmarked_corpora)
    without = tuple(options.without_speakers)
    unmarked = [
        item for path in options.unmarked for item in corpus.read_unmarked(path, only, without, options.most)
    ]
    work: Path | None = options.work
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)

    def described(name: str, items: list[corpus.Item], copies: int, voices: int = 0) -> list[corpus.Track]:
        file = work / f"{name}-{copies}.pickle" if work is not None else None
        return corpus.kept_or_prepared(items, copies, voices, file)

    others = described("unmarked", unmarked, options.copies) + described("voices", [], 0, options.voices)
    tracks = described("marked", marked, 0 if options.unmarked_only else options.copies)
    speakers = list(dict.fromkeys(item.speaker for item in marked))
    outcomes: list[Outcome] = []
    for held_out in [speakers] if options.unmarked_only else [[one] for one in speakers]:
        print(f"training without {', '.join(held_out)}", flush=True)
        seen = others + [t for t in tracks if t.speaker not in held_out and not options.unmarked_only]
        judged = [track for track in tracks if track.speaker in held_out and track.plain]
        name = "-".join(held_out)
        outcomes.append(run(seen, judged, recipe, work / f"{name}.keras" if work else None))
    # where the work was kept means nothing to whoever runs it again
    said = re.sub(r" --work \S+", "", " ".join(sys.argv[1:]))
    about = card.About(
        recipe, f"tools/train/prosody.py {said}", options.copies, options.voices, len(unmarked)
    )
    if len(speakers) > 1:
        # each speaker is scored with the bound that the others choose
        bounds = {speaker: choose_bound(outcomes, speaker) for speaker in speakers}
        card.write(options.out, outcomes, choose_bound(outcomes), bounds, about)
    else:
        card.write(options.out, outcomes, BOUNDS[len(BOUNDS) // 2], {}, about)
    card.add_others(options.out, comparison.compare(marked))
    card.render(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
