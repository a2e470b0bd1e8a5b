"""The options of `ridge replay` and `ridge explain` that say by which policy a recording is heard."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.telephony.audioblock import CallPolicy


def add_queue_option(parser: argparse.ArgumentParser) -> None:
    """Add --queue and --announced."""
    parser.add_argument(
        "--queue",
        metavar="NAME",
        help="the policy.queue whose calls these audio files are (default: as [policy] has it)",
    )
    parser.add_argument(
        "--announced",
        action="store_true",
        help="with --queue: the announcement that its policy requires was played",
    )


def policy_of(options: argparse.Namespace, config: Config) -> CallPolicy | None:
    """What may be done with the recordings; None where no queue is named.

    Raises:
        CommandError: there is no such queue, or the files are captures, whose SIP says what calls they are.
    """
    from appliance.capture.call_policy import call_policy
    from appliance.capture.replay import ReplayError, is_capture
    from appliance.cli import CommandError

    if options.queue is None:
        if options.announced:
            raise CommandError("--announced: only with --queue, whose policy may require the announcement")
        return None
    policies = {policy.name: policy for policy in config.policies()}
    chosen = policies.get(options.queue)
    if chosen is None:
        raise CommandError(
            f"--queue {options.queue}: the configuration has no such queue; it has {', '.join(policies)}"
        )
    try:
        captures = [path for path in options.files if is_capture(path)]
    except ReplayError as error:
        raise CommandError(str(error)) from error
    if captures:
        raise CommandError(
            f"--queue: only for audio files; the SIP in {captures[0]} says what calls these are"
        )
    unsaid = chosen.require_announcement and not options.announced
    return call_policy(chosen, "announcement" if unsaid else None)
