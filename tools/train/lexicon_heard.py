"""Scores lexicons on speech that was heard once: the recognizer runs over it, then it is only read again.

    cd ../shared/data/asr/train
    python CHECKOUT/tools/train/lexicon_heard.py hear aishell-sample.tsv:4 customer-service.tsv:1 \\
        textbook-readings.tsv:37 --output /tmp/heard.pickle
    python CHECKOUT/tools/train/lexicon_heard.py read /tmp/heard.pickle /tmp/one.npz /tmp/other.npz

`NAME.tsv:4` takes every fourth utterance. All of it goes through the telephone band. Parameters of the
lexicon are chosen with this program, on the training side; manifests of `asr/eval` are refused.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from pathlib import Path

from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from appliance.box.config import Speech
from appliance.box.journal import Journal
from appliance.models import ModelStore
from appliance.models_choice import PULLED_RECOGNIZER
from appliance.speech.errorrate import Errors, count_errors
from appliance.speech.evaluation import read_manifest, recognize, spoken_characters, spoken_syllables
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.loading import load_reading, load_recognizer
from appliance.speech.pinyin import Syllable, without_tone
from appliance.speech.reading import PinyinReading
from appliance.speech.recognizer import SpeechEngine

#: (set, text, the syllables of each passage)
Heard = tuple[str, str, list[list[Syllable]]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("hear", help="run the recognizer and keep what it heard")
    one.add_argument("manifests", nargs="+", metavar="NAME.tsv:STEP")
    one.add_argument("--model", default=PULLED_RECOGNIZER)
    one.add_argument("--output", type=Path, required=True)
    other = commands.add_parser("read", help="characters and syllables wrong, set by set")
    other.add_argument("heard", type=Path)
    other.add_argument("lexicons", nargs="+", type=Path)
    options = parser.parse_args()
    if options.command == "hear":
        heard = hear(options.manifests, options.model)
        options.output.write_bytes(pickle.dumps(heard))
        return 0
    heard = pickle.loads(options.heard.read_bytes())
    for path in options.lexicons:
        print(f"{path.stem:24}", report(Lexicon.read(path), heard), flush=True)
    return 0


def hear(manifests: list[str], name: str) -> list[Heard]:
    store, speech = ModelStore(), Speech(model=name)
    model, _ = load_recognizer(store, speech, 1)
    begin = load_reading(store, model, (), Journal("train"))
    readings: list[PinyinReading] = []

    def watched() -> PinyinReading:
        reading = begin()
        assert isinstance(reading, PinyinReading)
        readings.append(reading)
        return reading

    engine = SpeechEngine(model, watched, speech.endpoint_ms)
    heard: list[Heard] = []
    for manifest in manifests:
        path, _, step = manifest.partition(":")
        if "eval" in Path(path).resolve().parts:
            raise SystemExit(f"{path}: what judges the result must not shape it; name a set of asr/train")
        for item in track(read_manifest(Path(path))[:: int(step or 1)], Path(path).stem):
            readings.clear()
            recognize(engine, item, "telephone")
            heard.append((Path(path).stem, item.text, [reading._syllables for reading in readings]))
    return heard


def report(lexicon: Lexicon, heard: list[Heard]) -> str:
    characters: dict[str, Errors] = {}
    syllables: dict[str, Errors] = {}
    began = time.process_time()
    for name, text, passages in heard:
        words = [word for passage in passages for word in HanziDecoder(lexicon).decode(passage, final=True)]
        written = "".join(word.text for word in words)
        said = [without_tone(one) for word in words for one in word.reading]
        characters[name] = characters.get(name, Errors()) + count_errors(
            spoken_characters(text), spoken_characters(written)
        )
        syllables[name] = syllables.get(name, Errors()) + count_errors(spoken_syllables(text), said)
    spent = time.process_time() - began
    sets = "  ".join(
        f"{name} {100 * (characters[name].rate or 0):.2f} {100 * (syllables[name].rate or 0):.2f}"
        for name in characters
    )
    whole = sum(characters.values(), Errors())
    return f"{sets}  all {100 * (whole.rate or 0):.2f}  {spent:.1f} s"


if __name__ == "__main__":
    raise SystemExit(main())
