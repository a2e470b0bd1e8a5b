"""`ridge firewall`: the box's nftables rules, and what they have counted."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from appliance.box.config_option import add_config_option, load_config


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `firewall`."""
    parser = commands.add_parser(
        "firewall",
        help="print the nftables rules that the configuration asks for",
        description="Prints rules for `nft -f`; loads nothing. systemd/README.md says how.",
    )
    add_config_option(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="have nft check the rules (as root); prints none")
    what.add_argument("--counters", action="store_true", help="what the loaded rules have counted (as root)")
    what.add_argument(
        "--allow",
        choices=("gateways", "seats", "admins"),
        help="print a drop-in that lets the unit of capture (gateways), feed (seats) or console (admins) "
        "speak to these alone",
    )
    what.add_argument(
        "--export", type=Path, metavar="FILE", help="write what they have counted to a file, for the console"
    )
    parser.add_argument("--json", action="store_true", help="with --counters: one JSON object")
    parser.set_defaults(run=_firewall)


def _firewall(options: argparse.Namespace) -> int:
    from appliance.box.firewall import FirewallError, allow_list, ruleset
    from appliance.cli import CommandError

    if options.counters:
        return _counters(as_json=options.json)
    if options.export:
        return _export(options.export)
    config = load_config(options.config)
    if options.allow:
        networks = {
            "gateways": config.siprec.gateways,
            "seats": config.feed.seat_networks,
            "admins": config.firewall.admins,
        }
        sys.stdout.write(allow_list(networks[options.allow]))
        return 0
    try:
        rules = ruleset(config)
    except FirewallError as error:
        raise CommandError(str(error)) from error
    if options.check:
        _nft("-c", "-f", "-", rules=rules)
        print("the rules can be loaded")
        return 0
    sys.stdout.write(rules)
    return 0


def _counted() -> dict[str, dict[str, int]]:
    from appliance.box.firewall import TABLE

    listed: dict[str, Any] = json.loads(_nft("-j", "list", "counters", "table", "inet", TABLE))
    return {
        entry["counter"]["name"]: {
            "packets": entry["counter"]["packets"],
            "bytes": entry["counter"]["bytes"],
        }
        for entry in listed["nftables"]
        if "counter" in entry
    }


def _counters(*, as_json: bool) -> int:
    counters = _counted()
    if as_json:
        print(json.dumps(counters))
        return 0
    for name, counter in counters.items():
        print(f"{name:<22}{counter['packets']:>12} packets {counter['bytes']:>15} bytes")
    return 0


def _export(path: Path) -> int:
    """Write the counters for those who may not ask nft; without the table there are none, which says so."""
    from appliance.box.firewall import TABLE
    from appliance.cli import CommandError

    tables: dict[str, Any] = json.loads(_nft("-j", "list", "tables", "inet"))
    loaded = any(entry.get("table", {}).get("name") == TABLE for entry in tables["nftables"])
    found = {"at": int(time.time()), "counters": _counted() if loaded else {}}
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(json.dumps(found), encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}; name another file") from error
    return 0


def _nft(*arguments: str, rules: str = "") -> str:
    """What nft prints.

    Raises:
        CommandError: it is not there, may not be used, or refuses.
    """
    from appliance.cli import CommandError

    # A user's search path has no sbin.
    nft = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin")
    if nft is None:
        raise CommandError("nft is not installed; run: apt-get install nftables")
    done = subprocess.run([nft, *arguments], input=rules, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        hint = "run it as root" if os.geteuid() != 0 else "load the rules first, or correct the configuration"
        raise CommandError(f"nft {' '.join(arguments)} failed; {hint}\n{done.stderr.strip()}")
    return done.stdout
