"""The appliance's configuration: one TOML file, validated as a whole before anything starts."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from appliance.box.problems import describe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Port = Annotated[
    int, Field(ge=0, le=65535, description="a port from 1 to 65535, or 0 to let the system choose")
]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        hint = "10.20.0.0/24"
        with contextlib.suppress(ValueError):
            hint = str(ipaddress.ip_network(value, strict=False))
        raise ValueError(f"{error}; write a network such as {hint}") from None
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is not an IP address; write one such as 10.20.0.5, or 127.0.0.1 for this machine"
        ) from None
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(
            f"{value!r} is not a regular expression ({error}); write one such as 80[0-9]{{2}}"
        ) from None
    return value


Network = Annotated[str, AfterValidator(_network)]
Address = Annotated[str, AfterValidator(_address)]
NumberPattern = Annotated[str, AfterValidator(_pattern)]


#: Names beyond these are no names but text; they bound the memory and the time that decoding takes.
MOST_WORDS: Final = 2000
SHORTEST_WORD: Final = 2
LONGEST_WORD: Final = 16
#: Six letters ("zhuang"), a tone and a space for each syllable; a letter of a name has up to three.
_LONGEST_PINYIN: Final = 3 * 8 * LONGEST_WORD


def _name(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} has spaces around it or signs that cannot be seen; write the name alone")
    if not SHORTEST_WORD <= len(value) <= LONGEST_WORD:
        raise ValueError(
            f"{value!r} has {len(value)} character{'' if len(value) == 1 else 's'}; "
            f"write a name of {SHORTEST_WORD} to {LONGEST_WORD}"
        )
    return value


def _pinyin(value: str) -> str:
    if not value.strip() or len(value) > _LONGEST_PINYIN or not value.isprintable():
        raise ValueError(
            f"{value[:40]!r} is no pinyin of a name; write its syllables parted by spaces, such as wen3 jian4"
        )
    return value


def _as_table(value: Any) -> Any:
    """A name alone is a table without pinyin."""
    return {"word": value} if isinstance(value, str) else value


def _bounded(value: tuple[SiteWord, ...]) -> tuple[SiteWord, ...]:
    if len(value) > MOST_WORDS:
        raise ValueError(f"{len(value)} names are listed; keep the {MOST_WORDS} that are said most")
    return value


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _runtime_directory() -> Path:
    base = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR")
    return (
        Path(base) / "ridge"
        if base
        else Path("/run/ridge")
        if os.geteuid() == 0
        else Path(tempfile.gettempdir()) / f"ridge-{os.geteuid()}"
    )


def _state_directory() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/ridge")
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "ridge"


class Box(Section):
    """Where the box keeps things, and its language."""

    name: str = Field("ridge", pattern=r"^[a-z0-9-]{1,32}$")
    #: sockets between the processes; audio passes here, so keep it on a tmpfs
    runtime_directory: Path = Field(default_factory=_runtime_directory)
    #: keys and grants of the feed, and models that were pulled
    state_directory: Path = Field(default_factory=_state_directory)
    locale: Literal["zh", "en"] = "zh"


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


class SiteWord(Section):
    """A name that is said in this site's calls, such as a product's or a company's."""

    #: as people write it
    word: Annotated[str, AfterValidator(_name)]
    #: how it is said, syllables parted by spaces, with or without tones; without it, the usual reading
    pinyin: Annotated[str, AfterValidator(_pinyin)] | None = None


class Speech(Section):
    """Recognition."""

    #: a recognizer of the model store; "auto" is the pulled one where it is installed, else the bundled one
    model: str = Field("auto", pattern=r"^[a-z0-9-]{1,64}$")
    search: Literal["greedy", "beam"] = "greedy"
    #: silence that ends an utterance
    endpoint_ms: int = Field(500, ge=200, le=3000)
    #: the site's own names, which recognition prefers; each a text, or a table of word and pinyin
    words: Annotated[
        tuple[Annotated[SiteWord, BeforeValidator(_as_table)], ...], AfterValidator(_bounded)
    ] = ()


class Engine(Section):
    """The processes that turn audio into profiles."""

    processes: int = Field(1, ge=1, le=64)
    #: threads that one engine's recognizer uses
    threads: int = Field(1, ge=1, le=16)
    #: audio that may wait for the engine before capture drops the oldest
    max_backlog_seconds: float = Field(5.0, ge=0.5, le=60)


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


class Models(Section):
    """Where models are searched first."""

    directory: Path | None = None
    #: false forbids models that were trained on data for research only
    allow_research_only: bool = True


class Advice(Section):
    """What agents are advised."""

    #: the site's own catalogue of strategies instead of the built-in one
    catalogue: Path | None = None


class Memory(Section):
    """What is remembered of a customer between calls: nothing, until it is turned on."""

    enabled: bool = False
    #: what is older is erased
    retention_days: int = Field(180, ge=1, le=3650)


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


class Policy(Section):
    """What may be analysed and shown."""

    emotion: bool = True
    #: redacted quotes of at most 40 characters in the evidence
    quotes: bool = False


class Config(Section):
    """The whole file."""

    box: Box = Field(default_factory=Box)
    siprec: Siprec = Field(default_factory=Siprec)
    roles: Roles = Field(default_factory=Roles)
    speech: Speech = Field(default_factory=Speech)
    engine: Engine = Field(default_factory=Engine)
    feed: Feed = Field(default_factory=Feed)
    firewall: Firewall = Field(default_factory=Firewall)
    models: Models = Field(default_factory=Models)
    advice: Advice = Field(default_factory=Advice)
    memory: Memory = Field(default_factory=Memory)
    record: Record = Field(default_factory=Record)
    policy: Policy = Field(default_factory=Policy)

    @model_validator(mode="after")
    def _record_is_on_the_gateways_side(self) -> Config:
        if self.record.url is None:
            return self
        parts = urlsplit(self.record.url)
        try:
            host = ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            host = None
        networks = [ipaddress.ip_network(network, strict=False) for network in self.siprec.gateways]
        if parts.scheme not in ("http", "https") or host is None or not any(host in n for n in networks):
            raise ValueError(
                f"record.url: {self.record.url!r} must begin with http:// or https:// and an IP address "
                "within siprec.gateways, because capture may speak to nobody else"
            )
        return self


class ConfigError(ValueError):
    """The configuration cannot be used; each problem names file, key, what is wrong and what is right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path | None) -> Config:
    """Read and validate a configuration; without a path, the defaults (loopback only).

    Raises:
        ConfigError: the file cannot be read, is not TOML, or does not fit the schema; all problems at once.
    """
    if path is None:
        return Config()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; name an existing file"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not TOML: {error}; correct that line"]) from error
    try:
        # Through JSON: there, strict validation takes a list for a tuple and a text for a path, and yet
        # 1 is no truth value and "60" no number.
        return Config.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigError([describe(path, problem, Config) for problem in problems]) from error
