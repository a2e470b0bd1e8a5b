"""The training text: our own utterances by author style, and the mapped telemarketing intents."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.language.needs_evaluation import EARLIER
from appliance.protocol.vocabulary import OBJECTION_TYPES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SHARED = Path(os.environ.get("RIDGE_SHARED", ROOT.parent / "shared"))
WRITTEN = HERE / "written"
#: Labels, under the same guide, of what was written for the needs model: the lines that are no plain `none`.
TURNS = HERE / "turns"
UTTERANCES = HERE.parent / "needs" / "written"
TURN_STYLES = "turns/"
#: Behind a label that may be found or not; training leaves such a line out.
OPEN = "?"
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
    return [
        Example(text, _known(labels, where), style, context)
        for where, text, labels, context in _rows(WRITTEN / f"{style}.tsv")
    ]


def turns(style: str) -> list[Example]:
    """The utterances that were written for needs, as objections, but the open and the held-out ones.

    Answers of a few syllables are the same in any style, so some of them are held out elsewhere.

    Raises:
        ValueError: a label does not exist, or a labelled line is none of the style's utterances.
    """
    labelled = {
        (text, context): (labels, where) for where, text, labels, context in _rows(TURNS / f"{style}.tsv")
    }
    examples = []
    for _, text, _, context in _rows(UTTERANCES / f"{style}.tsv"):
        labels, where = labelled.pop((text, context), ("none", ""))
        kinds = _known(labels.replace(OPEN, ""), where)
        if OPEN not in labels and _unpaused(text) not in held_out_texts():
            examples.append(Example(text, kinds, f"{TURN_STYLES}{style}", context.split(EARLIER)[-1]))
    if labelled:
        raise ValueError(f"{next(iter(labelled.values()))[1]}: no such line in {UTTERANCES / style}.tsv")
    return examples


def all_own() -> dict[str, list[Example]]:
    """Every style of ours to train on."""
    return {style: own(style) for style in styles()} | {
        f"{TURN_STYLES}{style}": turns(style) for style in sorted(path.stem for path in TURNS.glob("*.tsv"))
    }


@cache
def held_out_texts() -> frozenset[str]:
    """The utterances of the held-out authors, without pauses."""
    return frozenset(_unpaused(text) for path in HELD_OUT.glob("*.tsv") for _, text, *_ in _rows(path))


def _unpaused(text: str) -> str:
    return text.replace(" ", "")


def _rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Where each line of a style file stands, and its first three columns."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        text, labels, context, *_ = [*line.split("\t"), "", ""]
        if not text:
            raise ValueError(f"{path}:{number}: the text is missing")
        yield f"{path}:{number}", text, labels, context


def _known(labels: str, where: str) -> frozenset[str]:
    names = frozenset(labels.split(",")) - {"none"}
    if names - set(OBJECTION_TYPES):
        raise ValueError(f"{where}: {labels!r} is not a list of {', '.join(OBJECTION_TYPES)} or none")
    return names


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
