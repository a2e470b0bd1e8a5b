"""`ridge feed`: run the feed."""

from __future__ import annotations

import argparse

from appliance.box.config_option import add_config_option, load_config


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `feed`."""
    feed = commands.add_parser("feed", help="run the feed process alone (systemd unit ridge-feed)")
    add_config_option(feed)
    feed.set_defaults(run=run_feed)


def run_feed(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from appliance.feed import process

    return process.run(load_config(options.config))
