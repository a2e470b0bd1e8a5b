"""`ridge transcribe`: recognition alone, through the very engine that hears the calls.

It stands above the rooms because it shows what `speech` heard as `language` writes it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config

if TYPE_CHECKING:
    from appliance.speech.recognizer import SpeechEngine
    from appliance.speech.utterance import Utterance


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ridge transcribe`."""
    parser = commands.add_parser("transcribe", help="recognize sound files: characters with times")
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="WAV, FLAC, Ogg or Opus, one or two channels"
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object an utterance, one a line")
    parser.add_argument(
        "--spoken", action="store_true", help="show numbers as they were said (二十万), not as written (20万)"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.cli import CommandError
    from appliance.language.writtenform import written
    from appliance.models import ModelError, ModelStore
    from appliance.speech.audiofile import AudioFileError
    from appliance.speech.recognizer import SpeechEngine

    config = load_config(options.config)
    try:
        store = ModelStore.configured(config)
        engine = SpeechEngine.load(store, config.speech, config.engine.threads)
        for path in options.files:
            for channel, utterance in transcribe(engine, path):
                text = utterance.text if options.spoken else written(utterance.text)
                print(
                    _json(path, channel, utterance) if options.json else _line(path, channel, utterance, text)
                )
    except (ModelError, AudioFileError) as error:
        raise CommandError(str(error)) from error
    return 0


def transcribe(engine: SpeechEngine, path: Path) -> list[tuple[str | None, Utterance]]:
    """The utterances of a file in order of time, each with its channel (None where there is only one).

    Raises:
        AudioFileError: the file is no sound that can be recognized.
    """
    from appliance.speech.audiofile import read_channels
    from appliance.speech.utterance import Utterance
    from appliance.telephony.audioblock import Leg

    channels, rate = read_channels(path)
    names: tuple[str | None, ...] = (None,) if len(channels) == 1 else ("left", "right")
    roles: tuple[Leg, ...] = ("customer", "agent")
    legs = [engine.open(role) for role, _ in zip(roles, channels, strict=False)]
    # One second at a time: the recognizer's stream then never holds more than its utterance.
    for start in range(0, len(channels[0]), rate):
        for leg, samples in zip(legs, channels, strict=True):
            leg.feed(samples[start : start + rate], rate, start * 1000 // rate)
        engine.step()
    found: list[tuple[str | None, Utterance]] = []
    for name, leg in zip(names, legs, strict=True):
        leg.finish()
        found += [(name, event) for event in leg.take() if isinstance(event, Utterance) and event.final]
        leg.close()
    return sorted(found, key=lambda one: (one[1].start_ms, one[0] or ""))


def _line(path: Path, channel: str | None, utterance: Utterance, text: str) -> str:
    where = path.name if channel is None else f"{path.name} {channel}"
    return f"{where}  {_clock(utterance.start_ms)}-{_clock(utterance.end_ms)}  {text}"


def _clock(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest / 1000:05.2f}"


def _json(path: Path, channel: str | None, utterance: Utterance) -> str:
    from appliance.language.writtenform import write

    result = write(utterance.text)
    return json.dumps(
        {
            "file": str(path),
            "channel": channel,
            "start_ms": utterance.start_ms,
            "end_ms": utterance.end_ms,
            "text": utterance.text,
            "written": result.text,
            "numbers": [
                {
                    "start": span.start,
                    "end": span.end,
                    "spoken_start": span.spoken_start,
                    "spoken_end": span.spoken_end,
                }
                for span in result.numbers
            ],
            "pinyin": list(utterance.pinyin),
            "confidence": round(utterance.confidence, 3),
            "words": [
                {
                    "text": word.text,
                    "start_ms": word.start_ms,
                    "end_ms": word.end_ms,
                    "confidence": round(word.confidence, 3),
                }
                for word in utterance.words
            ],
        },
        ensure_ascii=False,
    )
