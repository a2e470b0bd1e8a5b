"""The `ridge` command: finds the room that a command belongs to, and turns errors into sentences."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

#: Modules that add commands; each has `add_commands(commands)` and imports what it runs only when it runs.
ROOMS = (
    "appliance.box.command",
    "appliance.box.firewall_command",
    "appliance.box.clock_command",
    "appliance.capture.command",
    "appliance.engine.command",
    "appliance.engine.bench_command",
    "appliance.profile.command",
    "appliance.transcribe_command",
    "appliance.explain_command",
    "appliance.seat.command",
    "appliance.seat.keys_command",
    "appliance.feed.command",
    "appliance.feed.seats_command",
    "appliance.console.command",
    "appliance.inspection.privacy_command",
    "appliance.memory.command",
    "appliance.models_command",
    "appliance.inspection.doctor_command",
    "appliance.inspection.support_command",
    "appliance.evaluation",
)


class CommandError(Exception):
    """A command cannot do its work; the message says what happened and what to do next."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="ridge", description=importlib.import_module("appliance").__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for room in ROOMS:
        importlib.import_module(room).add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 wrong usage)."""
    # Calls are the unit of parallel work here. The arrays of one call are small, and BLAS threads that spin
    # while they wait for their share cost more than they do. numpy reads this at its import, which is later.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except CommandError as error:
        print(f"ridge {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
