"""Plain messages for the tests of the door, the feed and the seat."""

from __future__ import annotations

from appliance.protocol.messages import (
    Advice,
    AnalysisPolicy,
    AudioQuality,
    CallMessage,
    CueMessage,
    Demand,
    EmotionState,
    Estimate,
    Evidence,
    Influence,
    Mind,
    Need,
    Objection,
    ProfileMessage,
    Relationship,
    StyleIndices,
    StyleProbabilities,
)
from appliance.protocol.vocabulary import CallEvent

CALL = "k3Jf9-Qm_2xLw8Rt0ZbYpA"
WALL = 1_760_000_000_000


#: What holds at a site with the defaults.
USUAL = AnalysisPolicy("full", ["quotes", "memory"], "site")
#: What is told of a call whose customer has objected.
OBJECTED = AnalysisPolicy("off", ["words", "voice", "emotion", "quotes", "memory"], "customer")


def call(
    event: CallEvent = "started",
    *,
    seat: str = "8001",
    call_id: str = CALL,
    at: int = 0,
    policy: AnalysisPolicy | None = None,
) -> CallMessage:
    return CallMessage(1, call_id, seat, 0, at, WALL, event, "inbound", policy)


def cue(*, seat: str = "8001", call_id: str = CALL, at: int = 2000) -> CueMessage:
    return CueMessage(1, call_id, seat, 0, at, WALL, "objection", "objection.doubt", 0.8, ["let_them_verify"])


def profile(
    *,
    seat: str = "8001",
    call_id: str = CALL,
    at: int = 1000,
    final: bool = False,
    score: int = 40,
    quote: str | None = None,
    policy: AnalysisPolicy | None = None,
) -> ProfileMessage:
    known = Estimate(0.5, 0.3)
    return ProfileMessage(
        v=1,
        call=call_id,
        seat=seat,
        seq=0,
        at=at,
        wall=WALL,
        final=final,
        relationship=Relationship(score, max(0, score - 10), min(100, score + 10), "warming", 0.2, "build"),
        influence=Influence(
            style=StyleProbabilities(0.1, 0.2, 0.3, 0.25, 0.15),
            indices=StyleIndices(0.1, -0.2, 0.3, 0.0, 0.12),
            style_confidence=0.6,
            emotion=EmotionState("neutral", 0.7, 0.1, -0.1, False),
            objections=[Objection("doubt", 0.8, 500, True)],
            mind=Mind(known, known, known, known, known, known),
        ),
        demand=Demand(
            needs=[Need("idle_money", "has", 0.8, 700)],
            life_stage="unknown",
            stratum="unknown",
            match="unknown",
            suitability="unknown",
            gaps=["horizon", "goal"],
        ),
        advice=[Advice("let_them_verify", ["e1"])],
        evidence=[Evidence("e1", 500, "words", "objection.doubt", -0.4, quote)],
        audio=AudioQuality(0.01, 0),
        policy=policy,
    )
