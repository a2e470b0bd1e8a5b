"""`ridge memory`: what is remembered of a customer, for the customer's own requests."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.memory.remembered import Remembered
    from appliance.memory.secret import MemorySecret
    from appliance.memory.store import MemoryStore


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge memory`."""
    memory = commands.add_parser("memory", help="show, export and erase what is remembered of a customer")
    actions = memory.add_subparsers(dest="action", metavar="ACTION", required=True)
    status = actions.add_parser("status", help="whether anything is remembered, and of how many customers")
    status.set_defaults(run=_status)
    show = actions.add_parser("show", help="what is remembered of a customer, in words")
    show.set_defaults(run=_show)
    export = actions.add_parser("export", help="the same as JSON, to hand it to the customer")
    export.set_defaults(run=_export)
    erase = actions.add_parser("erase", help="forget a customer, or everybody")
    erase.set_defaults(run=_erase)
    for action in (show, export):
        action.add_argument("number", metavar="NUMBER", help="the telephone number, as it is called")
    who = erase.add_mutually_exclusive_group(required=True)
    who.add_argument("number", metavar="NUMBER", nargs="?", help="the telephone number, as it is called")
    who.add_argument("--everybody", action="store_true", help="erase all records and the secret")
    for action in (status, show, export, erase):
        add_config_option(action)


def _status(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    opened = _open(config)
    known = 0 if opened is None else sum(1 for _ in opened[0].identities())
    state = "on" if config.memory.enabled else "off"
    print(f"memory is {state}; {known} customers; erased {config.memory.retention_days} days after a call")
    return 0


def _show(options: argparse.Namespace) -> int:
    remembered = _remembered(options)
    if remembered is None:
        print("nothing is remembered of this number")
        return 0
    print(
        f"last call on {_date(remembered.day)}, {remembered.calls} calls; "
        f"relationship {remembered.relationship}"
    )
    for need in remembered.needs:
        print(f"  {need.stance} {need.tag}  ({need.confidence:.0%} sure on {_date(need.day)})")
    return 0


def _export(options: argparse.Namespace) -> int:
    import msgspec

    remembered = _remembered(options)
    json.dump(
        {"number": options.number, "remembered": msgspec.to_builtins(remembered)},
        sys.stdout,
        ensure_ascii=False,
        indent=1,
    )
    print()
    return 0


def _erase(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.memory.secret import SECRET_FILE, MemoryFileError, directory_of

    config = load_config(options.config)
    opened = _open(config)
    if opened is None:
        print("nothing is remembered")
        return 0
    store, secret = opened
    try:
        if not options.everybody:
            erased = store.erase(_identity(secret, options.number))
            print("erased" if erased else "nothing is remembered of this number")
            return 0
        count = sum(store.erase(identity) for identity in list(store.identities()))
        (directory_of(config.box.state_directory) / SECRET_FILE).unlink(missing_ok=True)
    except (MemoryFileError, OSError) as error:
        raise CommandError(str(error)) from error
    print(f"erased {count} customers and the secret; restart the appliance if memory is on")
    return 0


def _remembered(options: argparse.Namespace) -> Remembered | None:
    from appliance.cli import CommandError
    from appliance.memory.secret import MemoryFileError

    config = load_config(options.config)
    opened = _open(config)
    if opened is None:
        return None
    store, secret = opened
    try:
        return store.load(_identity(secret, options.number), _today(config))
    except MemoryFileError as error:
        raise CommandError(str(error)) from error


def _open(config: Config) -> tuple[MemoryStore, MemorySecret] | None:
    """The memory of the box, also while it is off: what was remembered can still be erased."""
    from appliance.cli import CommandError
    from appliance.memory.secret import MemoryFileError, MemorySecret, directory_of
    from appliance.memory.store import MemoryStore

    directory = directory_of(config.box.state_directory)
    try:
        secret = MemorySecret.load(directory)
    except MemoryFileError as error:
        raise CommandError(str(error)) from error
    if secret is None:
        return None
    return MemoryStore(directory, secret, config.memory.retention_days), secret


def _identity(secret: MemorySecret, number: str) -> str:
    from appliance.cli import CommandError

    identity = secret.identity(number)
    if identity is None:
        raise CommandError(f"{number!r} is no telephone number; write its digits, such as 13800138000")
    return identity


def _today(config: Config) -> int:
    """Days since 1970, by the latest time that the engines saw: a clock that is set back shows no more."""
    from appliance.box.clock.boxclock import BoxClock
    from appliance.box.clock.latest import read_latest
    from appliance.memory.remembered import DAY_MS
    from appliance.memory.secret import directory_of

    known = read_latest(directory_of(config.box.state_directory))
    return BoxClock(seen=known.latest if known is not None else 0).now() // DAY_MS


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, timezone.utc).strftime("%Y-%m-%d")
