"""The systemd units: installed, enabled, running, and how often they were started again."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.inspection.checks.parts import expected_parts
from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import TARGET, Ground, ProgramMissingError

#: Without them calls are served still, and evidence grows old.
_TIMERS = ("ridge-counters.timer", "ridge-report.timer")
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "Result")


def check(ground: Ground) -> Iterator[Finding]:
    """Ask systemd for each unit that the configuration needs."""
    if not ground.systemd:
        yield not_checked("units.state", TARGET, "no_systemd")
        return
    vital = ("ridge-firewall.service", *(part.unit for part in expected_parts(ground)))
    for unit in (*vital, *_TIMERS):
        try:
            yield _unit(ground, unit, vital=unit in vital)
        except ProgramMissingError as error:
            yield not_checked("units.state", unit, "program_missing", program=error.program)
            return


def unit_properties(ground: Ground, unit: str) -> dict[str, str]:
    """What systemctl shows of a unit; empty where it does not answer.

    Raises:
        ProgramMissingError: there is no systemctl.
    """
    shown = ground.run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", unit], "")
    if shown.status:
        return {}
    return dict(line.split("=", 1) for line in shown.out.splitlines() if "=" in line)


def _unit(ground: Ground, unit: str, *, vital: bool) -> Finding:
    worst = failed if vital else warning
    found = unit_properties(ground, unit)
    if not found:
        return not_checked("units.state", unit, "program_failed", program="systemctl")
    restarts = int(found.get("NRestarts") or 0)
    facts: Facts = {
        "active": found.get("ActiveState", "?"), "enabled": found.get("UnitFileState", "?") or "?",
        "restarts": restarts, "result": found.get("Result", "?") or "?",
    }  # fmt: skip
    if found.get("LoadState") != "loaded":
        kind = warning if ground.development else worst
        return kind("units.state", unit, "unit_missing", facts, unit=unit)
    if found.get("ActiveState") != "active":
        return worst("units.state", unit, "unit_inactive", facts, unit=unit, result=facts["result"])
    if found.get("UnitFileState") not in ("enabled", "enabled-runtime", "static", "linked"):
        return worst("units.state", unit, "unit_disabled", facts, unit=unit)
    if restarts:
        return warning("units.state", unit, "unit_restarted", facts, unit=unit, restarts=restarts)
    return ok("units.state", unit, facts)
