"""The feed as a process: serves until it is told to stop, and says why where it cannot."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.box.quiet import guarded
from appliance.box.runtime_directory import RuntimeDirectoryError
from appliance.box.status.line import StatusLine
from appliance.box.status.reports import Fault, FeedReport
from appliance.feed.authenticator import AuthenticatorError
from appliance.feed.private_file import PrivateFileError
from appliance.feed.publisher import BindError
from appliance.feed.service import FeedService

#: Why the feed could not start, each a sentence with a next step.
START_ERRORS: Final = (AuthenticatorError, BindError, PrivateFileError, RuntimeDirectoryError)
_FAULTS: Final[dict[type[Exception], Fault]] = {
    AuthenticatorError: "authenticator",
    BindError: "port",
    PrivateFileError: "private_file",
    RuntimeDirectoryError: "runtime",
}


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; returns 0 after a clean stop, 1 where the feed cannot start."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    journal = Journal("feed")
    with guarded(journal, expected=START_ERRORS):
        return _serve(config, FeedService(config, journal), lambda: stopping)


def _serve(config: Config, service: FeedService, stopping: Callable[[], bool]) -> int:
    try:
        service.open()
    except START_ERRORS as error:
        return _failed(config, error)
    try:
        while not stopping():
            service.turn()
    except (AuthenticatorError, BindError) as error:
        return _failed(config, error)
    finally:
        service.close()
    return 0


def _failed(config: Config, error: Exception) -> int:
    print(f"ridge feed: {error}", file=sys.stderr, flush=True)
    StatusLine(config.box.runtime_directory).failed(FeedReport, error, _FAULTS)
    return 1
