"""The JSON Schema of what a seat gets, made from the types (for developers of seat clients)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.protocol.messages import SeatMessage
from appliance.protocol.vocabulary import CUE_CODES, EVIDENCE_CODES

#: The generated file, beside this module.
SCHEMA_FILE: Final = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of `SeatMessage`; the sets of codes are written out."""
    document: dict[str, Any] = msgspec.json.schema(SeatMessage)
    definitions = document["$defs"]
    for name, codes in (("Evidence", EVIDENCE_CODES), ("CueMessage", CUE_CODES)):
        definitions[name]["properties"]["code"] = {"enum": sorted(codes)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ridge seat message, version 1",
        "description": "One message on a seat's topic. Fractions are whole hundredths.",
        **document,
    }


def rendered() -> str:
    """The text of `schema.json`."""
    return json.dumps(schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
