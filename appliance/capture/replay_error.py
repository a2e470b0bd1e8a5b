"""What a replay that cannot go on raises."""

from __future__ import annotations


class ReplayError(Exception):
    """Files are no call that can be replayed; the message names the file and a next step, and no number."""
