"""The best path through the frames of a CTC network: a token for each run of frames that agree on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.speech.streamingmodel import Hearing

#: Rivals told of each token.
_RIVALS: Final = 16


class BestPath:
    """The search through the frames of one utterance (Graves et al. 2006)."""

    def __init__(self, tokens: Sequence[str], blank: int) -> None:
        """Begin an utterance."""
        self._symbols, self._blank = tokens, blank
        self._decoded, self._last = 0, -1
        self._tokens: list[str] = []
        self._places: list[int] = []
        self._sure: list[float] = []
        self._rivals: list[Mapping[str, float]] = []

    def advance(self, frames: NDArray[np.float32]) -> None:
        """Go on through log-probabilities, shape (n, tokens)."""
        for place, token in enumerate(frames.argmax(axis=1).tolist()):
            if token != self._blank:
                probability = float(frames[place, token])
                if token != self._last:
                    self._tokens.append(self._symbols[token])
                    self._places.append(self._decoded + place)
                    self._sure.append(probability)
                    self._rivals.append(likeliest(frames[place], self._symbols, self._blank))
                elif probability > self._sure[-1]:
                    self._sure[-1] = probability
                    self._rivals[-1] = likeliest(frames[place], self._symbols, self._blank)
            self._last = token
        self._decoded += len(frames)

    def hearing(self, frame_seconds: float, lag_seconds: float) -> Hearing:
        """The tokens so far."""
        times = [max(0.0, place * frame_seconds - lag_seconds) for place in self._places]
        return Hearing(list(self._tokens), times, list(self._sure), list(self._rivals))


def likeliest(scores: NDArray[np.float32], symbols: Sequence[str], blank: int) -> Mapping[str, float]:
    """The likeliest tokens of log-probabilities, shape (tokens,); the blank is none."""
    places = np.argpartition(-scores, min(_RIVALS, len(scores) - 1))[: _RIVALS + 1].tolist()
    return {symbols[token]: float(scores[token]) for token in places if token != blank}
