"""Writes a call down turn by turn and plays it into a profile, as the engine would."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.affect.readings import EmotionLabel, EmotionReading, VoiceReading
from appliance.language.findings import Findings, NeedFinding, ObjectionFinding, SignalFinding
from appliance.profile.call import CallProfile, ProfileParts
from appliance.profile.catalogue import Catalogue
from appliance.profile.cues import Cue
from appliance.protocol.vocabulary import NEED_TAGS, OBJECTION_TYPES, SIGNALS
from appliance.speech.utterance import SpeechEnded, SpeechStarted, Utterance
from appliance.telephony.audioblock import Leg

CATALOGUE = Catalogue.load()


def found(*words: str, redacted: str = "") -> Findings:
    """Findings from words such as `doubt`, `deposit:has`, `idle_money:has=300000`; `~0.6` sets confidence."""
    objections, needs, signals = [], [], []
    for word in words:
        code, _, sure = word.partition("~")
        confidence = float(sure or 0.85)
        tag, _, stance = code.partition(":")
        stance, _, amount = stance.partition("=")
        if stance:
            assert tag in NEED_TAGS, tag
            needs.append(NeedFinding(tag, stance, confidence, int(amount) if amount else None))
        elif tag in OBJECTION_TYPES:
            objections.append(ObjectionFinding(tag, confidence))
        else:
            assert tag in SIGNALS, tag
            signals.append(SignalFinding(tag, confidence))
    return Findings(tuple(objections), tuple(needs), tuple(signals), redacted)


def utterance(
    leg: Leg, number: int, start_ms: int, end_ms: int, *, final: bool = True, syllables: int = 10
) -> Utterance:
    return Utterance(leg, number, start_ms, end_ms, "字" * syllables, ("zi4",) * syllables, (), 0.9, final)


def voice(start_ms: int, end_ms: int, **measured: float) -> VoiceReading:
    reading: dict[str, float] = {
        "pitch_hz": 180.0,
        "pitch_shift": 0.0,
        "pitch_range": 6.0,
        "pitch_slope": 0.0,
        "loudness_shift": 0.0,
        "loudness_spread": 7.0,
        "voiced": 0.7,
        "tempo": 5.0,
        "tempo_ratio": 1.0,
        "baseline_confidence": 1.0,
        **measured,
    }
    return VoiceReading(start_ms=start_ms, end_ms=end_ms, pauses_ms=0, **reading)


class Call:
    """A call that is written turn by turn; each turn takes `seconds` and leaves half a second of silence."""

    def __init__(self, *, quotes: bool = False) -> None:
        self.profile = CallProfile(CATALOGUE, quotes=quotes)
        self.now = 500
        self._numbers: dict[Leg, int] = {"customer": 0, "agent": 0}
        self.stages: list[str] = []
        self.scores: list[int] = []

    def agent(self, *words: str, seconds: float = 4.0) -> Call:
        start, end = self._speak("agent", seconds)
        self.profile.agent_said(utterance("agent", self._next("agent"), start, end), found(*words))
        return self._note()

    def customer(
        self,
        *words: str,
        seconds: float = 3.0,
        syllables: int = 12,
        redacted: str = "",
        measured: dict[str, float] | None = None,
    ) -> Call:
        start, end = self._speak("customer", seconds)
        said = utterance("customer", self._next("customer"), start, end, syllables=syllables)
        reading = voice(start, end, **measured) if measured is not None else None
        self.profile.customer_said(said, found(*words, redacted=redacted), reading)
        return self._note()

    def growing(self, *words: str) -> Call:
        """A partial of the utterance that the customer will finish next."""
        self.now += 300
        number = self._numbers["customer"]
        partial = utterance("customer", number, self.now - 300, self.now, final=False)
        self.profile.customer_growing(partial, found(*words))
        return self

    def feels(self, label: EmotionLabel, confidence: float = 0.8, *, alert: bool = False) -> Call:
        other = (1.0 - confidence) / 3.0
        probabilities = {
            name: confidence if name == label else other for name in ("angry", "happy", "neutral", "sad")
        }
        valence = {"happy": 0.7, "neutral": 0.0, "uncertain": 0.0}.get(label, -0.7)
        arousal = {"angry": 0.8, "happy": 0.5}.get(label, -0.3)
        self.profile.emotion(
            EmotionReading(self.now, label, confidence, probabilities, valence, arousal, alert)
        )
        return self

    def silence(self, seconds: float) -> Call:
        self.now += round(seconds * 1000)
        self.profile.advance(self.now)
        return self

    def parts(self, *, final: bool = False) -> ProfileParts:
        return self.profile.snapshot(self.now, final)

    def cues(self) -> list[Cue]:
        return self.profile.take_cues()

    def advice(self) -> list[str]:
        return [advice.id for advice in self.parts().advice]

    def objections(self) -> dict[str, bool]:
        """Type to open."""
        return {objection.type: objection.open for objection in self.parts().influence.objections}

    def needs(self) -> dict[str, str]:
        """Tag to stance."""
        return {need.tag: need.stance for need in self.parts().demand.needs}

    def _speak(self, leg: Leg, seconds: float) -> tuple[int, int]:
        start, end = self.now, self.now + round(seconds * 1000)
        self.profile.speech(SpeechStarted(leg, start))
        self.profile.speech(SpeechEnded(leg, end))
        self.now = end + 500
        return start, end

    def _next(self, leg: Leg) -> int:
        self._numbers[leg] += 1
        return self._numbers[leg] - 1

    def _note(self) -> Call:
        relationship = self.parts().relationship
        self.stages.append(relationship.stage)
        self.scores.append(relationship.score)
        return self


def kinds(identifiers: Iterable[str]) -> set[str]:
    """The kinds of some strategies."""
    by_id = {strategy.id: strategy for strategy in CATALOGUE.strategies}
    return {by_id[identifier].kind for identifier in identifiers}
