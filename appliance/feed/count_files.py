"""The files of counts beside the feed: a fault of theirs is told and hinders nothing."""

from __future__ import annotations

import sys

from appliance.box.journal import Event, Journal
from appliance.box.journal_values import StrategyName
from appliance.feed import feed_events as told
from appliance.feed.daycounts import DayCounts
from appliance.feed.feedback import Feedback
from appliance.feed.private_file import PrivateFileError


class CountFiles:
    """Reads and writes the counts of verdicts and of days."""

    def __init__(self, feedback: Feedback, days: DayCounts, journal: Journal) -> None:
        self._feedback = feedback
        self._days = days
        self._journal = journal

    def load(self) -> None:
        """Go on from the counts of the last run, or from zero."""
        try:
            self._feedback.load()
        except PrivateFileError as error:
            self._complain(told.FeedbackUnusable(), error)
        try:
            self._days.load()
        except PrivateFileError as error:
            self._complain(told.DaysUnusable(), error)

    def save(self) -> None:
        """Write both, and journal what was added to the verdicts."""
        try:
            self._days.save()
        except PrivateFileError as error:
            self._complain(told.DaysNotSaved(), error)
        try:
            changed = self._feedback.save()
        except PrivateFileError as error:
            self._complain(told.FeedbackNotSaved(), error)
            return
        for advice, (helpful, wrong) in changed.items():
            self._journal.write(told.FeedbackGiven(advice=StrategyName(advice), helpful=helpful, wrong=wrong))

    def _complain(self, event: Event, error: PrivateFileError) -> None:
        self._journal.write(event)
        # The text is a sentence about a file, written for the admin.
        print(f"ridge feed: {error}", file=sys.stderr, flush=True)
