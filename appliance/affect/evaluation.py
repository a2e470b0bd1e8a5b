"""`ridge eval emotion` and `ridge eval prosody`: score the models of this room on a manifest."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from appliance.cli import CommandError

#: the models that are scored unless told otherwise
EMOTION: Final = "emotion-telephone-cnn"
PROSODY: Final = "prosody-telephone"
#: the tracker without a model, for comparison
AUTOCORRELATION: Final = "autocorrelation"


def add_eval(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `emotion` and `prosody` to the scores of `ridge eval`."""
    emotion = _subcommand(subparsers, "emotion", "path, speaker, emotion")
    emotion.add_argument("--model", default=EMOTION, help="the model of the store (default %(default)s)")
    emotion.add_argument(
        "--alone",
        action="store_true",
        help="judge each recording as the first of a call; without it, those of a speaker are one call",
    )
    emotion.set_defaults(run=_run_emotion)
    prosody = _subcommand(subparsers, "prosody", "path, marks (int32 sample positions at 16 kHz)")
    prosody.add_argument(
        "--model",
        default=PROSODY,
        help=f"a model of the store, or {AUTOCORRELATION}, the tracker without one (default %(default)s)",
    )
    prosody.set_defaults(run=_run_prosody)


def _subcommand(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, columns: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=f"score the {name} model on a manifest")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help=f"TSV with the columns {columns}")
    parser.add_argument("--band", choices=["telephone"], help="pass the audio through a telephone line first")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="write one TSV line an item")
    return parser


def _run_emotion(options: argparse.Namespace) -> int:
    # numpy and the audio libraries are loaded for this command only
    from appliance.affect import scoring  # noqa: PLC0415
    from appliance.affect.emotion import LABELS  # noqa: PLC0415
    from appliance.affect.models import AffectModels  # noqa: PLC0415
    from appliance.models import ModelError, ModelStore  # noqa: PLC0415

    rows = scoring.read_manifest(options.manifest, ("path", "speaker", "emotion"))
    try:
        models = AffectModels.load(ModelStore(), emotion=True, name=options.model)
    except ModelError as error:
        raise CommandError(str(error)) from error
    result, lines = scoring.score_emotion(
        models, rows, options.manifest.parent, options.band, alone=options.alone
    )
    header = ("path", "speaker", "emotion", "answer", "likeliest", *LABELS)
    _report(options, result, header, lines)
    return 0


def _run_prosody(options: argparse.Namespace) -> int:
    from appliance.affect import scoring  # noqa: PLC0415
    from appliance.affect.models import load_prosody  # noqa: PLC0415
    from appliance.models import ModelError, ModelStore  # noqa: PLC0415

    rows = scoring.read_manifest(options.manifest, ("path", "marks"))
    try:
        tracker = load_prosody(ModelStore(), options.model)
    except ModelError as error:
        raise CommandError(str(error)) from error
    result, lines = scoring.score_prosody(tracker, rows, options.manifest.parent, options.band)
    _report(options, result, ("path", "gross_pitch_error", "voicing_error", "cents_rmse"), lines)
    return 0


def _report(
    options: argparse.Namespace,
    result: dict[str, Any],
    header: tuple[str, ...],
    lines: Sequence[tuple[str, ...]],
) -> None:
    if options.predictions is not None:
        try:
            with options.predictions.open("w", encoding="utf-8") as stream:
                stream.writelines("\t".join(line) + "\n" for line in (header, *lines))
        except OSError as error:
            raise CommandError(
                f"{options.predictions} cannot be written: {error.strerror}; name another file"
            ) from error
    if options.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:18} {value}")
