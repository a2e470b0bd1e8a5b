"""The policies of a configuration, resolved: what holds for which calls, and which entries never match."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from appliance.box.settings.gateway import Roles
from appliance.box.settings.privacy import ElementMatch, HeaderMatch, Memory, Policy, Queue

#: The name of `[policy]` itself.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when its policy is chosen. It stays in the process that captures."""

    agent_number: str | None = field(default=None, repr=False)
    #: IP address that the INVITE came from
    gateway: str = ""
    #: in lower case
    domains: frozenset[str] = field(default=frozenset(), repr=False)
    #: name in lower case to values in lower case
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    elements: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """What holds for the calls of one queue, or for those of none."""

    name: str
    #: None: for every call that no queue matches
    queue: Queue | None
    analysis: bool
    voice: bool
    emotion: bool
    quotes: bool
    #: whether anything is remembered or recalled; false also where `memory.enabled` is
    memory: bool
    #: None where nothing is remembered
    retention_days: int | None
    require_announcement: bool

    def matches(self, call: CallFacts) -> bool:
        """Whether these are the calls that it is meant for."""
        return self.queue is None or _matches(self.queue, call)

    @property
    def calls(self) -> str:
        """Which calls these are, in a few words for the admin."""
        return "every call that no queue matches" if self.queue is None else _criteria(self.queue)


def narrowed(one: ResolvedPolicy, by: ResolvedPolicy) -> ResolvedPolicy:
    """What both policies allow; it has the name of the one that took something away last."""
    days = [each.retention_days for each in (one, by) if each.retention_days is not None]
    memory = one.memory and by.memory
    both = replace(
        one,
        analysis=one.analysis and by.analysis,
        voice=one.voice and by.voice,
        emotion=one.emotion and by.emotion,
        quotes=one.quotes and by.quotes,
        memory=memory,
        retention_days=min(days) if memory and days else None,
        require_announcement=one.require_announcement or by.require_announcement,
    )
    return both if both == one else replace(both, name=by.name, queue=by.queue)


def resolve(policy: Policy, memory: Memory) -> tuple[ResolvedPolicy, ...]:
    """Every policy in the order in which they are tried; the last one, `default`, matches every call."""
    return (*(_resolved(policy, memory, queue) for queue in policy.queue), _resolved(policy, memory, None))


def _resolved(policy: Policy, memory: Memory, queue: Queue | None) -> ResolvedPolicy:
    def setting(name: str) -> bool:
        own = getattr(queue, name) if queue is not None else None
        return bool(getattr(policy, name) if own is None else own)

    analysis = setting("analysis")
    voice = analysis and setting("voice")
    remembers = analysis and memory.enabled and setting("memory")
    days = (queue.retention_days if queue is not None else None) or memory.retention_days
    return ResolvedPolicy(
        name=queue.name if queue is not None else DEFAULT,
        queue=queue,
        analysis=analysis,
        voice=voice,
        emotion=voice and setting("emotion"),
        quotes=analysis and setting("quotes"),
        memory=remembers,
        retention_days=days if remembers else None,
        require_announcement=analysis and setting("require_announcement"),
    )


def _matches(queue: Queue, call: CallFacts) -> bool:
    if queue.agent_numbers:
        number = call.agent_number
        if number is None or not any(_number_fits(pattern, number) for pattern in queue.agent_numbers):
            return False
    if queue.gateways and not _within(call.gateway, queue.gateways):
        return False
    if queue.domains and not any(
        _domain_fits(wanted, one) for wanted in queue.domains for one in call.domains
    ):
        return False
    return _told(queue.header, call.headers) and _told(queue.metadata, call.elements)


def _number_fits(pattern: str, number: str) -> bool:
    return bool(re.fullmatch(pattern, number) or re.fullmatch(pattern, number.removeprefix("+")))


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


def _domain_fits(wanted: str, domain: str) -> bool:
    return domain.endswith(wanted[1:]) if wanted.startswith("*.") else domain == wanted


def _told(match: HeaderMatch | ElementMatch | None, told: Mapping[str, Sequence[str]]) -> bool:
    if match is None:
        return True
    values = told.get(match.name.lower(), ())
    return bool(values) and (not match.values or any(value in match.values for value in values))


def _criteria(queue: Queue) -> str:
    parts = []
    if queue.agent_numbers:
        parts.append(f"agent {' or '.join(queue.agent_numbers)}")
    if queue.gateways:
        parts.append(f"from {' or '.join(queue.gateways)}")
    if queue.domains:
        parts.append(f"domain {' or '.join(queue.domains)}")
    for kind, match in (("header", queue.header), ("metadata", queue.metadata)):
        if match is not None:
            parts.append(
                f"{kind} {match.name} {'= ' + ' or '.join(match.values) if match.values else 'is there'}"
            )
    return ", ".join(parts)


def describe_policies(policies: Sequence[ResolvedPolicy]) -> list[str]:
    """A line for each policy: its name, which calls it holds for, and what is on and off in them."""
    width = max(len(policy.name) for policy in policies)
    return [f"{policy.name:{width}}  {policy.calls}: {_on_and_off(policy)}" for policy in policies]


def _on_and_off(policy: ResolvedPolicy) -> str:
    if not policy.analysis:
        return "analysis off"
    parts = [
        f"{name} {'on' if on else 'off'}"
        for name, on in (("voice", policy.voice), ("emotion", policy.emotion), ("quotes", policy.quotes))
    ]
    parts.append(f"memory {policy.retention_days} days" if policy.memory else "memory off")
    if policy.require_announcement:
        parts.append("after the announcement")
    return f"analysis on ({', '.join(parts)})"


def never_matching(policy: Policy, roles: Roles, gateways: Sequence[str]) -> list[str]:
    """Sentences on entries that no call can ever reach, each with what to do; empty where all can.

    Patterns are compared as far as that can be told: a pattern of digits alone is one number.
    """
    found = []
    for place, queue in enumerate(policy.queue):
        key = f"policy.queue[{place}] ({queue.name})"
        earlier = next((one for one in policy.queue[:place] if _covers(one, queue)), None)
        if earlier is not None:
            found.append(f"{key}: every call of it is taken by {earlier.name} above; put it above that one")
        foreign = [network for network in queue.gateways if not _overlaps(network, gateways)]
        if queue.gateways and len(foreign) == len(queue.gateways):
            found.append(
                f"{key}: {foreign[0]} is outside siprec.gateways, so no call comes from it; add it there"
            )
        strange = [number for number in queue.agent_numbers if not _an_agents(number, roles)]
        if queue.agent_numbers and len(strange) == len(queue.agent_numbers):
            found.append(
                f"{key}: {strange[0]} is no agent's number by roles.agent_numbers; correct one of the two"
            )
    return found


def _covers(earlier: Queue, later: Queue) -> bool:
    """Whether every call that `later` matches is matched by `earlier`."""
    if earlier.agent_numbers and not _all_covered(
        later.agent_numbers, earlier.agent_numbers, _number_covered
    ):
        return False
    if earlier.gateways and not _all_covered(later.gateways, earlier.gateways, _subnet):
        return False
    if earlier.domains and not _all_covered(later.domains, earlier.domains, _subdomain):
        return False
    return _value_covered(earlier.header, later.header) and _value_covered(earlier.metadata, later.metadata)


def _all_covered(later: Sequence[str], earlier: Sequence[str], covered: Callable[[str, str], bool]) -> bool:
    return bool(later) and all(any(covered(one, wide) for wide in earlier) for one in later)


def _number_covered(narrow: str, wide: str) -> bool:
    return narrow == wide or (narrow.isdecimal() and bool(re.fullmatch(wide, narrow)))


def _subnet(narrow: str, wide: str) -> bool:
    one, other = ipaddress.ip_network(narrow, strict=False), ipaddress.ip_network(wide, strict=False)
    return isinstance(one, type(other)) and one.subnet_of(other)  # type: ignore[arg-type]


def _subdomain(narrow: str, wide: str) -> bool:
    return narrow == wide or (wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:]))


def _value_covered(
    earlier: HeaderMatch | ElementMatch | None, later: HeaderMatch | ElementMatch | None
) -> bool:
    if earlier is None:
        return True
    if later is None or earlier.name.lower() != later.name.lower():
        return False
    return not earlier.values or (bool(later.values) and set(later.values) <= set(earlier.values))


def _overlaps(network: str, others: Sequence[str]) -> bool:
    one = ipaddress.ip_network(network, strict=False)
    return any(one.overlaps(ipaddress.ip_network(other, strict=False)) for other in others)


def _an_agents(pattern: str, roles: Roles) -> bool:
    # Numbers are not what tells the agent where directions or labels do.
    if roles.direction != "unknown" or roles.labels or not pattern.isdecimal():
        return True
    return any(re.fullmatch(one, pattern) for one in roles.agent_numbers)
