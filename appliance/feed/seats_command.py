"""`ridge seats`: who may see what the feed serves, and with which keys."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.box.config_option import add_config_option, load_config
from appliance.cli import CommandError

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.feed.grants import Entry
    from appliance.feed.keys import Connection

#: Seats between two lines of progress.
_PROGRESS: Final = 50


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `seats`."""
    seats = commands.add_parser("seats", help="enrol and revoke the seats that may see profiles")
    actions = seats.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_enrol(actions)

    rotate = actions.add_parser("rotate", help="give seats new keys; the old ones stay valid for a while")
    rotate.add_argument("seats", nargs="+", metavar="ID", help="seat id, such as 8001")
    _add_key_directory(rotate)
    rotate.add_argument(
        "--overlap-hours",
        type=float,
        metavar="H",
        help="default: feed.key_overlap_hours; 0 ends the old at once",
    )
    rotate.set_defaults(run=run_rotate)

    box = actions.add_parser(
        "rotate-box", help="give the box a new key; seats that are on follow by themselves"
    )
    box.add_argument(
        "--days", type=float, default=14.0, metavar="D", help="announce it for so long (default: %(default)g)"
    )
    box.add_argument("--cancel", action="store_true", help="keep the present key after all")
    box.set_defaults(run=run_rotate_box)

    move = actions.add_parser("move", help="put seats into another group; their keys stay")
    move.add_argument("seats", nargs="+", metavar="ID", help="seat id, such as 8001")
    move.add_argument("--group", metavar="NAME", help="the new group; without it, none")
    move.set_defaults(run=run_move)

    revoke = actions.add_parser("revoke", help="cut a seat off; its keys become useless")
    revoke.add_argument("seats", nargs="+", metavar="ID", help="seat id, such as 8001")
    revoke.set_defaults(run=run_revoke)

    listing = actions.add_parser("list", help="list the enrolled seats and the open codes")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(run=run_list)

    feedback = actions.add_parser("feedback", help="what agents said of advice, counted by strategy")
    feedback.add_argument("--json", action="store_true", help="one JSON object a line")
    feedback.set_defaults(run=run_feedback)
    days = actions.add_parser("days", help="what each day's calls came to, counted without persons")
    days.add_argument("--json", action="store_true", help="one JSON object a line")
    days.set_defaults(run=run_days)
    for action in (rotate, box, move, revoke, listing, feedback, days):
        add_config_option(action)


def _add_enrol(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enrol = actions.add_parser("enrol", help="let seats in, and write the keys or codes that they need")
    enrol.add_argument("seats", nargs="*", metavar="ID", help="seat id, such as 8001")
    enrol.add_argument(
        "--list", type=Path, metavar="FILE", help="the seats: one id a line, CSV (seat, group, role), or TOML"
    )
    enrol.add_argument("--group", metavar="NAME", help="the group that these seats belong to")
    enrol.add_argument(
        "--supervisor", action="store_true", help="these ids see all calls of --group, and no call is theirs"
    )
    enrol.add_argument(
        "--codes",
        type=Path,
        metavar="FILE",
        help="write one-time codes to FILE (CSV) instead of key directories",
    )
    enrol.add_argument(
        "--valid-hours", type=float, default=72.0, metavar="H", help="of codes (default: %(default)g)"
    )
    _add_key_directory(enrol)
    add_config_option(enrol)
    enrol.set_defaults(run=run_enrol)


def _add_key_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("seat-keys"),
        metavar="DIR",
        help="where to write DIR/ID/ (default: %(default)s)",
    )
    parser.add_argument(
        "--host", help="address by which seats reach the box (default: feed.bind of the configuration)"
    )


def run_enrol(options: argparse.Namespace) -> int:
    """Enrol every seat that is named or on the list, all or none."""
    from appliance.feed.grants import Entry, GrantBook, Role

    config = load_config(options.config)
    with _sentences():
        role: Role = "supervisor" if options.supervisor else "seat"
        entries = [Entry(seat, role, options.group) for seat in options.seats]
        entries += _listed(options.list, options.group) if options.list else []
        if not entries:
            raise CommandError("no seat is named; write ids, or --list FILE")
        # What is wrong is said before any file is written.
        GrantBook.check(GrantBook(_directory(config)).read(), entries)
        if options.codes:
            _give_codes(config, entries, options)
        else:
            _give_keys(config, entries, options)
    return 0


def _listed(path: Path, group: str | None) -> list[Entry]:
    from appliance.feed.seat_list import read_seat_list

    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}; name an existing file") from error
    return read_seat_list(data, str(path), group)


def _give_keys(config: Config, entries: Sequence[Entry], options: argparse.Namespace) -> None:
    from appliance.feed.grants import GrantBook
    from appliance.feed.keys import SEAT_SECRET_FILE, CurveKeys, box_keys, write_seat_keys

    box, connection = box_keys(_directory(config)), _connection(config, options.host)
    for entry in entries:
        if (options.out / entry.id / SEAT_SECRET_FILE).exists():
            raise CommandError(
                f"{options.out / entry.id / SEAT_SECRET_FILE} exists already; move it away, "
                "or choose another --out"
            )
    pairs = [(entry, CurveKeys.generate()) for entry in entries]
    book, wall = GrantBook(_directory(config)), _wall()
    book.enrol_all([(entry, keys.public) for entry, keys in pairs], wall)
    written = 0
    try:
        for written, (entry, keys) in enumerate(pairs):
            write_seat_keys(options.out / entry.id, entry.id, keys, box.public, connection)
            _progress("key directories", written + 1, len(pairs))
    except BaseException:
        # A grant whose keys nobody has would only be in the way.
        for entry, _ in pairs[written:]:
            book.revoke(entry.id)
        if written:
            print(f"{written} of {len(pairs)} seats are enrolled, the others are not", file=sys.stderr)
        raise
    if len(pairs) == 1:
        only = pairs[0][0].id
        print(f"seat {only} is enrolled; carry {options.out / only}/ to its machine and remove it here")
    else:
        print(
            f"{len(pairs)} seats are enrolled; carry each directory in {options.out}/ to its machine and "
            "remove it here"
        )


def _give_codes(config: Config, entries: Sequence[Entry], options: argparse.Namespace) -> None:
    from appliance.feed.codes import CodeBook
    from appliance.feed.grants import GrantBook
    from appliance.feed.keys import box_keys
    from appliance.feed.private_file import write_private

    if options.codes.exists():
        raise CommandError(f"{options.codes} exists already; move it away, or choose another name")
    if not 0 < options.valid_hours <= 24 * 90:
        raise CommandError("--valid-hours: codes may be valid for up to 90 days; write hours above 0")
    directory, wall = _directory(config), _wall()
    _refuse_a_clock_that_is_behind(directory, wall)
    box, connection = box_keys(directory), _connection(config, options.host)
    until = wall + int(options.valid_hours * 3_600_000)
    issued = CodeBook(directory, GrantBook(directory)).issue(entries, wall, until)
    expires = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(until / 1000))
    lines = ["seat,code,expires", *(f"{entry.id},{code},{expires}" for entry, code in issued)]
    write_private(options.codes, ("\n".join(lines) + "\n").encode())
    where = options.codes.with_name("box.json")
    address = {
        "v": 1,
        "host": connection.host,
        "enrol_port": config.feed.enrol_port,
        "box": box.public.decode("ascii"),
    }
    write_private(where, json.dumps(address, indent=1).encode() + b"\n")
    print(
        f"{len(issued)} codes, valid until {expires}, are in {options.codes}. Put {where} on every seat's "
        "machine and run there: ridge redeem --box box.json --seat ID, which asks for the code"
    )


def run_rotate(options: argparse.Namespace) -> int:
    """Give every named seat a new key, in a new key directory."""
    from appliance.feed.grants import GrantBook
    from appliance.feed.keys import CurveKeys, box_keys, write_seat_keys

    config = load_config(options.config)
    hours = config.feed.key_overlap_hours if options.overlap_hours is None else options.overlap_hours
    if not 0 <= hours <= 24 * 90:
        raise CommandError(
            "--overlap-hours: the old key may stay valid for up to 90 days; write 0 or more hours"
        )
    with _sentences():
        box, book = box_keys(_directory(config)), GrantBook(_directory(config))
        for seat in options.seats:
            keys = CurveKeys.generate()
            # The directory first: an entered key that nobody has would end the old one for nothing.
            write_seat_keys(options.out / seat, seat, keys, box.public, _connection(config, options.host))
            book.rotate(seat, keys.public, _wall(), int(hours * 3_600_000))
            print(
                f"seat {seat} has a new key in {options.out / seat}/; the old is valid for {hours:g} h more"
            )
    return 0


def run_rotate_box(options: argparse.Namespace) -> int:
    """Announce the box's next key, or take the announcement back."""
    from appliance.feed.box_rotation import begin_rotation, cancel_rotation

    config = load_config(options.config)
    with _sentences():
        if options.cancel:
            cancelled = cancel_rotation(_directory(config))
            print("the box keeps its key" if cancelled else "no rotation is on; the box keeps its key")
            return 0
        if not 0 <= options.days <= 365:
            raise CommandError("--days: announce the key for up to a year; write 0 or more days")
        rotation = begin_rotation(_directory(config), _wall() + int(options.days * 86_400_000))
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(rotation.at / 1000))
    print(
        f"the box takes its new key at {at}. Seats that connect before then learn it by themselves; give "
        f"those that do not the line {rotation.keys.public.decode()} as box.key in their key directory"
    )
    return 0


def run_move(options: argparse.Namespace) -> int:
    """Put every named seat into another group, or into none."""
    from appliance.feed.grants import GrantBook

    book = GrantBook(_directory(load_config(options.config)))
    with _sentences():
        for seat in options.seats:
            grant = book.move(seat, options.group)
            where = f"in group {grant.group}" if grant.group else "in no group"
            print(f"{grant.role} {seat} is {where} now; a running feed follows within a second")
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """Revoke every named seat."""
    from appliance.feed.grants import GrantBook

    book = GrantBook(_directory(load_config(options.config)))
    with _sentences():
        for seat in options.seats:
            book.revoke(seat)
            print(f"seat {seat} is revoked; a running feed cuts it off within a second")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print the enrolled seats, and those whose code is open."""
    from appliance.feed.codes import CodeBook
    from appliance.feed.grants import GrantBook

    directory = _directory(load_config(options.config))
    with _sentences():
        book = GrantBook(directory)
        grants = book.read()
        codes = {
            seat: code for seat, code in CodeBook(directory, book).read().items() if code.until > _wall()
        }
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
    if options.json:
        return 0
    if not grants:
        print("no seat is enrolled; `ridge seats enrol ID` lets one in")
    if codes:
        more = ", ..." if len(codes) > 8 else ""
        print(f"open codes: {len(codes)} ({', '.join(sorted(codes)[:8])}{more})")
    return 0


def run_days(options: argparse.Namespace) -> int:
    """Print the counts by day, the oldest first."""
    import msgspec

    from appliance.feed.daycounts import DayCounts

    counts = DayCounts(_directory(load_config(options.config)))
    with _sentences():
        counts.load()
    for day, count in counts.days.items():
        if options.json:
            print(json.dumps({"day": day, **msgspec.to_builtins(count)}))
            continue
        parts = [f"{count.calls} calls"]
        for name in ("stages", "objections", "pacing", "missed"):
            numbers = getattr(count, name)
            if numbers:
                parts.append(f"{name}: " + ", ".join(f"{code} {n}" for code, n in sorted(numbers.items())))
        print(f"{day}  " + "; ".join(parts))
    if not counts.days and not options.json:
        print("no call has ended yet")
    return 0


def run_feedback(options: argparse.Namespace) -> int:
    """Print the counts of verdicts."""
    from appliance.feed.feedback import Feedback

    feedback = Feedback(_directory(load_config(options.config)))
    with _sentences():
        feedback.load()
    for advice, count in sorted(feedback.counts.items()):
        if options.json:
            print(json.dumps({"advice": advice, "helpful": count.helpful, "wrong": count.wrong}))
        else:
            print(f"{advice:<40}  helpful {count.helpful:>6}  wrong {count.wrong:>6}")
    if not feedback.counts and not options.json:
        print("nobody has judged advice yet")
    return 0


@contextmanager
def _sentences() -> Iterator[None]:
    from appliance.feed.grants import GrantError
    from appliance.feed.private_file import PrivateFileError
    from appliance.feed.seat_list import SeatListError

    try:
        yield
    except SeatListError as error:
        raise CommandError(f"the list cannot be used, and nobody was enrolled\n{error}") from error
    except (GrantError, PrivateFileError) as error:
        raise CommandError(str(error)) from error


def _progress(what: str, done: int, total: int) -> None:
    if total > _PROGRESS and (done % _PROGRESS == 0 or done == total):
        print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)


def _directory(config: Config) -> Path:
    return config.box.state_directory / "feed"


def _refuse_a_clock_that_is_behind(directory: Path, wall: int) -> None:
    """A code that is given out by a wrong clock ends at a wrong time, and would not be accepted."""
    from appliance.box.clock.jumps import JUMP_SECONDS
    from appliance.box.clock.latest import read_latest

    record = read_latest(directory)
    if record is not None and record.latest - wall >= JUMP_SECONDS * 1000:
        raise CommandError(
            f"the clock is {(record.latest - wall) / 1000:.0f} s behind the latest time that this box saw, "
            "so no code can be given out; set it right (timedatectl set-time), or, if it is right now, run "
            "ridge clock confirm"
        )


def _connection(config: Config, host: str | None) -> Connection:
    from appliance.feed.keys import Connection

    bind = config.feed.bind
    if host is None:
        host = socket.gethostname() if bind in {"0.0.0.0", "::"} else bind  # noqa: S104 - compared, not bound
    return Connection(host, config.feed.publish_port or None, config.feed.control_port or None)


def _wall() -> int:
    return time.time_ns() // 1_000_000
