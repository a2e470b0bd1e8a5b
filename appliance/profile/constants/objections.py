"""Objections and refusals."""

from __future__ import annotations

from typing import Final

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
