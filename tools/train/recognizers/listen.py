"""Runs the teacher over manifests and keeps what it heard in one file a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from appliance.telephony.band import to_rate
from tools.train.recognizers.corpus import Recording
from tools.train.recognizers.teacher import KEPT, RATE, Teacher


def listen(teacher: Teacher, recordings: Sequence[Recording], output: Path) -> None:
    """Write tokens, log-probabilities and where each recording begins, in the recordings' order, as NPZ."""
    tokens, scores, starts = [np.zeros((0, KEPT), np.uint8)], [np.zeros((0, KEPT), np.float16)], [0]
    for recording in track(recordings, f"teacher: {output.stem}"):
        samples, rate = recording.samples()
        heard, sure = teacher.hear(to_rate(samples, rate, RATE))
        tokens.append(heard)
        scores.append(sure)
        starts.append(starts[-1] + len(heard))
    partial = output.with_suffix(".part.npz")
    np.savez(partial, tokens=np.concatenate(tokens), scores=np.concatenate(scores), starts=np.array(starts))
    partial.rename(output)
