"""`ridge redeem` and `ridge rekey`: a seat's keys, on the seat's own machine."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path

from appliance.cli import CommandError


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `redeem` and `rekey`."""
    redeem = commands.add_parser("redeem", help="on a seat: turn a one-time code into keys")
    redeem.add_argument(
        "--box", type=Path, required=True, metavar="FILE", help="box.json, as the admin gave it"
    )
    redeem.add_argument("--code", help="the code; without it, it is asked for")
    redeem.set_defaults(run=run_redeem)
    rekey = commands.add_parser("rekey", help="on a seat: exchange the seat's key for a new one")
    rekey.set_defaults(run=run_rekey)
    for command in (redeem, rekey):
        command.add_argument("--seat", required=True, metavar="ID", help="seat id, such as 8001")
        command.add_argument(
            "--keys",
            type=Path,
            default=Path("seat-keys"),
            metavar="DIR",
            help="where DIR/ID/ is (default: %(default)s)",
        )


def run_redeem(options: argparse.Namespace) -> int:
    """Redeem a code, and write the key directory."""
    from appliance.seat.enrolment import redeem
    from appliance.seat.keys import SeatError

    code = options.code or getpass.getpass("code: ")
    try:
        redeem(options.box, options.seat, code, options.keys / options.seat)
    except SeatError as error:
        raise CommandError(str(error)) from error
    print(f"seat {options.seat} is enrolled; its keys are in {options.keys / options.seat}/")
    return 0


def run_rekey(options: argparse.Namespace) -> int:
    """Exchange the seat's key."""
    from appliance.seat.enrolment import exchange_key
    from appliance.seat.keys import SeatError

    try:
        seconds = exchange_key(options.keys, options.seat)
    except SeatError as error:
        raise CommandError(str(error)) from error
    print(f"seat {options.seat} has a new key; its old one is valid for {seconds / 3600:g} h more")
    return 0
