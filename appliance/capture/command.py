"""The command of the capture process."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge capture`."""
    parser = commands.add_parser(
        "capture",
        help="the capture process alone: SIPREC calls in, audio to the engine's socket",
        description="Runs the capture process until SIGTERM; `ridge run` starts it with all others.",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration (default: loopback only)"
    )
    parser.set_defaults(run=_capture)


def _capture(options: argparse.Namespace) -> int:
    from appliance.box import config
    from appliance.box.runtime_directory import RuntimeDirectoryError
    from appliance.capture import service
    from appliance.cli import CommandError

    try:
        loaded = config.load(options.config)
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    if not loaded.siprec.enabled:
        raise CommandError("siprec.enabled is false, so there is nothing to capture; set it to true")
    try:
        return service.run(loaded)
    except RuntimeDirectoryError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(
            f"cannot listen for SIP on {loaded.siprec.bind}: {error.strerror or error}; "
            "end the other program that uses the port, or set siprec.udp_port, siprec.tcp_port or siprec.bind"
        ) from error
