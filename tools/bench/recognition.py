"""What the recognition path costs over the bare recognizer, on the same speech, in one run.

    python tools/bench/recognition.py ../shared/data/asr/eval/manifest.tsv --rounds 3 [--search beam] [--json]

`--config FILE` gives the path its `[speech]`: the recognizer, the search and the site's own names. `--model`
and `--search` overrule it.

"Bare" is the recognizer alone, at its own rate in packets of 100 ms, with the silence it needs at the end;
a transducer is run by sherpa-onnx then, whoever runs it in the path.
"Path" is what a call goes through: 8 kHz telephone audio in packets of 80 ms, voice activity, resampling,
recognition, decoding into characters, with partial results. Both are measured as processor time, in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
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
from appliance.speech.evaluation import read_manifest
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.streamingmodel import StreamingModel
from appliance.speech.syllabletransducer import BLANK_PENALTY, SyllableTransducer
from appliance.speech.voiceactivity import VoiceActivity
from appliance.telephony.band import TELEPHONE_RATE, telephone_band, to_rate

_PARTS = ("encoder", "decoder", "joiner", "tokens")
_PATH_PACKET = TELEPHONE_RATE * 80 // 1000


@dataclass
class Cost:
    """Processor seconds of each way through the same audio."""

    bare: float = 0.0
    path: float = 0.0
    voice_activity: float = 0.0
    audio: float = 0.0


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
    cost = Cost()
    for narrow, wide in track(
        lines * options.rounds, "measuring", console=Console(stderr=True), transient=True
    ):
        cost.audio += len(narrow) / TELEPHONE_RATE
        cost.bare += measure_bare(model, wide) if theirs is None else measure_sherpa(theirs, wide)
        cost.path += measure_path(engine, narrow)
        cost.voice_activity += measure_voice_activity(narrow)
    summary = {
        "model": choice.name,
        "audio_seconds": round(cost.audio, 1),
        "bare_rtf": round(cost.bare / cost.audio, 5),
        "path_rtf": round(cost.path / cost.audio, 5),
        "ratio": round(cost.path / cost.bare, 3),
        "voice_activity_share": round(cost.voice_activity / cost.bare, 4),
    }
    if options.json:
        print(json.dumps(summary))
    else:
        for name, value in summary.items():
            print(f"{name:22}{value}")
    return 0


def measure_bare(model: StreamingModel, samples: np.ndarray) -> float:
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
