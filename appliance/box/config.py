"""The appliance's configuration: one TOML file, validated as a whole before anything starts."""

from __future__ import annotations

import ipaddress
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from appliance.box.policies import ResolvedPolicy, resolve
from appliance.box.problems import describe
from appliance.box.settings.analysis import Advice, Engine, Models, SiteWord, Speech
from appliance.box.settings.console import Console
from appliance.box.settings.gateway import Record, Roles, Siprec
from appliance.box.settings.network import Feed, Firewall
from appliance.box.settings.places import Box
from appliance.box.settings.privacy import Announcement, Consent, Memory, Policy
from appliance.box.settings.values import Section

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "Advice", "Announcement", "Box", "Config", "ConfigError", "Consent", "Console", "Engine", "Feed",
    "Firewall", "Memory", "Models", "Policy", "Record", "Roles", "Siprec", "SiteWord", "Speech", "load",
]  # fmt: skip


class Config(Section):
    """The whole file."""

    box: Box = Field(default_factory=Box)
    siprec: Siprec = Field(default_factory=Siprec)
    roles: Roles = Field(default_factory=Roles)
    speech: Speech = Field(default_factory=Speech)
    engine: Engine = Field(default_factory=Engine)
    feed: Feed = Field(default_factory=Feed)
    console: Console = Field(default_factory=Console)
    firewall: Firewall = Field(default_factory=Firewall)
    models: Models = Field(default_factory=Models)
    advice: Advice = Field(default_factory=Advice)
    memory: Memory = Field(default_factory=Memory)
    record: Record = Field(default_factory=Record)
    policy: Policy = Field(default_factory=Policy)

    def policies(self) -> tuple[ResolvedPolicy, ...]:
        """What holds for which calls, in the order in which they are tried; the last is `default`."""
        return resolve(self.policy, self.memory)

    @property
    def quotes_somewhere(self) -> bool:
        """Whether words of customers may be shown for any call at all."""
        return any(policy.quotes for policy in self.policies())

    @model_validator(mode="after")
    def _queues_only_shorten_the_retention(self) -> Config:
        for place, queue in enumerate(self.policy.queue):
            days = queue.retention_days
            if days is not None and days > self.memory.retention_days:
                raise ValueError(
                    f"policy.queue[{place}].retention_days: {days} is more than memory.retention_days = "
                    f"{self.memory.retention_days}, the most that anything is kept; write that or less"
                )
        return self

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
