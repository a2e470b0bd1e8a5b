"""What the parts of recognition cost on one line of audio, as processor seconds of this process."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from appliance.speech.streamingmodel import StreamingModel


def recognizer_alone(model: StreamingModel, samples: NDArray[np.float32]) -> float:
    """Seconds that a recognizer takes over audio at its own rate, shape (n,), -1..1, in packets of 100 ms."""
    packet = model.rate // 10
    began = time.process_time()
    stream = model.open()
    for start in range(0, len(samples), packet):
        stream.accept(samples[start : start + packet])
        while stream.ready():
            model.decode([stream])
    stream.finish()
    while stream.ready():
        model.decode([stream])
    stream.hearing()
    return time.process_time() - began
