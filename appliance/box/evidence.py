"""Results of test suites that attack the box, as files that a privacy report takes in.

A suite writes one file with `write_results`; the report reads every `*.json` of `evidence/` in the state
directory and those that `ridge privacy report --evidence FILE` names, and lists each attempt. In JSON:

    {
      "v": 1,
      "suite": "adversary",
      "version": "0.1.0",                        the appliance that was attacked
      "commit": "6c0acbc",                       or null where it is no checkout
      "at": "2026-11-26T04:15:31Z",              when the suite ended, UTC
      "where": "Linux 6.1, network namespaces",  the ground it was fought on, or null
      "attempts": [
        {
          "id": "engine.pcm_in_numbers",
          "by": "engine",                        who tries: a process, or `outsider`, `seat`, `debugger`, ...
          "tried": {"zh": "...", "en": "..."},   what, in a sentence that a compliance officer understands
          "budget": {"value": 1024, "unit": "byte/s"},     what the design allows at most; null: nothing
          "measured": {"value": 310.5, "unit": "byte/s"},  what came through; null: nothing
          "outcome": "within_budget",
          "reason": null                         why it was not tried, or what came through; null otherwise
        }
      ]
    }

`outcome` is `stopped` (nothing came through), `within_budget` (something did, not more than stated),
`succeeded` (a leak: the report says so in its summary) or `not_tried`. Sentences are written by the suite's
authors; no recorded data belongs in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from appliance.box.whole_file import writing_whole

RESULTS_VERSION: Final = 1
#: Ten thousand attempts of two sentences; a larger file is no result of a suite.
MAX_RESULTS_BYTES: Final = 8 * 1024 * 1024
#: where the report looks, below the state directory
DIRECTORY: Final = "evidence"

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
AttemptOutcome = Literal["stopped", "within_budget", "succeeded", "not_tried"]


class EvidenceError(Exception):
    """A file of results cannot be used or written; the text says why, and what to do next."""


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number with its unit, such as 1024 `byte/s`."""

    value: float
    unit: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9%/]{1,16}$")]


class Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was tried, in both languages."""

    zh: Sentence
    en: Sentence


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One attempt to get something out of the box."""

    id: Code
    by: Code
    tried: Tried
    outcome: AttemptOutcome
    budget: Quantity | None = None
    measured: Quantity | None = None
    reason: Sentence | None = None


class Results(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run of a suite came to."""

    suite: Code
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]
    #: UTC, as `2026-11-26T04:15:31Z`
    at: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    attempts: tuple[Attempt, ...]
    commit: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{7,40}$")] | None = None
    where: Sentence | None = None
    v: Literal[1] = 1


def read_results(path: Path) -> Results:
    """The results in a file.

    Raises:
        EvidenceError: it cannot be read, is too large, or does not fit the schema.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RESULTS_BYTES + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror}; name an existing file") from error
    if len(data) > MAX_RESULTS_BYTES:
        raise EvidenceError(f"{path}: has more than {MAX_RESULTS_BYTES} bytes; run the suite again")
    try:
        return msgspec.json.decode(data, type=Results)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: holds no results of a suite: {error}; run the suite again") from error


def write_results(path: Path, results: Results) -> None:
    """Write a file of results whole or not at all; makes its directory.

    Raises:
        EvidenceError: it cannot be written, or does not fit the schema.
    """
    data = msgspec.json.format(msgspec.json.encode(results), indent=1)
    try:
        msgspec.json.decode(data, type=Results)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"{path}: was not written, because of its content: {error}") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing_whole(path, 0o666) as file:
            file.write(data)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be written: {error.strerror}; name another place") from error
