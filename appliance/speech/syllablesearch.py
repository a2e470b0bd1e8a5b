"""The likeliest row of whole syllables in the frames of a CTC network that writes initials and finals.

A best path taken frame by frame (Graves et al. 2006) may hold an initial without a final, or one that no
syllable of Mandarin begins with, and such a syllable is lost. This search is Viterbi's over the same frames,
but an initial is always followed by a final that it goes with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.speech.bestpath import likeliest
from appliance.speech.pinyin import INITIALS, in_ascii, is_syllable
from appliance.speech.streamingmodel import Hearing

#: An initial that is this many nats behind the best path is not followed on.
_BEAM: Final = 60.0
#: An initial may have been told so many frames before the one where it was likeliest to begin.
_EARLY: Final = 3
#: Behind the last final so many frames still speak of it.
_LATE: Final = 4
_IMPOSSIBLE: Final = -1e9
Scores = NDArray[np.float64]
#: A token, the first and the last frame of it on the best path.
_Run = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the frames of a run say: natural logarithms."""

    sure: float
    margin: float
    rivals: Mapping[str, float]


class SyllableGrammar:
    """Which tokens of a table may follow each other."""

    def __init__(self, tokens: Sequence[str], blank: int) -> None:
        """`tokens` are initials ("zh"), finals with tone marks ("ōng"), letters and the blank."""
        self.tokens = tokens
        self.blank = blank
        self.initials = np.array([n for n, token in enumerate(tokens) if token in INITIALS], np.int64)
        spelt = {
            number: token if len(token) == 1 and token.isascii() and token.isupper() else in_ascii(token)
            for number, token in enumerate(tokens)
            if number != blank and token not in INITIALS
        }
        starts = ["", *(tokens[number] for number in self.initials)]
        said = {n: [is_syllable(start + final) for start in starts] for n, final in spelt.items()}
        self.finals = np.array([number for number, follows in said.items() if any(follows)], np.int64)
        allowed = np.array([said[number] for number in self.finals.tolist()], bool).reshape(-1, len(starts)).T
        #: 0 where a final may follow nothing, or an initial (initials, finals); far below 0 elsewhere
        self.alone = np.where(allowed[0], 0.0, _IMPOSSIBLE)
        self.follows = np.where(allowed[1:], 0.0, _IMPOSSIBLE)
        #: The states of the search: nothing is being said; an initial; the blank behind it; a final.
        count = len(self.initials)
        self.first_initial, self.first_pause, self.first_final = 1, 1 + count, 1 + 2 * count
        #: the token of each state
        self.state_tokens = np.concatenate(
            ([blank], self.initials, np.full(count, blank, np.int64), self.finals)
        )


class SyllablePath:
    """The search through the frames of one utterance."""

    def __init__(self, grammar: SyllableGrammar) -> None:
        """Begin an utterance."""
        self._grammar = grammar
        self._scores: Scores = np.full(len(grammar.state_tokens), _IMPOSSIBLE)
        self._scores[0] = 0.0
        #: for each frame, the state before each state
        self._origins: list[NDArray[np.int64]] = []
        self._frames: list[NDArray[np.float32]] = []
        self._told: dict[tuple[_Run, tuple[int, int]], _Told] = {}

    def advance(self, frames: NDArray[np.float32]) -> None:
        """Go on through log-probabilities, shape (n, tokens)."""
        for frame in frames:
            self._step(frame.astype(np.float64))
            self._frames.append(frame)

    def _step(self, frame: Scores) -> None:
        grammar = self._grammar
        scores = self._scores
        initials = slice(grammar.first_initial, grammar.first_pause)
        pauses = slice(grammar.first_pause, grammar.first_final)
        finals = slice(grammar.first_final, None)
        origins = np.arange(len(scores))
        best = scores.copy()
        # a syllable is over: nothing is said yet, or the likeliest final has just been said
        last = grammar.first_final + int(scores[finals].argmax()) if len(grammar.finals) else 0
        over = last if scores[last] > scores[0] else 0
        best[0], origins[0] = scores[over], over
        begins = scores[initials] < scores[over]
        best[initials][begins] = scores[over]
        origins[initials][begins] = over
        told = scores[initials] > scores[pauses]
        best[pauses][told] = scores[initials][told]
        origins[pauses][told] = np.arange(grammar.first_initial, grammar.first_pause)[told]
        pending, source = best[pauses], origins[pauses]
        from_nothing = scores[over] + grammar.alone
        better = from_nothing > best[finals]
        best[finals][better] = from_nothing[better]
        origins[finals][better] = over
        for initial in np.flatnonzero(pending > scores.max() - _BEAM).tolist():
            from_initial = pending[initial] + grammar.follows[initial]
            better = from_initial > best[finals]
            best[finals][better] = from_initial[better]
            origins[finals][better] = source[initial]
        self._scores = best + frame[grammar.state_tokens]
        self._origins.append(origins)

    def hearing(self, frame_seconds: float, lag_seconds: float) -> Hearing:
        """The tokens of the best path, each with its place in time and what it may have been instead."""
        runs = self._runs()
        told = []
        for place, run in enumerate(runs):
            token, first, last = run
            start = first
            if self._grammar.tokens[token] in INITIALS:
                start = max(runs[place - 1][2] + 1 if place else 0, first - _EARLY)
            elif place and self._grammar.tokens[runs[place - 1][0]] in INITIALS:
                start = runs[place - 1][1]
            end = runs[place + 1][1] if place + 1 < len(runs) else min(last + _LATE, len(self._frames))
            told.append(self._tell(run, (start, max(end, last + 1))))
        self._told = dict(told)
        return Hearing(
            [self._grammar.tokens[token] for token, _, _ in runs],
            [max(0.0, first * frame_seconds - lag_seconds) for _, first, _ in runs],
            [one.sure for _, one in told],
            [one.rivals for _, one in told],
            [one.margin for _, one in told],
        )

    def _tell(self, run: _Run, around: tuple[int, int]) -> tuple[tuple[_Run, tuple[int, int]], _Told]:
        """What the frames say of a run and of the frames around it; most stay as they were a moment ago."""
        key = run, around
        known = self._told.get(key)
        if known is None:
            token, first, last = run
            own = np.array(self._frames[first : last + 1])
            known = _Told(
                float(own[:, token].max()),
                float((own[:, token] - own[:, self._grammar.blank]).sum()),
                likeliest(
                    np.max(self._frames[slice(*around)], axis=0), self._grammar.tokens, self._grammar.blank
                ),
            )
        return key, known

    def _runs(self) -> list[_Run]:
        """Each stretch of the best path that is not blank."""
        runs: list[_Run] = []
        state, last = int(self._scores.argmax()), len(self._origins) - 1
        for frame in range(last, -1, -1):
            before = int(self._origins[frame][state])
            if before != state or frame == 0:
                token = int(self._grammar.state_tokens[state])
                if token != self._grammar.blank:
                    runs.append((token, frame, last))
                last = frame - 1
            state = before
        return runs[::-1]
