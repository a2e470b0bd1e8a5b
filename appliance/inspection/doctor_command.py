"""`ridge doctor`: looks at the whole box and says what to do next."""

from __future__ import annotations

import argparse

from appliance.box.config_option import add_config_option


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `doctor`."""
    doctor = commands.add_parser("doctor", help="look at the whole box; a next step for all that is wrong")
    add_config_option(doctor)
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    doctor.add_argument("--locale", choices=("zh", "en"), help="language (default: box.locale)")
    doctor.add_argument(
        "--whole-ledger", action="store_true", help="verify all of the egress ledger, however long it takes"
    )
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    """Inspect and print; exit status 1 where something failed."""
    import msgspec
    from rich.console import Console

    from appliance.box.config import ConfigError, load
    from appliance.inspection import doctor
    from appliance.inspection.ground import Ground
    from appliance.inspection.inspect import inspect_file
    from appliance.inspection.words import Words

    inspection = inspect_file(
        options.config, lambda config: Ground(config, options.config, whole_ledger=options.whole_ledger)
    )
    if options.json:
        print(msgspec.json.encode(inspection).decode())
        return 0 if inspection.sound else 1
    try:
        locale = options.locale or load(options.config).box.locale
    except ConfigError:
        locale = "zh"
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=max(console.width, 120), highlight=False)
    doctor.show(inspection, Words(locale), console)
    return 0 if inspection.sound else 1
