"""Installs the appliance on a Debian 12 of its own, boots it under systemd, and tries what must not happen.

    tools/boot              everything: call, traces, memory, restarts, watchdog, core dump, ordered stop
    tools/boot --short      units, sandboxes, call and traces
    tools/boot --json FILE  writes every check with what came of it
    tools/boot --virtual    the same units under a kernel of their own, in QEMU; seven minutes or more

The box is a container of systemd-nspawn with network namespaces around it, so it needs root. The first run
makes its Debian, some 700 MB in `.cache/booted_box`, and needs the network for that.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.box.evidence import EvidenceError, write_results
from tools.booted_box.box import MachineError, NoBoxError
from tools.booted_box.cables import Cables
from tools.booted_box.faults import Faults
from tools.booted_box.findings import results
from tools.booted_box.image import ImageError, tree
from tools.booted_box.installation import install
from tools.booted_box.kernel import kernel
from tools.booted_box.machine import Machine
from tools.booted_box.trial import Trial
from tools.booted_box.virtual import VirtualMachine
from tools.running import REPOSITORY

#: Recognizers that a site would have pulled; without them the bundled one runs.
UPSTREAM = REPOSITORY.parent / "shared/models/asr-zh-pinyin-zipformer"

#: Exit status where containers are not to be had, which says nothing of the appliance.
NO_BOX = 3


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        say("tools/boot needs root, for network namespaces and a container; run: sudo tools/boot")
        return 2
    # Whoever ends the program leaves no box behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = Path(tempfile.mkdtemp(prefix="ridge-boot-"))
    try:
        say("a Debian 12 to install on: made once, then kept in .cache/booted_box")
        root, cables = tree(), Cables()
        try:
            with Machine(root, cables, directory) as machine:
                if options.virtual:
                    return _try_virtual(machine, cables, directory, options)
                return _try(machine, cables, directory, options)
        finally:
            cables.close()
    except NoBoxError as error:
        say(f"no box can be booted on this machine: {error}")
        return NO_BOX
    except (EvidenceError, ImageError, MachineError, OSError) as error:
        say(str(error))
        return 2
    finally:
        if options.keep:
            say(f"kept: {directory}")
        else:
            shutil.rmtree(directory)


def _try_virtual(machine: Machine, cables: Cables, directory: Path, options: argparse.Namespace) -> int:
    begun = time.monotonic()
    say("installing by the steps of systemd/README.md, without the recognizer that a site would pull")
    install(machine, directory / "keys", [])
    machine.power_off()
    say("a kernel of its own: fetched once, then kept in .cache/booted_box")
    with VirtualMachine(machine.root, kernel(), cables, directory, kvm=options.kvm) as box:
        say(f"the virtual box has started, {box.slowness:.0f} times slower than this machine at most")
        # The report of the day, which would come in the middle of so slow a trial, is no trace of the call.
        box.run("systemctl stop ridge-report.timer")
        trial = Trial(box, cables, directory / "keys", directory, say=say)
        faults = Faults(trial)
        checks = [
            trial.active,
            trial.exposure,
            trial.kernel_limits,
            trial.kernel_settings,
            trial.without_rules,
            trial.before_call,
            trial.demo_call,
            trial.traces,
            trial.counters,
            faults.core_dump,
        ]
        return _conclude(trial, checks, options, begun)


def _try(machine: Machine, cables: Cables, directory: Path, options: argparse.Namespace) -> int:
    begun = time.monotonic()
    say("installing by the steps of systemd/README.md")
    install(machine, directory / "keys", [UPSTREAM] if UPSTREAM.is_dir() else [])
    say("restarting the box")
    machine.restart()
    trial = Trial(machine, cables, directory / "keys", directory, say=say)
    faults = Faults(trial)
    checks = [
        trial.active,
        trial.exposure,
        trial.kernel_limits,
        trial.before_call,
        trial.demo_call,
        trial.traces,
        trial.counters,
        trial.report,
    ]
    if not options.short:
        checks += [
            trial.memory,
            trial.without_rules,
            faults.restarts,
            faults.watchdog,
            faults.core_dump,
            trial.ordered_stop,
        ]
    return _conclude(trial, checks, options, begun)


def _conclude(
    trial: Trial, checks: list[Callable[[], None]], options: argparse.Namespace, begun: float
) -> int:
    for check in checks:
        trial.attempt(check)
    if options.json:
        findings = [dataclasses.asdict(finding) for finding in trial.findings]
        options.json.write_text(json.dumps(findings, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write_results(options.evidence, results(trial.findings, virtual=options.virtual))
    say(f"what was tried to get something out is in {options.evidence}, for ridge privacy report --evidence")
    failed = [finding for finding in trial.findings if not finding.held]
    say(f"{len(trial.findings)} checks, {len(failed)} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/boot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="leave out memory, faults and the ordered stop")
    parser.add_argument(
        "--virtual", action="store_true", help="a virtual machine with a kernel of its own; takes much longer"
    )
    parser.add_argument("--kvm", action="store_true", help="with --virtual: do not emulate the processor")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every check with what came of it")
    parser.add_argument(
        "--evidence",
        type=Path,
        metavar="FILE",
        default=REPOSITORY / ".cache/evidence/boot.json",
        help="results for a privacy report (default: %(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the box's disk and console output")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
