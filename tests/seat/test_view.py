"""The terminal view shows what matters, at every size and in both languages."""

from __future__ import annotations

import io
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from appliance.protocol.messages import Advice, AnalysisPolicy, Evidence, Objection, ProfileMessage
from appliance.seat.view import CUE_SECONDS, SeatView
from appliance.seat.view_meters import strip
from appliance.seat.words import Words
from tests.protocol.arbitrary import values
from tests.protocol.samples import OBJECTED, WALL, call, cue, profile

plain = msgspec.to_builtins


def drawn(view, width=80, height=24):
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, legacy_windows=False)
    console.print(view)
    return console.file.getvalue().rstrip("\n").split("\n")


def view_of(*messages, locale="zh"):
    view = SeatView("8001", Words.load(locale))
    view.connection("connected", 0)
    for message in messages:
        view.update(plain(message))
    return view


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 50), (40, 12)])
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_view_fits_the_terminal(width, height, locale):
    for view in (SeatView("8001", Words.load(locale)), view_of(call(), profile(), cue(), locale=locale)):
        lines = drawn(view, width, height)
        assert len(lines) <= height
        assert max(map(cell_len, lines)) <= width


@given(values(inspect.type_info(ProfileMessage)), st.sampled_from(["zh", "en"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_valid_profile_can_be_drawn(message, locale):
    lines = drawn(view_of(message, locale=locale))
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("zh", ["8001", "通话中", "呼入", "40", "30–50", "升温", "慢慢建立", "考拉", "30%",
                "平静", "怀疑否定", "闲置资金", "打算放多久", "-0.40", "话语"]),
        ("en", ["8001", "On a call", "inbound", "40", "30–50", "Warming", "Build slowly", "Koala", "30%",
                "Calm", "Doubt", "idle money", "For how long?", "-0.40", "words"]),
    ],
)  # fmt: skip
def test_what_an_agent_needs_is_on_eighty_columns_by_twenty_four_lines(locale, shown):
    text = "\n".join(drawn(view_of(call(), profile(), locale=locale)))
    assert [word for word in shown if word not in text] == []


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_advice_to_say_next_is_spelled_out(locale):
    strategy = Words.load(locale).strategy("let_them_verify")
    text = "".join(
        line.rpartition("││")[2].strip("│ ") for line in drawn(view_of(call(), profile(), locale=locale))
    )
    assert strategy.title in text
    assert strategy.say[:12] in text


def test_the_idle_screen_says_what_it_waits_for():
    view = SeatView("8001", Words.load("en"))
    assert "Waiting for a call" in "".join(drawn(view))
    view.connection("refused", 0)
    text = "".join(drawn(view))
    assert "not let in" in text
    assert "enrol" in text


def test_an_ended_call_stays_until_the_next_one_begins():
    view = view_of(call(), profile(score=77, final=True), call("ended", at=61_000), locale="en")
    text = "".join(drawn(view))
    assert "Call ended" in text
    assert "01:01" in text
    assert "77" in text
    view.update(plain(call(call_id="B" * 22)))
    text = "".join(drawn(view))
    assert "Listening" in text
    assert "77" not in text


def test_a_call_that_goes_on_is_shown_before_one_that_ended():
    view = view_of(call(), profile(score=77), call(call_id="B" * 22), call("ended", call_id="B" * 22))
    assert "77" in "".join(drawn(view))


def test_a_cue_is_shown_for_a_while():
    view = view_of(call(), profile(), locale="en")
    view.update(plain(cue()), now=time.monotonic())
    assert "Objection: Doubt" in "".join(drawn(view))
    view.update(plain(cue()), now=time.monotonic() - CUE_SECONDS - 1)
    assert "Objection: Doubt" not in "".join(drawn(view))


def test_answered_objections_are_not_open():
    base = profile()
    answered = replace(base.influence, objections=[Objection("hesitation", 0.9, 100, False)])
    text = "".join(drawn(view_of(call(), replace(base, influence=answered, evidence=[]), locale="en")))
    assert "no open objection" in text
    assert "Hesitation" not in text


def test_style_is_not_claimed_before_enough_was_heard():
    base = profile()
    unsure = replace(base, influence=replace(base.influence, style_confidence=0.2))
    assert "still listening" in "".join(drawn(view_of(call(), unsure, locale="en")))
    assert "still listening" not in "".join(drawn(view_of(call(), base, locale="en")))


def test_missed_updates_are_said():
    view = view_of(call(), replace(profile(), audio=profile().audio), locale="en")
    view.connection("connected", 3)
    assert "missed 3" in "".join(drawn(view, width=140))


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_narrow_terminal_shows_what_matters_most(locale):
    words = Words.load(locale)
    text = "\n".join(drawn(view_of(call(), profile(), locale=locale), width=44, height=20))
    strategy = words.strategy("let_them_verify")
    for wanted in (
        "40", "30–50", words.of("stage", "warming"), words.of("pace", "build"),
        words.of("objection", "doubt"), strategy.say[:8], words.of("gap", "horizon"),
    ):  # fmt: skip
        assert wanted in text, wanted


def test_emotion_over_time_is_a_strip():
    assert strip([(0, -1.0, "angry"), (9000, 1.0, "happy")], 3).plain == "▁▁█"
    assert strip([], 5).plain == ""
    many = [(at, -1.0 if at < 500 else 1.0, "neutral") for at in range(1000)]
    assert strip(many, 10).plain.strip("▁") in {"█" * 5, "█" * 6}


def test_silence_is_said_as_soon_as_beats_are_missing():
    view = view_of(call(), profile(), locale="en")
    view.update({"type": "beat", "seq": 9, "wall": WALL}, time.monotonic() - 9)
    text = "".join(drawn(view, width=120))
    assert "no news for 00:09" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (60, 10)])
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_supervisor_sees_the_group_by_urgency(width, height, locale):
    view = SeatView("lead", Words.load(locale))
    view.connection("connected", 0, "group/loans/")
    assert Words.load(locale).of("panel", "no_calls") in "".join(drawn(view, width, height))
    for number, score in enumerate((60, 5, 20)):
        call_id = f"call-{number:017d}"
        view.update(plain(call(seat=f"800{number}", call_id=call_id)))
        view.update(plain(profile(seat=f"800{number}", call_id=call_id, score=score)))
    view.update(plain(call(seat="8009", call_id="E" * 22)))
    lines = drawn(view, width, height)
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    places = [text.index(seat) for seat in ("8001", "8002", "8000", "8009")]
    assert places == sorted(places)


def test_a_group_that_is_too_large_for_the_terminal_says_how_many_are_left():
    view = SeatView("lead", Words.load("en"))
    view.connection("connected", 0, "group/loans/")
    for number in range(40):
        view.update(plain(call(seat=f"s{number}", call_id=f"call-{number:017d}")))
    lines = drawn(view, 80, 12)
    assert len(lines) <= 12
    assert any("… 31" in line for line in lines)


def test_markup_in_a_quote_is_shown_and_not_obeyed():
    message = replace(
        profile(),
        evidence=[Evidence("e1", 0, "words", "signal.thanks", 0.1, "[bold]谢谢[/bold]")],
        advice=[Advice("no_such_strategy", [])],
    )
    text = "".join(drawn(view_of(call(), message, locale="en"), width=160))
    assert "[bold]谢谢[/bold]" in text
    assert "no_such_strategy" in text


@pytest.mark.parametrize("reason", ["site", "customer", "announcement", "unknown"])
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_that_a_call_is_on_and_why_nothing_is_shown(reason, locale):
    off = replace(OBJECTED, reason=reason)
    words = Words.load(locale)
    for width, height in ((80, 24), (40, 12)):
        view = view_of(call(), profile(), call(at=2000, policy=off), profile(policy=off), locale=locale)
        text = "\n".join(drawn(view, width, height))
        assert words.of("label", "not_analysed") in text
        assert words.of("off_reason", reason)[:20] in text
        assert words.of("call_event", "started") in text
        assert words.of("stage", "warming") not in text


def test_emotion_that_is_off_is_not_called_uncertain():
    off = AnalysisPolicy("full", ["emotion", "quotes"], "site")
    text = "\n".join(drawn(view_of(call(), profile(policy=off), locale="en"), 100, 30))
    assert "not measured" in text
    assert "Calm" not in text
