"""What the recognizer makes of sounds that are no speech, and whether it hears speech that follows them.

    python tools/bench/recognition_noise.py ../shared/data/asr/eval/manifest.tsv [--minutes 3] [--model NAME]

Every sound lasts that long, is synthesised with a seed and goes through the telephone line. For each the
table says how many characters were written a minute, how much of the time the recognizer was given audio, and
what the whole path cost, as processor time for a second of sound. Then each sound is followed by sentences of
the manifest, at once and behind a short pause: the characters wrong are compared with those of the sentences
alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from appliance.box.config import Speech
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.speech.audiofile import read_channels
from appliance.speech.errorrate import Errors, count_errors
from appliance.speech.evaluation import read_manifest, spoken_characters
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.recognizer import SpeechEngine
from appliance.speech.utterance import Utterance
from appliance.telephony.band import TELEPHONE_RATE, telephone_band

RATE = 16_000
_PACKET = TELEPHONE_RATE * 80 // 1000
#: Sound before the sentences that follow it.
_BEFORE_SECONDS = 20
_PAUSE_SECONDS = 0.3
Wave = NDArray[np.float64]


def chords(seconds: float, random: np.random.Generator) -> Wave:
    """Four voices that change every two seconds and hold, as an organ or strings."""
    time_axis = _axis(seconds)
    bar = np.minimum(time_axis // 2, int(seconds / 2) - 1).astype(int)
    roots = 110 * 2 ** (random.choice([0, 3, 5, 7, 8, 10, 12], int(seconds / 2) + 1) / 12)
    ratios = (1, 1.25, 1.5, 2)
    return sum(_voice(roots[bar] * ratio, 4) for ratio in ratios) * _breathing(time_axis, 0.1)


def melody(seconds: float, random: np.random.Generator) -> Wave:
    """Plucked notes of irregular lengths over a slow bass, as a guitar or a piano."""
    wave = np.zeros(len(_axis(seconds)))
    at = 0.0
    while at < seconds - 1:
        length = float(random.choice([0.25, 0.25, 0.5, 0.5, 1.0]))
        for pitch in (220 * 2 ** (random.integers(0, 24) / 12), 110 * 2 ** (random.integers(0, 12) / 12)):
            note = np.arange(int(1.2 * RATE)) / RATE
            sound = _voice(np.full(len(note), pitch), 8) * np.exp(-note * 3) * random.uniform(0.4, 1)
            start = int(at * RATE)
            wave[start : start + len(sound)] += sound[: len(wave) - start]
        at += length
    return wave


def band(seconds: float, random: np.random.Generator) -> Wave:
    """Chords, melody and a beat of noise together."""
    time_axis = _axis(seconds)
    beat = random.normal(0, 1, len(time_axis)) * np.exp(-(time_axis % 0.5) * 25)
    return chords(seconds, random) * 0.5 + melody(seconds, random) + beat


def singing(seconds: float, random: np.random.Generator) -> Wave:
    """A voice-like source with vibrato, gliding through the formants of vowels: the hardest of the sounds."""
    time_axis = _axis(seconds)
    notes = 160 * 2 ** (random.choice([0, 2, 4, 5, 7, 9, 12], int(seconds) + 1) / 12)
    pitch = notes[time_axis.astype(int)] * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * time_axis))
    wave = np.zeros(len(time_axis))
    phase = np.cumsum(2 * np.pi * pitch / RATE)
    formants = random.uniform((300, 900), (800, 2200), (int(seconds) + 1, 2))
    first, second = (formants[time_axis.astype(int), place] for place in (0, 1))
    for harmonic in range(1, 20):
        frequency = pitch * harmonic
        gain = 1 / (1 + ((frequency - first) / 90) ** 2) + 0.5 / (1 + ((frequency - second) / 120) ** 2)
        wave += gain * np.sin(harmonic * phase)
    return wave * _breathing(time_axis, 0.4)


def pink(seconds: float, random: np.random.Generator) -> Wave:
    """Noise whose power falls with the frequency, as rooms and traffic have it."""
    count = len(_axis(seconds))
    spectrum = np.fft.rfft(random.normal(0, 1, count))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), count)


def bursts(seconds: float, random: np.random.Generator) -> Wave:
    """Pink noise whose level jumps five times a second."""
    wave = pink(seconds, random)
    level = np.repeat(random.random(int(seconds * 5) + 1) ** 2, RATE // 5)[: len(wave)]
    return wave * level


def babble(seconds: float, random: np.random.Generator) -> Wave:
    """Twelve voices at once, made of noise and tones that rise and fall as syllables do."""
    time_axis = _axis(seconds)
    wave = np.zeros(len(time_axis))
    for _ in range(12):
        pitch = random.uniform(90, 240) * (1 + 0.1 * np.sin(2 * np.pi * random.uniform(0.3, 1) * time_axis))
        rate, shift = random.uniform(3, 6), random.uniform(0, 7)
        syllables = np.maximum(0, np.sin(2 * np.pi * rate * time_axis + shift)) ** 2
        colour = random.uniform(400, 2500)
        carrier = np.sin(2 * np.pi * colour * time_axis + shift)
        wave += _voice(pitch, 6) * (1 + carrier) * syllables
    return wave


def ringback(seconds: float, random: np.random.Generator) -> Wave:
    """450 Hz, one second of five (YD/T 1090 of Chinese exchanges)."""
    time_axis = _axis(seconds)
    return np.sin(2 * np.pi * 450 * time_axis) * (time_axis % 5 < 1)


def keys(seconds: float, random: np.random.Generator) -> Wave:
    """Keyed digits: two tones of 100 ms, three a second (ITU-T Q.23)."""
    time_axis = _axis(seconds)
    digit = (time_axis * 3).astype(int)
    low = np.array([697, 770, 852, 941])[random.integers(0, 4, digit[-1] + 1)][digit]
    high = np.array([1209, 1336, 1477])[random.integers(0, 3, digit[-1] + 1)][digit]
    tones = np.sin(2 * np.pi * low * time_axis) + np.sin(2 * np.pi * high * time_axis)
    return tones * (time_axis * 3 % 1 < 0.3)


SOUNDS: dict[str, Callable[[float, np.random.Generator], Wave]] = {
    "chords": chords, "melody": melody, "band": band, "singing": singing, "pink noise": pink,
    "bursts": bursts, "babble": babble, "ringback": ringback, "keys": keys,
}  # fmt: skip


def _axis(seconds: float) -> Wave:
    return np.arange(int(seconds * RATE)) / RATE


def _voice(frequency: Wave, harmonics: int) -> Wave:
    phase = np.cumsum(2 * np.pi * frequency / RATE)
    return np.asarray(sum(np.sin(one * phase) / one for one in range(1, harmonics + 1)))


def _breathing(time_axis: Wave, depth: float) -> Wave:
    return 1 - depth + depth * np.sin(2 * np.pi * 0.7 * time_axis)


def line(wave: Wave, decibels: float = -20.0) -> NDArray[np.int16]:
    """A sound at a level (root mean square, of full scale) behind the telephone line."""
    scaled = wave * (32768 * 10 ** (decibels / 20) / max(1e-9, np.sqrt(np.mean(wave**2))))
    return telephone_band(np.clip(np.rint(scaled), -32768, 32767).astype(np.int16), RATE)


class Watched:
    """A model that counts the seconds of audio it is given."""

    def __init__(self, real) -> None:
        self._real = real
        self.seconds = 0.0

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    def open(self):
        """A stream whose audio is counted."""
        stream = self._real.open()
        accept = stream.accept

        def counted(samples: np.ndarray) -> None:
            self.seconds += len(samples) / self._real.rate
            accept(samples)

        stream.accept = counted
        return stream


def hear(engine: SpeechEngine, samples: NDArray[np.int16]) -> list[Utterance]:
    leg = engine.open("customer")
    found = []
    for start in range(0, len(samples), _PACKET):
        leg.feed(samples[start : start + _PACKET], TELEPHONE_RATE, start * 1000 // TELEPHONE_RATE)
        engine.step()
        found += leg.take()
    leg.finish()
    found += leg.take()
    leg.close()
    return [event for event in found if isinstance(event, Utterance) and event.final]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="TSV with the columns path and text")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each sound")
    parser.add_argument("--sentences", type=int, default=6, help="that follow each sound")
    parser.add_argument("--model", metavar="NAME", default=Speech().model, help="a recognizer of the store")
    parser.add_argument("--sound", action="append", choices=sorted(SOUNDS), help="only these")
    options = parser.parse_args()
    store, speech = ModelStore(), Speech(model=options.model)
    model, choice = load_recognizer(store, speech, 1)
    watched = Watched(model)
    engine = SpeechEngine(watched, load_reading(store, model, (), Journal("bench")), speech.endpoint_ms)
    sentences = []
    for item in read_manifest(options.manifest)[: options.sentences]:
        channels, rate = read_channels(item.path)
        sentences.append((item.text, telephone_band(channels[0], rate)))
    alone = sum((errors(engine, text, voice) for text, voice in sentences), Errors())
    print(f"{choice.name}; {len(sentences)} sentences alone: {100 * (alone.rate or 0):.1f} % wrong\n")
    print(f"{'':12}{'inserted':>10}{'awake':>8}{'cost':>9}{'wrong behind it':>17}{'behind a pause':>16}")
    written = minutes = 0.0
    console = Console(stderr=True)
    for name in track(options.sound or list(SOUNDS), "listening", console=console, transient=True):
        random = np.random.default_rng(sum(map(ord, name)))
        samples = line(SOUNDS[name](options.minutes * 60, random))
        watched.seconds = 0.0
        began = time.process_time()
        characters = sum(len(one.text) for one in hear(engine, samples))
        cost = (time.process_time() - began) / (options.minutes * 60)
        awake = watched.seconds / (options.minutes * 60)
        behind = [follow(engine, samples, sentences, pause) for pause in (0.0, _PAUSE_SECONDS)]
        print(
            f"{name:12}{characters / options.minutes:10.2f}{100 * awake:6.0f} %{cost:9.4f}"
            f"{100 * behind[0]:15.1f} %{100 * behind[1]:14.1f} %",
            flush=True,
        )
        written += characters
        minutes += options.minutes
    print(f"\n{written / minutes:.2f} characters a minute inserted in {minutes:g} minutes")
    return 0


def errors(engine: SpeechEngine, text: str, samples: NDArray[np.int16]) -> Errors:
    heard = "".join(utterance.text for utterance in hear(engine, samples))
    return count_errors(spoken_characters(text), spoken_characters(heard))


def follow(
    engine: SpeechEngine, sound: NDArray[np.int16], sentences: list[tuple[str, np.ndarray]], pause: float
) -> float:
    """Characters wrong in sentences that each begin behind the sound, as a fraction."""
    before = sound[: _BEFORE_SECONDS * TELEPHONE_RATE]
    gap = np.zeros(int(pause * TELEPHONE_RATE), np.int16)
    total = sum(
        (errors(engine, text, np.concatenate((before, gap, voice))) for text, voice in sentences), Errors()
    )
    return total.rate or 0.0


if __name__ == "__main__":
    raise SystemExit(main())
