"""What the console knows beside the reports: models, the newest privacy report, firewall counters."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance.box.config import Config
from appliance.models import ModelEntry, ModelError, ModelStore

#: Where `ridge privacy report --output` of the README puts the reports, below the state directory.
REPORTS: Final = "reports"
#: A report has no pictures of its own; a larger file is none.
MAX_REPORT_BYTES: Final = 16 * 1024 * 1024
#: Where ridge-counters.service writes what the firewall has counted.
COUNTERS_FILE: Final = Path("/run/ridge-evidence/firewall.json")
_MAX_COUNTERS_BYTES: Final = 64 * 1024
#: ridge-counters.timer exports every minute.
OLD_COUNTERS_SECONDS: Final = 300.0
#: Models are verified at the start, and again so often: some 40 MB are read and hashed.
VERIFY_SECONDS: Final = 3600.0

CounterName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ModelState = Literal["checking", "verified", "missing", "altered", "forbidden"]


class Counter(msgspec.Struct, frozen=True):
    """One counter of the firewall."""

    packets: Annotated[int, Meta(ge=0)]
    bytes: Annotated[int, Meta(ge=0)]


class Counters(msgspec.Struct, frozen=True):
    """What the firewall had counted at a time; without any counter, its table was not there."""

    #: unix time in seconds
    at: Annotated[int, Meta(ge=0)]
    counters: dict[CounterName, Counter]


def rules_loaded(counters: Counters | None, wall: float) -> bool | None:
    """Whether the rules were loaded lately; None where nobody has said. `wall` is unix time in seconds."""
    if counters is None or not -1 <= wall - counters.at <= OLD_COUNTERS_SECONDS:
        return None
    return bool(counters.counters)


def read_counters(path: Path = COUNTERS_FILE) -> Counters | None:
    """The counters as last exported; None where there are none, or what is there cannot be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_COUNTERS_BYTES), type=Counters)
    except (OSError, msgspec.DecodeError):
        return None


def newest_report(config: Config, locale: str) -> Path | None:
    """The HTML report that was written last, of this language where there is one; else None."""
    directory = config.box.state_directory / REPORTS
    try:
        found = [
            (path.name.endswith(f".{locale}.html"), path.stat().st_mtime, path)
            for path in directory.glob("*.html")
            if path.is_file()
        ]
    except OSError:
        return None
    return max(found)[2] if found else None


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the manifest, and how it is on this box."""

    entry: ModelEntry
    state: ModelState
    #: unix time in seconds at which it was verified
    at: int = 0


class Models:
    """Verifies the models in a thread of its own, so that no page waits for a disk."""

    def __init__(self, config: Config) -> None:
        self._store = ModelStore.configured(config)
        try:
            self._known = {entry.name: KnownModel(entry, "checking") for entry in self._store.entries}
        except ModelError:
            self._known = {}
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def known(self) -> list[KnownModel]:
        """Every model, as last verified."""
        return list(self._known.values())

    @property
    def research_only(self) -> frozenset[str]:
        """The names of the models that are for research only."""
        return frozenset(model.entry.name for model in self.known() if model.entry.research_only)

    def verify_when_due(self, now: float) -> None:
        """Begin to verify, where that is due; `now` is monotonic, in seconds."""
        busy = self._thread is not None and self._thread.is_alive()
        if now >= self._next and not busy:
            self._next = now + VERIFY_SECONDS
            self._thread = threading.Thread(target=self._verify, daemon=True)
            self._thread.start()

    def _verify(self) -> None:
        for name, model in list(self._known.items()):
            self._known[name] = KnownModel(model.entry, self._state(model.entry), int(time.time()))

    def _state(self, entry: ModelEntry) -> ModelState:
        if entry.research_only and not self._store.allow_research_only:
            return "forbidden"
        if self._store.locate(entry.name) is None:
            return "missing"
        return "altered" if self._store.problems(entry.name) else "verified"
