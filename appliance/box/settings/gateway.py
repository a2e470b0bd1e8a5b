"""The gateway's side: the recording server, who is the agent, and the bank's record of a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from appliance.box.settings.values import Address, Network, NumberPattern, Port, Section


class Siprec(Section):
    """The SIPREC recording server that the gateway's recording client calls (RFC 7866)."""

    enabled: bool = True
    bind: Address = "127.0.0.1"
    #: the address that SDP answers and Contact name, where it is not `bind` (NAT, 0.0.0.0)
    advertise: Address | None = None
    udp_port: Port = 5060
    tcp_port: Port = 5060
    #: inclusive; each leg takes an even RTP port
    rtp_ports: tuple[int, int] = (20000, 20999)
    #: how long a released RTP port rests, so that late packets of one call never reach another
    rtp_cooldown_seconds: float = Field(5.0, ge=0, le=300)
    #: only these networks may send SIP and RTP
    gateways: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")
    max_calls: int = Field(60, ge=1, le=2000)
    #: a call whose legs both stay without media this long (and are not on hold) is ended
    media_timeout_seconds: float = Field(60.0, ge=1, le=3600)
    max_call_seconds: float = Field(4 * 3600.0, ge=10, le=24 * 3600)
    #: RFC 4028; offered where the client supports timers
    session_expires_seconds: int = Field(1800, ge=90, le=7200)

    @model_validator(mode="after")
    def _ports_hold_the_calls(self) -> Siprec:
        low, high = self.rtp_ports
        if not 1024 <= low < high <= 65535:
            raise ValueError(
                f"rtp_ports = [{low}, {high}]: write two ports from 1024 to 65535, the smaller first"
            )
        if (high - low + 1) // 2 < 2 * self.max_calls:
            raise ValueError(
                f"rtp_ports = [{low}, {high}] holds {(high - low + 1) // 2} legs, but max_calls = "
                f"{self.max_calls} needs {2 * self.max_calls}: widen rtp_ports to {4 * self.max_calls} "
                "ports, or lower max_calls"
            )
        return self


class Roles(Section):
    """Who is the agent: numbers and directions, never the order of labels."""

    #: regular expressions that match a whole agent number (the user part of the AOR)
    agent_numbers: tuple[NumberPattern, ...] = ("8[0-9]{3}",)
    #: where numbers do not tell: in an outbound call the calling party is the agent
    direction: Literal["inbound", "outbound", "unknown"] = "unknown"
    #: last resort for gateways that send no usable metadata: stream label to role
    labels: dict[str, Literal["customer", "agent"]] = Field(default_factory=dict)
    #: agent number to seat, where the seat is not called like the agent's number
    seats: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]] = Field(default_factory=dict)
    #: the seat of calls whose agent's number is unknown (roles from `labels`)
    default_seat: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] | None = None


class Record(Section):
    """What the bank's record says of a customer when a call begins. Off until a file or URL is named."""

    #: lines of number, tab, facts
    file: Path | None = None
    #: asked with GET on the gateway's side; {number} stands for the customer's number
    url: str | None = Field(None, max_length=512)
    timeout_seconds: float = Field(1.0, ge=0.1, le=10)

    @model_validator(mode="after")
    def _one_source(self) -> Record:
        if self.file is not None and self.url is not None:
            raise ValueError("file and url are both set: keep one of them")
        if self.url is not None and "{number}" not in self.url:
            raise ValueError(
                f"url = {self.url!r} has no place for the number; "
                "write one such as http://10.20.0.9/customers/{number}"
            )
        return self
