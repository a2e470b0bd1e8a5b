"""The black zone's side: where seats connect, and who else may reach the box."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appliance.box.settings.values import Address, Network, Port, Section


class Feed(Section):
    """The seats' side: ZeroMQ with CURVE."""

    bind: Address = "127.0.0.1"
    publish_port: Port = 5570
    control_port: Port = 5571
    #: where one-time enrolment codes are redeemed; open only while there are some
    enrol_port: Port = 5572
    #: where seats are; the firewall lets nobody else reach the ports above
    seat_networks: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")
    beat_seconds: float = Field(2.0, ge=0.2, le=60)
    #: a connection that has not renewed its lease for this long gets nothing any more
    lease_seconds: float = Field(15.0, ge=3, le=300)
    #: how long a seat's old key stays valid after it was exchanged
    key_overlap_hours: float = Field(24.0, ge=0, le=24 * 90)
    #: whether every message that leaves is entered in the egress ledger
    ledger: bool = True
    #: how much of the disk the ledger may take; the oldest entries go first
    ledger_megabytes: int = Field(1024, ge=16, le=1_000_000)
    #: when it cannot be written (the disk is full): stop sending, or go on sending without entries
    ledger_failure: Literal["stop", "go_on"] = "stop"
    #: how many messages of a seat can be replayed on request
    replay_messages: int = Field(256, ge=1, le=10_000)


class Firewall(Section):
    """Who else may reach the box, beside gateways and seats."""

    #: from where admins may log in with SSH; nobody may until a network is named
    admins: tuple[Network, ...] = ()
    ssh_port: int = Field(22, ge=1, le=65535)
