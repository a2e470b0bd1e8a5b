"""The closed vocabularies of schema version 1. Codes are English and stable; people read words for them."""

from __future__ import annotations

from typing import Final, Literal, get_args

Style = Literal["tiger", "peacock", "koala", "owl", "chameleon"]
Stage = Literal["cold", "warming", "trusting", "ready"]
Pace = Literal["hold", "build", "advance", "close"]
Emotion = Literal["angry", "happy", "neutral", "sad", "uncertain"]
ObjectionType = Literal[
    "polite_refusal", "hostile_resistance", "doubt", "not_now", "hesitation", "product_objection"
]
Stance = Literal["wants", "has", "rejects", "asks"]
NeedTag = Literal[
    # products
    "stocks", "bonds", "fixed_income", "fixed_income_plus", "bond_fund", "equity_fund", "private_fund",
    "insurance", "deposit", "gold", "structured_product", "money_market",
    # means
    "idle_money", "holdings_elsewhere", "holdings_maturing",
    # family and plans
    "child", "elderly_parent", "spouse", "buy_house", "buy_car", "education", "retirement", "medical",
    # service and contact
    "call_back", "call_evening", "call_weekend", "contact_message", "visit_branch", "no_calls", "complaint",
    "fee_discount",
    # permissions
    "margin_trading", "options_trading", "chinext", "star_market", "hong_kong_stocks",
    # attitude
    "principal_safety", "high_return", "liquidity", "long_term", "short_term",
    "risk_averse", "risk_seeking", "novice", "expert",
]  # fmt: skip
LifeStage = Literal["unknown", "single", "young_family", "established_family", "empty_nest", "retired"]
Stratum = Literal["unknown", "mass", "affluent", "high_net_worth"]
Match = Literal["unknown", "low", "fit", "over"]
Suitability = Literal["unknown", "suitable", "caution", "unsuitable"]
Gap = Literal[
    "idle_money", "holdings_elsewhere", "holdings_maturing", "risk_appetite", "experience", "liquidity_need",
    "horizon", "goal", "family", "life_stage", "occupation", "decision_maker", "contact_time",
    "contact_channel", "past_experience", "product_preference",
]  # fmt: skip
#: What a customer raised and the call did not follow up; `means_told`: money that nobody asked further about.
OpportunityCode = Literal["wanted_product", "maturing_holdings", "means_told", "purchase_intent", "complaint"]
EvidenceSource = Literal["words", "voice", "timing", "record"]
CueKind = Literal["objection", "emotion_alert", "pacing"]
#: What of a call is analysed: words and voice, words alone, or nothing at all.
Analysis = Literal["full", "words_only", "off"]
#: What may be off in a call; where `words` is, nothing of the call is analysed.
Capability = Literal["words", "voice", "emotion", "quotes", "memory"]
#: Why: the site wants it so, the customer objected, the announcement was not played yet, or what the gateway
#: said of the two is not known.
OffReason = Literal["site", "customer", "announcement", "unknown"]
CallEvent = Literal["started", "held", "resumed", "ended"]
Direction = Literal["inbound", "outbound", "unknown"]

#: What a customer or an agent does with words; `agent_*` are read from the agent's words.
Signal = Literal[
    "thanks", "assent", "interest", "question", "question_return", "question_risk", "question_fee",
    "disclosure", "initiative", "follow_up_agreed", "small_talk", "praise", "refusal", "final_refusal",
    "abuse", "distrust", "worry", "complaint", "purchase_intent", "knows_product", "asks_meaning",
    "back_channel", "decisive", "expressive", "gentle", "analytical", "old_age", "bereaved",
    "agent_greeting", "agent_empathy", "agent_question", "agent_pitch", "agent_hard_sell",
    "agent_risk_disclosure", "agent_promise_return", "agent_proof", "agent_close", "agent_farewell",
    "agent_to_elder", "agent_condolence",
]  # fmt: skip

TIMING_CODES: Final = (
    "timing.quick_reply", "timing.slow_reply", "timing.interrupts", "timing.interrupted",
    "timing.talks_freely", "timing.says_little", "timing.silence",
)  # fmt: skip
VOICE_CODES: Final = (
    "voice.angry", "voice.happy", "voice.neutral", "voice.sad", "voice.pitch_up", "voice.pitch_down",
    "voice.lively", "voice.flat", "voice.fast", "voice.slow", "voice.louder", "voice.quieter",
)  # fmt: skip

OBJECTION_TYPES: Final[tuple[str, ...]] = get_args(ObjectionType)
NEED_TAGS: Final[tuple[str, ...]] = get_args(NeedTag)
SIGNALS: Final[tuple[str, ...]] = get_args(Signal)

#: Every code that evidence may carry. `record.` marks what the bank's record or an earlier call said.
EVIDENCE_CODES: Final[frozenset[str]] = frozenset(
    [f"objection.{code}" for code in OBJECTION_TYPES]
    + [f"need.{code}" for code in NEED_TAGS]
    + [f"signal.{code}" for code in SIGNALS]
    + [f"record.{code}" for code in (*NEED_TAGS, "earlier_call")]
    + list(TIMING_CODES)
    + list(VOICE_CODES)
)

#: Every code that a cue may carry.
CUE_CODES: Final[frozenset[str]] = frozenset(
    [f"objection.{code}" for code in OBJECTION_TYPES]
    + ["voice.angry", "voice.sad", "pacing.hard_sell", "pacing.stop_asking", "pacing.promise_return"]
)

#: The strategies of the catalogue that comes with the appliance. A site may have others: this is no bound,
#: but what it costs at the door to name one is reckoned by it.
STRATEGIES: Final[frozenset[str]] = frozenset((
    "short_and_ask_permission", "offer_choice_of_time", "send_facts_no_strings", "apologise_and_slow_down",
    "say_source_offer_stop", "let_them_finish", "let_them_verify", "name_the_weak_point",
    "past_figures_with_caveat", "customers_like_you", "agree_a_later_date", "compare_waiting",
    "keep_the_door_open", "ask_what_is_unclear", "one_small_step", "talk_with_family", "written_summary",
    "say_fees_plainly", "two_products_side_by_side", "liquidity_ladder", "start_from_safety",
    "conclusion_first", "share_the_picture", "steady_and_patient", "figures_and_sources", "offer_two_ways",
    "ask_an_open_question", "give_back_what_was_shared", "say_it_back", "thank_and_go_on",
    "answer_then_ask", "plain_words", "talk_as_to_an_expert", "put_service_right", "acknowledge_the_worry",
    "note_the_maturity_date", "idle_money_in_parts", "money_with_a_name", "state_permission_rules",
    "raise_the_sight", "book_the_next_step", "sum_up_and_let_choose", "name_a_real_deadline",
    "take_back_the_promise", "stop_pushing_and_listen", "no_hurry_for_the_elderly", "no_selling_in_grief",
    "risk_questionnaire_first", "choose_a_smaller_step", "close_politely", "honour_the_no",
))  # fmt: skip
