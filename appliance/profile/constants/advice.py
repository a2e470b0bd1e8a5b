"""The choice of advice, and when a cue is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.protocol.vocabulary import NeedTag, Signal

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
#: What protects a customer for the rest of the call, and the signals that show it. The law on the rights of
#: the elderly counts from 60 years on.
PROTECTED_BY: Final[Mapping[str, tuple[Signal, ...]]] = {
    "elderly": ("old_age", "agent_to_elder"),
    "bereaved": ("bereaved", "agent_condolence"),
}
#: Who has just told of illness is not led on for this long.
ILLNESS_MS: Final = 60_000
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

#: The same cue is not given again within this time;
CUE_REPEAT_MS: Final = 60_000
#: one that the agent causes anew may come sooner.
PACING_REPEAT_MS: Final = 15_000
#: Confidence of an agent's move from which a pacing cue is given.
PACING_CONFIDENCE: Final = 0.6
#: Below this score a hard sell raises a pacing cue.
HARD_SELL_SCORE: Final = 58.0
CUES_WAITING: Final = 16
