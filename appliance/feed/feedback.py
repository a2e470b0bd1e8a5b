"""What agents say of the advice they were given: counts by strategy, without persons, calls or times."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from appliance.feed.counts_file import CountsFile
from appliance.protocol.messages import StrategyId
from appliance.protocol.requests import Verdict

FEEDBACK_FILE: Final = "feedback.json"
#: Strategies that are counted; the catalogue has some sixty.
MAX_STRATEGIES: Final = 512
#: Room for all of them, with 999,999 verdicts of each kind.
FILE_BYTES: Final = 48 * 1024

_Count = Annotated[int, Meta(ge=0)]


class Count(Struct, forbid_unknown_fields=True):
    """How often a strategy was called helpful, and how often wrong."""

    helpful: _Count = 0
    wrong: _Count = 0


class _FeedbackFile(Struct, forbid_unknown_fields=True):
    v: Literal[1]
    strategies: Annotated[dict[StrategyId, Count], Meta(max_length=MAX_STRATEGIES)]


class Feedback:
    """The counts, and their file in the feed's directory."""

    def __init__(self, directory: Path) -> None:
        self._file = CountsFile(directory / FEEDBACK_FILE, _FeedbackFile, "Feedback is", FILE_BYTES)
        self._counts: dict[str, Count] = {}
        self._saved: dict[str, tuple[int, int]] = {}
        #: whether there was no file yet
        self._new = False

    def load(self) -> None:
        """Go on from the counts of the last run.

        Raises:
            PrivateFileError: the file cannot be read or is damaged; counting begins at zero.
        """
        last = self._file.load()
        self._new = last is None
        if last is None:
            return
        self._counts = last.strategies
        self._saved = self._numbers()

    @property
    def counts(self) -> dict[str, Count]:
        """The counts by strategy."""
        return self._counts

    def enter(self, advice: str, verdict: Verdict, before: Verdict | None) -> None:
        """Count a verdict on a strategy; `before` is what the same seat said of it in the same call."""
        if advice not in self._counts and len(self._counts) >= MAX_STRATEGIES:
            return
        count = self._counts.setdefault(advice, Count())
        for value, step in ((before, -1), (verdict, 1)):
            if value is not None:
                setattr(count, value, max(0, getattr(count, value) + step))

    def save(self) -> dict[str, tuple[int, int]]:
        """Write what has changed; returns the changes (helpful, wrong) by strategy.

        Raises:
            PrivateFileError: the file cannot be written.
        """
        numbers = self._numbers()
        changed = {
            advice: (helpful - was[0], wrong - was[1])
            for advice, (helpful, wrong) in numbers.items()
            if (was := self._saved.get(advice, (0, 0))) != (helpful, wrong)
        }
        if changed or self._new:
            self._new = False
            self._file.save(_FeedbackFile(1, dict(sorted(self._counts.items()))))
            self._saved = numbers
        return changed

    def _numbers(self) -> dict[str, tuple[int, int]]:
        return {advice: (count.helpful, count.wrong) for advice, count in self._counts.items()}
