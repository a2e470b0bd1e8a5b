"""What is remembered between calls: sealed, weakened by time, erasable, and nothing while memory is off."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.clock.boxclock import BoxClock
from appliance.box.clock.jumps import Moment
from appliance.box.clock.latest import CLOCK_FILE
from appliance.box.config import Config
from appliance.cli import main
from appliance.engine.memory import CallMemory
from appliance.memory.remembered import MOST_NEEDS, Remembered, after_call, carried_over
from appliance.memory.secret import MemoryFileError, MemorySecret, directory_of, normal
from appliance.memory.store import DAY_MS, MemoryStore
from tests.profile.dialogue import Call

NUMBER = "13800138000"
DAY = 20_000


def opened(directory: Path, retention: int = 180) -> tuple[MemoryStore, str]:
    secret = MemorySecret.load(directory, make=True)
    assert secret is not None
    identity = secret.identity(NUMBER)
    assert identity is not None
    return MemoryStore(directory, secret, retention), identity


def remembered(day: int = DAY) -> Remembered:
    return after_call(None, [("deposit", "wants", 0.9), ("gold", "asks", 0.8)], 62, day)


def test_a_record_comes_back_as_it_was_and_says_nothing_on_disk(tmp_path: Path) -> None:
    store, identity = opened(tmp_path)
    assert store.load(identity, DAY) is None
    store.save(identity, remembered())
    assert store.load(identity, DAY) == remembered()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0
            data = path.read_bytes()
            assert b"deposit" not in data
            assert NUMBER.encode() not in data
            assert NUMBER not in path.name


def test_a_record_is_bound_to_its_customer_and_its_box(tmp_path: Path) -> None:
    store, identity = opened(tmp_path / "one")
    store.save(identity, remembered())
    file = next((tmp_path / "one").rglob("*.sealed"))
    other = file.with_name("0" * 32 + ".sealed")
    other.write_bytes(file.read_bytes())
    with pytest.raises(MemoryFileError, match="cannot be opened"):
        store.load("0" * 32, DAY)
    strange, _ = opened(tmp_path / "two")
    stolen = tmp_path / "two" / "records" / file.name
    stolen.parent.mkdir()
    stolen.write_bytes(file.read_bytes())
    with pytest.raises(MemoryFileError, match="cannot be opened"):
        strange.load(identity, DAY)


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 200, b"x" * 20_000])
def test_a_damaged_record_is_named(tmp_path: Path, damage: bytes) -> None:
    store, identity = opened(tmp_path)
    store.save(identity, remembered())
    next(tmp_path.rglob("*.sealed")).write_bytes(damage)
    with pytest.raises(MemoryFileError, match=r"\.sealed: cannot be opened .*remove it"):
        store.load(identity, DAY)


def test_the_number_is_hashed_with_the_secret_and_spelling_does_not_matter(tmp_path: Path) -> None:
    one, other = (MemorySecret.load(tmp_path / name, make=True) for name in ("a", "b"))
    assert one is not None
    assert other is not None
    assert one.identity(NUMBER) == one.identity("+86 138-0013-8000") == one.identity("013800138000")
    assert one.identity(NUMBER) != other.identity(NUMBER)
    assert one.identity("anonymous") is None
    assert normal("1" * 21) is None


@given(st.text(max_size=40))
def test_any_number_is_normal_or_none(number: str) -> None:
    plain = normal(number)
    assert plain is None or (plain.isdigit() and 5 <= len(plain) <= 20)


def test_what_is_carried_over_is_weaker_with_every_day_until_it_is_gone() -> None:
    sure = [carried_over(remembered(), DAY + days) for days in (0, 30, 60, 200)]
    assert [need.tag for need in sure[0]] == ["deposit"], "a question is not carried over"
    first, second, third = (needs[0].confidence for needs in sure[:3])
    assert 0.9 > first > second > third
    assert sure[3] == ()


def test_a_later_call_replaces_what_it_speaks_of_and_keeps_the_rest() -> None:
    later = after_call(remembered(), [("deposit", "rejects", 0.8)], 40, DAY + 10)
    assert [(need.tag, need.stance) for need in later.needs] == [("deposit", "rejects"), ("gold", "asks")]
    assert (later.calls, later.day, later.relationship) == (2, DAY + 10, 40)
    many = after_call(later, [("bonds", "wants", 0.5)] * 40, 40, DAY)
    assert len(many.needs) == MOST_NEEDS


def test_retention_hides_at_once_and_sweeps_later(tmp_path: Path) -> None:
    store, identity = opened(tmp_path, retention=30)
    store.save(identity, remembered())
    assert store.load(identity, DAY + 30) is not None
    assert store.load(identity, DAY + 31) is None
    file = next(tmp_path.rglob("*.sealed"))
    os.utime(file, (1000, 1000))
    assert store.sweep(40 * DAY_MS) == 1
    assert not file.exists()


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "memory.secret").chmod(0o644)
    with pytest.raises(MemoryFileError, match="chmod 600"):
        MemorySecret.load(tmp_path)


def config_of(directory: Path, *, enabled: bool) -> Config:
    return Config.model_validate({"box": {"state_directory": directory}, "memory": {"enabled": enabled}})


def test_nothing_is_kept_while_memory_is_off(tmp_path: Path) -> None:
    assert CallMemory.configured(config_of(tmp_path, enabled=False), None) is None
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_begins_with_what_the_first_left_and_says_so(tmp_path: Path) -> None:
    memory = CallMemory.configured(config_of(tmp_path, enabled=True), None)
    assert memory is not None
    first = Call().customer("deposit:wants", "child:has", "interest", "disclosure", "follow_up_agreed")
    memory.keep("a" * 32, first.profile)
    second = Call()
    memory.recall("a" * 32, second.profile)
    parts = second.parts()
    needs = {need.tag: need for need in parts.demand.needs}
    assert needs["deposit"].stance == "wants"
    assert needs["deposit"].confidence < 0.85
    assert {item.code for item in parts.evidence if item.source == "record"} == {
        "record.deposit", "record.child", "record.earlier_call",
    }  # fmt: skip
    fresh = Call().parts().relationship
    assert fresh.score < parts.relationship.score < first.parts().relationship.score
    assert parts.relationship.high - parts.relationship.low >= fresh.high - fresh.low - 5
    assert second.profile.stated() == [], "what is only remembered is not said again"
    second.customer("deposit:rejects")
    assert second.needs()["deposit"] == "rejects"
    stranger = Call()
    memory.recall("b" * 32, stranger.profile)
    assert stranger.parts() == Call().parts()


def test_a_fault_of_the_memory_hinders_no_call(tmp_path: Path) -> None:
    memory = CallMemory.configured(config_of(tmp_path, enabled=True), None)
    assert memory is not None
    call = Call().customer("deposit:wants")
    memory.keep("a" * 32, call.profile)
    next(tmp_path.rglob("*.sealed")).write_bytes(b"broken")
    memory.recall("a" * 32, Call().profile)
    memory.keep("a" * 32, call.profile)
    again = Call()
    memory.recall("a" * 32, again.profile)
    assert again.needs() == {"deposit": "wants"}


def test_show_export_and_erase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "site.toml"
    config.write_text(f'[box]\nstate_directory = "{tmp_path}"\n', encoding="utf-8")
    on = ["--config", str(config)]
    assert main(["memory", "show", NUMBER, *on]) == 0
    assert "nothing is remembered" in capsys.readouterr().out
    store, identity = opened(directory_of(tmp_path))
    store.save(identity, remembered(int(time.time() * 1000) // DAY_MS))
    assert main(["memory", "show", "+86 13800138000", *on]) == 0
    assert "wants deposit" in capsys.readouterr().out
    assert main(["memory", "export", NUMBER, *on]) == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["remembered"]["needs"][0]["tag"] == "deposit"
    assert main(["memory", "status", *on]) == 0
    assert "memory is off; 1 customers" in capsys.readouterr().out
    assert main(["memory", "show", "nobody", *on]) == 1
    assert "is no telephone number" in capsys.readouterr().err
    assert main(["memory", "erase", NUMBER, *on]) == 0
    assert main(["memory", "erase", NUMBER, *on]) == 0
    assert capsys.readouterr().out == "erased\nnothing is remembered of this number\n"
    store.save(identity, remembered(int(time.time() * 1000) // DAY_MS))
    assert main(["memory", "erase", "--everybody", *on]) == 0
    assert [path for path in directory_of(tmp_path).rglob("*") if path.is_file()] == []


class Turned:
    """A clock of the memory that a test sets; days since 1970."""

    def __init__(self, directory: Path, day: int) -> None:
        self.boot, self.day = 100_000.0, float(day)
        self.clock = BoxClock(directory / CLOCK_FILE, moment=self.moment)

    def moment(self) -> Moment:
        return Moment(self.boot, self.day * DAY_MS / 1000)

    def pass_days(self, days: float, *, shown: float | None = None) -> None:
        self.boot += days * DAY_MS / 1000
        self.day += days if shown is None else shown


def kept(memory: CallMemory) -> bool:
    return any(memory._store.identities())


def remembering(tmp_path: Path, retention: int = 30) -> tuple[CallMemory, Turned]:
    store, _ = opened(tmp_path, retention)
    turned = Turned(tmp_path, DAY)
    memory = CallMemory(store, None, turned.clock)
    memory.keep("a" * 32, Call().customer("deposit:wants").profile)
    file = next(tmp_path.rglob("*.sealed"))
    os.utime(file, (turned.moment().wall, turned.moment().wall))
    return memory, turned


def test_a_clock_that_is_set_back_keeps_nobody_longer(tmp_path: Path) -> None:
    memory, turned = remembering(tmp_path)
    memory.turn()
    turned.pass_days(20)
    memory.turn()
    turned.pass_days(0.00001, shown=-400.0)
    memory.turn()
    assert kept(memory), "its time is not over"
    turned.pass_days(11)
    memory.turn()
    assert not kept(memory)


def test_a_clock_that_was_set_back_while_nothing_ran_shows_nobody_longer(tmp_path: Path) -> None:
    memory, turned = remembering(tmp_path)
    turned.pass_days(31)
    memory._clock.turn()
    memory.close()
    turned.day -= 31
    again = CallMemory(memory._store, None, BoxClock(tmp_path / CLOCK_FILE, moment=turned.moment))
    again.turn()
    assert not kept(again)


def test_a_clock_that_is_set_forward_erases_what_would_be_too_old_by_then(tmp_path: Path) -> None:
    memory, turned = remembering(tmp_path)
    turned.pass_days(0.00001, shown=31.0)
    memory.turn()
    assert not kept(memory)


def test_what_a_clock_that_was_ahead_has_dated_does_not_stay_until_then(tmp_path: Path) -> None:
    memory, turned = remembering(tmp_path)
    turned.pass_days(0.00001, shown=3650.0)
    memory.turn()
    memory.keep("b" * 32, Call().customer("deposit:wants").profile)
    file = next(tmp_path.rglob("*.sealed"))
    os.utime(file, (turned.moment().wall, turned.moment().wall))
    turned.pass_days(0.00001, shown=-3650.0)
    memory.turn()
    assert kept(memory)
    data = b'{"v":1,"latest":%d,"confirmed":%d,"taken":false}' % ((DAY * DAY_MS,) * 2)
    (tmp_path / "confirmed").write_bytes(data)
    (tmp_path / "confirmed").replace(tmp_path / CLOCK_FILE)
    memory.turn()
    assert not kept(memory)
    assert memory._store.load("b" * 32, DAY) is None
