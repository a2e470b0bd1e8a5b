"""`ridge support`: a bundle that an admin can read before sending."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option

if TYPE_CHECKING:
    from appliance.inspection.ground import Ground

#: Lines that are read of a journal; more than are kept, because some are left out.
_LINES_READ = 10_000


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `support`."""
    support = commands.add_parser(
        "support", help="write a bundle for who helps: plain text without speech, numbers, names or keys"
    )
    add_config_option(support)
    support.add_argument(
        "--output", type=Path, metavar="FILE", help="default: ridge-support-TIME.tar.gz here"
    )
    support.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="take the journal from a file, such as the standard error of ridge run (default: systemd's)",
    )
    support.add_argument("--list", action="store_true", help="print the manifest and write nothing")
    support.set_defaults(run=_support)


def _support(options: argparse.Namespace) -> int:
    from appliance.box.config import Config, ConfigError, load
    from appliance.cli import CommandError
    from appliance.inspection.ground import Ground
    from appliance.inspection.inspect import inspect_file
    from appliance.inspection.support.bundle import archive, collect

    try:
        config = load(options.config)
    except ConfigError:
        config = Config()  # doctor.json says that the file cannot be used
    ground = Ground(config, options.config)
    inspection = inspect_file(options.config, lambda valid: Ground(valid, options.config))
    files = collect(ground, inspection, _journal(options.journal, ground))
    if options.list:
        print(files[0].text, end="")
        return 0
    folder = "ridge-support-" + inspection.at.replace("-", "").replace(":", "")
    path: Path = options.output or Path(f"{folder}.tar.gz")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{path}: is there already; name another file with --output") from error
    except OSError as error:
        raise CommandError(
            f"{path}: cannot be written: {error.strerror}; name another with --output"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(archive(files, folder))
    print(files[0].text)
    print(f"{path}: read it before you send it: tar -xzf {path} -O | less")
    return 0


def _journal(path: Path | None, ground: Ground) -> list[str] | None:
    """The lines of the journal; None where there is none."""
    from appliance.cli import CommandError
    from appliance.inspection.ground import ProgramMissingError

    if path is not None:
        try:
            return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_READ:]
        except OSError as error:
            raise CommandError(f"{path}: cannot be read: {error.strerror}; name an existing file") from error
    if not ground.systemd:
        return None
    command = [
        "journalctl",
        "--unit=ridge*",
        "--output=cat",
        f"--lines={_LINES_READ}",
        "--no-pager",
        "--quiet",
    ]
    try:
        return ground.run(command, "").out.splitlines()
    except ProgramMissingError:
        return None
