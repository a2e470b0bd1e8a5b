"""Relationship, in log-odds, and the pace that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import NeedTag, ObjectionType, Signal, Stance

#: Where a call begins: a score of 30 of 100. Nobody waits for a sales call.
PRIOR_LOG_ODDS: Final = -0.85
#: Standard deviation of the prior; its 80 % interval is about 18 to 45.
PRIOR_DEVIATION: Final = 0.5
#: Certainty never gets better than this: words on a telephone do not tell more.
LEAST_DEVIATION: Final = 0.15
#: The state stays within a score of 4 to 96, so that it can always be moved again.
LOG_ODDS_LIMIT: Final = 3.2
#: Precision (1/variance) that evidence adds for a unit of log-odds it moves.
INFORMATION_PER_SHIFT: Final = 8.0
#: Certainty's distance to the prior halves in this time without evidence.
CERTAINTY_HALF_LIFE_MS: Final = 90_000.0
#: The memory of repetition halves in this time, after which the same evidence counts anew.
REPETITION_HALF_LIFE_MS: Final = 60_000.0
#: Repeats of one code together move at most this many times what a single one moves.
REPETITION_CAP: Final = 1.5
#: All needs and facts a customer discloses move together at most this much log-odds (before it leaks).
NEEDS_CAP: Final = 1.3
#: The recent movement that the trend shows halves in this time.
TREND_HALF_LIFE_MS: Final = 20_000.0
#: Movement in log-odds at which the trend reads tanh(1) = 0.76.
TREND_SCALE: Final = 0.6
#: z of the 10th and 90th percentile of the normal distribution.
INTERVAL_Z: Final = 1.2816
#: Scores at which a stage is entered from below.
STAGE_ENTRY: Final = (("warming", 38.0), ("trusting", 58.0), ("ready", 76.0))
#: A stage is left only this far below its entry, so that it does not flicker.
STAGE_HYSTERESIS: Final = 5.0

#: Log-odds that an objection of full confidence moves. None is above zero.
OBJECTION_EFFECT: Final[Mapping[ObjectionType, float]] = {
    "polite_refusal": -0.30,
    "hostile_resistance": -0.80,
    "doubt": -0.30,
    "not_now": -0.25,
    "hesitation": -0.10,
    "product_objection": -0.15,
}
#: Log-odds that a signal of full confidence moves; what is not named moves nothing.
SIGNAL_EFFECT: Final[Mapping[Signal, float]] = {
    "thanks": 0.15,
    "assent": 0.20,
    "interest": 0.40,
    "question": 0.20,
    "question_return": 0.20,
    "question_risk": 0.15,
    "question_fee": 0.20,
    "disclosure": 0.40,
    "initiative": 0.35,
    "follow_up_agreed": 0.70,
    "small_talk": 0.20,
    "praise": 0.35,
    "refusal": -0.20,
    "final_refusal": -0.70,
    "abuse": -0.90,
    "distrust": -0.40,
    "worry": -0.10,
    "complaint": -0.30,
    "purchase_intent": 0.70,
    "knows_product": 0.05,
    "asks_meaning": 0.15,
    "back_channel": 0.02,
    "expressive": 0.05,
    "gentle": 0.05,
    "agent_empathy": 0.12,
    "agent_question": 0.05,
    "agent_proof": 0.05,
    "agent_risk_disclosure": 0.08,
    "agent_pitch": -0.03,
    "agent_hard_sell": -0.25,
}
#: Log-odds that a stated need or fact moves: to disclose is to trust, to reject is nearly neutral.
STANCE_EFFECT: Final[Mapping[Stance, float]] = {"wants": 0.25, "has": 0.25, "asks": 0.15, "rejects": -0.08}
#: A need said again with the same stance discloses little that is new.
NEED_AGAIN_FACTOR: Final = 0.25
#: Needs that are complaints in truth.
NEED_EFFECT: Final[Mapping[NeedTag, float]] = {"no_calls": -0.50, "complaint": -0.30}
#: Ways to be contacted. To want one without objecting is to agree on a follow-up; beside an objection it may
#: be a way to get rid of the agent.
CONTACT_NEEDS: Final[frozenset[NeedTag]] = frozenset(
    ["call_back", "call_evening", "call_weekend", "contact_message", "visit_branch"]
)
CONTACT_EFFECT: Final = 0.45
CONTACT_WITH_OBJECTION_EFFECT: Final = 0.05
#: A follow-up agreed and the ways of contact named for it are one agreement; together they move at most this.
FOLLOW_UP_CAP: Final = 0.8
TIMING_EFFECT: Final[Mapping[str, float]] = {
    "timing.quick_reply": 0.04,
    "timing.slow_reply": -0.04,
    "timing.interrupts": -0.10,
    "timing.interrupted": -0.06,
    "timing.talks_freely": 0.15,
    "timing.says_little": -0.12,
    # silence says nothing about trust; only certainty fades with time
    "timing.silence": 0.0,
}
VOICE_EFFECT: Final[Mapping[str, float]] = {"voice.angry": -0.40, "voice.happy": 0.20, "voice.sad": -0.08}
#: What two parties do for each other: disclosure within this time of a question or of empathy counts more.
RECIPROCITY_MS: Final = 15_000
RECIPROCITY_FACTOR: Final = 1.25
#: From this confidence a hostile utterance has no friendly side ("who gave you my number?" is no interest).
HOSTILE_CONFIDENCE: Final = 0.5
#: Evidence weights are shown on -1..1: this much log-odds reads as 1.
WEIGHT_SCALE: Final = 0.9

#: Intent (value, confidence) from which the next step may be proposed, and from which it may be agreed.
ADVANCE_INTENT: Final = (0.58, 0.30)
CLOSE_INTENT: Final = (0.65, 0.40)
