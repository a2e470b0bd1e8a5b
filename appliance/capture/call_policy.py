"""Which policy holds for a call: that of its queue, narrowed by what the customer and the gateway say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from appliance.box.config import Config
from appliance.box.policies import CallFacts, ResolvedPolicy, narrowed
from appliance.capture.consent import SessionConsent
from appliance.capture.roles import AssignedRoles
from appliance.protocol.vocabulary import OffReason
from appliance.telephony.audioblock import CallPolicy
from appliance.telephony.recording_metadata import RecordingMetadata
from appliance.telephony.signalled import Signalled, Wanted


def call_policy(resolved: ResolvedPolicy, why_not: OffReason | None = None) -> CallPolicy:
    """What the engine may do with a call under a policy; `why_not`: why it may do nothing."""
    if why_not is not None or not resolved.analysis:
        return CallPolicy(
            analysis=False, voice=False, emotion=False, quotes=False, memory=False, reason=why_not or "site"
        )
    return CallPolicy(
        analysis=True,
        voice=resolved.voice,
        emotion=resolved.emotion,
        quotes=resolved.quotes,
        memory=resolved.memory,
        retention_days=resolved.retention_days,
    )


class SitePolicies:
    """The policies of a site, for all its calls."""

    def __init__(self, config: Config) -> None:
        self._policies = config.policies()
        self._settings = config.policy
        #: what happened, summed over all calls
        self.counters: Counter[str] = Counter()
        #: what has to be taken out of requests
        self.wanted = Wanted(*_wanted(config))

    def session(self, gateway: str, said: Signalled) -> SessionPolicy:
        """The policy of a recording session that came from `gateway` (an IP address) with these fields."""
        consent = SessionConsent(self._settings.consent, self._settings.announcement, self.counters)
        session = SessionPolicy(self, consent, gateway)
        session.hear(said)
        return session

    def of(self, facts: CallFacts) -> ResolvedPolicy:
        """The first policy that matches; the default matches all."""
        return next(policy for policy in self._policies if policy.matches(facts))

    @property
    def flags(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Header and element, in lower case, of consent and of the announcement; "" where there is none."""
        consent, announcement = self._settings.consent, self._settings.announcement
        return (
            (consent.header.lower(), consent.metadata.lower()),
            (announcement.header.lower(), announcement.metadata.lower()),
        )


class SessionPolicy:
    """What is said over one recording session, and which policy follows from it.

    The queue is chosen when a call begins to be analysed, and again where its agent changes. A call that is
    moved to another queue meanwhile goes on under what both policies allow: what was said under the first of
    them is in the profile already, so nothing is loosened. The customer's objection holds for the whole
    session, whoever the agent is.
    """

    def __init__(self, site: SitePolicies, consent: SessionConsent, gateway: str) -> None:
        self._site = site
        self._consent = consent
        self._facts = CallFacts(gateway=gateway)
        self._agent_hosts: frozenset[str] = frozenset()
        self._begun = False
        self._resolved = site.of(self._facts)

    @property
    def name(self) -> str:
        """The queue's name in the configuration, or `default`."""
        return self._resolved.name

    @property
    def current(self) -> CallPolicy:
        """What may be done with the call now."""
        announced = self._resolved.require_announcement
        return call_policy(self._resolved, self._consent.why_not(announced=announced))

    def begin(self, roles: AssignedRoles) -> CallPolicy:
        """Choose the policy of a call that begins."""
        self._begun = False
        self.agent(roles)
        self._begun = True
        self._resolved = self._site.of(self._with_domains(self._facts.domains))
        return self.current

    def agent(self, roles: AssignedRoles) -> None:
        """Take how the agent of the call that is on is addressed now."""
        self._facts = replace(self._facts, agent_number=roles.agent_number)
        self._agent_hosts = roles.agent_hosts
        self._moved(frozenset())

    def hear(self, said: Signalled) -> None:
        """Take the header fields of a request; those that it does not have stand as they were."""
        headers = {**self._facts.headers, **said.headers}
        new = said.hosts - self._facts.domains
        self._facts = replace(self._facts, headers=headers, domains=self._facts.domains | new)
        self._moved(new)
        (consent, _), (announcement, _) = self._site.flags
        self._consent.consent("header", said.headers.get(consent, ()))
        self._consent.announcement("header", said.headers.get(announcement, ()))

    def read(self, metadata: RecordingMetadata | None, *, broken: bool) -> None:
        """Take all that the metadata has said so far; `broken`: the last of it cannot be read."""
        if broken:
            self._consent.unreadable()
        elif metadata is not None:
            elements: dict[str, list[str]] = {}
            for name, value in metadata.told:
                elements.setdefault(name, []).append(value)
            # The last update of a call often says nothing any more, which moves it nowhere.
            self._facts = replace(self._facts, elements={**self._facts.elements, **elements})
            self._moved(frozenset())
            (_, consent), (_, announcement) = self._site.flags
            self._consent.consent("metadata", elements.get(consent, ()))
            self._consent.announcement("metadata", elements.get(announcement, ()))

    def _moved(self, hosts: frozenset[str]) -> None:
        """Where a call is on, narrow its policy by that of the queue that it belongs to now.

        `hosts` were not named before. Those that were must not hide the queue of these.
        """
        if not self._begun:
            return
        self._resolved = narrowed(self._resolved, self._site.of(self._with_domains(self._facts.domains)))
        by_hosts = self._site.of(self._with_domains(hosts))
        if hosts and by_hosts.queue is not None:
            self._resolved = narrowed(self._resolved, by_hosts)

    def _with_domains(self, domains: frozenset[str]) -> CallFacts:
        return replace(self._facts, domains=domains | self._agent_hosts)


def _wanted(config: Config) -> tuple[frozenset[str], frozenset[str]]:
    policy = config.policy
    flags = (policy.consent, policy.announcement)
    headers = [flag.header for flag in flags] + [queue.header.name for queue in policy.queue if queue.header]
    elements = [flag.metadata for flag in flags]
    elements += [queue.metadata.name for queue in policy.queue if queue.metadata]
    return (
        frozenset(name.lower() for name in headers if name),
        frozenset(name.lower() for name in elements if name),
    )
