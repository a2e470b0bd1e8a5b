from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.profile import constants as c
from appliance.profile.evidence import EvidenceLedger
from appliance.protocol.vocabulary import EVIDENCE_CODES


def test_ids_count_up_from_e1() -> None:
    ledger = EvidenceLedger(quotes=False)
    assert [ledger.add(0, "words", "signal.thanks", 0.1) for _ in range(3)] == ["e1", "e2", "e3"]


def test_a_code_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=r"signal\.nonsense"):
        EvidenceLedger(quotes=False).add(0, "words", "signal.nonsense", 0.1)


def test_quotes_are_kept_only_where_policy_allows_and_are_cut_to_forty_characters() -> None:
    said = "我" * 60
    silent, open_ledger = EvidenceLedger(quotes=False), EvidenceLedger(quotes=True)
    for ledger in (silent, open_ledger):
        ledger.add(0, "words", "objection.doubt", -0.3, said)
    assert [item.quote for item in silent.shown(0, [])] == [None]
    assert [item.quote for item in open_ledger.shown(0, [])] == ["我" * 40]


def test_a_quote_is_not_in_the_items_representation() -> None:
    ledger = EvidenceLedger(quotes=True)
    identifier = ledger.add(0, "words", "objection.doubt", -0.3, "我不信")
    assert "不信" not in repr(ledger[identifier])


def test_a_snapshot_carries_what_advice_refers_to_even_when_it_is_old_and_weak() -> None:
    ledger = EvidenceLedger(quotes=False)
    old = ledger.add(0, "words", "signal.back_channel", 0.01)
    for at in range(1000, 60_000, 1000):
        ledger.add(at, "words", "signal.interest", 0.9)
    shown = [item.id for item in ledger.shown(60_000, [old])]
    assert old in shown
    assert len(shown) == c.SNAPSHOT_ITEMS


def test_a_snapshot_is_in_order_of_time_and_never_over_the_schemas_limit() -> None:
    ledger = EvidenceLedger(quotes=False)
    identifiers = [ledger.add(at, "words", "signal.interest", 0.5) for at in range(30)]
    shown = ledger.shown(30, identifiers, final=True)
    assert len(shown) == c.SNAPSHOT_ITEMS_MAXIMUM
    assert [item.at for item in shown] == sorted(item.at for item in shown)


def test_few_quotes_are_shown_so_that_a_profile_fits_its_message() -> None:
    ledger = EvidenceLedger(quotes=True)
    for at in range(12):
        ledger.add(at, "words", "objection.doubt", -0.5, "这是一句话")
    assert sum(item.quote is not None for item in ledger.shown(12, [], final=True)) == c.SNAPSHOT_QUOTES


def test_memory_is_bounded_and_pinned_items_stay() -> None:
    ledger = EvidenceLedger(quotes=False)
    pinned = ledger.add(0, "words", "signal.back_channel", 0.0)
    ledger.pin([pinned])
    for at in range(1000):
        ledger.add(at * 100, "words", "signal.thanks", 0.4)
    assert len(ledger) == c.LEDGER_ITEMS
    assert pinned in ledger


def test_ids_begin_anew_after_the_last_and_never_meet_a_kept_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "LEDGER_IDS", 200)
    ledger = EvidenceLedger(quotes=False)
    first = ledger.add(0, "words", "signal.final_refusal", -1.0)
    ledger.pin([first])
    seen = [ledger.add(at, "words", "signal.thanks", 0.1) for at in range(1, 450)]
    assert first not in seen
    assert ledger[first].code == "signal.final_refusal"


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.sampled_from(sorted(EVIDENCE_CODES)), st.floats(-9, 9)),
        max_size=40,
    )
)
def test_what_is_shown_fits_the_schema(items: list[tuple[int, str, float]]) -> None:
    ledger = EvidenceLedger(quotes=False)
    for at, code, weight in items:
        ledger.add(at, "words", code, weight)
    for item in ledger.shown(10**7, [], final=True):
        assert -1.0 <= item.weight <= 1.0
        assert item.weight == round(item.weight, 2)
