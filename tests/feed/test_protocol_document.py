"""PROTOCOL.md names every field and every limit as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import inspect

import appliance.feed
from appliance.box.config import Feed
from appliance.feed import codes, control, door, enrolment, leases, publisher, topics
from appliance.protocol import bucket, budget, codec, information, replies, requests
from appliance.protocol.messages import SCHEMA_VERSION, SeatMessage
from appliance.seat import client, stream

TEXT = (Path(appliance.feed.__file__).parent / "PROTOCOL.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[A-Za-z_]+", " ".join(re.findall(r"`([^`]+)`", TEXT.replace("```", "")))))


def fields(kind):
    if isinstance(kind, inspect.Metadata):
        yield from fields(kind.type)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield field.name
            yield from fields(field.type)
    elif isinstance(kind, inspect.ListType):
        yield from fields(kind.item_type)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from fields(member)


def test_every_field_is_described():
    assert set(fields(inspect.type_info(SeatMessage))) - WORDS == set()


def test_every_field_of_a_reply_is_described():
    assert set(fields(inspect.type_info(replies.Reply))) - WORDS == set()
    assert set(fields(inspect.type_info(requests.Request))) - WORDS == set()


@pytest.mark.parametrize(
    "sentence",
    [
        f"protocol, version {SCHEMA_VERSION}",
        f"| a message | {codec.MAX_MESSAGE_BYTES} bytes |",
        f"| {codec.MAX_TEXT_CHARACTERS} characters, in practice",
        f"{bucket.CALL_BYTES_PER_SECOND:.0f} bytes a second, {bucket.CALL_BURST_BYTES:.0f} at once",
        f"{budget.CALL_BITS_PER_SECOND:.0f} a second, {budget.CALL_BURST_BITS:.0f} at once; where quotes",
        f"shown, {budget.QUOTED_BITS_PER_SECOND:.0f} and {budget.QUOTED_BURST_BITS:.0f} |",
        f"all calls of a seat | {door.SEAT_SHARE} times",
        f"multiples of {codec.TIME_GRID_MS} ms. Messages",
        f"multiples of {information.TICK_SECONDS * 1000:.0f} ms of the feed's clock",
        f"map of at most {requests.MAX_REQUEST_BYTES} bytes",
        f"| request frame | {4 * requests.MAX_REQUEST_BYTES} bytes",
        f"| subscription frame | {publisher.MAX_SUBSCRIPTION_BYTES} bytes",
        f"no reply comes within {stream.RETRY_SECONDS} s",
        f"gives a gap up after {stream.HOLD_SECONDS} s",
        f"({publisher.QUEUED_MESSAGES} wait for it at the feed)",
        f"{publisher.STATES_BURST:.0f} at once and one a second",
        f"at most {control.MESSAGES_A_REPLY} |",
        f"Ten requests a second are answered, {control.REQUESTS_BURST:.0f} at once",
        f"at most {topics.FORGET_SECONDS / 60:.0f} minutes",
        f"After {client.SILENCE_SECONDS:.0f} s without one",
        f"the last {Feed().replay_messages} messages of a seat's topic",
        f"and {topics.GROUP_REPLAY_FACTOR} times as many of a group's",
        f'"seconds": {Feed().lease_seconds}, "beat": {Feed().beat_seconds}}}',
        f"expired (72 h by default), or void after {codes.MAX_TRIES} wrong tries",
        f"It answers {enrolment.REQUESTS_A_SECOND:.0f} requests a\nsecond, ",
        f"second, {enrolment.REQUESTS_BURST:.0f} at once",
        f'"seconds": {Feed().key_overlap_hours * 3600}}}',
        f"may hold {leases.MAX_LEASES_A_GRANT} leases at once",
        f"every two seconds, {control.NEW_LEASES_BURST:.0f} at once",
        f"one every two seconds, {control.VERDICTS_BURST:.0f} at\nonce",
        f"{publisher.STATE_MESSAGES} messages each",
        f"({Feed().beat_seconds:.0f} s by default)",
        f"XPUB :{Feed().publish_port}    ROUTER :{Feed().control_port}",
    ],
)
def test_limits_are_those_of_the_code(sentence):
    assert sentence in TEXT


def test_the_words_ten_and_one_are_the_rates_of_the_code():
    assert (control.REQUESTS_A_SECOND, publisher.STATES_A_SECOND) == (10.0, 1.0)
    assert (control.NEW_LEASES_A_SECOND, control.VERDICTS_A_SECOND) == (0.5, 0.5)
    assert (control.ROTATIONS_A_SECOND, control.ROTATIONS_BURST) == (1 / 600, 3)
