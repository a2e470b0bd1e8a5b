"""The published JSON Schema says what the codec says."""

from __future__ import annotations

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from appliance.protocol.schema import (
    CONTROL_SCHEMA_FILE,
    SCHEMA_FILE,
    control_schema,
    rendered,
    schema,
)
from tests.protocol.arbitrary import SEAT_MESSAGES
from tests.protocol.samples import profile

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize(
    ("file", "document"), [(SCHEMA_FILE, schema()), (CONTROL_SCHEMA_FILE, control_schema())]
)
def test_the_schema_files_are_current(file, document):
    assert file.read_text(encoding="utf-8") == rendered(document), "run python -m tools.schema"


CONTROL = jsonschema.Draft202012Validator(control_schema())


@pytest.mark.parametrize(
    ("request_", "valid"),
    [
        ({"ask": "lease", "id": 1}, True),
        ({"ask": "lease", "id": 1, "lease": "0" * 16}, True),
        ({"ask": "lease", "id": 1, "lease": "all"}, False),
        ({"ask": "feedback", "id": 1, "call": "A" * 22, "advice": "wait", "verdict": "helpful"}, True),
        ({"ask": "feedback", "id": 1, "call": "A" * 22, "advice": "wait", "verdict": "so so"}, False),
        ({"ask": "snapshot", "id": 1, "seat": "8002"}, False),
        ({"ask": "everything", "id": 1}, False),
        ({"reply": "error", "id": 1, "error": "no_lease"}, True),
        ({"reply": "error", "id": 1, "error": "who_knows"}, False),
    ],
)
def test_requests_and_replies_validate_as_the_feed_reads_them(request_, valid):
    assert CONTROL.is_valid(request_) is valid


@given(SEAT_MESSAGES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_message_validates(message):
    VALIDATOR.validate(msgspec.to_builtins(message))


@pytest.mark.parametrize(
    ("name", "value"), [("v", 2), ("unheard_of", 1), ("evidence", [{"code": "signal.thanks"}]), ("at", -1)]
)
def test_what_the_codec_refuses_does_not_validate(name, value):
    assert not VALIDATOR.is_valid(msgspec.to_builtins(profile()) | {name: value})


def test_an_unknown_evidence_code_does_not_validate():
    message = msgspec.to_builtins(profile())
    assert VALIDATOR.is_valid(message)
    message["evidence"][0]["code"] = "signal.unheard_of"
    assert not VALIDATOR.is_valid(message)
