"""Plays a written call through the language room and the profile, turn by turn, as the engine would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from appliance.language.findings import Findings, ObjectionFinding
from appliance.language.reader import LanguageReader
from appliance.profile.call import CallProfile, ProfileParts
from appliance.profile.catalogue import Catalogue
from appliance.profile.cues import Cue
from appliance.protocol.vocabulary import ObjectionType
from appliance.speech.utterance import SpeechEnded, SpeechStarted, Utterance, Word
from appliance.telephony.audioblock import Leg
from tools.dialogues.script import Turn, WrittenCall

#: `model`: objections as the model of the store hears them; `written`: as the call says, so that the rest can
#: be judged apart from the model.
Objections = Literal["model", "written"]
#: Written objections are as sure as the model is of a plain sentence.
SURE: Final = 0.85
#: Unhurried speech on the telephone, in ms a syllable, and the silence between two turns.
SYLLABLE_MS: Final = 220
GAP_MS: Final = 600
#: The recognizer writes no punctuation; what it hears of it is a pause.
_PUNCTUATION: Final = re.compile(r"[，。？！、…,.?!：；]+")
PAUSE_MS: Final = 300
#: After words as short as 嗯 and 那个 people run on.
RUN_ON: Final = 2


@dataclass(frozen=True, slots=True)
class Played:
    """What was read from a turn, and the profile after it."""

    turn: Turn
    findings: Findings
    parts: ProfileParts
    cues: tuple[Cue, ...]
    at_ms: int


def play(
    call: WrittenCall,
    reader: LanguageReader,
    catalogue: Catalogue,
    objections: Objections,
    profile: CallProfile | None = None,
) -> Iterator[Played]:
    """The turns of `call`, one after another, told to `profile` (or to a new one)."""
    profile = profile or CallProfile(catalogue, quotes=True)
    ear = reader.open()
    now, agent_before = 500, ""
    for number, turn in enumerate(call.turns):
        words = _spoken(turn.words, now)
        text = "".join(word.text for word in words)
        start, end = now, words[-1].end_ms
        leg = cast(Leg, turn.leg)
        profile.speech(SpeechStarted(leg, start))
        profile.speech(SpeechEnded(leg, end))
        utterance = Utterance(leg, number, start, end, text, (), words, 0.9, True)
        if leg == "agent":
            findings = ear.agent(utterance)
            profile.agent_said(utterance, findings)
            agent_before = text
        else:
            findings = ear.customer(utterance, agent_before)
            if objections == "written":
                findings = replace(findings, objections=_written(turn))
            profile.customer_said(utterance, findings, None)
        parts = profile.snapshot(end, final=number == len(call.turns) - 1)
        yield Played(turn, findings, parts, tuple(profile.take_cues()), end)
        now = end + GAP_MS


def clauses(words: str) -> list[str]:
    """The clauses of a turn, without the punctuation between them."""
    return [clause for clause in _PUNCTUATION.split(words) if clause]


def _spoken(words: str, start_ms: int) -> tuple[Word, ...]:
    """The clauses of a turn as they would be heard, with a pause after all but the shortest."""
    spoken: list[Word] = []
    now = start_ms
    for clause in clauses(words):
        end = now + SYLLABLE_MS * len(clause)
        spoken.append(Word(clause, now, end, 0.9))
        now = end + (PAUSE_MS if len(clause) > RUN_ON else 0)
    return tuple(spoken)


def _written(turn: Turn) -> tuple[ObjectionFinding, ...]:
    return tuple(ObjectionFinding(cast(ObjectionType, kind), SURE) for kind in sorted(turn.objections))
