"""The options of `ridge replay` and `ridge explain` that say who the customer of a recording is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.engine.recorded_customer import RecordedCustomer


def add_customer_options(parser: argparse.ArgumentParser) -> None:
    """Add --customer and --record."""
    parser.add_argument(
        "--customer",
        metavar="NUMBER",
        help="the customer's number: what record.file, record.url and memory know of it is handed in",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="with --customer: look the number up in this table, in place of the record of the configuration",
    )


def customer_of(options: argparse.Namespace, config: Config) -> tuple[RecordedCustomer | None, Config]:
    """Who the options say that the customer is, if they do, and the configuration with their record.

    Raises:
        CommandError: --record without --customer, a table that cannot be read, or no number.
    """
    from appliance.capture.record import read_table
    from appliance.cli import CommandError
    from appliance.engine.recorded_customer import RecordedCustomer, RecordedCustomerError

    if options.record is not None:
        if options.customer is None:
            raise CommandError("--record: only with --customer, whose number is looked up in it")
        try:
            _, bad = read_table(options.record)
        except OSError as error:
            raise CommandError(f"{options.record}: cannot be read: {error.strerror}; name a table") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        if bad:
            raise CommandError(
                f"{options.record}: {bad} lines cannot be read; write the number, a tab and facts such as "
                "deposit:has"
            )
        record = config.record.model_copy(update={"file": options.record, "url": None})
        config = config.model_copy(update={"record": record})
    if options.customer is None:
        return None, config
    try:
        return RecordedCustomer(options.customer, config), config
    except RecordedCustomerError as error:
        raise CommandError(str(error)) from error
