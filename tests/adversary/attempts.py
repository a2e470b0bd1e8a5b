"""Takes down what was tried against the box and what came of it, as a file that a privacy report takes in."""

from __future__ import annotations

import datetime
import platform
import subprocess
from pathlib import Path

from appliance.box.evidence import Attempt, Quantity, Results, Tried, write_results

ROOT = Path(__file__).parents[2]


class Attempts:
    """The attempts of one run of the suite."""

    def __init__(self) -> None:
        self._made: list[Attempt] = []

    def measured(
        self, name: str, by: str, zh: str, en: str, *, came: float, budget: float, unit: str = "bit/s"
    ) -> None:
        """An attempt of which so much came through; it must not be more than the budget."""
        outcome = "stopped" if came == 0 else "within_budget" if came <= budget else "succeeded"
        limit = Quantity(round(budget, 1), unit) if budget else None
        self._add(
            Attempt(name, by, Tried(zh, en), outcome, limit, Quantity(round(came, 1), unit) if came else None)
        )
        assert outcome != "succeeded", f"{name}: {came} {unit} came through, {budget} are allowed"

    def stopped(self, name: str, by: str, zh: str, en: str, *, came: str | None) -> None:
        """An attempt of which nothing may come; `came` says what did."""
        outcome = "succeeded" if came else "stopped"
        self._add(Attempt(name, by, Tried(zh, en), outcome, reason=came[:400] if came else None))
        assert not came, f"{name}: {came}"

    def not_tried(self, name: str, by: str, zh: str, en: str, *, reason: str) -> None:
        """What this machine does not allow to be tried."""
        self._add(Attempt(name, by, Tried(zh, en), "not_tried", reason=reason))

    def write(self, path: Path, suite: str, version: str) -> None:
        """Write the file of results, where anything was tried."""
        if self._made:
            now = datetime.datetime.now(datetime.timezone.utc)
            where = f"{platform.system()} {platform.release()}, processes and namespaces of one machine"
            write_results(
                path,
                Results(
                    suite,
                    version,
                    f"{now:%Y-%m-%dT%H:%M:%SZ}",
                    tuple(self._made),
                    commit=_commit(),
                    where=where,
                ),
            )

    def _add(self, attempt: Attempt) -> None:
        self._made = [one for one in self._made if one.id != attempt.id] + [attempt]


def _commit() -> str | None:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None
