"""Seats that an admin revoked on the console's page."""

from __future__ import annotations

import json

import pytest

from appliance.box.clock.jumps import read
from appliance.feed.grants import GrantBook
from appliance.feed.keys import CurveKeys
from appliance.feed.revocations import (
    GOOD_MS,
    MOST_REQUESTS,
    REVOCATIONS_FILE,
    Revocations,
    RevocationWatch,
)
from tests.feed.running import eventually, running_feed

WALL = 1_700_000_000_000
BOOT = 5_000_000


@pytest.fixture
def book(tmp_path):
    book = GrantBook(tmp_path / "feed")
    for seat in ("8001", "8002"):
        book.enrol(seat, CurveKeys.generate().public, WALL - 1000)
    return book


def test_what_is_asked_is_done_once(tmp_path, book):
    asked, watch = Revocations(tmp_path), RevocationWatch(tmp_path, book)
    assert watch.poll(WALL, BOOT) == 0
    asked.ask("8001", WALL, BOOT)
    assert watch.poll(WALL + 500, BOOT + 500) == 1
    assert set(book.read()) == {"8002"}
    assert watch.poll(WALL + 1000, BOOT + 1000) == 0
    asked.ask("8002", WALL + 1500, BOOT + 1500)
    assert watch.poll(WALL + 2000, BOOT + 2000) == 1


def test_a_seat_that_was_enrolled_again_is_not_cut_off_by_an_old_request(tmp_path, book):
    Revocations(tmp_path).ask("8001", WALL, BOOT)
    book.revoke("8001")
    book.enrol("8001", CurveKeys.generate().public, WALL + 100)
    # A feed that was started anew knows nothing of what it has done.
    assert RevocationWatch(tmp_path, book).poll(WALL + 200, BOOT + 200) == 0
    assert "8001" in book.read()


@pytest.mark.parametrize("later", [GOOD_MS + 1, -1])
def test_a_request_is_good_for_a_minute(tmp_path, book, later):
    Revocations(tmp_path).ask("8001", WALL, BOOT)
    assert RevocationWatch(tmp_path, book).poll(WALL, BOOT + later) == 0


@pytest.mark.parametrize("jump", [-3_600_000, 3_600_000])
def test_a_clock_that_jumps_loses_no_request(tmp_path, book, jump):
    """Neither one from before the jump, nor one against a grant that the clock dates in the future."""
    Revocations(tmp_path).ask("8001", WALL, BOOT)
    asked = Revocations(tmp_path)
    asked.ask("8001", WALL, BOOT)
    asked.ask("8002", WALL + jump, BOOT + 100)
    assert RevocationWatch(tmp_path, book).poll(WALL + jump, BOOT + 200) == 2


def test_a_seat_that_nobody_is_changes_nothing(tmp_path, book):
    Revocations(tmp_path).ask("9999", WALL, BOOT)
    assert RevocationWatch(tmp_path, book).poll(WALL, BOOT) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"v": 1}',
        '{"v": 2, "requests": []}',
        "x" * 20_000,
        json.dumps({"v": 1, "requests": [{"id": "0" * 16, "seat": "../8001", "at": WALL, "boot": BOOT}]}),
        json.dumps(
            {"v": 1, "requests": [{"id": "0" * 16, "seat": "8001", "at": WALL, "boot": BOOT, "key": "x"}]}
        ),
        json.dumps({"v": 1, "requests": [{"id": "0" * 16, "seat": "8001", "at": WALL, "boot": BOOT}] * 33}),
    ],
)
def test_what_is_no_request_is_counted_and_changes_nothing(tmp_path, book, text):
    (tmp_path / REVOCATIONS_FILE).write_text(text)
    watch = RevocationWatch(tmp_path, book)
    assert watch.poll(WALL, BOOT) == 0
    assert watch.refused == 1
    assert set(book.read()) == {"8001", "8002"}


def test_many_requests_at_once_are_bounded_and_the_newest_stay(tmp_path, book):
    asked = Revocations(tmp_path)
    for number in range(MOST_REQUESTS + 8):
        asked.ask(f"s{number}", WALL, BOOT)
    asked.ask("8002", WALL, BOOT)
    assert RevocationWatch(tmp_path, book).poll(WALL, BOOT) == 1


def test_a_running_feed_cuts_the_seat_off(tmp_path):
    with running_feed(tmp_path, "8001", "8002") as feed:
        now = read()
        Revocations(tmp_path / "run").ask("8001", round(now.wall * 1000), round(now.boot * 1000))
        eventually(lambda: feed.seats == {"8002"}, "the revocation")
