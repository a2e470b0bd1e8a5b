"""How the network hears recordings that the training never saw: tone-less syllable errors by telephone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from appliance.speech.errorrate import count_errors
from appliance.speech.pinyin import join_tokens, without_tone
from appliance.telephony.band import telephone_band, to_rate
from tools.train.recognizers.corpus import Recording
from tools.train.recognizers.network import RATE, Recognizer

#: Recordings of each set that are heard; more would only take longer.
_MOST = 80


class Judge:
    """Scores a network on named sets of recordings through the plain telephone band."""

    def __init__(self, sets: Mapping[str, Sequence[Recording]], table: Sequence[str], seed: int) -> None:
        self._table = table
        self._sets = {}
        for name, recordings in sets.items():
            chosen = np.random.default_rng(seed).permutation(len(recordings))[:_MOST]
            self._sets[name] = [
                (recordings[index].syllables, _by_telephone(recordings[index])) for index in sorted(chosen)
            ]

    def score(self, network: Recognizer) -> dict[str, float]:
        """Errors of each set by the best path, heard by a network that is being trained."""
        network.eval()
        scores = {
            name: round(self.errors(name, lambda samples: self._best_path(logits_of(network, samples))), 4)
            for name in self._sets
        }
        network.train()
        return scores

    def errors(self, name: str, hear: Callable[[NDArray[np.float32]], Sequence[str]]) -> float:
        """Wrong, missing and additional tone-less syllables over those said, of one set.

        `hear` gives the tokens in samples in int16 scale, shape (n,), at 8 kHz.
        """
        wrong = said = 0
        for syllables, samples in self._sets[name]:
            tokens = hear(samples)
            heard = [without_tone(one.text) for one in join_tokens(tokens, [0.0] * len(tokens), [])]
            wrong += count_errors([without_tone(one) for one in syllables], heard).total
            said += len(syllables)
        return wrong / max(1, said)

    def _best_path(self, logits: NDArray[np.float32]) -> list[str]:
        """The tokens of the frames' best path (CTC)."""
        best = logits.argmax(1).tolist()
        return [
            self._table[token]
            for place, token in enumerate(best)
            if token and (place == 0 or best[place - 1] != token)
        ]


@torch.no_grad()
def logits_of(network: Recognizer, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (frames, tokens) of samples (n,) in int16 scale at 8 kHz."""
    with torch.autocast("cpu", torch.bfloat16):
        logits: NDArray[np.float32] = network.whole(torch.from_numpy(samples)[None])[0].float().numpy()
    return logits


def _by_telephone(recording: Recording) -> NDArray[np.float32]:
    samples, rate = recording.samples()
    silence = np.zeros(RATE * 300 // 1000, np.int16)
    return np.concatenate((silence, telephone_band(to_rate(samples, rate, 16_000), 16_000), silence)).astype(
        np.float32
    )
