"""`ridge clock`: what the box thinks of its wall clock, and an admin's word that it is right."""

from __future__ import annotations

import argparse
import time

from appliance.box.config_option import add_config_option, load_config


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `clock`."""
    clock = commands.add_parser("clock", help="whether the clock jumped; say that it is right now")
    actions = clock.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="the latest time that was seen, and a jump that nobody confirmed")
    show.set_defaults(run=_show)
    confirm = actions.add_parser("confirm", help="say that the clock is right now")
    confirm.set_defaults(run=_confirm)
    for action in (show, confirm):
        add_config_option(action)


def _show(options: argparse.Namespace) -> int:
    """Print; exit status 1 where something is to be confirmed or set right."""
    from appliance.box.clock.jumps import JUMP_SECONDS
    from appliance.box.clock.latest import read_latest

    record = read_latest(load_config(options.config).box.state_directory / "feed")
    now = round(time.time() * 1000)
    print(f"the clock shows {_text(now)}")
    if record is None:
        print("the feed has noted no time yet, or this user may not read it")
        return 0
    print(f"the latest time that was seen is {_text(record.latest)}")
    if record.confirmed:
        print(f"confirmed at {_text(record.confirmed)}")
    behind = record.latest - now
    if behind >= JUMP_SECONDS * 1000:
        print(
            f"the clock is {behind / 1000:.0f} s behind: no enrolment code and no replaced key is accepted. "
            "Set it right (timedatectl set-time); if it is right now, run ridge clock confirm"
        )
        return 1
    if record.jump is not None:
        print(
            f"it jumped from {_text(record.jump.was)} to {_text(record.jump.now)}; if it is right now, run "
            "ridge clock confirm"
        )
        return 1
    return 0


def _confirm(options: argparse.Namespace) -> int:
    from appliance.box.clock.latest import confirm
    from appliance.cli import CommandError

    now = round(time.time() * 1000)
    state = load_config(options.config).box.state_directory
    try:
        files = list(confirm(state, now))
    except OSError as error:
        raise CommandError(f"{error.filename or state}: {error.strerror}; run as root") from error
    if not files:
        raise CommandError(
            f"no process has noted a time in {state} yet; start the appliance first, or name its "
            "configuration with --config"
        )
    print(f"confirmed: {_text(now)} is right. Processes that run take it up within two seconds")
    print("give out new enrolment codes: those from before the jump are void")
    return 0


def _text(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(milliseconds / 1000))
