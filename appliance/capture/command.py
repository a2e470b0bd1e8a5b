"""The command of the capture process."""

from __future__ import annotations

import argparse

from appliance.box.config_option import add_config_option, load_config


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge capture`."""
    parser = commands.add_parser(
        "capture",
        help="the capture process alone: SIPREC calls in, audio to the engine's socket",
        description="Runs the capture process until SIGTERM; `ridge run` starts it with all others.",
    )
    add_config_option(parser)
    parser.set_defaults(run=_capture)


def _capture(options: argparse.Namespace) -> int:
    from appliance.box.runtime_directory import RuntimeDirectoryError
    from appliance.capture import service
    from appliance.cli import CommandError
    from appliance.memory.secret import MemoryFileError

    loaded = load_config(options.config)
    if not loaded.siprec.enabled:
        raise CommandError("siprec.enabled is false, so there is nothing to capture; set it to true")
    try:
        return service.run(loaded)
    except (RuntimeDirectoryError, MemoryFileError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(
            f"cannot listen for SIP on {loaded.siprec.bind}: {error.strerror or error}; "
            "end the other program that uses the port, or set siprec.udp_port, siprec.tcp_port or siprec.bind"
        ) from error
