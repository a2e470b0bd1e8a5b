"""The journal takes counts and codes; speech, numbers and names have no way into it."""

from __future__ import annotations

import contextlib
import importlib
import json
import pkgutil
import typing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pytest

import appliance
from appliance.box.journal import Event, Journal, event_types, plain, refuse_open_types
from appliance.box.journal_values import (
    REPLACED,
    Address,
    CallMark,
    Digest,
    ErrnoName,
    ErrorType,
    FieldPath,
    NameOf,
    Place,
    StrategyName,
    Tally,
    Value,
)

CALL = "k3Jf9-Qm_2xLw8Rt0ZbYpA"
#: What must never be written: speech, a name, numbers in several forms.
SECRETS = (
    "我手上有二十万闲钱", "好", "a word", "two\nlines", "13900000000", "+8613900000000", "139-0000-0000",
    "sip:13900000000@10.20.0.5", "wo3 shou3 shang4", "１３９",
)  # fmt: skip


class Legs(Tally):
    names = frozenset(["received", "lost"])
    prefix = "agent_"


@dataclass(frozen=True, kw_only=True)
class Everything(Event, name="everything"):
    count: int = 0
    share: float = 0.0
    held: bool = False
    reason: Literal["bye", "timeout"] | None = None
    call: CallMark | None = None
    error: ErrorType | None = None
    place: Place | None = None
    errno: ErrnoName | None = None
    address: Address | None = None
    model: NameOf | None = None
    advice: StrategyName | None = None
    digest: Digest | None = None
    field: FieldPath | None = None
    legs: Legs | None = None


class Thing:
    def __init__(self, name: str) -> None:
        self.name = name


def written(capsys: pytest.CaptureFixture[str], event: Event) -> dict[str, Any]:
    Journal("capture").write(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def declared() -> dict[str, type[Event]]:
    """Every event of the appliance, with all its modules imported."""
    for module in pkgutil.walk_packages(appliance.__path__, "appliance."):
        if module.name.endswith("_events"):
            importlib.import_module(module.name)
    return {name: kind for name, kind in event_types().items() if kind.__module__.startswith("appliance.")}


def test_an_event_is_one_line_with_its_process_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    event = written(capsys, Everything(count=1200, share=0.25, reason="bye", call=CallMark(CALL)))
    assert isinstance(event.pop("at"), float)
    assert {key: value for key, value in event.items() if value is not None} == {
        "process": "capture", "event": "everything", "count": 1200, "share": 0.25, "held": False,
        "reason": "bye", "call": CALL,
    }  # fmt: skip
    Journal("engine", 3).write(Everything())
    assert json.loads(capsys.readouterr().err)["process"] == "engine-3"


def test_there_are_events_of_every_process_and_none_has_a_field_that_could_hold_a_text() -> None:
    kinds = declared()
    names = {kind.event for kind in kinds.values()}
    assert {"capture_ready", "engine_ready", "feed_ready", "appliance_ready", "process_failed"} <= names
    assert len(kinds) > 45
    for kind in kinds.values():
        refuse_open_types(kind)
        hints = typing.get_type_hints(kind)
        for field in fields(kind):
            assert str not in (hints[field.name], *typing.get_args(hints[field.name]))


@pytest.mark.parametrize("kind", [str, bytes, object, dict, list, "str | None", Any, Path, Exception])
def test_an_event_with_an_open_field_cannot_be_declared_unnoticed(kind: Any) -> None:
    hint = typing.Optional[str] if kind == "str | None" else kind  # noqa: UP045 - both ways of writing it
    open_event = dataclass(frozen=True, kw_only=True)(
        type("Open", (Event,), {"__annotations__": {"text": hint}, "__module__": __name__})
    )
    with pytest.raises(TypeError, match="may not stand in an event"):
        refuse_open_types(open_event)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_text_is_withheld_in_every_field_of_every_event(secret: str) -> None:
    for kind in (*declared().values(), Everything):
        event = object.__new__(kind)
        for field in fields(kind):
            object.__setattr__(event, field.name, secret)
        assert set(plain(event).values()) <= {REPLACED}, kind


@pytest.mark.parametrize("secret", SECRETS)
def test_no_value_takes_what_somebody_said_or_is_called(secret: str) -> None:
    values = [
        CallMark(secret), ErrnoName(secret), Address(secret), NameOf(Thing(secret)), StrategyName(secret),
        Digest(secret), FieldPath(secret), ErrorType(type(secret, (Exception,), {})),
    ]  # fmt: skip
    for value in values:
        assert value.text in {REPLACED, "EIO"}, value
        assert secret not in repr(value)
    assert Legs({secret: 3}).counts == {"agent_other": 3}


def test_a_number_that_is_no_count_is_withheld() -> None:
    assert plain(Everything(count=13_900_000_000))["count"] == REPLACED
    assert plain(Everything(share=1.39e10))["share"] == REPLACED
    assert plain(Everything(share=float("nan")))["share"] == REPLACED
    assert plain(Everything(count=True))["count"] == REPLACED
    assert plain(Everything(held=1))["held"] == REPLACED  # type: ignore[arg-type]
    assert plain(Everything(reason="hello"))["reason"] == REPLACED  # type: ignore[arg-type]


def test_one_kind_of_value_is_not_taken_for_another() -> None:
    assert plain(Everything(call=Address("10.0.0.1")))["call"] == REPLACED  # type: ignore[arg-type]
    assert plain(Everything(legs=Tally({"received": 1})))["legs"] == REPLACED  # type: ignore[arg-type]


def test_values_that_are_what_they_should_be_pass() -> None:
    assert Address("fd00::1%eth0").text == "fd00::1"
    assert ErrnoName("ENOSPC").text == "ENOSPC"
    assert NameOf(Thing("asr-zh-pinyin")).text == "asr-zh-pinyin"
    assert NameOf(Thing("q13900000000")).text == REPLACED
    assert StrategyName("let_them_verify").text == "let_them_verify"
    assert Digest("a" * 64).text == "a" * 64
    assert Legs({"received": 5, "lost": 0}).counts == {"agent_received": 5}


def test_an_error_is_told_by_type_and_place_and_never_by_its_text() -> None:
    def fail() -> None:
        raise ValueError("13900000000 said 好")

    try:
        fail()
    except ValueError as error:
        line = plain(Everything(error=ErrorType(error), place=Place(error)))
        number = error.__traceback__.tb_next.tb_lineno  # type: ignore[union-attr]
    assert (line["error"], line["place"]) == ("ValueError", f"test_journal:{number}")


def test_mypy_refuses_a_text_where_an_event_wants_something_else(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "from appliance.box.journal import Journal\n"
        "from appliance.engine.engine_events import OneCallFailed, UtteranceTold\n"
        "from appliance.box.journal_values import CallMark, ErrorType, Place\n"
        "def tell(journal: Journal, said: str, error: Exception) -> None:\n"
        "    journal.write(OneCallFailed(call=CallMark(said), error=ErrorType(error), place=Place(error)))\n"
        "    journal.write(OneCallFailed(call=said, error=str(error), place=said))\n"
        "    journal.write(UtteranceTold(call=CallMark(said), end=said, at_ms=0))\n"
        "    journal.write(said)\n",
        encoding="utf-8",
    )
    out, _, _ = api.run(
        [str(program), "--config-file", str(Path(appliance.__path__[0]).parent / "pyproject.toml")]
    )
    wrong = [line.split(":")[1] for line in out.splitlines() if ": error:" in line and "program.py" in line]
    assert wrong == ["6", "6", "6", "7", "8"]


def test_a_journal_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115, PTH123 - closed in the middle of the test
    monkeypatch.setattr("sys.stderr", full)
    Journal("capture").write(Everything())
    with contextlib.suppress(OSError):
        full.close()
    Journal("capture").write(Everything())


def test_values_are_no_texts() -> None:
    assert not issubclass(Value, str)
