"""Fuzz every parser that meets bytes from outside: mutate real input, and report what it should not raise.

python tools/fuzz_parsers.py --seconds 60 --seed 1
"""

from __future__ import annotations

import argparse
import importlib
import math
import random
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.fuzz.mutation import mutate  # noqa: E402
from tools.fuzz.target import Target  # noqa: E402

#: An input that takes longer is a way to stall the box.
SLOW_SECONDS = 1.0
#: Inputs of a target before the next one has its turn.
TURN = 50
#: Failures of one target after which it is left alone.
MAX_FAILURES = 5


@dataclass(frozen=True)
class Failure:
    """One input that a target could not cope with."""

    target: str
    problem: str
    data: bytes


@dataclass(frozen=True)
class Report:
    """What a run has done."""

    executions: dict[str, int]
    failures: list[Failure]


def find_targets() -> list[Target]:
    """The targets of all modules of `tools/fuzz`."""
    found: list[Target] = []
    for path in sorted((ROOT / "tools/fuzz").glob("*.py")):
        module = importlib.import_module(f"tools.fuzz.{path.stem}")
        if hasattr(module, "targets"):
            found += module.targets()
    return found


def run(
    targets: Sequence[Target], seed: int, *, seconds: float = math.inf, inputs: float = math.inf
) -> Report:
    """Fuzz the targets in turns, so many seconds or inputs of each; a seed makes the same inputs."""
    chances = {target.name: random.Random(f"{seed}/{target.name}") for target in targets}
    executions = dict.fromkeys((target.name for target in targets), 0)
    failures: list[Failure] = []
    for target in targets:
        for one in target.seeds:
            failures += _try(target, one)
    end = time.monotonic() + seconds
    while time.monotonic() < end and min(executions.values()) < inputs:
        for target in targets:
            chance = chances[target.name]
            for _ in range(TURN):
                executions[target.name] += 1
                if sum(failure.target == target.name for failure in failures) >= MAX_FAILURES:
                    continue
                data = mutate(chance.choice(target.seeds), target.seeds, target.words, chance)
                failures += _try(target, data)
    return Report(executions, failures)


def _try(target: Target, data: bytes) -> list[Failure]:
    began = time.process_time()
    try:
        target.run(data)
    except target.errors:
        pass
    except Exception:
        return [Failure(target.name, traceback.format_exc(), data)]
    took = time.process_time() - began
    if took > SLOW_SECONDS:
        return [Failure(target.name, f"took {took:.1f} s of processor time", data)]
    return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", help="only this one (may be repeated)")
    parser.add_argument("--replay", metavar="HEX", help="run one input of --target instead")
    options = parser.parse_args(arguments)
    targets = [one for one in find_targets() if not options.target or one.name in options.target]
    if not targets:
        names = ", ".join(one.name for one in find_targets())
        parser.error(f"no such target; there are {names}")
    if options.replay is not None:
        failures = [found for one in targets for found in _try(one, bytes.fromhex(options.replay))]
        report = Report({}, failures)
    else:
        report = run(targets, options.seed, seconds=options.seconds)
    for failure in report.failures:
        print(f"{failure.target}: {failure.problem}\ninput: {failure.data.hex()}\n", file=sys.stderr)
    for name, count in report.executions.items():
        print(f"{name}: {count} inputs")
    print(f"{sum(report.executions.values())} inputs, {len(report.failures)} failures, seed {options.seed}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
