"""Opens the CRM's page of a customer when a call begins at this seat.

    python open_customer.py 'https://crm.bank.example/calls/{call}?seat={seat}&at={wall}' --seat 8001

Needs the seat client only (pyzmq, msgpack). Ridge knows no customer and no number: `{call}` is the random id
of the call, `{seat}` the seat, `{wall}` when it began (unix ms) and `{direction}` who called. The CRM finds
the customer by what its own telephony says of that seat at that time.
"""

from __future__ import annotations

import argparse
import string
import sys
import webbrowser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from appliance.seat.client import SeatClient
from appliance.seat.keys import SeatError, SeatKeys

FIELDS = frozenset({"call", "seat", "wall", "direction"})


def checked_template(text: str) -> str:
    """A URL of the CRM with fields in braces.

    Raises:
        ValueError: it is no URL, or has a field that a call has not.
    """
    address = urlsplit(text)
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError(f"{text}: write an address with https://")
    if "{" in address.netloc:
        raise ValueError(f"{text}: a field may stand behind the host only")
    unknown = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} - FIELDS
    if unknown:
        raise ValueError(
            f"{text}: no field {', '.join(sorted(unknown))}; there are {', '.join(sorted(FIELDS))}"
        )
    return text


def follow(
    messages: Iterable[dict[str, Any]], template: str, show: Callable[[str], object] = webbrowser.open
) -> None:
    """Open one page for each call that begins; a call that is heard of twice is opened once."""
    opened: list[str] = []
    for message in messages:
        if message["type"] != "call" or message["event"] != "started" or message["call"] in opened:
            continue
        opened = [*opened[-100:], message["call"]]
        # Quoted, so that whatever stands in a field stays in its place in the address.
        show(template.format(**{name: quote(str(message[name]), safe="") for name in FIELDS}))


def main() -> int:
    """Follow the seat until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "template", help="address of the CRM's page, with {call}, {seat}, {wall}, {direction}"
    )
    parser.add_argument("--seat", required=True)
    parser.add_argument("--keys", type=Path, default=Path("seat-keys"))
    options = parser.parse_args()
    try:
        template = checked_template(options.template)
        with SeatClient(SeatKeys.load(options.keys, options.seat)) as client:
            follow(client, template)
    except (ValueError, SeatError) as error:
        print(f"open_customer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
