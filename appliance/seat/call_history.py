"""What a call has looked like so far: a bounded series of points, and when the call was on hold. Pure."""

from __future__ import annotations

from typing import Any, Final

#: When there are more points than this, every second one goes: the shape of an hour still shows.
MAX_POINTS: Final = 600
MAX_HOLDS: Final = 32

#: at (ms), score, low, high, valence, arousal, confidence of the emotion, its label
Point = list[int | float | str]


class CallHistory:
    """Points of a call in the order of their time; `revision` is new whenever earlier points were changed."""

    def __init__(self) -> None:
        self.revision = 0
        self.points: list[Point] = []
        #: [from, to] in ms since the call began; `to` is None while the call is on hold
        self.holds: list[list[int | None]] = []

    def add(self, profile: dict[str, Any]) -> None:
        """Take a profile in; one that is older than the last is left out."""
        at = profile["at"]
        if self.points and at < int(self.points[-1][0]):
            return
        relationship, emotion = profile["relationship"], profile["influence"]["emotion"]
        self.points.append([
            at, relationship["score"], relationship["low"], relationship["high"],
            emotion["valence"], emotion["arousal"], emotion["confidence"], emotion["label"],
        ])  # fmt: skip
        if len(self.points) > MAX_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self.revision += 1

    def clear(self) -> None:
        """Forget every point; when the call was on hold says nothing of the customer, and stays."""
        if self.points:
            self.points = []
            self.revision += 1

    def event(self, event: str, at: int) -> None:
        """Take a call event in: `held` begins a hold, every other one ends it."""
        if self.holds and self.holds[-1][1] is None:
            if event != "held":
                self.holds[-1][1] = at
        elif event == "held":
            self.holds = [*self.holds[1 - MAX_HOLDS :], [at, None]]

    def moods(self) -> list[tuple[int, float, str]]:
        """Each point's time in ms, valence and the emotion's label."""
        return [(int(point[0]), float(point[4]), str(point[7])) for point in self.points]

    def valence(self, count: int) -> list[float]:
        """At most `count` values of valence, evenly over the call: a sparkline."""
        values = [float(point[4]) for point in self.points]
        if len(values) <= count:
            return values
        return [values[number * (len(values) - 1) // (count - 1)] for number in range(count)]
