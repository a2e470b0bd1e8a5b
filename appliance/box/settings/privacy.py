"""What may be analysed, shown and remembered."""

from __future__ import annotations

from pydantic import Field

from appliance.box.settings.values import Section


class Memory(Section):
    """What is remembered of a customer between calls: nothing, until it is turned on."""

    enabled: bool = False
    #: what is older is erased
    retention_days: int = Field(180, ge=1, le=3650)


class Policy(Section):
    """What may be analysed and shown."""

    emotion: bool = True
    #: redacted quotes of at most 40 characters in the evidence
    quotes: bool = False
