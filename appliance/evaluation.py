"""`ridge eval`: scores the models of each room on a manifest; figures in the model cards come from here."""

from __future__ import annotations

import argparse
import importlib

#: Modules with `add_eval(subparsers)`: asr; emotion and prosody; objection; needs.
ROOMS = (
    "appliance.speech.evaluation",
    "appliance.affect.evaluation",
    "appliance.language.evaluation",
    "appliance.language.needs_evaluation",
)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge eval` with what every room can score."""
    parser = commands.add_parser("eval", help="score a model on a manifest")
    subparsers = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    for room in ROOMS:
        importlib.import_module(room).add_eval(subparsers)
