"""The firewall: that our table is loaded, that it is what the configuration yields, and what it counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from appliance.box.firewall import TABLE, FirewallError, ruleset
from appliance.inspection.finding import Facts, Finding, failed, not_checked, ok, warning
from appliance.inspection.ground import Ground, ProgramMissingError

_SUBJECT = f"inet {TABLE}"


def check(ground: Ground) -> Iterator[Finding]:
    """Read the kernel's table and compare it."""
    if not ground.may_read_rules:
        yield not_checked("firewall.loaded", _SUBJECT, "not_permitted")
        return
    try:
        listed = ground.run(["nft", "-s", "list", "table", "inet", TABLE], "")
    except ProgramMissingError as error:
        yield not_checked("firewall.loaded", _SUBJECT, "program_missing", program=error.program)
        return
    if listed.status:
        if "No such file" not in listed.err:
            yield not_checked("firewall.loaded", _SUBJECT, "program_failed", program="nft")
            return
        kind = warning if ground.development else failed
        yield kind("firewall.loaded", _SUBJECT, "firewall_missing")
        return
    yield ok(
        "firewall.loaded", _SUBJECT, {"rules": sum(" accept" in line for line in listed.out.splitlines())}
    )
    yield _same_rules(ground, listed.out)
    yield _counted(ground)


def _same_rules(ground: Ground, loaded: str) -> Finding:
    """Load the configuration's rules into an empty network namespace and compare what nft makes of both."""
    try:
        wanted = ruleset(ground.config)
    except FirewallError as error:
        return failed("firewall.rules", _SUBJECT, "firewall_port", detail=error)
    script = f"nft -f - && nft -s list table inet {TABLE}"
    for options in ([], ["--user", "--map-root-user"]):
        try:
            tried = ground.run(["unshare", *options, "--net", "sh", "-c", script], wanted)
        except ProgramMissingError as error:
            return not_checked("firewall.rules", _SUBJECT, "program_missing", program=error.program)
        if tried.status == 0:
            break
    else:
        return not_checked("firewall.rules", _SUBJECT, "program_failed", program="unshare --net")
    missing, added = _difference(tried.out, loaded)
    facts: Facts = {"lines": len(loaded.splitlines()), "missing": len(missing), "added": len(added)}
    if missing or added:
        return failed("firewall.rules", _SUBJECT, "firewall_differs", facts)
    if loaded != tried.out:
        # The same lines in another order may decide otherwise.
        return failed("firewall.rules", _SUBJECT, "firewall_differs", facts)
    return ok("firewall.rules", _SUBJECT, facts)


def _difference(wanted: str, loaded: str) -> tuple[list[str], list[str]]:
    """The lines that are missing, and those that nobody asked for."""
    left, right = wanted.splitlines(), loaded.splitlines()
    return [line for line in left if line not in right], [line for line in right if line not in left]


def _counted(ground: Ground) -> Finding:
    facts = counters(ground)
    if not facts:
        return not_checked("firewall.counters", _SUBJECT, "program_failed", program="nft")
    return ok("firewall.counters", _SUBJECT, {name: f"{p} / {b}" for name, (p, b) in facts.items()})


def counters(ground: Ground) -> dict[str, tuple[int, int]]:
    """Packets and bytes by counter, those of nothing left in; empty where they cannot be read."""
    try:
        answer = ground.run(["nft", "-j", "list", "counters", "table", "inet", TABLE], "")
        listed: dict[str, Any] = json.loads(answer.out)
        entries = [entry["counter"] for entry in listed["nftables"] if "counter" in entry]
        return {entry["name"]: (int(entry["packets"]), int(entry["bytes"])) for entry in entries}
    except (ProgramMissingError, ValueError, KeyError, TypeError):
        return {}
