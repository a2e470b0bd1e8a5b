"""The report as one page of HTML: no script, nothing from elsewhere, made for A4."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from appliance.inspection.finding import OUTCOMES, Finding, Outcome
from appliance.inspection.report.content import Report
from appliance.inspection.words import Locale, Words, catalogue

#: Whether a row of "what is processed" is on, by the row's id; the others always are.
_OPTIONAL = frozenset({"voice", "emotion", "quotes", "memory", "record", "ledger"})


def render(report: Report, locale: Locale, facts_sha256: str) -> str:
    """The page in one language; `facts_sha256` is that of the JSON file beside it."""
    environment = Environment(
        loader=PackageLoader("appliance.inspection.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    words, text = Words(locale), catalogue(f"report_{locale}")
    counted = {outcome: len(report.inspection.of(outcome)) for outcome in OUTCOMES}
    loader = environment.loader
    assert loader is not None
    style = Markup(loader.get_source(environment, "page.css")[0])  # noqa: S704 (our own style sheet)
    return environment.get_template("page.html").render(
        report=report,
        locale=locale,
        t=text,
        w=words,
        style=style,
        facts_sha256=facts_sha256,
        counted=counted,
        leaks=_leaks(report),
        processed=_processed(report, text),
        sandbox=_groups(report.inspection.findings, "process."),
        ledger=[one for one in report.inspection.findings if one.check == "ledger.verified"],
        mapping=_mapping(report, locale),
        assessment=_assessment(report, locale, text, counted),
        fill=_fill,
    )


def _fill(text: str, **values: object) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _code(text: str) -> Markup:
    """What stands between backticks, as code; all else escaped."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped before)


def _leaks(report: Report) -> int:
    outcomes = Counter(attempt.outcome for results in report.tests for attempt in results.attempts)
    return outcomes["succeeded"]


def _processed(report: Report, text: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of section 2, each with the state that it has on this box."""
    words = text["processed"]
    on = {
        "voice": any(one.voice for one in report.policies),
        "emotion": any(one.emotion for one in report.policies),
        "quotes": any(one.quotes for one in report.policies),
        "memory": report.settings.memory_enabled,
        "record": report.settings.record,
        "ledger": report.settings.ledger,
    }
    rows = []
    for row in words["row"]:
        state = words["always"]
        if row["id"] in _OPTIONAL:
            state = words["on" if on[row["id"]] else "off"]
        if row["id"] == "memory" and report.settings.memory_enabled:
            state += f" ({_fill(words['days'], days=report.settings.retention_days)})"
        rows.append({**row, "state": state})
    return rows


def _groups(findings: tuple[Finding, ...], prefix: str) -> dict[str, list[Finding]]:
    """Findings of one kind of check, by what was looked at."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.check.startswith(prefix):
            groups.setdefault(finding.subject, []).append(finding)
    return groups


def _mapping(report: Report, locale: Locale) -> list[tuple[str, list[tuple[Mapping[str, str], Any]]]]:
    """The articles of each law, with their words."""
    words = catalogue(f"mapping_{locale}")
    laws: dict[str, list[tuple[Mapping[str, str], Any]]] = {}
    for cited in report.mapping:
        laws.setdefault(cited.law, []).append((words["article"][cited.article], cited))
    return [(words["law"][law], rows) for law, rows in laws.items()]


def _assessment(
    report: Report, locale: Locale, text: Mapping[str, Any], counted: Mapping[Outcome, int]
) -> list[dict[str, Any]]:
    """The draft's parts; rows with a text have it filled in, the others are blank."""
    state = text["processed"]

    def anywhere(name: str) -> str:
        return str(state["on" if any(getattr(one, name) for one in report.policies) else "off"])

    quotes = any(one.quotes for one in report.policies)
    risk = {"zh": "，并含脱敏引用", "en": ", and redacted quotes"}[locale] if quotes else ""
    values: dict[str, object] = {
        "box": report.box,
        "version": report.machine.version,
        "quotes": anywhere("quotes"),
        "emotion": anywhere("emotion"),
        "memory": anywhere("memory"),
        "announcement": anywhere("require_announcement"),
        "consent": report.settings.consent or "-",
        "quote_risk": risk,
        "total": sum(counted.values()),
    }
    values.update({str(outcome): number for outcome, number in counted.items()})
    return [
        {
            "heading": part["heading"],
            "rows": [
                {"label": row["label"], "text": _fill(row.get("text", ""), **values)} for row in part["row"]
            ],
        }
        for part in catalogue(f"assessment_{locale}")["part"]
    ]
