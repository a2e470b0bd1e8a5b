"""`--config FILE`, the option that most commands have, and the configuration that it names."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.box.config import Config


def add_config_option(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add `--config FILE`; `again` where the command above has it, too, so that either place counts."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS if again else None,
        help="the configuration (TOML); default: loopback only",
    )


def load_config(path: Path | None) -> Config:
    """The configuration of a command.

    Raises:
        CommandError: it cannot be used; all problems, one a line.
    """
    from appliance.box.config import ConfigError, load  # noqa: PLC0415 - heavy, and not every command runs
    from appliance.cli import CommandError  # noqa: PLC0415

    try:
        return load(path)
    except ConfigError as error:
        raise CommandError("the configuration cannot be used\n" + str(error)) from error
