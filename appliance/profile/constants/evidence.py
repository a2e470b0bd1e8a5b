"""The ledger of evidence, and what a snapshot carries of it."""

from __future__ import annotations

from typing import Final

#: Items kept of a call. An hour of lively talk brings some hundreds; older weak ones give way.
LEDGER_ITEMS: Final = 160
#: Items in a snapshot besides those that advice rests on; the schema allows 12 together.
SNAPSHOT_ITEMS: Final = 8
SNAPSHOT_ITEMS_MAXIMUM: Final = 12
#: Quotes in a snapshot: each may take 120 bytes of UTF-8, and a profile must fit one message.
SNAPSHOT_QUOTES: Final = 4
#: Characters of a quote, as the schema has it.
QUOTE_CHARACTERS: Final = 40
#: Relevance of an item that moves nothing.
RELEVANCE_FLOOR: Final = 0.02
#: An item's relevance halves in this time.
RELEVANCE_HALF_LIFE_MS: Final = 60_000.0
#: Ids run from e1 to e99999 (schema) and then begin anew.
LEDGER_IDS: Final = 99_999
