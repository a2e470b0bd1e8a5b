"""A call that may not be analysed: nothing of it is heard, and its profile knows nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from appliance.engine.call_policy import policy_of
from appliance.engine.pipeline import LATEST_MS
from appliance.engine.rooms import Rooms
from appliance.profile.call import ProfileParts
from appliance.profile.cues import Cue
from appliance.profile.opportunities import Opportunity
from appliance.telephony.audioblock import AudioBlock, AudioDropped, CallPolicy, CallStarted, CustomerKnown


class BlankProfile:
    """The profile of somebody of whom nothing is known; it says the same at all times."""

    def __init__(self, rooms: Rooms) -> None:
        parts = rooms.profile(rooms.catalogue, False).snapshot(0, False)
        demand = msgspec.structs.replace(parts.demand, gaps=[])
        self._parts = replace(parts, demand=demand, advice=[], evidence=[])

    def snapshot(self, at_ms: int, *, final: bool) -> ProfileParts:
        """The parts of a profile message."""
        return self._parts

    def take_cues(self) -> list[Cue]:
        """Nothing is urgent."""
        return []

    def missed(self) -> list[Opportunity]:
        """Nothing was raised."""
        return []


class UnheardCall:
    """Stands in the place of a `CallPipeline`; no recognizer and no voice model is opened for it.

    Capture sends no audio of such a call; the scheduler throws away what comes nevertheless, and counts it.
    """

    def __init__(self, started: CallStarted, rooms: Rooms, policy: CallPolicy, at_ms: int = 0) -> None:
        self.started = started
        self.policy = policy_of(policy, remembers=False, judges_emotion=False)
        self.profile = BlankProfile(rooms)
        self.at_ms = at_ms
        self.utterance_end_ms: int | None = None

    def passed(self, at_ms: int) -> None:
        """Let time pass; there is no audio that would tell it."""
        self.at_ms = min(LATEST_MS, max(self.at_ms, at_ms))

    def hear(self, block: AudioBlock) -> None:
        """Throw a block away."""

    def dropped(self, message: AudioDropped) -> None:
        """Nothing was to be heard, so nothing is missing."""

    def known(self, message: CustomerKnown) -> None:
        """What the bank knows is not looked at either."""

    def finish(self) -> None:
        """There is nothing to bring to an end."""

    def observe(self) -> bool:
        """Nothing is ever new."""
        return False

    def remember(self) -> None:
        """Nothing is remembered."""

    def close(self) -> None:
        """Nothing was opened."""
