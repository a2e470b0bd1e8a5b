"""`ridge advice`: the catalogue of strategies that is in use, or a copy of the built-in one to edit."""

from __future__ import annotations

import argparse
import json

from appliance.box.config_option import add_config_option, load_config


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge advice`."""
    parser = commands.add_parser(
        "advice",
        help="list the strategies that agents are advised, or print the catalogue to edit it",
        description="To use a catalogue of your own, edit a copy and name it in advice.catalogue.",
    )
    parser.add_argument("--export", action="store_true", help="print the catalogue in use, as TOML")
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.profile.catalogue import BUILT_IN, Catalogue, CatalogueError

    config = load_config(options.config)
    path = config.advice.catalogue
    try:
        catalogue = Catalogue.load(path)
    except CatalogueError as error:
        raise CommandError(f"the catalogue cannot be used\n{error}") from error
    if options.export:
        print((path or BUILT_IN).read_text(encoding="utf-8"), end="")
        return 0
    width = max(len(strategy.id) for strategy in catalogue.strategies)
    for strategy in catalogue.strategies:
        called = [
            *strategy.objections, *strategy.signals, *strategy.needs, *strategy.emotions, *strategy.standing,
            *strategy.match, *strategy.suitability,
        ]  # fmt: skip
        words = strategy.words.get(config.box.locale)
        print(
            f"{strategy.id:<{width}}  {strategy.kind:<7}  {strategy.lever:<12}  "
            f"{'presses  ' if strategy.pressure else ''}{', '.join(called or strategy.styles)}"
            + (f"  {json.dumps(words['title'], ensure_ascii=False)}" if words else "")
        )
    return 0
