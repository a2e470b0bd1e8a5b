"""Recognition as the seat sees it: how much of the partial results is taken back, and what noise does to it.

    python tools/bench/recognition_line.py ../shared/data/asr/eval/manifest.tsv [--noise 20 --noise 10]

The speech goes through the telephone line, with a second of silence before and behind; white noise (seeded)
is added before the line, so many dB below the mean power of the utterance.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from appliance.box.config import Speech
from appliance.models import ModelStore
from appliance.speech.audiofile import read_channels
from appliance.speech.errorrate import Errors, count_errors
from appliance.speech.evaluation import Item, read_manifest, spoken_characters
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.utterance import SpeechEvent, Utterance
from appliance.telephony.band import TELEPHONE_RATE, telephone_band

_PACKET = TELEPHONE_RATE * 80 // 1000


@dataclass
class Seen:
    """What came out for a set of utterances."""

    errors: Errors = field(default_factory=Errors)
    partials: int = 0
    taken_back: int = 0
    shown: str = ""

    def take(self, events: list[SpeechEvent]) -> str:
        """Count the events; the text of those that are final."""
        text = ""
        for event in events:
            if not isinstance(event, Utterance):
                continue
            same = 0
            while same < min(len(self.shown), len(event.text)) and self.shown[same] == event.text[same]:
                same += 1
            self.taken_back += len(self.shown) - same
            self.partials += not event.final
            self.shown = "" if event.final else event.text
            text += event.text if event.final else ""
        return text


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="TSV with the columns path and text")
    parser.add_argument("--noise", type=float, action="append", default=[], help="dB below the voice")
    options = parser.parse_args()
    engine = SpeechEngine.load(ModelStore(), Speech())
    items = read_manifest(options.manifest)
    for noise in (None, *options.noise):
        name = "no noise" if noise is None else f"noise {noise:g} dB below"
        seen = Seen()
        for item in track(items, name, console=Console(stderr=True), transient=True):
            hear(engine, item, noise, seen)
        print(
            f"{name:20}{100 * (seen.errors.rate or 0):5.1f} % of {seen.errors.reference} characters wrong; "
            f"{seen.taken_back} characters taken back in {seen.partials} partial results"
        )
    return 0


def hear(engine: SpeechEngine, item: Item, noise: float | None, seen: Seen) -> None:
    channels, rate = read_channels(item.path)
    voice = channels[0].astype(np.float64)
    samples = np.concatenate((np.zeros(rate), voice, np.zeros(rate)))
    if noise is not None:
        level = np.sqrt(np.mean(voice**2) / 10 ** (noise / 10))
        samples += np.random.default_rng(len(samples)).normal(0, level, len(samples))
    line = telephone_band(np.clip(np.rint(samples), -32768, 32767).astype(np.int16), rate)
    leg = engine.open("customer")
    text = ""
    for start in range(0, len(line), _PACKET):
        leg.feed(line[start : start + _PACKET], TELEPHONE_RATE, start * 1000 // TELEPHONE_RATE)
        engine.step()
        text += seen.take(leg.take())
    leg.finish()
    text += seen.take(leg.take())
    leg.close()
    seen.errors += count_errors(spoken_characters(item.text), spoken_characters(text))


if __name__ == "__main__":
    raise SystemExit(main())
