"""What the speech room asks of a streaming recognizer, whatever network it is and whatever runs it.

A model gives streams, one an utterance; a stream takes audio at the model's own rate and tells what it has
heard so far. Decoding is asked of the model, for many streams at once, because some networks are faster so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.models import Units


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a stream has heard since it began."""

    #: such as "zh" and "ōng", or characters
    tokens: Sequence[str]
    #: seconds since the stream began, one a token, not falling
    times: Sequence[float]
    #: natural logarithms of the tokens' probabilities; empty where the search gives none
    log_probabilities: Sequence[float]
    #: natural logarithms of what else each token may have been, itself included; empty where nobody tells
    alternatives: Sequence[Mapping[str, float]] = ()
    #: by how many nats each token is likelier than that nothing was said there; empty where nobody tells
    margins: Sequence[float] = ()


class ModelStream(Protocol):
    """The audio of one utterance inside a model."""

    def accept(self, samples: NDArray[np.float32]) -> None:
        """Add audio at the model's rate, shape (n,), -1..1."""

    def finish(self) -> None:
        """No more audio follows: add the silence that the network needs to tell its last tokens."""

    def ready(self) -> bool:
        """Whether there is enough audio for one step of decoding."""

    def hearing(self) -> Hearing:
        """What was heard in all steps so far."""


class StreamingModel(Protocol):
    """A loaded recognizer."""

    #: Hz; every stream is fed at this rate
    rate: int
    #: what the tokens spell
    units: Units
    #: the symbols of the tokens' file that a network can write
    symbols: frozenset[str]
    #: streams that one call of `decode` may take
    largest_batch: int
    #: how this network mishears, for the reading of syllables; None where the lexicon's own table fits
    confusions: Path | None

    def open(self) -> ModelStream:
        """A stream for a new utterance."""

    def decode(self, streams: Sequence[ModelStream]) -> None:
        """One step on each of these streams, at most `largest_batch`, all of them ready.

        Raises:
            RuntimeError, ValueError: the network failed. With more than one stream none of them has gone
                on, so that each can be tried alone.
        """
