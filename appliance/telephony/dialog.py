"""Dialogs as the called side sees them (RFC 3261 section 12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.telephony.sip import Headers, SipError, SipRequest
from appliance.telephony.sip_headers import (
    MAGIC_COOKIE,
    NameAddress,
    Via,
    host_for_uri,
    parse_cseq,
    parse_name_address,
    parse_via,
    uri_address,
)
from appliance.telephony.sip_transaction import Peer

#: What this server understands of methods; ACK and CANCEL belong to INVITE.
ALLOWED_METHODS: Final = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE")
#: RFC 7866 and RFC 4028: the option tags that a client may require.
SUPPORTED_OPTIONS: Final = ("siprec", "timer")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request with its indispensable fields read (RFC 3261 section 8.1.1)."""

    request: SipRequest
    via: Via
    cseq: int
    call_id: str = field(repr=False)
    from_tag: str
    to_tag: str | None
    #: where responses go
    peer: Peer
    now: float


def read_request(request: SipRequest, peer: Peer, now: float) -> Incoming:
    """Read what every request must have, and write into the top Via where the request came from.

    Raises:
        SipError: Via, From, To, Call-ID or CSeq is missing or cannot be read.
    """
    headers = request.headers
    vias = headers.values("Via")
    if not vias:
        raise SipError("no Via")
    via = parse_via(vias[0]).received_from(peer.address, peer.port)
    cseq, method = parse_cseq(headers.get("CSeq"))
    if method != request.method:
        raise SipError("a CSeq of another method")
    call_id = headers.get("Call-ID") or ""
    if not call_id:
        raise SipError("no Call-ID")
    from_address = parse_name_address(headers.get("From") or "")
    to_address = parse_name_address(headers.get("To") or "")
    if from_address.tag is None:
        raise SipError("a From without tag")
    if not peer.reliable and "rport" not in via.parameters:
        # RFC 3261 section 18.2.2: without rport the answer goes to the port that the Via names.
        peer = Peer(peer.transport, peer.address, via.port or 5060, peer.local_address, peer.local_port)
    rewritten = Headers(
        [("Via", via.serialise()), *(("Via", value) for value in vias[1:])]
        + [(name, value) for name, value in headers if name != "Via"]
    )
    stamped = SipRequest(request.method, request.uri, rewritten, request.body)
    return Incoming(stamped, via, cseq, call_id, from_address.tag, to_address.tag, peer, now)


def read_leniently(request: SipRequest, peer: Peer, now: float) -> Incoming | None:
    """What a response needs of a request that `read_request` refuses; None where its Via cannot be read."""
    headers = request.headers
    stamped = SipRequest(request.method, request.uri, headers)
    try:
        vias = headers.values("Via")
        via = parse_via(vias[0] if vias else "").received_from(peer.address, peer.port)
    except SipError:
        return None
    rest = [(name, value) for name, value in headers if name != "Via"]
    stamped.headers = Headers([("Via", via.serialise()), *(("Via", value) for value in vias[1:]), *rest])
    tag = "given" if ";tag=" in (headers.get("To") or "") else None
    return Incoming(stamped, via, 0, headers.get("Call-ID") or "", "", tag, peer, now)


def contact(peer: Peer) -> str:
    """Our Contact for a peer: the address it reaches us at, and that we record (RFC 7866 section 6.2)."""
    transport = ";transport=tcp" if peer.transport == "TCP" else ""
    return f"<sip:ridge@{host_for_uri(peer.local_address)}:{peer.local_port}{transport}>;+sip.srs"


@dataclass(slots=True)
class Dialog:
    """The state that requests within a call are built from and checked against."""

    call_id: str = field(repr=False)
    local_tag: str
    remote_tag: str
    #: our side and the client's as they stand in From and To of our requests
    local: str = field(repr=False)
    remote: str = field(repr=False)
    remote_target: str = field(repr=False)
    route_set: tuple[str, ...] = field(repr=False)
    remote_cseq: int
    #: RFC 3261 section 12.2.1.1: any number below 2**31
    local_cseq: int
    #: where the client was heard last
    peer: Peer

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the dialog (RFC 3261 section 12)."""
        return self.call_id, self.local_tag, self.remote_tag

    @classmethod
    def of(cls, incoming: Incoming, local_tag: str) -> Dialog:
        """The dialog that an INVITE opens.

        Raises:
            SipError: there is no Contact that requests could be sent to.
        """
        headers = incoming.request.headers
        return cls(
            incoming.call_id,
            local_tag,
            incoming.from_tag,
            f"{headers.get('To')};tag={local_tag}",
            headers.get("From") or "",
            remote_contact(incoming).uri,
            tuple(headers.values("Record-Route")),
            incoming.cseq,
            0,
            incoming.peer,
        )

    def destination(self, allowed: Callable[[str], bool]) -> Peer:
        """Where requests of ours go: over UDP to the first route or the client's Contact (RFC 3261 12.2.1.1).

        Where that is no IP address or not `allowed`, and over TCP, they go to where the client was heard.
        """
        if self.peer.reliable:
            return self.peer
        try:
            target = parse_name_address(self.route_set[0]).uri if self.route_set else self.remote_target
        except SipError:
            return self.peer
        address = uri_address(target)
        if address is None or not allowed(address[0]):
            return self.peer
        return replace(self.peer, address=address[0], port=address[1])

    def request(self, method: str, token: str, cseq: int | None = None) -> SipRequest:
        """A request within the dialog; without `cseq` it takes the next number.

        Args:
            method: such as BYE.
            token: random characters for the branch.
            cseq: the number of the INVITE that an ACK belongs to.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        local = f"{host_for_uri(self.peer.local_address)}:{self.peer.local_port}"
        headers = Headers(
            [
                ("Via", f"SIP/2.0/{self.peer.transport} {local};branch={MAGIC_COOKIE}{token};rport"),
                ("Max-Forwards", "70"),
                *(("Route", route) for route in self.route_set),
                ("From", self.local),
                ("To", self.remote),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
            ]
        )
        if method in ("INVITE", "UPDATE"):
            headers.add("Contact", contact(self.peer))
        return SipRequest(method, self.remote_target, headers)


def remote_contact(incoming: Incoming) -> NameAddress:
    """The client's Contact.

    Raises:
        SipError: there is none, several, or none that is a SIP URI.
    """
    values = incoming.request.headers.values("Contact")
    if len(values) != 1:
        raise SipError("not exactly one Contact")
    address = parse_name_address(values[0])
    if not address.uri.lower().startswith(("sip:", "sips:")):
        raise SipError("a Contact that is no SIP URI")
    return address
