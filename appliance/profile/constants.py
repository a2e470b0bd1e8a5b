"""Every constant of the RID model, with its unit. `MODEL.md` beside this file gives the formulas.

The values are set by hand so that written calls behave as experienced agents say they should
(`tests/profile`). They are no measurement; where a rule of the market or a study sets one, it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import Gap, LifeStage, NeedTag, ObjectionType, Signal, Stance, Style

# --- Evidence ---------------------------------------------------------------------------------------

#: Items kept of a call. An hour of lively talk brings some hundreds; older weak ones give way.
LEDGER_ITEMS: Final = 160
#: Items in a snapshot besides those that advice rests on; the schema allows 12 together.
SNAPSHOT_ITEMS: Final = 8
SNAPSHOT_ITEMS_MAXIMUM: Final = 12
#: Quotes in a snapshot: each may take 120 bytes of UTF-8, and a profile must fit one message.
SNAPSHOT_QUOTES: Final = 4
#: Characters of a quote, as the schema has it.
QUOTE_CHARACTERS: Final = 40
#: Relevance of an item that moves nothing.
RELEVANCE_FLOOR: Final = 0.02
#: An item's relevance halves in this time.
RELEVANCE_HALF_LIFE_MS: Final = 60_000.0
#: Ids run from e1 to e99999 (schema) and then begin anew.
LEDGER_IDS: Final = 99_999

# --- Relationship (log-odds) ------------------------------------------------------------------------

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

# --- Pace -------------------------------------------------------------------------------------------

#: Intent (value, confidence) from which the next step may be proposed, and from which it may be agreed.
ADVANCE_INTENT: Final = (0.58, 0.30)
CLOSE_INTENT: Final = (0.65, 0.40)

# --- Style ------------------------------------------------------------------------------------------

#: Seconds of the customer's speech at which style confidence reaches 1 - 1/e = 0.63.
STYLE_SPEECH_SECONDS: Final = 25.0
#: The measured styles weigh confidence to this power, the uniform distribution the rest.
STYLE_MIX_EXPONENT: Final = 1.5
#: Evidence weight (seconds of speech or signals) that draws an index half way from 0 to its measure.
INDEX_PRIOR: Final = 4.0
#: The older half of an index's weight fades over this much newer weight, so that it follows the customer.
INDEX_MEMORY: Final = 60.0
#: Semitones from the 10th to the 90th percentile of pitch: middle and half-width of the population.
PITCH_RANGE_MIDDLE: Final = 6.0
PITCH_RANGE_SPAN: Final = 4.0
#: Semitones above the own baseline that count like a wide range.
PITCH_SHIFT_SPAN: Final = 4.0
#: How the pitch index is made of range and shift.
PITCH_RANGE_SHARE: Final = 0.7
PITCH_SHIFT_SHARE: Final = 0.3
#: Syllables a second of conversational Mandarin, pauses left out: middle and half-width.
TEMPO_MIDDLE: Final = 5.0
TEMPO_SPAN: Final = 2.0
#: How the emotion index is made of arousal and of the share of not-neutral.
AROUSAL_SHARE: Final = 0.6
FEELING_SHARE: Final = 0.4
#: Measures that tell less (tempo from words alone, loudness spread) weigh this much of their seconds.
INDIRECT_WEIGHT: Final = 0.5
#: dB of loudness spread: middle and half-width.
LOUDNESS_SPREAD_MIDDLE: Final = 7.0
LOUDNESS_SPREAD_SPAN: Final = 5.0
#: Syllables of an utterance: middle and half-width.
UTTERANCE_SYLLABLES_MIDDLE: Final = 9.0
UTTERANCE_SYLLABLES_SPAN: Final = 9.0
#: Where each style lies on (pitch, tempo, emotion, expression, focus); focus +1: the matter, -1: people.
STYLE_PROTOTYPES: Final[Mapping[Style, tuple[float, float, float, float, float]]] = {
    "tiger": (0.1, 0.5, 0.1, 0.1, 0.6),
    "peacock": (0.6, 0.4, 0.6, 0.7, -0.4),
    "koala": (-0.1, -0.5, -0.2, -0.2, -0.6),
    "owl": (-0.4, -0.3, -0.5, 0.1, 0.7),
    "chameleon": (0.0, 0.0, 0.0, 0.0, 0.0),
}
#: Softmax width: squared distance at which a style's odds fall by e.
STYLE_WIDTH: Final = 0.7
#: Everybody is a bit of a chameleon before much is known; this much log-odds is taken from it.
CHAMELEON_BIAS: Final = -0.35
#: What a word signal says directly about a style (log-odds each, saturating at twice that).
STYLE_VOTE: Final = 0.9
STYLE_VOTES: Final[Mapping[Signal, Style]] = {
    "decisive": "tiger",
    "expressive": "peacock",
    "gentle": "koala",
    "analytical": "owl",
}
#: Focus that a signal shows: the matter (+) or people (-).
FOCUS_SIGNALS: Final[Mapping[Signal, float]] = {
    "decisive": 0.9,
    "analytical": 1.0,
    "question_return": 0.7,
    "question_risk": 0.7,
    "question_fee": 0.8,
    "knows_product": 0.7,
    "purchase_intent": 0.5,
    "small_talk": -0.9,
    "praise": -0.8,
    "thanks": -0.5,
    "gentle": -0.8,
    "expressive": -0.6,
    "worry": -0.3,
}
#: Expression that a signal shows, open (+) or closed (-).
EXPRESSION_SIGNALS: Final[Mapping[Signal, float]] = {
    "expressive": 1.0,
    "disclosure": 0.7,
    "initiative": 0.6,
    "small_talk": 0.6,
    "praise": 0.5,
    "back_channel": -0.6,
    "refusal": -0.3,
}
#: Seconds of speech that one signal weighs as much as.
SIGNAL_SECONDS: Final = 3.0
#: Style confidence from which advice may lean on style (the schema says that below 0.3 nothing is claimed).
STYLE_CLAIMED: Final = 0.3

# --- Voice evidence ---------------------------------------------------------------------------------

#: Readings before the customer's own baseline has settled this far make no evidence.
BASELINE_SETTLED: Final = 0.5
PITCH_SHIFT_SEMITONES: Final = 2.0
LIVELY_SEMITONES: Final = 9.0
FLAT_SEMITONES: Final = 2.5
FAST_RATIO: Final = 1.25
SLOW_RATIO: Final = 0.78
LOUDNESS_SHIFT_DB: Final = 4.0
#: The weight shown with voice evidence that serves style only.
VOICE_STYLE_WEIGHT: Final = 0.1
#: Emotion becomes evidence from this confidence, and again after this time.
EMOTION_CONFIDENCE: Final = 0.5
EMOTION_REPEAT_MS: Final = 15_000

# --- Objections -------------------------------------------------------------------------------------

#: From whole utterances.
OBJECTION_CONFIDENCE: Final = 0.5
#: From growing utterances: at once, or on two partials in a row.
PARTIAL_AT_ONCE: Final = 0.9
PARTIAL_TWICE: Final = 0.7
#: Shown from a partial, it is taken back only if the whole utterance is below this.
PARTIAL_KEPT: Final = 0.4
#: A growing utterance that never becomes whole is forgotten after this.
PARTIAL_TIMEOUT_MS: Final = 20_000
OBJECTIONS_KEPT: Final = 8
#: Whoever put the talk off, and then takes part in this many utterances of their own, has gone beyond it.
ENGAGED_TO_WITHDRAW: Final = 2
#: Confidence from which an agent's or a customer's move counts for closing.
MOVE_CONFIDENCE: Final = 0.5
#: A refusal of this confidence is a clear one.
REFUSAL_CONFIDENCE: Final = 0.6
#: This many clear refusals end the selling.
REFUSALS_TO_STOP: Final = 2
#: What reopens after refusals must be this clear, and the customer's own.
REOPEN_CONFIDENCE: Final = 0.6

# --- Mind -------------------------------------------------------------------------------------------

#: Weight of the prior, and evidence weight at which confidence is 0.5.
MIND_PRIOR: Final = 0.6
MIND_HALF: Final = 2.5
#: Older evidence gives way beyond this weight.
MIND_WEIGHT: Final = 4.5
MIND_HALF_LIFE_MS: Final = 240_000.0
MIND_START: Final[Mapping[str, float]] = {
    "satisfaction": 0.5,
    "trust": 0.35,
    "intent": 0.25,
    "perceived_risk": 0.5,
    "product_knowledge": 0.4,
    "involvement": 0.4,
}
#: Evidence code to what it says of each part of mind (0..1), with weight = confidence times `MIND_DECIDING`.
MIND_TARGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "objection.polite_refusal": {"intent": 0.15, "involvement": 0.25},
    "objection.hostile_resistance": {"satisfaction": 0.08, "trust": 0.10, "intent": 0.05},
    "objection.doubt": {"trust": 0.15, "perceived_risk": 0.80},
    "objection.not_now": {"intent": 0.20, "involvement": 0.35},
    "objection.hesitation": {"intent": 0.45, "perceived_risk": 0.60},
    "objection.product_objection": {"intent": 0.35, "involvement": 0.60},
    "signal.thanks": {"satisfaction": 0.80, "trust": 0.60},
    "signal.assent": {"satisfaction": 0.65, "intent": 0.55},
    "signal.interest": {"intent": 0.75, "involvement": 0.80},
    "signal.question": {"involvement": 0.75},
    "signal.question_return": {"intent": 0.65, "involvement": 0.80},
    "signal.question_risk": {"perceived_risk": 0.70, "involvement": 0.80},
    "signal.question_fee": {"intent": 0.65, "involvement": 0.80},
    "signal.disclosure": {"trust": 0.75, "involvement": 0.80},
    "signal.initiative": {"involvement": 0.90, "intent": 0.65},
    "signal.follow_up_agreed": {"trust": 0.80, "intent": 0.85, "satisfaction": 0.70},
    "signal.small_talk": {"trust": 0.60, "involvement": 0.60},
    "signal.praise": {"satisfaction": 0.90, "trust": 0.75},
    "signal.refusal": {"intent": 0.10, "involvement": 0.20},
    "signal.final_refusal": {"intent": 0.02, "involvement": 0.10, "satisfaction": 0.20},
    "signal.abuse": {"satisfaction": 0.02, "trust": 0.05, "intent": 0.02},
    "signal.distrust": {"trust": 0.08, "perceived_risk": 0.80},
    "signal.worry": {"perceived_risk": 0.85},
    "signal.complaint": {"satisfaction": 0.10, "trust": 0.30},
    "signal.purchase_intent": {"intent": 0.95, "trust": 0.75},
    "signal.knows_product": {"product_knowledge": 0.90},
    "signal.asks_meaning": {"product_knowledge": 0.12, "involvement": 0.70},
    "signal.analytical": {"product_knowledge": 0.65, "involvement": 0.75},
    "signal.back_channel": {"involvement": 0.35},
    "need.novice": {"product_knowledge": 0.08},
    "need.expert": {"product_knowledge": 0.95},
    "need.margin_trading": {"product_knowledge": 0.75},
    "need.options_trading": {"product_knowledge": 0.80},
    "need.risk_averse": {"perceived_risk": 0.80},
    "need.principal_safety": {"perceived_risk": 0.70},
    "need.risk_seeking": {"perceived_risk": 0.20},
    "need.complaint": {"satisfaction": 0.10},
    "need.no_calls": {"satisfaction": 0.15, "intent": 0.03},
    "voice.angry": {"satisfaction": 0.10},
    "voice.happy": {"satisfaction": 0.85},
    "voice.sad": {"satisfaction": 0.35},
    "timing.talks_freely": {"involvement": 0.85},
    "timing.says_little": {"involvement": 0.15},
    "timing.slow_reply": {"involvement": 0.40},
}
#: What decides weighs more than its confidence.
MIND_DECIDING: Final[Mapping[str, float]] = {
    "signal.purchase_intent": 2.5,
    "signal.final_refusal": 2.5,
    "signal.abuse": 2.0,
    "signal.follow_up_agreed": 1.5,
    "need.no_calls": 2.5,
}
#: Timing tells of the mind with this confidence.
TIMING_CONFIDENCE: Final = 0.5
#: A product asked for or turned down speaks of intent.
PRODUCT_INTENT: Final[Mapping[Stance, float]] = {"wants": 0.80, "asks": 0.60, "rejects": 0.20}

# --- Timing -----------------------------------------------------------------------------------------

QUICK_REPLY_MS: Final = 300
SLOW_REPLY_MS: Final = 2_000
#: A gap longer than this is a pause of the talk, and no slow reply.
REPLY_LIMIT_MS: Final = 8_000
#: Shorter overlaps are back-channels (an "uh-huh" lasts about half a second).
OVERLAP_MS: Final = 700
#: One turn of this length, or half of the talk of the last minute, is talking freely.
FREE_TURN_MS: Final = 6_000
BALANCE_WINDOW_MS: Final = 60_000
#: Turn balance says nothing before both have talked this long together.
BALANCE_LEAST_MS: Final = 25_000
FREE_SHARE: Final = 0.5
LITTLE_SHARE: Final = 0.12
SILENCE_MS: Final = 5_000
#: The same timing evidence is not given again within this time.
TIMING_REPEAT_MS: Final = 20_000

# --- Demand -----------------------------------------------------------------------------------------

NEEDS_SHOWN: Final = 12
GAPS_SHOWN: Final = 4
NEED_CONFIDENCE: Final = 0.4
#: A stance said again takes away this share (times its confidence) of the doubt that is left.
NEED_AGAIN_CERTAINTY: Final = 0.5
#: A changed stance wins when it is at least this share as sure as the older one.
CHANGE_OF_MIND_SHARE: Final = 0.6
#: A need's rank in the list halves in this time.
NEED_HALF_LIFE_MS: Final = 180_000.0
#: Tags that cannot both hold; the later one removes the earlier.
OPPOSITES: Final[tuple[tuple[NeedTag, NeedTag], ...]] = (
    ("risk_averse", "risk_seeking"),
    ("novice", "expert"),
    ("long_term", "short_term"),
    ("no_calls", "call_back"),
    ("no_calls", "call_evening"),
    ("no_calls", "call_weekend"),
)
#: R1..R5, the five product classes under the CSRC's suitability measures (Order 130 of 2016); which product
#: falls into which class is set here by its kind, and the site's own classes go before.
PRODUCT_RISK: Final[Mapping[NeedTag, int]] = {
    "deposit": 1,
    "money_market": 1,
    "bonds": 2,
    "fixed_income": 2,
    "bond_fund": 2,
    "insurance": 2,
    "fixed_income_plus": 3,
    "structured_product": 3,
    "gold": 3,
    "equity_fund": 4,
    "stocks": 4,
    "chinext": 4,
    "star_market": 4,
    "hong_kong_stocks": 4,
    "private_fund": 5,
    "margin_trading": 5,
    "options_trading": 5,
}
#: Yuan that the market's rules ask for before the permission is given (private funds: CSRC measures of 2014,
#: article 12; margin trading, options, STAR, Hong Kong connect: 500,000 on average over 20 trading days;
#: ChiNext: 100,000).
PRODUCT_ENTRY: Final[Mapping[NeedTag, int]] = {
    "private_fund": 1_000_000,
    "margin_trading": 500_000,
    "options_trading": 500_000,
    "star_market": 500_000,
    "hong_kong_stocks": 500_000,
    "chinext": 100_000,
}
#: The customer's class C1..C5 begins here and is moved by what the customer says of risk.
RISK_CLASS_START: Final = 3.0
RISK_CLASS_SHIFT: Final[Mapping[NeedTag, float]] = {
    "risk_averse": -1.5,
    "principal_safety": -1.2,
    "risk_seeking": 1.5,
    "high_return": 0.6,
    "expert": 0.6,
    "novice": -0.6,
    "liquidity": -0.2,
    "long_term": 0.2,
}
#: Tags of which at least one must be known before a customer's class is named at all.
RISK_CLASS_TELLING: Final[tuple[NeedTag, ...]] = (
    "risk_averse",
    "risk_seeking",
    "principal_safety",
    "high_return",
    "novice",
    "expert",
)
RETIRED_RISK_SHIFT: Final = -0.5
#: Financial assets in yuan from which banks of the mainland commonly speak of wealth and of private banking.
AFFLUENT_YUAN: Final = 500_000
HIGH_NET_WORTH_YUAN: Final = 6_000_000
#: Scores of strata by stated means. A small sum outweighs "unknown" only just: there may be more elsewhere.
HIGH_NET_WORTH_SCORE: Final = 3.0
AFFLUENT_SCORE: Final = 2.5
MASS_SCORE: Final = 1.8
#: Whoever holds private funds has shown means of at least a million to somebody.
PRIVATE_FUND_SCORE: Final = 2.2
#: "Unknown" has this score among life stages and strata; a cue must outweigh it.
UNKNOWN_SCORE: Final = 1.0
#: A life stage or stratum is named from this probability.
NAMED_PROBABILITY: Final = 0.5
LIFE_STAGE_CUES: Final[Mapping[tuple[NeedTag, Stance], Mapping[LifeStage, float]]] = {
    ("retirement", "has"): {"retired": 3.0},
    ("retirement", "wants"): {"established_family": 0.8, "empty_nest": 0.8},
    ("child", "has"): {"young_family": 1.2, "established_family": 1.2, "single": -2.0},
    ("child", "rejects"): {"single": 1.0, "empty_nest": 0.3},
    ("education", "wants"): {"young_family": 1.2, "established_family": 0.9, "single": -1.0},
    ("education", "has"): {"established_family": 1.5, "young_family": 0.6},
    ("spouse", "has"): {"young_family": 0.5, "established_family": 0.5, "single": -3.0},
    ("spouse", "rejects"): {"single": 2.5},
    ("elderly_parent", "has"): {"established_family": 0.8, "retired": -1.0},
    ("buy_house", "wants"): {"single": 0.6, "young_family": 0.9},
    ("medical", "wants"): {"retired": 0.4, "empty_nest": 0.3},
}
#: Rank of each question of the checklist, in the manner of Mackay's 66: what opens more doors is asked first.
GAP_RANK: Final[Mapping[Gap, float]] = {
    "goal": 1.0,
    "risk_appetite": 0.95,
    "horizon": 0.85,
    "liquidity_need": 0.80,
    "experience": 0.75,
    "idle_money": 0.72,
    "holdings_elsewhere": 0.68,
    "holdings_maturing": 0.66,
    "product_preference": 0.60,
    "past_experience": 0.55,
    "contact_time": 0.52,
    "family": 0.50,
    "contact_channel": 0.45,
    "decision_maker": 0.40,
    "life_stage": 0.35,
    "occupation": 0.30,
}
#: Questions about money and family are for a customer who has warmed up; until then they lose rank.
PRIVATE_GAPS: Final[frozenset[Gap]] = frozenset(
    [
        "idle_money",
        "holdings_elsewhere",
        "holdings_maturing",
        "family",
        "life_stage",
        "occupation",
        "decision_maker",
    ]
)
PRIVATE_GAP_PENALTY: Final = 0.6

# --- Advice -----------------------------------------------------------------------------------------

ADVICE_SHOWN: Final = 4
#: Evidences that one advice points at, the strongest first (the schema allows 4).
ADVICE_EVIDENCE: Final = 2
#: A strategy below this score is not worth an agent's glance.
ADVICE_LEAST: Final = 0.30
#: So that advice does not flicker, a strategy on the seat's screen gets the first for good, the second for a
#: while (it halves in the dwell time from when it was first shown), and a little for its place.
ADVICE_INCUMBENT: Final = 0.05
ADVICE_DWELLING: Final = 0.12
ADVICE_DWELL_MS: Final = 15_000.0
ADVICE_INCUMBENT_PLACE: Final = 0.02
#: What each kind of match adds to a strategy's score at full strength.
ADVICE_OBJECTION: Final = 1.0
ADVICE_SIGNAL: Final = 0.7
#: An objection that the customer has gone beyond to a newer one, or that was answered, pulls less.
ADVICE_OLDER_OBJECTION: Final = 0.6
ADVICE_ANSWERED_OBJECTION: Final = 0.6
ADVICE_NEED: Final = 0.5
ADVICE_EMOTION: Final = 0.8
ADVICE_STANDING: Final = 0.9
ADVICE_STYLE: Final = 0.6
#: The strongest reason counts whole, further ones this much: many weak ones are not a strong one.
ADVICE_FURTHER: Final = 0.25
#: A heard signal's pull on advice halves in this time, and ends at this share.
SIGNAL_HALF_LIFE_MS: Final = 25_000.0
SIGNAL_FADED: Final = 0.2
#: What was known before the call counts from this confidence on; less than what is heard needs.
RECORD_LEAST: Final = 0.2
#: Opportunities that a supervisor is told of one call.
OPPORTUNITIES_TOLD: Final = 4
#: Plans that, once had, ask for nothing: a mortgage is no saving goal.
FULFILLED: Final[frozenset[NeedTag]] = frozenset(["buy_house", "buy_car"])
#: A customer who has one of these is not pressed: beginners, and who speaks of illness.
SPARED_NEEDS: Final[frozenset[NeedTag]] = frozenset(["novice", "medical"])
#: A complaint holds the pace until the agent has met it with empathy, or for this long.
COMPLAINT_MS: Final = 45_000
#: A stated need's pull on advice halves in this time; it stays in the profile all the same.
ADVICE_NEED_HALF_LIFE_MS: Final = 90_000.0
#: Of one psychological lever at most this many strategies are shown together.
ADVICE_SAME_LEVER: Final = 2

#: Signals below this confidence are not taken up at all.
SIGNAL_LEAST: Final = 0.3
#: A hard sell weighs on advice until the agent listens, at most this long; a promise of return until risk was
#: disclosed, at most this long.
HARD_SELL_MS: Final = 30_000
PROMISE_MS: Final = 120_000

# --- Cues -------------------------------------------------------------------------------------------

#: The same cue is not given again within this time;
CUE_REPEAT_MS: Final = 60_000
#: one that the agent causes anew may come sooner.
PACING_REPEAT_MS: Final = 15_000
#: Confidence of an agent's move from which a pacing cue is given.
PACING_CONFIDENCE: Final = 0.6
#: Below this score a hard sell raises a pacing cue.
HARD_SELL_SCORE: Final = 58.0
CUES_WAITING: Final = 16
