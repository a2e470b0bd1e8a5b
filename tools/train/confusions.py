"""Measures how the recognizer mishears: which initial, final and tone it writes for which was said.

Runs a recognizer of syllables over manifests of speech with text, clean and through the telephone band,
aligns what it heard with the readings of the text, and writes the counts that `lexicon.py` turns into costs:

    cd ../shared/data/asr/train
    python CHECKOUT/tools/train/confusions.py aishell-sample.tsv customer-service.tsv word-commands.tsv \\
        --output CHECKOUT/tools/train/confusions.tsv

The lexicon carries the confusions of the recognizer that is pulled. The bundled one brings its own, counted
on speech that its training never saw, and written as costs in the lexicon's layout:

    python CHECKOUT/tools/train/confusions.py --model asr-zh-pinyin-telephone customer-service.tsv \\
        --output counts.tsv --costs CHECKOUT/models/asr-zh-pinyin-telephone/confusions.npz

Manifests of `asr/eval` are refused: what judges the result must not shape it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from pypinyin import Style, lazy_pinyin
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lexicon_channel

from appliance.box.config import Speech
from appliance.models import ModelStore
from appliance.models_choice import PULLED_RECOGNIZER
from appliance.speech.lexicon import COST_TABLES, Lexicon, confidence_bin
from appliance.speech.loading import load_recognizer
from appliance.speech.pinyin import Syllable, is_syllable, join_tokens, split, without_tone
from appliance.speech.streamingmodel import StreamingModel
from appliance.telephony.band import TELEPHONE_RATE, telephone_band, to_rate

RATE = 16_000
#: Where both parts differ and both were sure (bins above this), the alignment slipped; nothing was confused.
LEAST_SURE = 2


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", nargs="+", type=Path, help="TSV with the columns path and text")
    parser.add_argument("--output", type=Path, required=True, help="TSV: part, bin, said, heard, count")
    parser.add_argument("--limit", type=int, default=10**9, help="utterances a manifest")
    parser.add_argument("--model", default=PULLED_RECOGNIZER, help="a recognizer of syllables of the store")
    parser.add_argument("--costs", type=Path, help="also write them as costs, NPZ in the lexicon's layout")
    options = parser.parse_args()
    store = ModelStore()
    recognizer, _ = load_recognizer(store, Speech(model=options.model), 1)
    counts: Counter[tuple[str, int, str, str]] = Counter()
    for manifest in options.manifests:
        if manifest.resolve().parent.name == "eval":
            parser.error(f"{manifest} is for scoring only; name a manifest of training data")
        for text, samples in track(list(_utterances(manifest, options.limit)), manifest.stem):
            said = readings(text)
            if not said:
                continue
            for band, rate in ((samples, RATE), (telephone_band(samples, RATE), TELEPHONE_RATE)):
                count_pairs(said, recognize(recognizer, band, rate), counts)
    with options.output.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(["part", "bin", "said", "heard", "count"])
        writer.writerows((*key, count) for key, count in sorted(counts.items()))
    if options.costs:
        costs = lexicon_channel.tables(list(Lexicon.load(store).heard_ids), options.output)
        np.savez_compressed(options.costs, **{name: costs[name] for name in COST_TABLES})
    print(f"{options.output}: {sum(n for k, n in counts.items() if k[0] == 'tone')} syllables compared")
    return 0


def _utterances(manifest: Path, limit: int) -> Iterator[tuple[str, np.ndarray]]:
    with manifest.open(encoding="utf-8", newline="") as stream:
        for index, row in enumerate(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)):
            if index >= limit:
                return
            samples, rate = soundfile.read(manifest.parent / row["path"], dtype="int16")
            yield row["text"], to_rate(samples, rate, RATE)


def readings(text: str) -> list[str]:
    """Toned syllables of a text; empty where it holds anything but hanzi, so that no count is guessed."""
    spoken = "".join(character for character in text if character.isalnum())
    if any(not "\u4e00" <= character <= "\u9fff" for character in spoken):
        return []
    syllables = lazy_pinyin(spoken, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    return syllables if all(is_syllable(syllable) for syllable in syllables) else []


def recognize(recognizer: StreamingModel, samples: np.ndarray, rate: int) -> list[Syllable]:
    stream = recognizer.open()
    stream.accept(to_rate(samples, rate, recognizer.rate).astype(np.float32) / 32768)
    stream.finish()
    while stream.ready():
        recognizer.decode([stream])
    hearing = stream.hearing()
    return join_tokens(hearing.tokens, hearing.times, hearing.log_probabilities)


def count_pairs(said: list[str], heard: list[Syllable], counts: Counter[tuple[str, int, str, str]]) -> None:
    """Aligns (fewest differing parts) and counts what was heard for what was said, part by part."""
    for reference, syllable in align(said, heard):
        if reference is None or syllable is None:
            counts[
                ("edit", 0, "" if reference is None else "deleted", "" if syllable is None else "inserted")
            ] += 1
            continue
        levels = {
            "initial": confidence_bin(syllable.initial_confidence),
            "final": confidence_bin(syllable.final_confidence),
            "tone": confidence_bin(syllable.final_confidence),
        }
        true, observed = split(reference), split(syllable.text)
        if true[0] != observed[0] and true[1] != observed[1]:
            counts[("other", levels["final"], "", "")] += 1
            if min(levels["initial"], levels["final"]) > LEAST_SURE:
                continue
        for part, index in (("initial", 0), ("final", 1), ("tone", 2)):
            counts[(part, levels[part], true[index], observed[index])] += 1


def align(said: list[str], heard: list[Syllable]) -> list[tuple[str | None, Syllable | None]]:
    rows, columns = len(said) + 1, len(heard) + 1
    cost = np.zeros((rows, columns))
    cost[:, 0], cost[0, :] = np.arange(rows), np.arange(columns)
    for i in range(1, rows):
        for j in range(1, columns):
            cost[i, j] = min(
                cost[i - 1, j] + 1,
                cost[i, j - 1] + 1,
                cost[i - 1, j - 1] + _difference(said[i - 1], heard[j - 1].text),
            )
    pairs: list[tuple[str | None, Syllable | None]] = []
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + _difference(said[i - 1], heard[j - 1].text):
            i, j = i - 1, j - 1
            pairs.append((said[i], heard[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((said[i], None))
        else:
            j -= 1
            pairs.append((None, heard[j]))
    return pairs[::-1]


def _difference(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if without_tone(one) == without_tone(other):
        return 0.25
    first, second = split(one), split(other)
    return 0.75 if first[0] == second[0] or first[1] == second[1] else 1.25


if __name__ == "__main__":
    raise SystemExit(main())
