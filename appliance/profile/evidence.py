"""The evidence ledger of a call: everything that moved the profile, with an id that advice can point at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.language.findings import Basis
from appliance.profile import constants as c
from appliance.profile.grid import fraction, halved
from appliance.protocol.messages import Evidence
from appliance.protocol.vocabulary import EVIDENCE_CODES, EvidenceSource


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One observation."""

    id: str
    #: milliseconds since the call began
    at: int
    source: EvidenceSource
    #: one of `EVIDENCE_CODES`
    code: str
    #: -1..1: how strongly it speaks for (against) the customer's favour
    weight: float
    #: redacted words, where the site's policy allows them
    quote: str | None = field(default=None, repr=False)
    #: of a need: whether the rules, the model or both of them read it
    basis: Basis | None = None

    def relevance(self, at_ms: int) -> float:
        """Strength faded by age, above 0."""
        return (c.RELEVANCE_FLOOR + abs(self.weight)) * halved(at_ms - self.at, c.RELEVANCE_HALF_LIFE_MS)


class EvidenceLedger:
    """Keeps at most `LEDGER_ITEMS` items; the least relevant give way, pinned ones last."""

    def __init__(self, quotes: bool) -> None:
        self._quotes = quotes
        self._items: dict[str, EvidenceItem] = {}
        self._pinned: frozenset[str] = frozenset()
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._items

    def __getitem__(self, identifier: str) -> EvidenceItem:
        return self._items[identifier]

    def add(
        self,
        at_ms: int,
        source: EvidenceSource,
        code: str,
        weight: float,
        quote: str = "",
        *,
        basis: Basis | None = None,
    ) -> str:
        """Record an observation and return its id.

        Raises:
            ValueError: the code is not in the protocol's vocabulary.
        """
        if code not in EVIDENCE_CODES:
            raise ValueError(
                f"{code!r} is no evidence code; add it to appliance/protocol/vocabulary.py first"
            )
        if len(self._items) >= c.LEDGER_ITEMS:
            self._evict(at_ms)
        identifier = self._next_id()
        shown = quote[: c.QUOTE_CHARACTERS] if self._quotes and quote else None
        weight = max(-1.0, min(1.0, weight))
        self._items[identifier] = EvidenceItem(identifier, at_ms, source, code, weight, shown, basis)
        return identifier

    def items(self) -> tuple[EvidenceItem, ...]:
        """What is kept, in the order in which it came."""
        return tuple(self._items.values())

    def pin(self, identifiers: Iterable[str]) -> None:
        """Keep these while others give way (what advice and needs rest on); replaces earlier pins."""
        self._pinned = frozenset(identifiers)

    def latest(self, limit: int, *, moved: bool = False) -> tuple[str, ...]:
        """The newest ids, at most `limit`; with `moved` only those of a weight other than 0."""
        found = [item.id for item in reversed(self._items.values()) if item.weight or not moved]
        return tuple(found[:limit])

    def latest_of(self, codes: frozenset[str], limit: int) -> tuple[str, ...]:
        """The newest ids whose code is one of `codes`, at most `limit`."""
        return tuple([item.id for item in reversed(self._items.values()) if item.code in codes][:limit])

    def shown(self, at_ms: int, referred: Iterable[str], *, final: bool = False) -> list[Evidence]:
        """What a snapshot carries: everything referred to, then the most relevant, in order of time.

        Args:
            at_ms: milliseconds since the call began.
            referred: ids that advice points at; at most 12 distinct ones are carried.
            final: the last profile of a call carries as many as the schema allows.
        """
        chosen = {identifier: self._items[identifier] for identifier in referred if identifier in self._items}
        room = c.SNAPSHOT_ITEMS_MAXIMUM if final else max(c.SNAPSHOT_ITEMS, len(chosen))
        for item in sorted(self._items.values(), key=lambda item: -item.relevance(at_ms)):
            if len(chosen) >= room:
                break
            chosen.setdefault(item.id, item)
        items = sorted(list(chosen.values())[: c.SNAPSHOT_ITEMS_MAXIMUM], key=lambda item: item.at)
        quoted = [item for item in items if item.quote is not None]
        quoted.sort(key=lambda item: -item.relevance(at_ms))
        with_quote = {item.id for item in quoted[: c.SNAPSHOT_QUOTES]}
        return [
            Evidence(
                id=item.id,
                at=item.at,
                source=item.source,
                code=item.code,
                weight=fraction(item.weight),
                quote=item.quote if item.id in with_quote else None,
            )
            for item in items
        ]

    def _next_id(self) -> str:
        while True:
            self._count = self._count % c.LEDGER_IDS + 1
            identifier = f"e{self._count}"
            if identifier not in self._items:
                return identifier

    def _evict(self, at_ms: int) -> None:
        free = [item for item in self._items.values() if item.id not in self._pinned]
        weakest = min(free or self._items.values(), key=lambda item: item.relevance(at_ms))
        del self._items[weakest.id]
