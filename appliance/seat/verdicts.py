"""What the agent says of advice, on its way to the feed: sent until it is answered, or given up. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["helpful", "wrong"]
#: `accepted`; an error of the feed: `unknown_call` (it has no such call any more), `not_given` (the call was
#: not given this advice), `too_many_requests`, `bad_request`; or `no_answer`
Done = Callable[[str], None]

#: A verdict that was not answered is sent again; the feed counts it once.
RETRY_SECONDS: Final = 1.0
MAX_TRIES: Final = 3
#: Verdicts that may wait; nobody judges faster.
MAX_WAITING: Final = 32


@dataclass(slots=True)
class _Waiting:
    request: dict[str, object]
    done: Done | None
    id: int = 0
    tries: int = 0
    next: float = 0.0


class SeatVerdicts:
    """Verdicts that wait for their answer. `put` may be called from any thread; the rest from one."""

    def __init__(self) -> None:
        self._new: deque[_Waiting] = deque()
        self._waiting: dict[int, _Waiting] = {}

    def put(self, call: str, advice: str, verdict: Verdict, done: Done | None) -> None:
        """Send a verdict as soon as possible; `done` is told what became of it."""
        request: dict[str, object] = {"ask": "feedback", "call": call, "advice": advice, "verdict": verdict}
        self._new.append(_Waiting(request, done))

    def requests(self, next_id: Callable[[], int], now: float) -> list[dict[str, object]]:
        """The requests to send now."""
        while self._new:
            new = self._new.popleft()
            if len(self._waiting) >= MAX_WAITING:
                _tell(new, "too_many_requests")
                continue
            new.id = next_id()
            self._waiting[new.id] = new
        sent: list[dict[str, object]] = []
        for waiting in [waiting for waiting in self._waiting.values() if now >= waiting.next]:
            if waiting.tries == MAX_TRIES:
                del self._waiting[waiting.id]
                _tell(waiting, "no_answer")
                continue
            waiting.tries += 1
            waiting.next = now + RETRY_SECONDS
            sent.append(waiting.request | {"id": waiting.id})
        return sent

    def replied(self, head: Mapping[str, object]) -> bool:
        """Take in a reply's head; whether it was one to a verdict."""
        id_ = head.get("id")
        waiting = self._waiting.get(id_) if isinstance(id_, int) else None
        if waiting is None:
            return False
        if head.get("error") == "no_lease":
            # A new lease is on its way; then this is sent again.
            return True
        del self._waiting[waiting.id]
        _tell(waiting, "accepted" if head.get("reply") == "feedback" else str(head.get("error")))
        return True


def _tell(waiting: _Waiting, outcome: str) -> None:
    if waiting.done is not None:
        waiting.done(outcome)
