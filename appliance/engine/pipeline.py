"""One call's way from audio blocks to what the profile knows."""

from __future__ import annotations

from typing import Final

from appliance.engine.call_policy import policy_of
from appliance.engine.rooms import Rooms
from appliance.language.findings import NeedFinding
from appliance.speech.legstream import LegStream
from appliance.speech.utterance import SpeechEvent, Utterance
from appliance.telephony.audioblock import (
    AudioBlock,
    AudioDropped,
    CallPolicy,
    CallStarted,
    CustomerKnown,
    Leg,
)

#: The latest time that a message of the door can tell: a day (protocol/messages.py). No call lasts longer,
#: but its last block may end a little later.
LATEST_MS: Final = 86_400_000


class CallPipeline:
    """Both legs to the recognizer, the customer's leg to the affect room, all findings to the profile.

    The scheduler decodes between `hear` and `observe`, so that work of many calls runs in batches.
    """

    def __init__(self, started: CallStarted, rooms: Rooms, policy: CallPolicy, at_ms: int = 0) -> None:
        """Begin to hear a call, `at_ms` after its beginning."""
        self.started = started
        self.profile = rooms.profile(rooms.catalogue, policy.quotes)
        self._memory = rooms.memory if policy.memory and started.customer is not None else None
        self._retention_days = policy.retention_days
        self._told_record = False
        if self._memory is not None and started.customer is not None:
            self._memory.recall(started.customer, self.profile)
        self.policy = policy_of(
            policy,
            remembers=self._memory is not None,
            judges_emotion=rooms.affect.emotion is not None,
        )
        #: None where the customer's voice may not be measured
        self.voice = rooms.voice(rooms.affect, emotion=policy.emotion) if policy.voice else None
        self.at_ms = at_ms
        #: the end of the customer's last whole utterance, until an update that knows of it was published
        self.utterance_end_ms: int | None = None
        self._language = rooms.language.open()
        self._streams: dict[Leg, LegStream] = {leg: rooms.speech.open(leg) for leg in ("customer", "agent")}
        self._agent_before = ""
        self._heard_ms = self._lost_ms = self._dropped_ms = 0

    def hear(self, block: AudioBlock) -> None:
        """Take one block of either leg; audio on hold (music, announcements) is not analysed."""
        self.at_ms = min(LATEST_MS, max(self.at_ms, block.end_ms))
        if block.hold:
            return
        self._heard_ms += block.end_ms - block.start_ms
        self._lost_ms += block.lost * 1000 // block.rate
        self._streams[block.leg].feed(block.samples, block.rate, block.start_ms)
        if block.leg == "customer" and self.voice is not None:
            self.voice.hear(block)

    def dropped(self, message: AudioDropped) -> None:
        """Note audio that capture had to drop."""
        self._dropped_ms += message.milliseconds

    def finish(self) -> None:
        """Let the recognizers bring their last utterances to an end."""
        for stream in self._streams.values():
            stream.finish()

    def known(self, message: CustomerKnown) -> None:
        """Take what the bank's record says of the customer, once.

        Capture says it again for an engine that was started anew; what was said since must stand.
        """
        if self._told_record:
            return
        self._told_record = True
        self.profile.known_before(
            NeedFinding(fact.tag, fact.stance, fact.confidence, fact.amount) for fact in message.facts
        )

    def remember(self) -> None:
        """Keep what may be kept of the call, where memory is on and the customer is known."""
        if self._memory is not None and self.started.customer is not None:
            self._memory.keep(self.started.customer, self.profile, self._retention_days)

    def close(self) -> None:
        """Give the streams back; nothing of the call is kept."""
        for stream in self._streams.values():
            stream.close()

    def observe(self) -> bool:
        """Hand what the rooms have found to the profile; true where anything was new."""
        changed = False
        for event in self._events():
            changed = True
            if isinstance(event, Utterance):
                self._utterance(event)
            else:
                self.profile.speech(event)
                if event.leg == "customer" and self.voice is not None:
                    self.voice.speech(event)
        for reading in self.voice.take() if self.voice is not None else ():
            self.profile.emotion(reading)
            changed = True
        self.profile.audio(lost_ms=self._lost_ms, heard_ms=self._heard_ms, dropped_ms=self._dropped_ms)
        self.profile.advance(self.at_ms)
        return changed

    def _events(self) -> list[SpeechEvent]:
        return sorted((event for stream in self._streams.values() for event in stream.take()), key=_time)

    def _utterance(self, utterance: Utterance) -> None:
        language = self._language
        if utterance.leg == "agent":
            if utterance.final:
                self.profile.agent_said(utterance, language.agent(utterance))
                self._agent_before = utterance.text
            return
        findings = language.customer(utterance, self._agent_before)
        if not utterance.final:
            self.profile.customer_growing(utterance, findings)
            return
        voice = None
        if self.voice is not None:
            voice = self.voice.describe(utterance.start_ms, utterance.end_ms, len(utterance.pinyin))
        self.profile.customer_said(utterance, findings, voice)
        self.utterance_end_ms = utterance.end_ms


def _time(event: SpeechEvent) -> int:
    return event.end_ms if isinstance(event, Utterance) else event.at_ms
