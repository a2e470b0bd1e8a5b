from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.profile.timing import TurnTiming
from appliance.protocol.vocabulary import TIMING_CODES
from appliance.speech.utterance import SpeechEnded, SpeechStarted


def play(*turns: tuple[str, int, int], until: int = 0) -> list[tuple[str, int]]:
    """Codes with times of turns (leg, start, end)."""
    events = [SpeechStarted(leg, start) for leg, start, _ in turns]  # type: ignore[arg-type]
    events += [SpeechEnded(leg, end) for leg, _, end in turns]  # type: ignore[arg-type,misc]
    timing, found = TurnTiming(), []
    for event in sorted(events, key=lambda event: event.at_ms):
        found += timing.speech(event)
    found += timing.advance(until)
    return [(one.code, one.at_ms) for one in found]


def test_a_quick_and_a_slow_reply() -> None:
    assert play(("agent", 0, 3000), ("customer", 3200, 4000)) == [("timing.quick_reply", 3200)]
    assert play(("agent", 0, 3000), ("customer", 5500, 6000)) == [("timing.slow_reply", 5500)]
    assert play(("agent", 0, 3000), ("customer", 4000, 5000)) == []


def test_a_reply_is_slow_for_a_customer_who_usually_takes_less_time_only() -> None:
    def codes(usual: int, last: int) -> list[str]:
        turns, at = [], 0
        for gap in [usual] * 6 + [last]:
            turns += [("agent", at, at + 3000), ("customer", at + 3000 + gap, at + 4000 + gap)]
            at += 30_000
        return [code for code, when in play(*turns) if when >= 180_000]

    assert "timing.slow_reply" in codes(800, 2500)
    assert "timing.slow_reply" not in codes(1900, 2500)
    assert "timing.quick_reply" in codes(800, 250)
    assert "timing.quick_reply" not in codes(280, 250)


def test_response_and_overlap_are_read_against_the_customers_own_habit() -> None:
    timing, at = TurnTiming(), 0
    assert (timing.reading.response_ms, timing.reading.response_ratio) == (None, 1.0)
    for gap in [500] * 5 + [1500]:
        for leg, event, when in (
            ("agent", SpeechStarted, at),
            ("agent", SpeechEnded, at + 3000),
            ("customer", SpeechStarted, at + 3000 + gap),
            ("customer", SpeechEnded, at + 6000),
        ):
            timing.speech(event(leg, when))  # type: ignore[arg-type]
        at += 10_000
    reading = timing.reading
    assert reading.response_ms == 1500
    assert reading.response_ratio == 3.0
    assert (reading.overlap_ms, reading.confidence) == (0, 1.0)
    at = 120_000
    timing.speech(SpeechStarted("agent", at))
    timing.speech(SpeechStarted("customer", at + 1000))
    timing.speech(SpeechEnded("agent", at + 2500))
    timing.speech(SpeechEnded("customer", at + 4000))
    assert timing.reading.overlap_ms == 1500
    assert timing.reading.overlap_ratio > 1.5


def test_only_the_first_words_after_the_agents_turn_are_a_reply() -> None:
    assert play(("agent", 0, 3000), ("customer", 4000, 5000), ("customer", 7500, 8000)) == []


def test_a_gap_too_long_for_a_reply_is_a_pause() -> None:
    assert play(("agent", 0, 3000), ("customer", 13_000, 14_000)) == []


def test_the_customer_interrupts_when_the_agent_falls_silent_under_the_customers_words() -> None:
    assert play(("agent", 0, 5000), ("customer", 4000, 6000)) == [("timing.interrupts", 5000)]
    assert play(("customer", 0, 5000), ("agent", 4000, 6000)) == [("timing.interrupted", 5000)]


def test_a_back_channel_is_no_interruption() -> None:
    assert play(("agent", 0, 9000), ("customer", 4000, 4500)) == []
    assert play(("agent", 0, 5000), ("customer", 4600, 6000)) == []


def test_a_long_turn_is_talking_freely_and_is_said_once_in_a_while() -> None:
    assert play(("customer", 0, 7000), ("customer", 8000, 15_000)) == [("timing.talks_freely", 7000)]
    assert len(play(("customer", 0, 7000), ("customer", 40_000, 47_000))) == 2


def test_hardly_a_word_in_a_minute_is_saying_little() -> None:
    turns = [("agent", at, at + 8000) for at in range(0, 50_000, 10_000)]
    assert play(*turns[:3]) == [], "24 seconds are not enough to judge"
    assert play(*turns) == [("timing.says_little", 38_000)]


def test_silence_is_said_once_and_again_only_after_talk() -> None:
    timing = TurnTiming()
    timing.speech(SpeechStarted("agent", 0))
    timing.speech(SpeechEnded("agent", 1000))
    assert timing.advance(5900) == []
    assert [one.code for one in timing.advance(6000)] == ["timing.silence"]
    assert timing.advance(60_000) == []
    timing.speech(SpeechStarted("agent", 60_000))
    timing.speech(SpeechEnded("agent", 61_000))
    assert [one.code for one in timing.advance(67_000)] == ["timing.silence"]


def test_nobody_is_silent_while_somebody_talks() -> None:
    timing = TurnTiming()
    timing.speech(SpeechStarted("agent", 0))
    assert timing.advance(60_000) == []


def test_the_share_counts_the_last_minute_only() -> None:
    timing = TurnTiming()
    for leg, start, end in (("agent", 0, 50_000), ("customer", 100_000, 130_000)):
        timing.speech(SpeechStarted(leg, start))  # type: ignore[arg-type]
        timing.speech(SpeechEnded(leg, end))  # type: ignore[arg-type]
    assert timing.customer_share() == 1.0


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["customer", "agent"]), st.integers(0, 300_000)), max_size=80
    )
)
def test_events_in_any_order_and_number_make_only_known_codes(events: list[tuple[bool, str, int]]) -> None:
    timing = TurnTiming()
    for starts, leg, at_ms in events:
        event = SpeechStarted(leg, at_ms) if starts else SpeechEnded(leg, at_ms)  # type: ignore[arg-type]
        for one in [*timing.speech(event), *timing.advance(at_ms + 6000)]:
            assert one.code in TIMING_CODES
            assert one.at_ms >= 0
        share = timing.customer_share()
        assert share is None or 0.0 <= share <= 1.0
