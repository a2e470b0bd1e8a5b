"""`ridge engine` (one process of the appliance) and `ridge replay` (recorded calls through the engine)."""

from __future__ import annotations

import argparse
from pathlib import Path

from appliance.box.config_option import add_config_option, load_config
from appliance.engine.customer_command import add_customer_options, customer_of
from appliance.engine.queue_command import add_queue_option, policy_of


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this room."""
    engine = commands.add_parser("engine", help="run one engine process (`ridge run` starts all processes)")
    add_config_option(engine)
    engine.add_argument("--shard", type=int, default=0, help="which share of the calls this process serves")
    engine.set_defaults(run=_engine)
    replay = commands.add_parser(
        "replay",
        help="a recorded call through the engine, as fast as it goes",
        description="A stereo file (left customer, right agent), two mono files (customer, agent) or a pcap.",
    )
    replay.add_argument("files", type=Path, nargs="+", metavar="FILE")
    replay.add_argument("--json", action="store_true", help="profile messages as JSON lines")
    replay.add_argument("--real-time", action="store_true", help="play at the speed of the call")
    add_customer_options(replay)
    add_queue_option(replay)
    add_config_option(replay)
    replay.set_defaults(run=_replay)


def _engine(options: argparse.Namespace) -> int:
    from appliance.box.runtime_directory import RuntimeDirectoryError
    from appliance.cli import CommandError
    from appliance.engine import service
    from appliance.memory.secret import MemoryFileError
    from appliance.models import ModelError
    from appliance.profile.catalogue import CatalogueError

    config = load_config(options.config)
    if not 0 <= options.shard < config.engine.processes:
        raise CommandError(
            f"--shard {options.shard}: the configuration has engine.processes = {config.engine.processes}"
        )
    try:
        return service.run(config, options.shard)
    except (ModelError, CatalogueError, MemoryFileError, RuntimeDirectoryError) as error:
        raise CommandError(str(error)) from error


def _replay(options: argparse.Namespace) -> int:
    from appliance.capture.replay import ReplayError
    from appliance.cli import CommandError
    from appliance.engine import offline
    from appliance.engine.recorded_customer import RecordedCustomerError
    from appliance.memory.secret import MemoryFileError
    from appliance.models import ModelError
    from appliance.profile.catalogue import CatalogueError

    customer, config = customer_of(options, load_config(options.config))
    try:
        return offline.replay(
            options.files,
            config,
            as_json=options.json,
            real_time=options.real_time,
            customer=customer,
            policy=policy_of(options, config),
        )
    except (ReplayError, ModelError, CatalogueError, RecordedCustomerError, MemoryFileError) as error:
        raise CommandError(str(error)) from error
