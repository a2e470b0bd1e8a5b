"""`ridge privacy`: shows that nothing left the box but what may, and reports on it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config
from appliance.cli import CommandError

if TYPE_CHECKING:
    from appliance.inspection.words import Locale


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `privacy`."""
    privacy = commands.add_parser("privacy", help="show that nothing left the box but what may")
    actions = privacy.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify-ledger", help="find any change, gap, reordering or cut in the ledger of what left the box"
    )
    verify.add_argument(
        "--ledger", type=Path, metavar="DIR", help="a copy of the ledger (default: that of the box)"
    )
    verify.add_argument(
        "--key", metavar="KEY", help="the ledger's public key, or a file with it (default: that of the box)"
    )
    verify.add_argument(
        "--noted",
        action="append",
        default=[],
        metavar="RECORDS:CHAIN",
        help="a position from the journal (event ledger_position); may be given several times",
    )
    verify.add_argument("--json", action="store_true", help="one JSON object")
    add_config_option(verify)
    verify.set_defaults(run=run_verify)
    report = actions.add_parser(
        "report",
        help="write the report that a compliance officer signs and files: HTML, and JSON of its facts",
    )
    report.add_argument(
        "--output", type=Path, metavar="DIR", help="where to (default: reports/ of the state directory)"
    )
    report.add_argument(
        "--format", default="html,json", metavar="html,json", help="what to write (default: both)"
    )
    report.add_argument("--locale", choices=("zh", "en", "both"), help="language (default: box.locale)")
    report.add_argument(
        "--evidence",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="results of a suite of attacks, besides evidence/*.json of the state directory; may be repeated",
    )
    report.add_argument(
        "--last-files", action="store_true", help="verify the ledger's last files only, where it is long"
    )
    add_config_option(report)
    report.set_defaults(run=run_report)


def run_verify(options: argparse.Namespace) -> int:
    """Verify the ledger; exit status 1 where something is wrong with it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from appliance.feed.ledger_verify import LedgerVerifier

    state = load_config(options.config).box.state_directory / "feed"
    directory: Path = options.ledger or state / "ledger"
    if not directory.is_dir():
        raise CommandError(f"{directory}: there is no ledger; name a copy of it with --ledger")
    key = Ed25519PublicKey.from_public_bytes(_key(options.key, state))
    try:
        verdict = LedgerVerifier(directory, key, dict(map(_noted, options.noted))).verify()
    except OSError as error:
        raise CommandError(
            f"{directory}: cannot be read: {error.strerror}; run as the feed's user"
        ) from error
    if options.json:
        print(json.dumps(dataclasses.asdict(verdict)))
    else:
        for problem in verdict.problems:
            print(problem)
        first, last = (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(t / 1000))
            for t in (verdict.first, verdict.last)
        )
        print(
            f"{verdict.files} files, {verdict.records} records, {first} to {last}: "
            f"{verdict.messages} messages of {verdict.bytes} bytes left the box"
        )
        if verdict.unrecorded:
            print(f"{verdict.unrecorded} more left without entries while it failed (feed.ledger_failure)")
        if verdict.jumps:
            print(f"the clock jumped or was set right {verdict.jumps} times; records of `clock` say when")
        if verdict.unsigned:
            print(f"the last {verdict.unsigned} records are not signed yet")
        print(
            "the ledger was changed"
            if verdict.problems
            else "nothing was changed, taken away, added or moved"
        )
    return 1 if verdict.problems else 0


def run_report(options: argparse.Namespace) -> int:
    """Inspect the box and write its report; exit status 0 where it was written, whatever it says."""
    import hashlib

    import msgspec

    from appliance.inspection.ground import Ground
    from appliance.inspection.report.content import collect
    from appliance.inspection.report.files import (
        DIRECTORY,
        ReportError,
        clear_old,
        make_directory,
        report_name,
        write_whole,
    )
    from appliance.inspection.report.page import render

    formats = set(options.format.split(","))
    if not formats or formats - {"html", "json"}:
        raise CommandError(f"--format {options.format}: write html, json or html,json")
    config = load_config(options.config)
    kept = config.box.state_directory / DIRECTORY
    directory: Path = options.output or kept
    report = collect(Ground(config, options.config, whole_ledger=not options.last_files), options.evidence)
    facts = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    wanted = options.locale or config.box.locale
    locales: tuple[Locale, ...] = ("zh", "en") if wanted == "both" else (wanted,)
    try:
        make_directory(directory)
        path = directory / report_name(report.at)
        if "json" in formats:
            write_whole(path.with_suffix(".json"), facts)
            print(path.with_suffix(".json"))
        for locale in locales if "html" in formats else ():
            page = render(report, locale, hashlib.sha256(facts).hexdigest())
            write_whole(path.with_suffix(f".{locale}.html"), page.encode())
            print(path.with_suffix(f".{locale}.html"))
        if directory == kept:
            clear_old(kept)
    except ReportError as error:
        raise CommandError(str(error)) from error
    return 0


def _key(given: str | None, state: Path) -> bytes:
    path = Path(given) if given is not None else state / "ledger.key"
    text = given or ""
    try:
        if given is None or path.exists():
            text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise CommandError(
            f"{path}: cannot be read: {error.strerror}; give the public key with --key"
        ) from error
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CommandError(
            "the public key has 64 hexadecimal digits; copy it from feed/ledger.key of the box's state"
        )
    return key


def _noted(text: str) -> tuple[int, str]:
    from appliance.feed.ledger_records import from_letters

    records, _, chain = text.partition(":")
    if not records.isdecimal() or len(chain) != 64:
        raise CommandError(
            f"--noted {text}: write RECORDS:CHAIN as the journal's event ledger_position has them"
        )
    return int(records), from_letters(chain)
