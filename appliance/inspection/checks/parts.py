"""The processes that this configuration asks for, and which of them run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.inspection.ground import Ground
from appliance.inspection.procfs import ProcessFiles, all_processes

#: How a command line names the appliance's programs.
_PROGRAMS = frozenset({"ridge", "appliance"})
_SUPERVISED = "appliance.box.supervised"


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the appliance."""

    #: `capture`, `engine-0`, `feed`, `console`
    name: str
    command: str
    #: the user that its unit gives it
    user: str
    unit: str
    shard: int | None = None


@dataclass(frozen=True, slots=True)
class RunningPart:
    """A part and its process."""

    part: Part
    files: ProcessFiles
    #: whether `ridge run` started it, so that no unit sandboxes it
    supervised: bool


def expected_parts(ground: Ground) -> list[Part]:
    """The parts that must run."""
    config = ground.config
    parts = [Part("feed", "feed", "ridge-feed", "ridge-feed.service")]
    parts += [
        Part(f"engine-{shard}", "engine", "ridge-engine", f"ridge-engine@{shard}.service", shard)
        for shard in range(config.engine.processes)
    ]
    if config.siprec.enabled:
        # With memory, capture hashes numbers with the engine's secret (systemd/memory).
        user = "ridge-engine" if config.memory.enabled else "ridge-capture"
        parts.append(Part("capture", "capture", user, "ridge-capture.service"))
    if config.console.enabled:
        parts.append(Part("console", "console", "ridge-console", "ridge-console.service"))
    return parts


def running_parts(ground: Ground) -> dict[str, RunningPart]:
    """Those that run with this configuration, by name."""
    found: dict[str, RunningPart] = {}
    parts = expected_parts(ground)
    for files in all_processes(ground.proc):
        try:
            arguments = files.arguments()
        except OSError:
            continue
        words, supervised = _ridge_words(arguments)
        if not words or not _same_configuration(ground, files, words):
            continue
        for part in parts:
            if words[0] == part.command and part.shard in (None, _shard(words)):
                found[part.name] = RunningPart(part, files, supervised)
    return found


def _ridge_words(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The command and its options, where this is a process of the appliance, and whether it is supervised."""
    for place, argument in enumerate(arguments[:4]):
        if argument == _SUPERVISED:
            return list(arguments[place + 2 :]), True
        if Path(argument).name in _PROGRAMS:
            return list(arguments[place + 1 :]), False
    return [], False


def _option(words: Sequence[str], name: str) -> str | None:
    for place, word in enumerate(words[:-1]):
        if word == name:
            return words[place + 1]
    return None


def _shard(words: Sequence[str]) -> int:
    text = _option(words, "--shard") or "0"
    return int(text) if text.isdecimal() else -1


def _same_configuration(ground: Ground, files: ProcessFiles, words: Sequence[str]) -> bool:
    given = _option(words, "--config")
    if given is None or ground.config_path is None:
        return given is None and ground.config_path is None
    if given == str(ground.config_path):
        return True
    try:
        return (files.working_directory() / given).resolve() == ground.config_path.resolve()
    except OSError:
        return False
