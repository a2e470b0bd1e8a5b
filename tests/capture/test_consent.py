from __future__ import annotations

from collections import Counter

import pytest

from appliance.box.config import Announcement, Consent
from appliance.capture.consent import SessionConsent


def session(counters: Counter[str] | None = None, metadata: str = "") -> SessionConsent:
    return SessionConsent(
        Consent(metadata=metadata),
        Announcement(metadata=metadata),
        Counter() if counters is None else counters,
    )


def test_where_nothing_is_said_nothing_hinders() -> None:
    assert session().why_not(announced=False) is None
    assert session().why_not(announced=True) == "announcement"


@pytest.mark.parametrize("value", ["refused", "no", "false", "0"])
def test_an_objection_holds_whatever_is_said_later(value: str) -> None:
    counters: Counter[str] = Counter()
    one = session(counters)
    one.consent("header", [value])
    for later in (["granted"], [value], [], ["whatever"]):
        one.consent("header", later)
        assert one.why_not(announced=False) == "customer"
    assert counters["customers_objected"] == 1


@pytest.mark.parametrize("value", ["", "maybe", "refusé", "yes yes", "x" * 64])
def test_a_value_that_is_not_known_stops_the_analysis_until_it_is_said_in_known_words(value: str) -> None:
    counters: Counter[str] = Counter()
    one = session(counters)
    one.consent("header", [value])
    assert one.why_not(announced=False) == "unknown"
    one.consent("header", [])
    assert one.why_not(announced=False) == "unknown"
    one.consent("header", ["granted"])
    assert one.why_not(announced=False) is None
    assert counters == {"unknown_flags": 1}


def test_of_several_values_the_most_careful_counts() -> None:
    one = session()
    one.consent("header", ["granted", "maybe"])
    assert one.why_not(announced=False) == "unknown"
    one.consent("header", ["granted", "refused", "maybe"])
    assert one.why_not(announced=False) == "customer"


def test_header_and_metadata_are_two_voices_and_the_more_careful_counts() -> None:
    one = session(metadata="consent")
    one.consent("header", ["granted"])
    one.consent("metadata", ["perhaps"])
    assert one.why_not(announced=False) == "unknown"
    one.consent("metadata", ["granted"])
    assert one.why_not(announced=False) is None


def test_analysis_waits_for_the_announcement_where_it_is_required() -> None:
    counters: Counter[str] = Counter()
    one = session(counters)
    one.announcement("header", ["pending"])
    assert one.why_not(announced=True) == "announcement"
    one.announcement("header", ["played"])
    one.announcement("header", ["played"])
    assert one.why_not(announced=True) is None
    one.announcement("header", ["rubbish"])
    assert one.why_not(announced=True) == "unknown"
    assert one.why_not(announced=False) is None
    assert counters == {"announcements_played": 1, "unknown_flags": 1}


def test_metadata_that_cannot_be_read_may_have_said_anything_where_flags_stand_in_it() -> None:
    without, with_flags = session(), session(metadata="consent")
    for one in (without, with_flags):
        one.unreadable()
    assert without.why_not(announced=False) is None
    assert with_flags.why_not(announced=False) == "unknown"
