"""The JSON Schemas of what a seat gets, asks and is answered, made from the types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.protocol.messages import SeatMessage
from appliance.protocol.replies import Reply
from appliance.protocol.requests import RedeemRequest, Request
from appliance.protocol.vocabulary import CUE_CODES, EVIDENCE_CODES

#: The generated files, beside this module.
SCHEMA_FILE: Final = Path(__file__).with_name("schema.json")
CONTROL_SCHEMA_FILE: Final = Path(__file__).with_name("control_schema.json")
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of `SeatMessage`; the sets of codes are written out."""
    document: dict[str, Any] = msgspec.json.schema(SeatMessage)
    definitions = document["$defs"]
    for name, codes in (("Evidence", EVIDENCE_CODES), ("CueMessage", CUE_CODES)):
        definitions[name]["properties"]["code"] = {"enum": sorted(codes)}
    return {
        "$schema": _DIALECT,
        "title": "Ridge seat message, version 1",
        "description": "One message on a seat's topic. Fractions are whole hundredths.",
        **document,
    }


def control_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the control and the enrolment socket: `#/$defs/Request` and `#/$defs/Reply`."""
    (request, reply), definitions = msgspec.json.schema_components(
        [Request | RedeemRequest, Reply], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": _DIALECT,
        "title": "Ridge control socket, version 1",
        "description": "A request of a seat, or the head of a reply to one.",
        "anyOf": [{"$ref": "#/$defs/Request"}, {"$ref": "#/$defs/Reply"}],
        "$defs": {**definitions, "Request": request, "Reply": reply},
    }


def rendered(document: dict[str, Any]) -> str:
    """The text of a schema's file."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
