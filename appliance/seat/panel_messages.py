"""What passes between the panel program and its browser tabs, as JSON over the WebSocket.

To a tab: one object with the state of the connection, the summaries of the calls that changed, and the call
that the tab watches, if it changed. A slow tab gets fewer of them, each with the newest state; none queue.
From a tab: `watch` (which call it shows) and `mark` (an advice is helpful or wrong), typed and bounded.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from appliance.seat.calls import Call, Calls

MAX_TAB_MESSAGE_BYTES: Final = 512
#: Points of the sparkline on the supervisor's board.
SPARK_POINTS: Final = 40

_CallId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}(?!\n)$")]
_AdviceId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}(?!\n)$")]


class Watch(Struct, frozen=True, forbid_unknown_fields=True, tag="watch", tag_field="do"):
    """The tab shows this call from now on; None: the newest one."""

    call: _CallId | None


class Mark(Struct, frozen=True, forbid_unknown_fields=True, tag="mark", tag_field="do"):
    """The agent calls an advice of a call helpful or wrong."""

    call: _CallId
    advice: _AdviceId
    verdict: Literal["helpful", "wrong"]


TabMessage = Watch | Mark
_decoder: Final[msgspec.json.Decoder[TabMessage]] = msgspec.json.Decoder(TabMessage)


def decode_tab_message(data: str | bytes) -> TabMessage | None:
    """One message of a tab; None where it is not one."""
    if len(data) > MAX_TAB_MESSAGE_BYTES:
        return None
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


class TabView:
    """What one tab has been told, so that it is told the rest only."""

    def __init__(self) -> None:
        self.watched: str | None = None
        self._versions: dict[str, int] = {}
        self._order: list[tuple[str, int, tuple[str, ...]]] | None = None
        #: id and version of the call that the tab shows; None: it is told in whole
        self._shown: tuple[str | None, int] | None = None
        #: revision of the history that the tab has, and how many points of it
        self._points = (0, 0)

    def watch(self, call: str | None) -> None:
        """Show that call from now on; None: whatever call is the newest."""
        self.watched = call
        self._shown = None

    def next(self, calls: Calls, now: float) -> dict[str, Any]:
        """What the tab is told now. Never nothing: that something comes says that the program lives."""
        known = calls.all()
        silent = calls.silent_seconds(now)
        told: dict[str, Any] = {
            "connection": calls.connection,
            "stale": calls.stale(now),
            "silent_ms": None if silent is None else round(silent * 1000),
            "lost": calls.lost,
            "group": calls.group,
            "calls": [
                summary(calls, call, now) for call in known if self._versions.get(call.id) != call.version
            ],
        }
        self._versions = {call.id: call.version for call in known}
        urgent = [(call.id, call.urgency(now)) for call in calls.by_urgency(now)]
        order = [(call, urgency.points, urgency.reasons) for call, urgency in urgent]
        if order != self._order:
            told["order"] = self._order = order
        shown = (calls.get(self.watched) if self.watched else None) or calls.current()
        state = (None, 0) if shown is None else (shown.id, shown.version)
        if state != self._shown:
            told["call"] = None if shown is None else self._whole(calls, shown, now)
            self._shown = state
        return told

    def _whole(self, calls: Calls, call: Call, now: float) -> dict[str, Any]:
        history = call.history
        start = 0
        if self._shown and self._shown[0] == call.id and self._points[0] == history.revision:
            start = self._points[1]
        self._points = (history.revision, len(history.points))
        return summary(calls, call, now) | {
            "profile": call.profile,
            "cues": [cue | {"age_ms": round((now - seen) * 1000)} for cue, seen in call.cues],
            "marks": {advice: {"verdict": mark[0], "state": mark[1]} for advice, mark in call.marks.items()},
            "from": start,
            "points": history.points[start:],
            "holds": history.holds,
        }


def summary(calls: Calls, call: Call, now: float) -> dict[str, Any]:
    """One call as the supervisor's board shows it."""
    urgent = call.urgency(now)
    told: dict[str, Any] = {
        "id": call.id,
        "seat": call.seat,
        "direction": call.direction,
        "event": call.event,
        "elapsed_ms": calls.elapsed_ms(call, now),
        "held_ms": calls.held_ms(call, now),
        "wall": call.wall,
        "urgency": urgent.points,
        "reasons": urgent.reasons,
        "spark": call.history.valence(SPARK_POINTS),
        "cue": None,
        "opportunities": call.opportunities,
        "policy": call.policy,
    }
    if call.cues:
        cue, seen = call.cues[-1]
        told["cue"] = {
            "kind": cue["kind"],
            "code": cue["code"],
            "at": cue["at"],
            "age_ms": round((now - seen) * 1000),
        }
    if call.profile is not None:
        influence = call.profile["influence"]
        told |= {
            "relationship": call.profile["relationship"],
            "emotion": influence["emotion"],
            "open": [objection["type"] for objection in influence["objections"] if objection["open"]],
            "final": call.profile["final"],
        }
    return told
