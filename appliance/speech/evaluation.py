"""`ridge eval asr`: error rates and speed of the recognition path on a manifest of speech with text."""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.box.config_option import add_config_option, load_config

if TYPE_CHECKING:
    from appliance.speech.errorrate import Errors
    from appliance.speech.recognizer import SpeechEngine
    from appliance.speech.utterance import Utterance

#: Samples are fed as a call brings them, so that what is scored is what runs.
_PACKET_MS: Final = 80


def add_eval(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge eval asr`."""
    parser = subparsers.add_parser("asr", help="recognition: character and syllable errors, speed")
    parser.add_argument("manifest", type=Path, help="TSV with the columns path and text")
    parser.add_argument(
        "--band", choices=("telephone",), help="pass the audio through a telephone line first"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="a recognizer of the store; without it the configured one"
    )
    add_config_option(parser)
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="write one TSV line an utterance")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a manifest."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Scored:
    """One item with what was recognized."""

    item: Item
    text: str
    pinyin: tuple[str, ...]
    characters: Errors
    syllables: Errors
    audio_seconds: float
    work_seconds: float


def read_manifest(path: Path) -> list[Item]:
    """The items of a manifest; paths in it are relative to it.

    Raises:
        ValueError: it cannot be read, or lacks the columns path and text.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not {"path", "text"} <= set(rows.fieldnames or ()):
                raise ValueError(f"{path}: its header lacks path or text; write a TSV with both columns")
            return [Item(path.parent / row["path"], row["text"] or "") for row in rows]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}; name a manifest") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def spoken_characters(text: str) -> list[str]:
    """The characters that count: hanzi, digits and letters (as capitals)."""
    return [character.upper() for character in text if character.isalnum()]


def spoken_syllables(text: str) -> list[str]:
    """The tone-less pinyin of a text; letters and digits stand for themselves."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

    syllables: list[str] = []
    for run in re.findall(r"[\u4e00-\u9fff]+|.", "".join(spoken_characters(text))):
        syllables += lazy_pinyin(run, style=Style.NORMAL, v_to_u=False)
    return syllables


def recognize(engine: SpeechEngine, item: Item, band: str | None) -> Scored:
    """Recognize one item through the engine, packet by packet, and compare.

    Raises:
        AudioFileError: its file is no sound.
    """
    from appliance.speech.audiofile import AudioFileError, read_channels  # noqa: PLC0415
    from appliance.speech.errorrate import count_errors  # noqa: PLC0415
    from appliance.speech.pinyin import without_tone  # noqa: PLC0415
    from appliance.speech.utterance import Utterance  # noqa: PLC0415
    from appliance.telephony.band import TELEPHONE_RATE, telephone_band  # noqa: PLC0415

    channels, rate = read_channels(item.path)
    if len(channels) != 1:
        raise AudioFileError(f"{item.path}: has two channels; a manifest names files with one voice each")
    samples = channels[0]
    if band == "telephone":
        samples, rate = telephone_band(samples, rate), TELEPHONE_RATE
    packet = rate * _PACKET_MS // 1000
    began = time.perf_counter()
    leg = engine.open("customer")
    for start in range(0, len(samples), packet):
        leg.feed(samples[start : start + packet], rate, start * 1000 // rate)
        engine.step()
    leg.finish()
    events = leg.take()
    leg.close()
    work = time.perf_counter() - began
    utterances: list[Utterance] = [event for event in events if isinstance(event, Utterance) and event.final]
    text = "".join(utterance.text for utterance in utterances)
    pinyin = tuple(syllable for utterance in utterances for syllable in utterance.pinyin)
    return Scored(
        item,
        text,
        pinyin,
        count_errors(spoken_characters(item.text), spoken_characters(text)),
        count_errors(spoken_syllables(item.text), [without_tone(syllable) for syllable in pinyin]),
        len(samples) / rate,
        work,
    )


def summarize(scored: list[Scored]) -> dict[str, float | int | None]:
    """The object that `--json` prints; a rate is null where the manifest holds no text at all."""
    from appliance.speech.errorrate import Errors  # noqa: PLC0415

    characters = sum((one.characters for one in scored), Errors())
    syllables = sum((one.syllables for one in scored), Errors())
    seconds = sum(one.audio_seconds for one in scored)
    return {
        "n": len(scored),
        "cer": _rounded(characters.rate),
        "syllable_error": _rounded(syllables.rate),
        "rtf": round(sum(one.work_seconds for one in scored) / seconds, 4) if seconds else None,
        "insertions_per_minute": round(characters.insertions / (seconds / 60), 3) if seconds else None,
    }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 4)


def _run(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError  # noqa: PLC0415
    from appliance.models import ModelError, ModelStore  # noqa: PLC0415
    from appliance.speech.audiofile import AudioFileError  # noqa: PLC0415
    from appliance.speech.recognizer import SpeechEngine  # noqa: PLC0415

    config = load_config(options.config)
    try:
        items = read_manifest(options.manifest)
        speech = config.speech.model_copy(update={"model": options.model or config.speech.model})
        store = ModelStore.configured(config)
        engine = SpeechEngine.load(store, speech, config.engine.threads)
        scored = [recognize(engine, item, options.band) for item in _watched(items)]
        if options.predictions is not None:
            _write_predictions(options.predictions, options.manifest, scored)
    except (ModelError, AudioFileError, ValueError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; name a file that can be written") from error
    summary = summarize(scored)
    if options.json:
        print(json.dumps(summary))
    else:
        _print_summary(summary)
    return 0


def _watched(items: list[Item]) -> Iterator[Item]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    yield from track(items, "recognizing", console=Console(stderr=True), transient=True)


def _write_predictions(path: Path, manifest: Path, scored: list[Scored]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(
            stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\"
        )
        writer.writerow(["path", "text", "recognized", "pinyin", "errors"])
        for one in scored:
            place = one.item.path.relative_to(manifest.parent)
            writer.writerow([place, one.item.text, one.text, " ".join(one.pinyin), one.characters.total])


def _print_summary(summary: dict[str, float | int | None]) -> None:
    def percent(rate: float | int | None) -> str:
        return "-" if rate is None else f"{100 * rate:.1f} %"

    print(f"utterances             {summary['n']}")
    print(f"character error rate   {percent(summary['cer'])}")
    print(f"syllable error rate    {percent(summary['syllable_error'])} (tone-less pinyin)")
    print(f"real-time factor       {summary['rtf']}")
    print(f"inserted characters    {summary['insertions_per_minute']} a minute")
