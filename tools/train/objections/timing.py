"""How long a text network takes for an utterance, in processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from appliance.language.pinyin_forms import Heard

#: Stands before items whose manifest names no agent's words, so that the time is that of a call.
AGENT = "我们这边新出了一款稳健型的产品您看需要了解一下吗"


def timed(read: Callable[[Heard, Heard], object], heard: Sequence[tuple[Heard, Heard]]) -> str:
    """Median and nineteen of twenty of the utterances, each with the agent's words before it, in words."""
    times = []
    for utterance, before in heard:
        started = time.process_time()
        read(utterance, before)
        times.append(1000 * (time.process_time() - started))
    slow = sorted(times)[len(times) * 19 // 20]
    return (
        f"median {statistics.median(times):.2f} ms, slowest of twenty {slow:.2f} ms of processor time "
        "an utterance"
    )
