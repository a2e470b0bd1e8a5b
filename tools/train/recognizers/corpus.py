"""Speech with text for the bundled recognizer: manifests in, toned initials and finals out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from appliance.speech.pinyin import BASES, INITIALS, is_syllable, split

#: Tones as they stand on the vowel that carries them.
_MARKED: Final = {
    "a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù", "v": "ǖǘǚǜ",
}  # fmt: skip
BLANK: Final = "<blk>"
#: 嗯, whatever its tone.
HUMMED: Final = "ń"


@dataclass(frozen=True, slots=True)
class Recording:
    """One utterance of a manifest."""

    path: Path
    #: the set it belongs to: its manifest's name
    corpus: str
    speaker: str
    seconds: float
    #: toned syllables such as "yong4"; empty where the text cannot be read
    syllables: tuple[str, ...]

    def samples(self) -> tuple[NDArray[np.int16], int]:
        """Mono int16 audio, shape (n,), and its rate in Hz."""
        samples, rate = soundfile.read(self.path, dtype="int16")
        return samples, int(rate)


def read_manifest(manifest: Path) -> list[Recording]:
    """The recordings of a TSV with the columns path, text, speaker and seconds.

    Raises:
        ValueError: a manifest of speech that is kept for scoring.
    """
    if manifest.resolve().parent.name == "eval":
        raise ValueError(f"{manifest} is for scoring only; name a manifest of training data")
    with manifest.open(encoding="utf-8", newline="") as stream:
        return [
            Recording(
                manifest.parent / row["path"],
                manifest.stem,
                row["speaker"],
                float(row["seconds"]),
                readings(row["text"]),
            )
            for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def readings(text: str) -> tuple[str, ...]:
    """Toned syllables of a text; empty where it holds more than hanzi and punctuation."""
    spoken = "".join(character for character in text if character.isalnum())
    if any(not "\u4e00" <= character <= "\u9fff" for character in spoken):
        return ()
    syllables = lazy_pinyin(spoken, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    return tuple(syllables) if all(is_syllable(syllable) for syllable in syllables) else ()


def tokens_of(syllable: str) -> list[str]:
    """A toned syllable as the recognizer's tokens: "zhong1" is zh and ōng, "er2" is ér."""
    initial, final, tone = split(syllable)
    if not any(vowel in final for vowel in "aeiouv"):
        return [HUMMED]
    return [*([initial] if initial else []), mark(final, tone)]


def mark(final: str, tone: str) -> str:
    """A final with its tone mark where GB/T 16159 puts it: on a or e, the o of ou, else on the last vowel."""
    if tone in {"5", ""}:
        return final.replace("v", "ü")
    for vowel in "ae":
        if vowel in final:
            place = final.index(vowel)
            break
    else:
        vowels = [index for index, letter in enumerate(final) if letter in "iouv"]
        place = final.index("o") if "ou" in final else (vowels[-1] if vowels else 0)
    return (final[:place] + _MARKED[final[place]][int(tone) - 1] + final[place + 1 :]).replace("v", "ü")


def token_table() -> list[str]:
    """Every token of the recognizer, blank first: initials, then Mandarin's finals in five tones."""
    finals = sorted({split(f"{base}1")[1] for base in BASES})
    finals = [final for final in finals if any(vowel in final for vowel in "aeiouv")]
    return [BLANK, *INITIALS, HUMMED, *(mark(final, tone) for final in finals for tone in "12345")]


def read_casia(emotion: Path) -> list[Recording]:
    """The Mandarin part of the emotional speech: sentences stand in a list of their own, by number."""
    texts = {}
    for line in (emotion / "casia_sentences.txt").read_text(encoding="utf-8").splitlines():
        number, _, text = line.partition(".")
        texts[number.strip()] = text
    recordings = []
    with (emotion / "manifest.tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            if row["corpus"] == "casia":
                syllables = readings(texts.get(row["origin"], ""))
                recordings.append(
                    Recording(
                        emotion / row["path"], "casia", row["speaker"], float(row["seconds"]), syllables
                    )
                )
    return recordings
