"""What a call's policy comes to in this engine, in the words of the door."""

from __future__ import annotations

from typing import get_args

from appliance.protocol.messages import AnalysisPolicy
from appliance.protocol.vocabulary import Capability
from appliance.telephony.audioblock import CallPolicy


def policy_of(policy: CallPolicy, *, remembers: bool, judges_emotion: bool) -> AnalysisPolicy:
    """What is told of a policy.

    Args:
        policy: what may be done.
        remembers: whether something of this call will be remembered, where the policy allows it.
        judges_emotion: whether a model of emotion is there.
    """
    if not policy.analysis:
        return AnalysisPolicy("off", list(get_args(Capability)), policy.reason)
    on: dict[Capability, bool] = {
        "voice": policy.voice,
        "emotion": policy.voice and policy.emotion and judges_emotion,
        "quotes": policy.quotes,
        "memory": policy.memory and remembers,
    }
    off = [name for name, value in on.items() if not value]
    return AnalysisPolicy("full" if policy.voice else "words_only", off, policy.reason if off else None)
