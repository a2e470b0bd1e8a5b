"""`ridge feed` and `ridge seats`: run the feed, and say who may see it."""

from __future__ import annotations

import argparse
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config
from appliance.cli import CommandError

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.feed.keys import Connection


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `feed` and `seats`."""
    feed = commands.add_parser("feed", help="run the feed process alone (systemd unit ridge-feed)")
    add_config_option(feed)
    feed.set_defaults(run=run_feed)

    seats = commands.add_parser("seats", help="enrol and revoke the seats that may see profiles")
    actions = seats.add_subparsers(dest="action", metavar="ACTION", required=True)

    enrol = actions.add_parser("enrol", help="let a seat in, and write the keys that its machine needs")
    enrol.add_argument("seats", nargs="+", metavar="ID", help="seat id, such as 8001")
    enrol.add_argument(
        "--out",
        type=Path,
        default=Path("seat-keys"),
        metavar="DIR",
        help="where to write DIR/ID/ (default: %(default)s)",
    )
    enrol.add_argument(
        "--host", help="address by which seats reach the box (default: feed.bind of the configuration)"
    )
    enrol.add_argument("--group", metavar="NAME", help="the group that these seats belong to")
    enrol.add_argument(
        "--supervisor", action="store_true", help="these ids see all calls of --group, and no call is theirs"
    )
    add_config_option(enrol)
    enrol.set_defaults(run=run_enrol)

    revoke = actions.add_parser("revoke", help="cut a seat off; its keys become useless")
    revoke.add_argument("seats", nargs="+", metavar="ID", help="seat id, such as 8001")
    add_config_option(revoke)
    revoke.set_defaults(run=run_revoke)

    listing = actions.add_parser("list", help="list the enrolled seats")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    add_config_option(listing)
    listing.set_defaults(run=run_list)


def run_feed(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from appliance.feed import service

    return service.run(load_config(options.config))


def run_enrol(options: argparse.Namespace) -> int:
    """Enrol every named seat; each gets a key directory."""
    from appliance.feed.grants import GrantBook, GrantError, Role
    from appliance.feed.keys import SEAT_SECRET_FILE, CurveKeys, box_keys, write_seat_keys
    from appliance.feed.private_file import PrivateFileError

    config = load_config(options.config)
    state = config.box.state_directory / "feed"
    try:
        box = box_keys(state)
        book = GrantBook(state)
        for seat in options.seats:
            directory: Path = options.out / seat
            if (directory / SEAT_SECRET_FILE).exists():
                raise CommandError(
                    f"{directory / SEAT_SECRET_FILE} exists already; move it away, or choose another --out"
                )
            keys = CurveKeys.generate()
            role: Role = "supervisor" if options.supervisor else "seat"
            book.enrol(seat, keys.public, time.time_ns() // 1_000_000, role=role, group=options.group)
            try:
                write_seat_keys(directory, seat, keys, box.public, _connection(config, options.host))
            except PrivateFileError:
                # A grant whose keys nobody has would only be in the way.
                book.revoke(seat)
                raise
            print(f"seat {seat} is enrolled; carry {directory}/ to its machine and remove it here")
    except (GrantError, PrivateFileError) as error:
        raise CommandError(str(error)) from error
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Revoke every named seat."""
    from appliance.feed.grants import GrantBook, GrantError
    from appliance.feed.private_file import PrivateFileError

    book = GrantBook(load_config(options.config).box.state_directory / "feed")
    try:
        for seat in options.seats:
            book.revoke(seat)
            print(f"seat {seat} is revoked; a running feed cuts it off within a second")
    except (GrantError, PrivateFileError) as error:
        raise CommandError(str(error)) from error
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print the enrolled seats."""
    import json

    from appliance.feed.grants import GrantBook
    from appliance.feed.private_file import PrivateFileError

    try:
        grants = GrantBook(load_config(options.config).box.state_directory / "feed").read()
    except PrivateFileError as error:
        raise CommandError(str(error)) from error
    for grant in sorted(grants.values(), key=lambda grant: grant.id):
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(grant.enrolled / 1000))
        if options.json:
            entry = {
                "seat": grant.id,
                "role": grant.role,
                "group": grant.group,
                "key": grant.key,
                "enrolled": grant.enrolled,
            }
            print(json.dumps(entry))
        else:
            print(f"{grant.id:<32}  {grant.role:<10}  {grant.group or '-':<16}  {since}  {grant.key}")
    if not grants and not options.json:
        print("no seat is enrolled; `ridge seats enrol ID` lets one in")
    return 0


def _connection(config: Config, host: str | None) -> Connection:
    from appliance.feed.keys import Connection

    bind = config.feed.bind
    if host is None:
        host = socket.gethostname() if bind in {"0.0.0.0", "::"} else bind  # noqa: S104 - compared, not bound
    return Connection(host, config.feed.publish_port or None, config.feed.control_port or None)
