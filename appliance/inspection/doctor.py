"""The doctor's page in a terminal: what is wrong first, then what is noted, then all that was looked at."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from appliance.inspection.finding import OUTCOMES, Finding, Outcome
from appliance.inspection.inspect import Inspection
from appliance.inspection.words import Words

_STYLES: dict[Outcome, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "not_checked": ("?", "magenta"),
}


def show(inspection: Inspection, words: Words, console: Console) -> None:
    """Print all groups, and the sums at the end, where a terminal shows them last."""
    groups: dict[str, list[Finding]] = {}
    for finding in inspection.findings:
        groups.setdefault(finding.group, []).append(finding)
    for group, findings in groups.items():
        console.print(Text(words.of("group", group), style="bold"))
        for finding in findings:
            _show(finding, words, console)
        console.print()
    counted = Counter(finding.outcome for finding in inspection.findings)
    line = Text()
    for outcome in OUTCOMES:
        mark, style = _STYLES[outcome]
        line.append(f"{mark} {counted[outcome]} {words.of('outcome', outcome)}   ", style=style)
    console.print(line)


def _show(finding: Finding, words: Words, console: Console) -> None:
    mark, style = _STYLES[finding.outcome]
    line = Text(f"  {mark} ", style=style)
    line.append(f"{finding.subject}  " if finding.subject != "-" else "", style="cyan")
    line.append(words.of("check", finding.check), style="default")
    if finding.outcome == "ok":
        console.print(line)
        return
    line.append(f"  [{words.of('outcome', finding.outcome)}]", style=style)
    console.print(line)
    console.print(Padding(Text(words.reason(finding)), (0, 0, 0, 6), expand=False))
    console.print(Padding(Text("→ " + words.next_step(finding), style="bold"), (0, 0, 0, 6), expand=False))
