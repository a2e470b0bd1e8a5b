"""Which recognizer runs: the one that the configuration names, or the best one that is there.

A box must work on the day it is unpacked, so a recognizer is bundled; a better one is pulled by an admin and
is then preferred without a change of the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from appliance.models import ModelEntry, ModelError, ModelStore

#: The value of speech.model that leaves the choice to the box.
AUTO: Final = "auto"
#: Preferred where it is installed.
PULLED_RECOGNIZER: Final = "asr-zh-pinyin-zipformer"
#: Comes with the appliance.
BUNDLED_RECOGNIZER: Final = "asr-zh-pinyin-telephone"

Reason = Literal["configured", "installed", "bundled"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The recognizer that runs, and why it is this one."""

    name: str
    reason: Reason

    def __str__(self) -> str:
        """Such as "asr-zh-pinyin-telephone (bundled; speech.model is auto)"."""
        why = {
            "configured": "as speech.model says",
            "installed": "installed; speech.model is auto",
            "bundled": f"bundled, until {PULLED_RECOGNIZER} is pulled; speech.model is auto",
        }
        return f"{self.name} ({why[self.reason]})"


def choose_recognizer(store: ModelStore, wanted: str) -> Choice:
    """The recognizer for a configured name or `AUTO`, not yet verified.

    A preferred recognizer that is installed but damaged is chosen too, and then refused when it is opened:
    a broken copy is an error and is never passed over in silence.

    Raises:
        ModelError: the name is unknown or no recognizer's, or nothing that is there may be used.
    """
    if wanted != AUTO:
        entry = store.entry(wanted)
        if (fault := entry.why_not_a_recognizer()) is not None:
            raise ModelError(
                f"model {wanted} {fault}; set speech.model to {AUTO} or one of {', '.join(usable(store))}"
            )
        return Choice(wanted, "configured")
    known = {entry.name: entry for entry in store.entries}
    if PULLED_RECOGNIZER in known and store.locate(PULLED_RECOGNIZER) is not None:
        return Choice(PULLED_RECOGNIZER, "installed")
    bundled = known.get(BUNDLED_RECOGNIZER)
    if bundled is None or store.locate(BUNDLED_RECOGNIZER) is None:
        raise ModelError(_nothing("no recognizer is installed"))
    if bundled.research_only and not store.allow_research_only:
        raise ModelError(
            _nothing(
                f"the bundled recognizer {BUNDLED_RECOGNIZER} may be used for research only, "
                "models.allow_research_only is false, and no other recognizer is installed"
            )
        )
    return Choice(BUNDLED_RECOGNIZER, "bundled")


def usable(store: ModelStore) -> list[str]:
    """The names of all recognizers that the appliance can run, installed or not."""
    return [entry.name for entry in store.entries if is_recognizer(entry)]


def is_recognizer(entry: ModelEntry) -> bool:
    """Whether the appliance can recognize speech with it."""
    return entry.why_not_a_recognizer() is None


def _nothing(why: str) -> str:
    return (
        f"{why}; run `ridge models pull {PULLED_RECOGNIZER}` (with --from where there is no network), "
        "or name an installed one as speech.model"
    )
