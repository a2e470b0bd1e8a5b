"""What a gateway has said of the customer's consent and of the announcement in a recording session. Pure.

What is said in words that the site did not configure counts as a no, until it is said again in known ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from appliance.box.config import Announcement, Consent
from appliance.protocol.vocabulary import OffReason

#: Where a flag stands; the last word of each counts.
Source = Literal["header", "metadata"]
_Said = Literal["yes", "no", "unknown"]


class SessionConsent:
    """One session's flags.

    Args:
        consent: where and how the site's gateway says that a customer objects.
        announcement: the same of the announcement.
        counters: counts `customers_objected`, `announcements_played` and `unknown_flags`.
    """

    def __init__(self, consent: Consent, announcement: Announcement, counters: Counter[str]) -> None:
        self._consent = consent
        self._announcement = announcement
        self._counters = counters
        self._objected = False
        self._consents: dict[Source, _Said] = {}
        self._announcements: dict[Source, _Said] = {}

    def consent(self, source: Source, values: Sequence[str]) -> None:
        """Take the values (in lower case) of a flag of consent; none means that nothing was said."""
        said = _said(values, yes=self._consent.granted, no=self._consent.refused)
        if said is None:
            return
        if said == "no" and not self._objected:
            self._objected = True
            self._counters["customers_objected"] += 1
        self._keep(self._consents, source, said)

    def announcement(self, source: Source, values: Sequence[str]) -> None:
        """Take the values (in lower case) of a flag of the announcement."""
        said = _said(values, yes=self._announcement.played, no=self._announcement.pending)
        if said is None:
            return
        if said == "yes" and self._announcements.get(source) != "yes":
            self._counters["announcements_played"] += 1
        self._keep(self._announcements, source, said)

    def unreadable(self) -> None:
        """Metadata came that cannot be read: where flags stand in metadata, it may have said anything."""
        if self._consent.metadata:
            self._keep(self._consents, "metadata", "unknown")
        if self._announcement.metadata:
            self._keep(self._announcements, "metadata", "unknown")

    def why_not(self, *, announced: bool) -> OffReason | None:
        """Why the call may not be analysed now; None where it may.

        Args:
            announced: whether the announcement is required.
        """
        if self._objected:
            return "customer"
        if "unknown" in self._consents.values():
            return "unknown"
        if announced:
            if "unknown" in self._announcements.values():
                return "unknown"
            if "yes" not in self._announcements.values():
                return "announcement"
        return None

    def _keep(self, of: dict[Source, _Said], source: Source, said: _Said) -> None:
        if said == "unknown" and of.get(source) != "unknown":
            self._counters["unknown_flags"] += 1
        of[source] = said


def _said(values: Sequence[str], *, yes: Sequence[str], no: Sequence[str]) -> _Said | None:
    """What values say together: the most careful of them."""
    if not values:
        return None
    if any(value in no for value in values):
        return "no"
    return "yes" if all(value in yes for value in values) else "unknown"
