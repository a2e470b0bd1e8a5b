"""`ridge eval`: scores the models of each room on a manifest; figures in the model cards come from here."""

from __future__ import annotations

import argparse
import importlib

#: Modules with `add_eval(subparsers)`: asr; emotion and prosody; objection.
ROOMS = ("appliance.speech.evaluation", "appliance.affect.evaluation", "appliance.language.evaluation")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge eval` with what every room can score."""
    parser = commands.add_parser("eval", help="score a model on a manifest")
    subparsers = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    for room in ROOMS:
        try:
            module = importlib.import_module(room)
        except ModuleNotFoundError as error:
            # Only the room itself may be absent; what it fails to import is a fault to be seen.
            if error.name != room:
                raise
            continue
        module.add_eval(subparsers)
