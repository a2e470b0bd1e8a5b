"""MODEL.md and the constants must tell of the same constants."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.profile import constants

DOCUMENT = (Path(constants.__file__).parents[1] / "MODEL.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"(?<![A-Za-z_])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?<=`)[A-Z]{4,}(?=`)", DOCUMENT)) - {
    "CAPITALS"
}
EXISTING = {name for name in vars(constants) if name.isupper()}
#: Bounds of memory and filters of noise; no formula has them.
NO_PART_OF_A_FORMULA = {
    "CUES_WAITING",
    "LEDGER_IDS",
    "MOVE_CONFIDENCE",
    "OBJECTIONS_KEPT",
    "REOPEN_CONFIDENCE",
    "SIGNAL_LEAST",
}


def test_every_constant_that_the_document_names_exists() -> None:
    assert NAMED <= EXISTING


def test_every_constant_of_a_formula_is_in_the_document() -> None:
    assert EXISTING - NAMED == NO_PART_OF_A_FORMULA
