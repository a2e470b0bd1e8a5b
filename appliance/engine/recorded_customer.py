"""The customer of a recording, whose number somebody names: what the bank's record and memory know of them.

A recording brings no number of its own. Memory is only read: to replay a call is no call.
"""

from __future__ import annotations

import asyncio

import msgspec

from appliance.box.config import Config
from appliance.capture.record import BankRecord
from appliance.engine.memory import CallMemory
from appliance.memory.secret import MemorySecret, directory_of, normal
from appliance.telephony.audioblock import CallMessage, CallStarted


class RecordedCustomerError(ValueError):
    """The number, or what is asked about it, cannot be used; the message says what to do."""


class RecordedCustomer:
    """One customer's number, and where to look it up."""

    def __init__(self, number: str, config: Config) -> None:
        """Prepare to look `number` up where `config` says.

        Raises:
            RecordedCustomerError: it is no number, or nothing is configured that could know it.
        """
        if normal(number) is None:
            raise RecordedCustomerError(
                f"{number!r} is no telephone number; write its digits, such as 13800001111"
            )
        configured = config.record.file is not None or config.record.url is not None
        if not configured and not config.memory.enabled:
            raise RecordedCustomerError(
                "neither record.file, record.url nor memory.enabled is set, so nothing is known of a number; "
                "set one of them in the configuration, or name a table with --record FILE"
            )
        self._number = number
        self._config = config
        self._record = BankRecord(config.record) if configured else None

    def memory(self) -> CallMemory | None:
        """What is remembered, for reading alone; None where memory is off.

        Raises:
            MemoryFileError: the secret cannot be used.
        """
        return CallMemory.configured(self._config, None, keeps=False)

    def begin(self, started: CallStarted) -> list[CallMessage]:
        """The messages with which the call begins: it, with the customer in it, and what the record says.

        Raises:
            RecordedCustomerError: the record cannot be asked.
        """
        if started.policy is not None and not started.policy.analysis:
            return [started]
        messages: list[CallMessage] = [msgspec.structs.replace(started, customer=self._identity())]
        if self._record is not None:
            known = asyncio.run(self._record.of(started.call, self._number))
            if self._record.counters["failed"]:
                source = self._config.record.file or self._config.record.url
                raise RecordedCustomerError(
                    f"{source}: the record cannot be asked; check that it is there and written as "
                    "`ridge check --sample` shows"
                )
            messages += [known] if known is not None else []
        return messages

    def _identity(self) -> str | None:
        """The keyed hash of the number, where something is remembered."""
        if not self._config.memory.enabled:
            return None
        secret = MemorySecret.load(directory_of(self._config.box.state_directory))
        return secret.identity(self._number) if secret is not None else None
