"""The training text: our own utterances by author style, and the mapped telemarketing intents."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from appliance.protocol.vocabulary import OBJECTION_TYPES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SHARED = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
WRITTEN = HERE / "written"
DIALOGUES = SHARED / "data/text/tv_dialogues.tsv"
#: Dialogue acts and sentiments of TV dialogue that are no objection, as a rule...
_QUIET_ACTS = {
    "question",
    "answer",
    "statement-non-opinion",
    "acknowledge",
    "thanking",
    "agreement",
    "greeting",
}
_QUIET_SENTIMENTS = {"neutral", "positive"}
#: ...and words that make it likely that one is an exception.
_SUSPICIOUS = re.compile(
    "不要|不用|不想|不需|不买|不信|不行|不会|别|滚|骗|假|烦|没空|没钱|没时间|忙|考虑|商量|想想|再说|以后|贵|钱|"
    "骂|死|病|傻|蛋|怕|犹豫|等|凭什么|怎么可能|投诉|报警|讨厌|不喜欢|算了|没兴趣|拒绝|回头|改天"
)
INTENTS = SHARED / "data/text/telemarketing_intents.tsv"
#: Manifests of author styles that are never trained on, calibrated on or looked at while choosing anything.
HELD_OUT = HERE / "heldout"

#: Styles that were held out until somebody looked at their figures; they choose thresholds now.
ONCE_HELD_OUT = ("accountant", "doctor", "driver", "foreman", "stallholder", "technician")


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance with all its types (none: empty), and where it comes from."""

    text: str
    labels: frozenset[str]
    style: str
    #: what the agent said before, where the labels depend on it
    context: str = ""


def own(style: str) -> list[Example]:
    """The utterances of one style file; raises ValueError at a label that does not exist."""
    path = WRITTEN / f"{style}.tsv"
    examples = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        text, labels, context, *_ = [*line.split("\t"), "", ""]
        names = frozenset(labels.split(",")) - {"none"}
        if not text or names - set(OBJECTION_TYPES):
            raise ValueError(
                f"{path}:{number}: {labels!r} is not a list of {', '.join(OBJECTION_TYPES)} or none"
            )
        examples.append(Example(text, names, style, context))
    return examples


def agent_lines() -> list[str]:
    """What an agent may have said before any utterance without changing what that utterance is."""
    return (HERE / "agent_lines.txt").read_text(encoding="utf-8").splitlines()


def retractions() -> list[tuple[str, str]]:
    """What stands before and after an objection that is somebody else's, was meant once, or is taken back."""
    lines = (HERE / "retractions.txt").read_text(encoding="utf-8").splitlines()
    return [(before, after) for before, _, after in (line.partition("…") for line in lines)]


def styles() -> list[str]:
    """The author styles to train on."""
    return sorted(path.stem for path in WRITTEN.glob("*.tsv"))


def intents() -> list[Example]:
    """The telemarketing utterances under our mapping; raises ValueError at an intent that is not mapped."""
    mapping = tomllib.loads((HERE / "intent_mapping.toml").read_text(encoding="utf-8"))
    label_of = {intent: label for label, table in mapping.items() for intent in table["intents"]}
    examples = []
    seen = set()
    for line in INTENTS.read_text(encoding="utf-8").splitlines()[1:]:
        text, _, intent = line.rpartition("\t")
        if intent not in label_of:
            raise ValueError(f"{INTENTS}: the intent {intent} is not in intent_mapping.toml; map it")
        label = label_of[intent]
        if label == "unused" or not text.strip() or len(text) > 60 or text in seen:
            continue
        seen.add(text)
        examples.append(Example(text, frozenset() if label == "none" else frozenset({label}), "intents"))
    return examples


def intent_names() -> list[tuple[str, str]]:
    """All telemarketing utterances with their own intents, for pretraining."""
    lines = INTENTS.read_text(encoding="utf-8").splitlines()[1:]
    pairs = [(line.rpartition("\t")[0], line.rpartition("\t")[2]) for line in lines]
    return [(text, intent) for text, intent in pairs if text.strip() and len(text) <= 60]


def moods() -> list[tuple[str, str]]:
    """Lines of TV dialogue with their emotion, for pretraining."""
    cells = [line.split("\t") for line in DIALOGUES.read_text(encoding="utf-8").splitlines()[1:]]
    return [(row[5], row[3]) for row in cells if 3 <= len(row[5]) <= 48]


def acts() -> list[tuple[str, str]]:
    """Lines of TV dialogue with their dialogue act, for pretraining."""
    cells = [line.split("\t") for line in DIALOGUES.read_text(encoding="utf-8").splitlines()[1:]]
    return [(row[5], row[4]) for row in cells if 3 <= len(row[5]) <= 48]


def small_talk() -> list[Example]:
    """Quiet lines of TV dialogue, as utterances that hold no objection."""
    examples = []
    for line in DIALOGUES.read_text(encoding="utf-8").splitlines()[1:]:
        _, _, sentiment, _, act, text = line.split("\t")
        quiet = act in _QUIET_ACTS and sentiment in _QUIET_SENTIMENTS and not _SUSPICIOUS.search(text)
        if quiet and 3 <= len(text) <= 24:
            examples.append(Example(text, frozenset(), "dialogue"))
    return examples
