"""`ridge bench`: how many calls this machine can carry, what they cost, and how late profiles come."""

from __future__ import annotations

import argparse
from pathlib import Path

from appliance.box.config_option import add_config_option, load_config

#: Beyond this one process would not be asked to serve.
MOST_CALLS = 500
LEAST_SECONDS, MOST_SECONDS = 1.0, 3600.0


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge bench`."""
    bench = commands.add_parser(
        "bench",
        help="capacity and latency on this machine",
        description="Plays calls through one engine as fast as it goes, without a network, and reports what "
        "a call costs by stage, how many calls the machine carries at 80 %% load, and how soon a profile "
        "follows speech. Run it while the box is idle.",
    )
    bench.add_argument(
        "files", type=Path, nargs="*", metavar="FILE",
        help="a recording of a call, as for replay; without one the call that comes with the appliance",
    )  # fmt: skip
    bench.add_argument("--calls", type=int, default=10, help="calls at once (default 10)")
    bench.add_argument(
        "--seconds", type=float, default=30.0, help="how long to measure (default 30), loading not counted"
    )
    bench.add_argument("--model", metavar="NAME", help="a recognizer of the store; else the configured one")
    bench.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_option(bench)
    bench.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    import msgspec
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from appliance.capture.replay_error import ReplayError
    from appliance.cli import CommandError
    from appliance.engine.bench.calls import bundled_call
    from appliance.engine.bench.report import page
    from appliance.engine.bench.run import BenchError, run
    from appliance.models import ModelError
    from appliance.profile.catalogue import CatalogueError

    if not 1 <= options.calls <= MOST_CALLS:
        raise CommandError(f"--calls {options.calls}: give 1 to {MOST_CALLS}")
    if not LEAST_SECONDS <= options.seconds <= MOST_SECONDS:
        raise CommandError(f"--seconds {options.seconds:g}: give {LEAST_SECONDS:g} to {MOST_SECONDS:g}")
    config = load_config(options.config)
    if options.model:
        speech = config.speech.model_copy(update={"model": options.model})
        config = config.model_copy(update={"speech": speech})
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("loading", total=options.seconds)
            report = run(
                config,
                options.files or [bundled_call()],
                options.calls,
                options.seconds,
                lambda passed: bar.update(
                    task, completed=passed, description=f"playing {options.calls} calls"
                ),
            )
    except (ReplayError, ModelError, CatalogueError, BenchError) as error:
        raise CommandError(str(error)) from error
    print(msgspec.json.encode(report).decode() if options.json else page(report))
    return 0
