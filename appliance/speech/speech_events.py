"""What recognition may write into the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.box.journal import Event
from appliance.box.journal_values import ErrorType


@dataclass(frozen=True, kw_only=True)
class SiteWordLeftOut(Event, name="site_word_left_out"):
    """A name of the site cannot be listened for; `place` counts from 0 in the list."""

    place: int
    key: Literal["speech.words"] = "speech.words"


@dataclass(frozen=True, kw_only=True)
class StreamRestarted(Event, name="recognizer_stream_restarted"):
    """The recognizer could not go on with a leg and began it anew."""

    kind: ErrorType
    restarts: int
