"""A call that is moved to another queue while it is on: what both policies allow, and never more."""

from __future__ import annotations

import pytest

from appliance.box.config import Config
from appliance.capture.call_policy import SessionPolicy, SitePolicies
from appliance.capture.roles import AssignedRoles
from appliance.telephony.audioblock import CallPolicy
from appliance.telephony.recording_metadata import RecordingMetadata
from appliance.telephony.signalled import Signalled

QUEUES = [
    {
        "name": "wealth", "metadata": {"name": "queue", "values": ["wealth"]},
        "quotes": True, "retention_days": 90,
    },
    {
        "name": "elders", "metadata": {"name": "queue", "values": ["elders"]},
        "emotion": False, "retention_days": 30,
    },
    {"name": "complaints", "header": {"name": "X-Queue", "values": ["complaints"]}, "analysis": False},
    {"name": "legal", "domains": ["legal.example"], "require_announcement": True},
    {"name": "private", "agent_numbers": ["9[0-9]{3}"], "voice": False},
]  # fmt: skip
ROLES = AssignedRoles({"customer": "1", "agent": "2"}, "8001", "inbound", "send", agent_number="8001")


@pytest.fixture
def session() -> SessionPolicy:
    config = Config.model_validate(
        {"memory": {"enabled": True, "retention_days": 180}, "policy": {"queue": QUEUES}}
    )
    made = SitePolicies(config).session("10.0.0.1", Signalled())
    told(made, "wealth")
    made.begin(ROLES)
    return made


def told(session: SessionPolicy, queue: str | None) -> None:
    """Complete metadata, with the queue's element or without."""
    elements = (("queue", queue),) if queue else ()
    session.read(RecordingMetadata(complete=True, told=elements), broken=False)


def on(policy: CallPolicy) -> set[str]:
    return {name for name in ("analysis", "voice", "emotion", "quotes", "memory") if getattr(policy, name)}


def test_the_stricter_queue_takes_away_at_once_and_the_wider_gives_nothing_back(
    session: SessionPolicy,
) -> None:
    assert on(session.current) == {"analysis", "voice", "emotion", "quotes", "memory"}
    told(session, "elders")
    assert on(session.current) == {"analysis", "voice", "memory"}
    assert (session.name, session.current.retention_days) == ("elders", 30)
    told(session, "wealth")
    assert on(session.current) == {"analysis", "voice", "memory"}
    assert (session.name, session.current.retention_days) == ("elders", 30)


def test_a_header_field_of_a_later_request_moves_a_call(session: SessionPolicy) -> None:
    # The queue of the metadata comes first in the configuration, and is left for this one.
    told(session, "other")
    session.hear(Signalled(headers={"x-queue": ("complaints",)}))
    assert on(session.current) == set()
    assert session.current.reason == "site"


def test_a_queue_that_waits_for_its_announcement_is_waited_for(session: SessionPolicy) -> None:
    told(session, "other")
    session.hear(Signalled(hosts=frozenset({"legal.example"})))
    assert (on(session.current), session.current.reason) == (set(), "announcement")
    session.hear(Signalled(headers={"x-ridge-announcement": ("played",)}))
    assert on(session.current) == {"analysis", "voice", "emotion", "memory"}, "the default's, without quotes"


def test_an_agent_who_is_addressed_in_another_way_is_in_another_queue(session: SessionPolicy) -> None:
    told(session, "other")
    session.agent(AssignedRoles(ROLES.labels, "8001", "inbound", "send", agent_number="9001"))
    assert on(session.current) == {"analysis", "memory"}


def test_what_says_nothing_moves_nothing(session: SessionPolicy) -> None:
    before = session.current
    told(session, None)
    session.hear(Signalled(hosts=frozenset({"gateway.example"})))
    session.read(None, broken=True)
    session.agent(ROLES)
    assert session.current == before


def test_another_agents_call_is_chosen_for_anew(session: SessionPolicy) -> None:
    told(session, "elders")
    told(session, "wealth")
    assert on(session.begin(ROLES)) == {"analysis", "voice", "emotion", "quotes", "memory"}


def test_a_value_that_no_queue_has_moves_a_call_to_none(session: SessionPolicy) -> None:
    told(session, "unheard-of")
    assert on(session.current) == {"analysis", "voice", "emotion", "memory"}
    assert session.name == "default"
