"""`ridge models`: what the appliance knows, what is installed, and whether it is what it should be."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.models import ModelEntry, ModelStore


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge models` with its actions."""
    models = commands.add_parser("models", help="list and verify models")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every model of the manifest, and where it was found")
    listing.set_defaults(run=_list)
    verifying = actions.add_parser("verify", help="compare every file with its size and sha256")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="models to verify; without one, all")
    verifying.set_defaults(run=_verify)
    for action in (listing, verifying):
        action.add_argument("--config", type=Path, help="the site's configuration (models.directory)")
        action.add_argument("--json", action="store_true", help="one JSON object a model, one a line")


def _store(options: argparse.Namespace) -> ModelStore:
    from appliance.box.config import ConfigError, load  # noqa: PLC0415
    from appliance.cli import CommandError  # noqa: PLC0415
    from appliance.models import ModelStore  # noqa: PLC0415

    try:
        settings = load(options.config).models
    except ConfigError as error:
        raise CommandError(str(error)) from error
    return ModelStore(settings.directory, settings.allow_research_only)


def _state(store: ModelStore, entry: ModelEntry, problems: list[str]) -> str:
    if store.locate(entry.name) is None:
        return "not installed"
    if problems:
        return "damaged"
    if entry.research_only and not store.allow_research_only:
        return "forbidden"
    return "verified"


def _list(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError  # noqa: PLC0415
    from appliance.models import ModelError  # noqa: PLC0415

    store = _store(options)
    try:
        rows = [_row(store, entry) for entry in store.entries]
    except ModelError as error:
        raise CommandError(str(error)) from error
    if options.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    else:
        _print_table(rows)
    return 0


def _row(store: ModelStore, entry: ModelEntry) -> dict[str, str | int | bool | None]:
    place = store.locate(entry.name)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "licence": entry.licence,
        "research_only": entry.research_only,
        "found": None if place is None else str(place),
        "bytes": entry.size,
        "state": _state(store, entry, store.problems(entry.name)),
        "purpose": entry.purpose,
    }


def _print_table(rows: list[dict[str, str | int | bool | None]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    colours = {"verified": "green", "damaged": "bold red", "forbidden": "yellow", "not installed": "dim"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "kind", "licence", "size", "state", "where"):
        table.add_column(
            column,
            justify="right" if column == "size" else "left",
            no_wrap=column in {"name", "size", "state"},
        )
    for row in rows:
        licence = f"{row['licence']} (research only)" if row["research_only"] else str(row["licence"])
        state = str(row["state"])
        table.add_row(
            str(row["name"]),
            str(row["kind"]),
            licence,
            _size(int(row["bytes"] or 0)),
            f"[{colours[state]}]{state}[/]",
            str(row["found"] or "-"),
        )
    Console().print(table)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.0f} kB"


def _verify(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError  # noqa: PLC0415
    from appliance.models import ModelError  # noqa: PLC0415

    store = _store(options)
    sound = True
    try:
        names = options.names or [entry.name for entry in store.entries]
        for name in names:
            entry = store.entry(name)
            problems = store.problems(name)
            missing = store.locate(name) is None
            # A model that was never installed is no fault unless it was asked for by name.
            sound = sound and (not problems or (missing and not options.names))
            state = _state(store, entry, problems)
            if options.json:
                print(json.dumps({"name": name, "state": state, "problems": problems}, ensure_ascii=False))
            else:
                print(f"{name}: {state}", *(f"  {problem}" for problem in problems), sep="\n")
    except ModelError as error:
        raise CommandError(str(error)) from error
    return 0 if sound else 1
