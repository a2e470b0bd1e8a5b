from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.language.findings import NeedFinding
from appliance.profile import constants as c
from appliance.profile.needs import NeedList
from appliance.protocol.vocabulary import NEED_TAGS
from tests.profile.dialogue import found


def needs(*words: str) -> NeedList:
    known = NeedList()
    for number, word in enumerate(words):
        for need in found(word).needs:
            known.observe(need, number * 1000, f"e{number + 1}")
    return known


def stances(known: NeedList) -> dict[str, str]:
    return {need.tag: need.stance for need in known}


def test_the_latest_stance_of_a_tag_wins() -> None:
    assert stances(needs("stocks:wants", "stocks:rejects")) == {"stocks": "rejects"}
    assert stances(needs("stocks:rejects", "stocks:wants")) == {"stocks": "wants"}


def test_a_much_less_sure_change_of_mind_does_not_win() -> None:
    assert stances(needs("stocks:wants~0.95", "stocks:rejects~0.45")) == {"stocks": "wants"}


def test_a_question_does_not_take_back_a_statement() -> None:
    assert stances(needs("stocks:has", "stocks:asks")) == {"stocks": "has"}
    assert stances(needs("stocks:rejects", "stocks:asks")) == {"stocks": "asks"}


def test_unsure_findings_are_no_needs() -> None:
    assert stances(needs("gold:wants~0.3")) == {}


def test_saying_it_again_makes_it_surer_and_points_at_the_latest_evidence() -> None:
    once, twice = needs("gold:wants~0.6").get("gold"), needs("gold:wants~0.6", "gold:wants~0.6").get("gold")
    assert once is not None
    assert twice is not None
    assert once.confidence < twice.confidence < 1.0
    assert (twice.at, twice.evidence) == (1000, "e2")


def test_an_amount_is_kept_until_another_is_said() -> None:
    known = needs("idle_money:has=300000", "idle_money:has", "idle_money:wants")
    need = known.get("idle_money")
    assert need is not None
    assert need.amount == 300_000
    assert needs("idle_money:has=300000", "idle_money:has=500000").get("idle_money").amount == 500_000  # type: ignore[union-attr]


def test_opposites_do_not_stand_together() -> None:
    assert stances(needs("risk_seeking:has", "risk_averse:has")) == {"risk_averse": "has"}
    assert stances(needs("no_calls:wants", "call_evening:wants")) == {"call_evening": "wants"}
    assert stances(needs("call_evening:wants", "no_calls:wants")) == {"no_calls": "wants"}


def test_rejecting_one_opposite_leaves_the_other() -> None:
    assert stances(needs("long_term:wants", "short_term:rejects")) == {
        "long_term": "wants",
        "short_term": "rejects",
    }


def test_the_list_shows_the_twelve_most_relevant() -> None:
    known = needs(*(f"{tag}:wants" for tag in NEED_TAGS[:20]))
    shown = known.reading(20_000)
    assert len(shown) == c.NEEDS_SHOWN
    assert shown[0].tag == NEED_TAGS[19]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NEED_TAGS),
            st.sampled_from(["wants", "has", "rejects", "asks"]),
            st.floats(-1, 2),
            st.one_of(st.none(), st.integers(0, 10**9)),
        ),
        max_size=80,
    )
)
def test_numbers_stay_in_range_and_lists_within_bounds(
    items: list[tuple[str, str, float, int | None]],
) -> None:
    known = NeedList()
    for at, (tag, stance, confidence, amount) in enumerate(items):
        known.observe(NeedFinding(tag, stance, confidence, amount), at, "e1")  # type: ignore[arg-type]
    reading = known.reading(10**6)
    assert len(reading) <= c.NEEDS_SHOWN
    assert len({need.tag for need in reading}) == len(reading)
    assert all(0.0 <= need.confidence <= 1.0 for need in reading)
