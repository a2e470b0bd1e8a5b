"""Cues: the few things that cannot wait for the next profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.profile import constants as c
from appliance.profile.grid import clamp, fraction
from appliance.protocol.vocabulary import CueKind


@dataclass(frozen=True, slots=True)
class Cue:
    """One urgent thing."""

    kind: CueKind
    #: one of `CUE_CODES`
    code: str
    #: 0..1 on the grid of 0.01
    confidence: float
    #: at most two strategy ids
    advice: tuple[str, ...]


class CueBox:
    """Collects cues until they are taken; the same code is not given again too soon."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], int] = {}
        self._waiting: list[Cue] = []

    def due(self, code: str, at_ms: int, cause: str = "customer") -> bool:
        """Whether a cue of this code may be given now.

        What the agent causes (`cause` "agent") is counted apart from what the customer does, and may come
        again after `PACING_REPEAT_MS` already.
        """
        given = self._given.get((code, cause))
        wait = c.PACING_REPEAT_MS if cause == "agent" else c.CUE_REPEAT_MS
        return given is None or at_ms - given >= wait

    def give(
        self,
        kind: CueKind,
        code: str,
        confidence: float,
        advice: Sequence[str],
        at_ms: int,
        *,
        cause: str = "customer",
    ) -> None:
        """Give a cue unless the same was given lately; when nobody takes them, the oldest are lost."""
        if not self.due(code, at_ms, cause):
            return
        self._given[code, cause] = at_ms
        sure = fraction(clamp(confidence, 0.0, 1.0))
        self._waiting = [*self._waiting, Cue(kind, code, sure, tuple(advice[:2]))][-c.CUES_WAITING :]

    def take(self) -> list[Cue]:
        """The cues since the last call."""
        taken, self._waiting = self._waiting, []
        return taken
