"""Publication: what leaves, when, and never more than the door's budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.engine.publication import QUIET_INTERVAL_MS, Publication
from appliance.profile.opportunities import Opportunity
from appliance.protocol import codec
from appliance.protocol.bucket import CALL_BURST_BYTES, CALL_BYTES_PER_SECOND
from appliance.protocol.messages import (
    AnalysisPolicy,
    AudioQuality,
    Demand,
    EmotionState,
    Estimate,
    Influence,
    Mind,
    Need,
    ProfileMessage,
    Relationship,
    StyleIndices,
    StyleProbabilities,
)
from appliance.telephony.audioblock import CallStarted

#: The largest message, 4 KiB, needs so long at the engine's share of 1 KiB a second.
FINAL_WAITS_SECONDS = 4.5
NOTHING = Estimate(0.5, 0.0)
PARTS = SimpleNamespace(
    relationship=Relationship(30, 20, 40, "cold", 0.0, "hold"),
    influence=Influence(
        StyleProbabilities(0.2, 0.2, 0.2, 0.2, 0.2),
        StyleIndices(0.0, 0.0, 0.0, 0.0, 0.0),
        0.0,
        EmotionState("uncertain", 0.0, 0.0, 0.0, False),
        [],
        Mind(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING),
    ),
    demand=Demand([Need("gold", "wants", 0.5, 1000)] * 12, "unknown", "unknown", "unknown", "unknown", []),
    advice=[],
    evidence=[],
    audio=AudioQuality(0.0, 0),
)


@dataclass
class Profile:
    """A profile in which something is new each time, unless it is `still`."""

    cues: list[Any] = field(default_factory=list)
    still: bool = False
    snapshots: int = 0
    left: list[Opportunity] = field(default_factory=list)

    def missed(self) -> list[Opportunity]:
        return self.left

    def snapshot(self, at_ms: int, *, final: bool) -> Any:
        self.snapshots += not self.still
        return SimpleNamespace(**{**vars(PARTS), "audio": AudioQuality(self.snapshots % 100 / 100, 0)})

    def take_cues(self) -> list[Any]:
        cues, self.cues = self.cues, []
        return cues


@dataclass
class Pipeline:
    started: CallStarted = field(
        default_factory=lambda: CallStarted("A" * 22, "8001", "outbound", "siprec", 1_700_000_000_000)
    )
    profile: Profile = field(default_factory=Profile)
    at_ms: int = 0
    utterance_end_ms: int | None = None
    policy: AnalysisPolicy = field(
        default_factory=lambda: AnalysisPolicy("full", ["quotes", "memory"], "site")
    )


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def publication(pipeline: Pipeline) -> Publication:
    return Publication(pipeline)  # type: ignore[arg-type]


def decoded(messages: list[bytes]) -> list[Any]:
    return [codec.decode_door(data) for data in messages]


def test_a_whole_utterance_is_told_at_once(pipeline: Pipeline, publication: Publication) -> None:
    publication.update(True, 0.0, 0)
    pipeline.at_ms, pipeline.utterance_end_ms = 80, 40
    (message,) = decoded(publication.update(True, 0.08, 80))
    assert isinstance(message, ProfileMessage)
    assert publication.told_utterance_end_ms == 40
    assert pipeline.utterance_end_ms is None


def test_other_changes_wait_for_the_quiet_interval(pipeline: Pipeline, publication: Publication) -> None:
    assert len(publication.update(True, 0.0, 0)) == 1
    pipeline.at_ms = QUIET_INTERVAL_MS - 1
    assert publication.update(True, 0.9, 900) == []
    pipeline.at_ms = QUIET_INTERVAL_MS
    assert len(publication.update(False, 1.0, 1000)) == 1


def test_nothing_new_sends_nothing(pipeline: Pipeline, publication: Publication) -> None:
    pipeline.at_ms = 60_000
    assert publication.update(False, 60.0, 60_000) == []


def test_a_profile_that_says_nothing_new_is_not_sent_again(
    pipeline: Pipeline, publication: Publication
) -> None:
    pipeline.profile.still = True
    assert len(publication.update(True, 0.0, 0)) == 1
    pipeline.at_ms, pipeline.utterance_end_ms = 5000, 4500
    assert publication.update(True, 5.0, 5000) == []
    assert publication.told_utterance_end_ms is None


def test_quiet_updates_leave_room_for_an_utterance(pipeline: Pipeline, publication: Publication) -> None:
    for _ in range(20):
        pipeline.at_ms += QUIET_INTERVAL_MS
        publication.update(True, 0.0, 0)
    pipeline.utterance_end_ms = pipeline.at_ms
    assert len(publication.update(True, 0.0, 0)) == 1


def test_a_cue_leaves_with_the_profile_it_speaks_of(pipeline: Pipeline, publication: Publication) -> None:
    publication.update(True, 0.0, 0)
    pipeline.profile.cues.append(
        SimpleNamespace(kind="objection", code="objection.doubt", confidence=0.8, advice=("show_proof",))
    )
    cue, profile = decoded(publication.update(True, 0.1, 100))
    assert (cue.code, cue.advice) == ("objection.doubt", ["show_proof"])
    assert profile.seq == cue.seq + 1


def test_updates_stay_within_the_budget_and_the_end_still_passes(
    pipeline: Pipeline, publication: Publication
) -> None:
    seconds, sent = 60, 0
    for step in range(seconds * 10):
        pipeline.at_ms, pipeline.utterance_end_ms = step * 100, step * 100
        sent += sum(map(len, publication.update(True, step / 10, step * 100)))
    end = publication.end(float(seconds), seconds * 1000)
    end += publication.drain(seconds + FINAL_WAITS_SECONDS)
    assert [type(message).__name__ for message in decoded(end)] == ["ProfileMessage", "CallMessage"]
    spent = seconds + FINAL_WAITS_SECONDS
    assert sent + sum(map(len, end)) <= CALL_BURST_BYTES + spent * CALL_BYTES_PER_SECOND
    assert publication.drained


def test_the_end_waits_for_the_budget_when_it_must(pipeline: Pipeline, publication: Publication) -> None:
    for _ in range(100):
        publication.event("held", 0.0, 0)
    assert publication.end(0.0, 0) == []
    assert not publication.drained
    messages = decoded(publication.drain(8.0))
    assert [message.seq for message in messages] == sorted({message.seq for message in messages})
    assert publication.drained


def test_sequence_numbers_have_no_gap(pipeline: Pipeline, publication: Publication) -> None:
    messages = publication.event("started", 0.0, 0)
    for second in range(30):
        pipeline.at_ms = second * 1000
        messages += publication.update(True, float(second), second * 1000)
    messages += publication.end(30.0, 30_000)
    assert [message.seq for message in decoded(messages)] == list(range(1, len(messages) + 1))
    assert all(msgspec.to_builtins(message)["call"] == "A" * 22 for message in decoded(messages))


def test_what_was_missed_is_told_between_the_final_profile_and_the_end(
    pipeline: Pipeline, publication: Publication
) -> None:
    pipeline.profile.left = [Opportunity("wanted_product", "gold", 0.8, 1200)]
    messages = [msgspec.to_builtins(message) for message in decoded(publication.end(30.0, 30_000))]
    assert [message["type"] for message in messages] == ["profile", "opportunity", "call"]
    assert messages[1] | {"wall": 0, "call": "", "seat": ""} == {
        "type": "opportunity", "v": 1, "call": "", "seat": "", "seq": 2, "at": 1200, "wall": 0,
        "code": "wanted_product", "confidence": 0.8, "tag": "gold",
    }  # fmt: skip
