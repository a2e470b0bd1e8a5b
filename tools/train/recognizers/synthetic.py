"""Speech of espeak-ng for sentences of our own, in voices drawn by chance, as a manifest beside FLAC files.

The words of the trade (products, objections, manners on the telephone) stand in few recordings of people;
here they are heard at least from a machine. The demonstration calls are spoken by espeak-ng too, in other
voices and with other sentences: lines that stand in their scripts are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from rich.progress import track

from tools.demo_call.script import load
from tools.demo_call.synthesis import RATE, Grouping, Reading, synthesizer
from tools.train.recognizers.corpus import readings

_VOICES: Final = 24
_GROUPINGS: Final[tuple[Grouping, ...]] = ("phrase", "halves", "words")


def voices(count: int, rng: np.random.Generator) -> dict[str, str]:
    """Variants of espeak-ng's voice, name to text: low and high, small and large mouths, breath, tone."""
    found = {}
    for number in range(count):
        low = int(rng.integers(65, 190))
        lines = [f"pitch {low} {int(low * rng.uniform(1.5, 2.1))}"]
        lines += [
            f"formant {formant} {rng.integers(88, 122)} {rng.integers(70, 150)} {rng.integers(75, 130)}"
            for formant in range(1, 6)
        ]
        lines.append(f"breath {int(rng.integers(0, 60))} 0 {int(rng.integers(0, 30))}")
        found[f"ridge{number}"] = "\n".join(lines)
    return found


def sentences(files: Sequence[Path]) -> Iterator[str]:
    """Lines of text files and the column `text` of TSV files, without what the demonstration calls say."""
    said = {
        phrase for name in ("script", "second_script") for turn in load(name).turns for phrase in turn.phrases
    }
    seen: set[str] = set()
    for path in files:
        with path.open(encoding="utf-8", newline="") as stream:
            rows: Iterator[str] = (
                (row["text"] for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
                if path.suffix == ".tsv"
                else (line.strip() for line in stream if not line.startswith("#"))
            )
            for text in rows:
                spoken = "".join(character for character in text if character.isalnum())
                if 3 <= len(spoken) <= 40 and spoken not in seen and not any(part in spoken for part in said):
                    seen.add(spoken)
                    yield spoken


def speak(files: Sequence[Path], output: Path, renditions: int, seed: int) -> Path:
    """Write `output`/synthetic.tsv and its recordings; the same espeak-ng makes the same files."""
    rng = np.random.default_rng(seed)
    variants = voices(_VOICES, rng)
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "synthetic.tsv"
    lines = [text for text in sentences(files) if readings(text)]
    with synthesizer(variants) as synthesis, manifest.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow(["path", "text", "speaker", "seconds"])
        for number, text in enumerate(track(lines * renditions, "espeak-ng")):
            voice = f"ridge{rng.integers(_VOICES)}"
            reading = Reading(
                int(rng.integers(120, 190)),
                int(rng.integers(20, 95)),
                _GROUPINGS[rng.integers(len(_GROUPINGS))],
            )
            samples = synthesis.phrase(text, voice, reading)
            path = output / f"{number:05d}.flac"
            soundfile.write(path, samples * 0.5, RATE)
            writer.writerow([path.name, text, voice, f"{len(samples) / RATE:.2f}"])
    return manifest
