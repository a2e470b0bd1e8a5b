"""`ridge models`: what is known and installed, whether it is genuine, fetching, and choosing a recognizer."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config

if TYPE_CHECKING:
    from appliance.models import ModelEntry, ModelStore


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge models` with its actions."""
    models = commands.add_parser("models", help="list, verify, fetch and choose models")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every model of the manifest, and where it was found")
    listing.set_defaults(run=_list)
    verifying = actions.add_parser("verify", help="compare every file with its size and sha256")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="models to verify; without one, all")
    verifying.set_defaults(run=_verify)
    pulling = actions.add_parser(
        "pull", help="install a model from its upstream archive, or from a disk, and verify it"
    )
    pulling.add_argument("name", metavar="NAME", help="the model, as `ridge models list` names it")
    pulling.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE|DIR",
        help="import an archive, or a folder that holds the files or the archive; no network is used",
    )
    pulling.set_defaults(run=_pull)
    using = actions.add_parser("use", help="verify a recognizer and say how the box is made to use it")
    using.add_argument("name", metavar="NAME", help="the recognizer, as `ridge models list` names it")
    using.set_defaults(run=_use)
    for action in (listing, verifying, pulling, using):
        add_config_option(action)
    for action in (listing, verifying):
        action.add_argument("--json", action="store_true", help="one JSON object a model, one a line")


def _store(options: argparse.Namespace) -> ModelStore:
    from appliance.models import ModelStore

    return ModelStore.configured(load_config(options.config))


def _state(store: ModelStore, entry: ModelEntry, problems: list[str]) -> str:
    if store.locate(entry.name) is None:
        return "not installed"
    if problems:
        return "damaged"
    if entry.research_only and not store.allow_research_only:
        return "forbidden"
    return "verified"


def _list(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.models import ModelError, ModelStore

    config = load_config(options.config)
    store = ModelStore.configured(config)
    try:
        runs, says = _recognizer(store, config.speech.model)
        rows = [_row(store, entry, runs) for entry in store.entries]
    except ModelError as error:
        raise CommandError(str(error)) from error
    if options.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    else:
        _print_table(rows)
        print(f"\nrecognition: {says}")
    return 0


def _recognizer(store: ModelStore, wanted: str) -> tuple[str | None, str]:
    """The name of the recognizer that runs, None where none can, and a sentence on it."""
    from appliance.models import ModelError
    from appliance.models_choice import choose_recognizer

    try:
        choice = choose_recognizer(store, wanted)
        store.refuse_forbidden(store.entry(choice.name))
    except ModelError as error:
        return None, str(error)
    return choice.name, str(choice)


def _row(store: ModelStore, entry: ModelEntry, runs: str | None) -> dict[str, str | int | bool | None]:
    place = store.locate(entry.name)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "units": entry.units,
        "licence": entry.licence,
        "research_only": entry.research_only,
        "found": None if place is None else str(place),
        "bytes": entry.size,
        "state": _state(store, entry, store.problems(entry.name)),
        "runs": entry.name == runs if entry.kind == "asr" else None,
        "purpose": entry.purpose,
    }


def _print_table(rows: list[dict[str, str | int | bool | None]]) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {"verified": "green", "damaged": "bold red", "forbidden": "yellow", "not installed": "dim"}
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 160))
    columns: tuple[str, ...] = ("name", "kind", "size", "state", "licence", "where")
    if console.width < 110:
        columns = columns[:-1]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column == "size" else "left",
            no_wrap=column != "where",
            overflow="fold" if column == "where" else "ellipsis",
            max_width=18 if column == "licence" else None,
        )
    for row in rows:
        licence = f"research only: {row['licence']}" if row["research_only"] else str(row["licence"])
        state = str(row["state"])
        cells = (
            str(row["name"]),
            str(row["kind"]),
            _size(int(row["bytes"] or 0)),
            f"[{colours[state]}]{state}[/]",
            licence,
            str(row["found"] or "-"),
        )
        table.add_row(*cells[: len(columns)])
    console.print(table)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.0f} kB"


def _verify(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.models import ModelError

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


def _pull(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.models import ModelError
    from appliance.models_progress import Arrival
    from appliance.models_pull import pull

    store = _store(options)
    try:
        with Arrival() as arrival:
            pulled = pull(store, options.name, options.source, progress=arrival.progress, stage=arrival.stage)
    except ModelError as error:
        raise CommandError(str(error)) from error
    entry = pulled.entry
    print(f"model {entry.name}: {'installed in' if pulled.new else 'already in'} {pulled.folder}, verified")
    if pulled.new:
        print(f"  licence {entry.licence}{', research only' if entry.research_only else ''}; {entry.source}")
    if entry.kind == "asr":
        why = entry.why_not_a_recognizer()
        command = f"ridge models use {entry.name}" + (f" --config {options.config}" if options.config else "")
        print(f"  next: {command}" if why is None else f"  it {why}")
    return 0


def _use(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.models import ModelError, ModelStore
    from appliance.models_choice import AUTO, usable

    config = load_config(options.config)
    store = ModelStore.configured(config)
    try:
        entry = store.entry(options.name)
        why = entry.why_not_a_recognizer()
        if why is not None:
            raise CommandError(f"model {entry.name} {why}; use one of {', '.join(usable(store)) or 'none'}")
        folder = store.open(entry.name).directory
    except ModelError as error:
        raise CommandError(str(error)) from error
    print(f"model {entry.name}: verified in {folder}")
    runs, _ = _recognizer(store, config.speech.model)
    if runs == entry.name:
        if config.speech.model == AUTO:
            print("The box uses it already (speech.model is auto); there is nothing to change.")
            return 0
        where = "the default" if options.config is None else str(options.config)
        print(f"The box uses it already ({where}); there is nothing to change.")
        return 0
    # The configuration is the admin's file, with comments and under version control: it is never rewritten.
    for line in _instruction(options.config, entry.name):
        print(line)
    return 0


def _instruction(path: Path | None, name: str) -> list[str]:
    """How the box is made to use a recognizer: what to write, where, and what to do then."""
    wanted = f'model = "{name}"'
    file = "the configuration" if path is None else str(path)
    head = [f"Add to {file}", "    [speech]", f"    {wanted}"]
    table = ""
    for number, line in enumerate([] if path is None else path.read_text(encoding="utf-8").splitlines(), 1):
        opened = re.match(r"\s*\[+\s*([\w.-]+)", line)
        if opened is not None:
            table = opened[1]
            if table == "speech":
                head = [f"Below line {number} of {file} ([speech]), add", f"    {wanted}"]
        elif table == "speech" and re.match(r"\s*model\s*=", line):
            head = [f"In line {number} of {file}, write", f"    {wanted}"]
        elif table == "" and re.match(r"\s*speech\s*[.=]", line):
            head = [f"In line {number} of {file}, write", f"    speech.{wanted}  # or {wanted} in {{ }}"]
    check = "ridge check FILE" if path is None else f"ridge check {path}"
    return [*head, f"then run `{check}` and start the appliance again."]
