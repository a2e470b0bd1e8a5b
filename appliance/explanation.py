"""Why a profile says what it says: each number with its steps, in words that a compliance officer reads.

It stands above the rooms because the steps come from `profile` and the words from `seat`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from appliance.profile.tracing import Step, TracedProfile, Value, numbers
from appliance.seat.words import Words

#: The parts of a profile in the order in which people read them.
_ORDER: Final = ("relationship", "influence.objections", "influence.mind", "demand", "influence", "audio")
_SIGNS: Final = {
    "en": {
        "starts": "starts at {value}",
        "absent": "is not there",
        "is": "is {value}",
        "never": "{count} numbers never left where they start",
        "time": "as time passed",
        "customer": "the customer said",
        "customer_growing": "the customer was saying",
        "agent": "the agent said",
        "emotion": "the customer's voice",
        "timing": "who talked when",
        "record": "known before the call",
        "audio": "how much was heard",
        "measured": "measured",
        "by_rules": "by the rules",
        "by_model": "by the model",
        "by_both": "by rules and model",
        "advice": "Advice at the end, and what it rests on",
        "evidence": "All evidence, with its weight from -1 (against the customer's favour) to 1 (for it)",
    },
    "zh": {
        "starts": "起始为 {value}",
        "absent": "尚无",
        "is": "为 {value}",
        "never": "另有 {count} 项始终为起始值",
        "time": "随时间变化",
        "customer": "客户说",
        "customer_growing": "客户正在说",
        "agent": "坐席说",
        "emotion": "客户的声音",
        "timing": "双方说话的时机",
        "record": "通话前已知",
        "audio": "收到的音频",
        "measured": "测量值",
        "by_rules": "规则识别",
        "by_model": "模型识别",
        "by_both": "规则与模型一致识别",
        "advice": "通话结束时的建议及其依据",
        "evidence": "全部依据及权重（-1 不利 至 1 有利）",
    },
}


def explain(profile: TracedProfile, at_ms: int) -> dict[str, Any]:
    """The explanation of a profile as it is at `at_ms`, the end of what it was told, as JSON.

    `numbers` maps each path of the message to its `start`, its `value` and the `steps` between; `evidence`
    has all that steps and advice refer to, also what is no longer in the profile itself.
    """
    parts = profile.snapshot(at_ms, final=True)
    now = numbers(profile)
    paths = sorted(now.keys() | profile.steps.keys(), key=_place)
    return {
        "at": at_ms,
        "numbers": {
            path: {
                "start": profile.start.get(path),
                "value": now.get(path),
                "steps": [_as_json(step) for step in profile.steps.get(path, [])],
            }
            for path in paths
        },
        "advice": [{"id": advice.id, "evidence": list(advice.evidence)} for advice in parts.advice],
        "evidence": [
            {
                "id": item.id,
                "at": item.at,
                "source": item.source,
                "code": item.code,
                "weight": round(item.weight, 3),
                **({"quote": item.quote} if item.quote is not None else {}),
                **({"basis": item.basis} if item.basis is not None else {}),
            }
            for item in profile.evidence.values()
        ],
    }


def lines(explanation: dict[str, Any], words: Words, only: str = "") -> Iterator[str]:
    """The explanation as text; `only` limits it to the paths that begin with it."""
    signs = _SIGNS[words.locale]
    evidence = {item["id"]: item for item in explanation["evidence"]}
    still = 0
    for path, number in explanation["numbers"].items():
        if not path.startswith(only):
            continue
        if not number["steps"]:
            still += 1
            continue
        yield f"{path}  {_said(signs, number['value'], 'is')}"
        yield f"    {_said(signs, number['start'], 'starts')}"
        for step in _joined(number["steps"]):
            yield f"    {_clock(step['at'])}  {_change(step)}  {_why(step, signs, evidence, words)}"
    if still:
        yield signs["never"].format(count=still)
    if only:
        return
    yield ""
    yield signs["advice"]
    for advice in explanation["advice"]:
        yield f"    {words.strategy(advice['id']).title} ({advice['id']})"
        for identifier in advice["evidence"]:
            yield f"        {_evidence(evidence[identifier], words, signs)}"
    yield ""
    yield signs["evidence"]
    for item in explanation["evidence"]:
        yield f"    {item['weight']:+.2f}  {_evidence(item, words, signs)}"


def _place(path: str) -> tuple[int, str]:
    return next(i for i, part in enumerate((*_ORDER, "")) if path.startswith(part)), path


def _as_json(step: Step) -> dict[str, Any]:
    return {
        "at": step.at,
        "cause": step.cause,
        "before": step.before,
        "after": step.after,
        "evidence": list(step.evidence),
        **(
            {"measured": {name: round(value, 3) for name, value in step.measured.items()}}
            if step.measured
            else {}
        ),
    }


def _joined(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Steps of time alone that follow one another are one line."""
    waiting: dict[str, Any] | None = None
    for step in steps:
        if step["cause"] == "time" and waiting is not None:
            waiting = {**step, "before": waiting["before"]}
        elif step["cause"] == "time":
            waiting = step
        else:
            if waiting is not None:
                yield waiting
            waiting = None
            yield step
    if waiting is not None:
        yield waiting


def _said(signs: dict[str, str], value: Value, sign: str) -> str:
    return signs["absent"] if value is None else signs[sign].format(value=value)


def _change(step: dict[str, Any]) -> str:
    before, after = step["before"], step["after"]
    if isinstance(before, (int, float)) and isinstance(after, (int, float)):
        return f"{before:g} -> {after:g} ({after - before:+.3g})"
    return f"{'-' if before is None else before} -> {'-' if after is None else after}"


def _why(
    step: dict[str, Any], signs: dict[str, str], evidence: dict[str, dict[str, Any]], words: Words
) -> str:
    cause = signs[step["cause"]]
    if step["cause"] == "time":
        return cause
    rests = "; ".join(_evidence(evidence[identifier], words, signs) for identifier in step["evidence"])
    measured = " ".join(f"{name} {value:g}" for name, value in step.get("measured", {}).items())
    told = [rests] if rests else []
    return f"{cause}: " + "; ".join([*told, f"{signs['measured']} {measured}"] if measured else told)


def _evidence(item: dict[str, Any], words: Words, signs: dict[str, str]) -> str:
    quote = f" “{item['quote']}”" if item.get("quote") else ""
    source = words.of("source", item["source"])
    if item.get("basis"):
        source += f" ({signs['by_' + item['basis']]})"
    return f"{words.evidence(item['code'])} [{item['id']}, {source}, {_clock(item['at'])}]{quote}"


def _clock(milliseconds: int) -> str:
    return f"{milliseconds // 60_000}:{milliseconds % 60_000 / 1000:04.1f}"
