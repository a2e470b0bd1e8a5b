"""Days are counted without calls, seats or persons, once each, and survive a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from appliance.feed.daycounts import DAY_MS, DAYS_FILE, FILE_BYTES, MAX_DAYS, DayCount, DayCounts
from appliance.feed.private_file import PrivateFileError
from appliance.protocol.messages import CueMessage, OpportunityMessage
from appliance.protocol.vocabulary import CUE_CODES, OBJECTION_TYPES, OpportunityCode, Stage
from tests.protocol.samples import CALL, OBJECTED, WALL, call, cue, profile

MISSED = OpportunityMessage(1, CALL, "8001", 0, 1000, WALL, "wanted_product", 0.8, "gold")
HARD_SELL = CueMessage(1, CALL, "8001", 0, 1000, WALL, "pacing", "pacing.hard_sell", 0.8, [])


def counted(directory: Path) -> DayCounts:
    counts = DayCounts(directory)
    final = msgspec.structs.replace(profile(), final=True)
    ended = msgspec.structs.replace(call(), event="ended")
    for message in (profile(), final, MISSED, HARD_SELL, cue(), call(), ended, final, MISSED, ended):
        counts.enter(message, WALL)
    return counts


def test_each_thing_of_a_call_is_counted_once(tmp_path: Path) -> None:
    (day,) = counted(tmp_path).days.values()
    assert day.calls == 1
    assert sum(day.stages.values()) == 1
    assert day.missed == {"wanted_product": 1}
    assert day.pacing == {"hard_sell": 1}
    assert day.objections == dict.fromkeys({o.type for o in profile().influence.objections}, 1)


def test_the_file_names_neither_call_nor_seat_and_is_read_again(tmp_path: Path) -> None:
    counts = counted(tmp_path)
    counts.save()
    text = (tmp_path / DAYS_FILE).read_text(encoding="utf-8")
    assert CALL not in text
    assert "8001" not in text
    again = DayCounts(tmp_path)
    again.load()
    assert again.days == counts.days


def test_old_days_go(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    for day in range(MAX_DAYS + 5):
        wall = WALL + day * DAY_MS
        counts.enter(HARD_SELL, wall)
    assert len(counts.days) == MAX_DAYS


def test_a_day_that_is_not_there_yet_goes_and_an_engine_chooses_none(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    for wall in (WALL, WALL + 40 * DAY_MS):
        counts.enter(HARD_SELL, wall)
    counts.keep_until(WALL + DAY_MS)
    counts.enter(msgspec.structs.replace(HARD_SELL, wall=WALL + 90 * DAY_MS), WALL)
    ((_, day),) = counts.days.items()
    assert day.pacing == {"hard_sell": 2}


def test_no_day_is_kept_longer_because_few_follow_it(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    counts.enter(HARD_SELL, WALL)
    counts.keep_until(WALL + (MAX_DAYS - 1) * DAY_MS)
    assert len(counts.days) == 1
    counts.keep_until(WALL + MAX_DAYS * DAY_MS)
    assert counts.days == {}


def fullest() -> dict[str, DayCount]:
    """As many days as are kept, each with all that can be counted, 999,999 times."""
    most = 999_999
    pacing = [code.partition(".")[2] for code in CUE_CODES if code.startswith("pacing.")]
    return {
        time.strftime("%Y-%m-%d", time.gmtime(WALL / 1000 + day * 86_400)): DayCount(
            most,
            dict.fromkeys(get_args(Stage), most),
            dict.fromkeys([*OBJECTION_TYPES, "other"], most),
            dict.fromkeys([*pacing, "other"], most),
            dict.fromkeys(get_args(OpportunityCode), most),
        )
        for day in range(MAX_DAYS)
    }


def test_the_file_has_one_size_however_much_is_counted(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    counts.load()
    counts.save()
    path = tmp_path / DAYS_FILE
    sizes = [path.stat().st_size]
    counts.enter(HARD_SELL, WALL)
    counts.save()
    sizes.append(path.stat().st_size)
    counts._days, counts._changed = fullest(), True
    counts.save()
    sizes.append(path.stat().st_size)
    assert sizes == [FILE_BYTES] * 3
    again = DayCounts(tmp_path)
    again.load()
    assert len(again.days) == MAX_DAYS


def test_a_code_that_is_none_is_counted_as_another(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    for number in range(50):
        counts.enter(msgspec.structs.replace(HARD_SELL, code=f"pacing.x{number}"), WALL)
    (day,) = counts.days.values()
    assert day.pacing == {"other": 50}


def test_a_damaged_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / DAYS_FILE
    path.write_bytes(b'{"v":1,"days":{"yesterday":{}}}')
    path.chmod(0o600)
    with pytest.raises(PrivateFileError, match=r"days\.json: is damaged .*move it away"):
        DayCounts(tmp_path).load()


def test_a_call_that_was_not_analysed_counts_as_a_call_and_has_no_stage(tmp_path: Path) -> None:
    counts = DayCounts(tmp_path)
    counts.enter(profile(final=True, policy=OBJECTED), WALL)
    counts.enter(call("ended", policy=OBJECTED), WALL)
    (day,) = counts.days.values()
    assert (day.calls, day.stages, day.objections) == (1, {}, {})
