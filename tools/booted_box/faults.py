"""Faults that are made on a booted box: processes are killed, stopped, or die; systemd brings them back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from tools.booted_box.trial import Trial, short

WATCHDOG_SECONDS: Final = 30.0
_BACK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one trial, which notes what came of them."""

    trial: Trial

    def restarts(self) -> None:
        """Kill each process; systemd brings it back."""
        for unit in self.trial.units()[1:]:
            self._strike(unit, "KILL", _BACK_SECONDS, "restarts_" + short(unit))

    def watchdog(self) -> None:
        """Stop a process without ending it; the watchdog notices."""
        self._strike("ridge-engine@0.service", "STOP", WATCHDOG_SECONDS + _BACK_SECONDS, "watchdog_engine@0")

    def core_dump(self) -> None:
        """Let a red process die by a fault; no core is left anywhere."""
        self._strike("ridge-engine@0.service", "SEGV", _BACK_SECONDS, "no_core_dump_engine@0")
        machine = self.trial.machine
        pattern = machine.run("cat /proc/sys/kernel/core_pattern").strip()
        made = "find / -xdev -type f -newer /etc/ridge/firewall.nft"
        found = machine.run(f"{made} \\( -name 'core' -o -name 'core.*' -o -name '*.core' \\)")
        self.trial.note(
            "core_files", "look for core files in the whole box",
            f"core_pattern {pattern}; {found.strip() or 'none found'}", held=not found.strip(),
        )  # fmt: skip

    def _strike(self, unit: str, name: str, seconds: float, finding: str) -> None:
        pid, restarts = self.trial.show(unit, "MainPID", "NRestarts")
        limit = seconds * self.trial.machine.slowness
        begun = time.monotonic()
        self.trial.machine.run(f"kill -{name} {pid}")
        while time.monotonic() - begun < limit:
            state = self.trial.show(unit, "ActiveState", "MainPID", "NRestarts")
            if state[0] == "active" and state[1] not in {pid, "0"}:
                break
            time.sleep(0.5)
        back = state[0] == "active" and state[1] not in {pid, "0"}
        self.trial.note(
            finding, f"kill -{name} the main process of {unit}",
            f"back after {time.monotonic() - begun:.0f} s, restarts {restarts} to {state[2]}"
            if back else f"not back within {limit:.0f} s: {state}",
            held=back and int(state[2]) == int(restarts) + 1,
        )  # fmt: skip
