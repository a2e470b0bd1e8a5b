"""What the recognition path costs over the bare recognizer, on the same speech, in one run.

    python tools/bench/recognition.py ../shared/data/asr/eval/manifest.tsv --rounds 3 [--search beam] [--json]

`--config FILE` gives the path its `[speech]`: the recognizer, the search and the site's own names. `--model`
and `--search` overrule it.

"Bare" is the recognizer alone, at its own rate in packets of 100 ms, with the silence it needs at the end;
a transducer is run by sherpa-onnx then, whoever runs it in the path.
"Path" is what a call goes through: 8 kHz telephone audio in packets of 80 ms, voice activity, resampling,
recognition, decoding into characters, with partial results. Both are measured in turn, as processor time, of
which other work on the machine takes none, and as time that passed. Other work does take the caches, so of
each recording's rounds the least counts; the ratio of every round is told beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sherpa_onnx
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from appliance.box.config import load
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.speech.audiofile import read_channels
from appliance.speech.cost import recognizer_alone
from appliance.speech.evaluation import read_manifest
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.syllabletransducer import BLANK_PENALTY, SyllableTransducer
from appliance.speech.voiceactivity import VoiceActivity
from appliance.telephony.band import TELEPHONE_RATE, telephone_band, to_rate

_PARTS = ("encoder", "decoder", "joiner", "tokens")
_PATH_PACKET = TELEPHONE_RATE * 80 // 1000


@dataclass
class Cost:
    """One way through the audio: for each round each recording's seconds, of the processor and passed."""

    processor: list[list[float]] = field(default_factory=list)
    wall: list[list[float]] = field(default_factory=list)

    def begin(self) -> None:
        """A round begins."""
        self.processor.append([])
        self.wall.append([])

    def measure(self, work: Callable[[], float]) -> None:
        """Do it; it tells the processor seconds that count."""
        began = time.perf_counter()
        self.processor[-1].append(work())
        self.wall[-1].append(time.perf_counter() - began)

    def least(self) -> float:
        """Processor seconds of all recordings, each in its best round."""
        return sum(map(min, zip(*self.processor, strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="TSV with the columns path and text")
    parser.add_argument("--model", metavar="NAME", help="a recognizer of the store")
    parser.add_argument("--search", choices=("greedy", "beam"))
    parser.add_argument("--config", type=Path, help="a configuration whose [speech] is to be measured")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    store = ModelStore()
    asked = {"model": options.model, "search": options.search}
    speech = load(options.config).speech.model_copy(update={k: v for k, v in asked.items() if v})
    model, choice = load_recognizer(store, speech, 1)
    reading = load_reading(store, model, speech.words, Journal("bench"))
    engine = SpeechEngine(model, reading, speech.endpoint_ms)
    theirs = sherpa(store, choice.name) if isinstance(model, SyllableTransducer) else None
    lines = []
    for item in read_manifest(options.manifest):
        channels, rate = read_channels(item.path)
        narrow = telephone_band(channels[0], rate)
        lines.append((narrow, to_rate(narrow, TELEPHONE_RATE, model.rate).astype(np.float32) / 32768))
    bare, path, activity = Cost(), Cost(), Cost()
    ways: list[tuple[Cost, Callable[[np.ndarray, np.ndarray], float]]] = [
        (bare, lambda _, wide: measure_sherpa(theirs, wide) if theirs else recognizer_alone(model, wide)),
        (path, lambda narrow, _: measure_path(engine, narrow)),
        (activity, lambda narrow, _: measure_voice_activity(narrow)),
    ]
    console = Console(stderr=True)
    for _ in track(range(options.rounds), "measuring", console=console, transient=True):
        for cost, _way in ways:
            cost.begin()
        for narrow, wide in lines:
            for cost, way in ways:
                cost.measure(lambda way=way, narrow=narrow, wide=wide: way(narrow, wide))
    audio = sum(len(narrow) for narrow, _ in lines) / TELEPHONE_RATE
    rounds = [sum(one) / sum(other) for one, other in zip(path.processor, bare.processor, strict=True)]
    passed = [sum(map(sum, cost.wall)) for cost in (path, bare)]
    summary = {
        "model": choice.name,
        "audio_seconds": round(audio, 1),
        "bare_rtf": round(bare.least() / audio, 5),
        "path_rtf": round(path.least() / audio, 5),
        "ratio": round(path.least() / bare.least(), 3),
        "ratio_of_rounds": [round(one, 3) for one in rounds],
        "ratio_of_time_passed": round(passed[0] / passed[1], 3),
        "voice_activity_share": round(activity.least() / bare.least(), 4),
    }
    if options.json:
        print(json.dumps(summary))
    else:
        for name, value in summary.items():
            print(f"{name:22}{value}")
    return 0


def sherpa(store: ModelStore, name: str) -> sherpa_onnx.OnlineRecognizer:
    """The same transducer as sherpa-onnx runs it, by greedy search."""
    model = store.open(name)
    parts = {part: file.name for file in model.entry.file for part in _PARTS if file.name.startswith(part)}
    return sherpa_onnx.OnlineRecognizer.from_transducer(
        **{part: str(model.path(file)) for part, file in parts.items()},
        num_threads=1,
        blank_penalty=BLANK_PENALTY,
    )


def measure_sherpa(recognizer: sherpa_onnx.OnlineRecognizer, samples: np.ndarray) -> float:
    rate = 16_000
    began = time.process_time()
    stream = recognizer.create_stream()
    for start in range(0, len(samples), rate // 10):
        stream.accept_waveform(rate, samples[start : start + rate // 10])
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
    stream.accept_waveform(rate, np.zeros(int(0.4 * rate), np.float32))
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    recognizer.get_result(stream)
    return time.process_time() - began


def measure_path(engine: SpeechEngine, samples: np.ndarray) -> float:
    began = time.process_time()
    leg = engine.open("customer")
    for start in range(0, len(samples), _PATH_PACKET):
        leg.feed(samples[start : start + _PATH_PACKET], TELEPHONE_RATE, start * 1000 // TELEPHONE_RATE)
        engine.step()
        leg.take()
    leg.finish()
    leg.take()
    leg.close()
    return time.process_time() - began


def measure_voice_activity(samples: np.ndarray) -> float:
    activity = VoiceActivity(TELEPHONE_RATE)
    whole = len(samples) // _PATH_PACKET * _PATH_PACKET
    began = time.process_time()
    for start in range(0, whole, _PATH_PACKET):
        activity.decide(samples[start : start + _PATH_PACKET])
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
