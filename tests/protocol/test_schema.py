"""The published JSON Schema says what the codec says."""

from __future__ import annotations

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from appliance.protocol.schema import SCHEMA_FILE, rendered, schema
from tests.protocol.arbitrary import SEAT_MESSAGES
from tests.protocol.samples import profile

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_file_is_current():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == rendered(), "run python -m tools.schema"


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
