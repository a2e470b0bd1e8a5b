"""`ridge explain`: a recorded call replayed, and every number of its profile traced to evidence."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config
from appliance.engine.customer_command import add_customer_options, customer_of
from appliance.engine.queue_command import add_queue_option, policy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.box.config import Config
    from appliance.engine.recorded_customer import RecordedCustomer
    from appliance.profile.tracing import TracedProfile
    from appliance.telephony.audioblock import CallPolicy


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge explain`."""
    parser = commands.add_parser(
        "explain",
        help="a recorded call, and what moved every number of its profile",
        description="A stereo file (left customer, right agent), two mono files (customer, agent) or a pcap.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object a call")
    parser.add_argument(
        "--only", default="", metavar="PATH", help="only numbers such as relationship or influence.mind.trust"
    )
    parser.add_argument("--locale", choices=("zh", "en"), help="language (default: box.locale)")
    add_customer_options(parser)
    add_queue_option(parser)
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.capture.replay import ReplayError
    from appliance.cli import CommandError
    from appliance.engine.recorded_customer import RecordedCustomerError
    from appliance.explanation import explain, lines
    from appliance.memory.secret import MemoryFileError
    from appliance.models import ModelError
    from appliance.profile.catalogue import CatalogueError
    from appliance.seat.words import Words

    customer, config = customer_of(options, load_config(options.config))
    words = Words.load(options.locale or config.box.locale)
    try:
        traced = replayed(options.files, config, customer, policy_of(options, config))
    except (ReplayError, ModelError, CatalogueError, RecordedCustomerError, MemoryFileError) as error:
        raise CommandError(str(error)) from error
    if not traced:
        raise CommandError("no call was found in the files; give a recording in which both legs can be told")
    found = False
    for at_ms, profile in traced:
        explanation = explain(profile, at_ms)
        found = found or any(path.startswith(options.only) for path in explanation["numbers"])
        if options.json:
            chosen = {k: v for k, v in explanation["numbers"].items() if k.startswith(options.only)}
            print(json.dumps({**explanation, "numbers": chosen}, ensure_ascii=False))
        else:
            print(*lines(explanation, words, options.only), sep="\n")
    if not found:
        raise CommandError(
            f"--only {options.only}: no number begins so; write relationship, influence or demand"
        )
    return 0


def replayed(
    files: Sequence[Path],
    config: Config,
    customer: RecordedCustomer | None = None,
    policy: CallPolicy | None = None,
) -> list[tuple[int, TracedProfile]]:
    """The profiles of the calls in `files`, each with its end in ms since it began.

    Raises:
        ReplayError: the files are no call.
        ModelError: a model is missing, altered or forbidden.
    """
    from appliance.engine.offline import messages_of
    from appliance.engine.rooms import load_rooms
    from appliance.profile.catalogue import Catalogue
    from appliance.profile.tracing import TracedProfile

    made: list[TracedProfile] = []

    def make(catalogue: Catalogue, quotes: bool) -> TracedProfile:
        made.append(TracedProfile(catalogue, quotes))
        return made[-1]

    last = 0
    rooms = replace(load_rooms(config), profile=make)
    for message in messages_of(files, config, rooms=rooms, customer=customer, policy=policy):
        last = max(last, message.at)
    return [(last, profile) for profile in made]
