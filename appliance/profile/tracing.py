"""A profile that remembers what moved each of its numbers, for explaining a replayed call afterwards.

It compares all numbers before and after everything that the profile is told, so that no change can escape it:
the steps of a number lead from where it started to what it is, and each names its cause and the evidence that
the cause left in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.language.findings import Findings, NeedFinding
from appliance.profile.call import CallProfile, ProfileParts
from appliance.profile.catalogue import Catalogue
from appliance.profile.evidence import EvidenceItem
from appliance.speech.utterance import SpeechEnded, SpeechStarted, Utterance

#: What a profile is told. `time`: nothing was told, time passed.
Cause = Literal["customer", "customer_growing", "agent", "emotion", "timing", "record", "audio", "time"]
Value = float | str | None
#: Paths of the numbers that follow measurements, whether these left evidence in the ledger or not.
MEASURED: Final = (
    "influence.style", "influence.indices", "influence.style_confidence", "influence.emotion", "audio",
)  # fmt: skip
#: A number may wander by itself for this long before it is noted; a day of silence makes few steps so.
_TIME_STEP_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one number."""

    #: milliseconds since the call began
    at: int
    cause: Cause
    before: Value
    after: Value
    #: ids of the evidence that the cause left, the strongest first
    evidence: tuple[str, ...]
    #: of a number that follows measurements, what was measured, by name
    measured: Mapping[str, float] = field(default_factory=dict)


class TracedProfile(CallProfile):
    """A `CallProfile` with the steps of all its numbers. Costs several times as much: for replays."""

    def __init__(self, catalogue: Catalogue, quotes: bool) -> None:
        super().__init__(catalogue, quotes)
        self.start: dict[str, Value] = numbers(self)
        self.steps: dict[str, list[Step]] = {}
        #: all evidence of the call, also what the ledger let go
        self.evidence: dict[str, EvidenceItem] = {}
        self._known = dict(self.start)
        self._last_time_ms = 0
        self._inside = False

    def known_before(self, facts: Iterable[NeedFinding], earlier: tuple[float, float] | None = None) -> None:
        """As `CallProfile.known_before`."""
        self._traced("record", lambda: super(TracedProfile, self).known_before(facts, earlier))

    def customer_said(self, utterance: Utterance, findings: Findings, voice: VoiceReading | None) -> None:
        """As `CallProfile.customer_said`."""
        self._traced(
            "customer",
            lambda: super(TracedProfile, self).customer_said(utterance, findings, voice),
            _measured(utterance, voice),
        )

    def customer_growing(self, utterance: Utterance, findings: Findings) -> None:
        """As `CallProfile.customer_growing`."""
        self._traced(
            "customer_growing", lambda: super(TracedProfile, self).customer_growing(utterance, findings)
        )

    def agent_said(self, utterance: Utterance, findings: Findings) -> None:
        """As `CallProfile.agent_said`."""
        self._traced("agent", lambda: super(TracedProfile, self).agent_said(utterance, findings))

    def emotion(self, reading: EmotionReading) -> None:
        """As `CallProfile.emotion`."""
        measured = {"valence": reading.valence, "arousal": reading.arousal, **reading.probabilities}
        self._traced("emotion", lambda: super(TracedProfile, self).emotion(reading), measured)

    def speech(self, event: SpeechStarted | SpeechEnded) -> None:
        """As `CallProfile.speech`."""
        self._traced("timing", lambda: super(TracedProfile, self).speech(event))

    def audio(self, lost_ms: int, heard_ms: int, dropped_ms: int) -> None:
        """As `CallProfile.audio`."""
        before = self.audio_quality
        super().audio(lost_ms, heard_ms, dropped_ms)
        if self.audio_quality != before:
            self._note("audio", {"lost_ms": lost_ms, "heard_ms": heard_ms, "dropped_ms": dropped_ms})

    def advance(self, at_ms: int) -> None:
        """As `CallProfile.advance`; what time alone changes is noted every few seconds."""
        super().advance(at_ms)
        fresh = any(item.id not in self.evidence for item in self._ledger.items())
        if not self._inside and (fresh or self._now - self._last_time_ms >= _TIME_STEP_MS):
            self._last_time_ms = self._now
            self._note("timing" if fresh else "time")

    def snapshot(self, at_ms: int, final: bool) -> ProfileParts:
        """As `CallProfile.snapshot`; the steps reach up to it."""
        parts = super().snapshot(at_ms, final)
        self._note("time")
        return parts

    def _traced(
        self, cause: Cause, act: Callable[[], None], measured: Mapping[str, float] | None = None
    ) -> None:
        self._inside = True
        try:
            act()
        finally:
            self._inside = False
        self._note(cause, measured)

    def _note(self, cause: Cause, measured: Mapping[str, float] | None = None) -> None:
        fresh = [item for item in self._ledger.items() if item.id not in self.evidence]
        self.evidence.update((item.id, item) for item in fresh)
        fresh.sort(key=lambda item: -abs(item.weight))
        evidence = tuple(item.id for item in fresh)
        if cause == "timing" and not evidence:
            # somebody began or ceased to talk, and nothing followed from it
            cause = "time"
        now = numbers(self)
        for name in now.keys() | self._known.keys():
            before, after = self._known.get(name), now.get(name)
            if before != after:
                of_it = measured if measured is not None and name.startswith(MEASURED) else {}
                step = Step(self._now, cause, before, after, evidence, of_it)
                self.steps.setdefault(name, []).append(step)
        self._known = now


def numbers(profile: CallProfile) -> dict[str, Value]:
    """Every number and named state of a profile, by its path (`influence.mind.trust.value`)."""
    relationship, influence, demand = profile.reading()
    parts = {
        "relationship": relationship,
        "influence": influence,
        "demand": demand,
        "audio": profile.audio_quality,
    }
    flat: dict[str, Value] = {}
    for part, value in parts.items():
        _flatten(part, msgspec.to_builtins(value), flat)
    return flat


def _measured(utterance: Utterance, voice: VoiceReading | None) -> dict[str, float]:
    """What style follows in an utterance, by name."""
    seconds = (utterance.end_ms - utterance.start_ms) / 1000.0
    measured: dict[str, float] = {"seconds": round(seconds, 1), "syllables": len(utterance.pinyin)}
    if voice is not None:
        measured |= {
            "tempo": voice.tempo,
            "pitch_range": voice.pitch_range,
            "pitch_shift": voice.pitch_shift,
            "loudness_spread": voice.loudness_spread,
        }
    return measured


def _flatten(path: str, value: object, into: dict[str, Value]) -> None:
    if isinstance(value, dict):
        name = value.get("type") or value.get("tag")
        for key, inner in value.items():
            if key not in ("type", "tag"):
                _flatten(f"{path}.{name}.{key}" if name else f"{path}.{key}", inner, into)
    elif isinstance(value, list):
        for place, inner in enumerate(value, 1):
            _flatten(path if isinstance(inner, dict) else f"{path}.{place}", inner, into)
    elif isinstance(value, bool):
        into[path] = "yes" if value else "no"
    elif isinstance(value, (int, float, str)) or value is None:
        into[path] = value
