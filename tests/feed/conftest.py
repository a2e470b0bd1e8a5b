from __future__ import annotations

import argparse

import pytest

from appliance.feed.seats_command import add_commands


@pytest.fixture
def ridge(tmp_path):
    """`ridge` as an admin types it, on a box with its state in `tmp_path`."""
    config = tmp_path / "ridge.toml"
    config.write_text(f'[box]\nstate_directory = "{tmp_path}/state"\n[feed]\nbind = "10.1.2.3"\n')
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())

    def run(*words):
        options = parser.parse_args([*words, "--config", str(config)])
        return options.run(options)

    return run
