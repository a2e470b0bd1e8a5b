"""The training text: our own lines by author style, the tuned calls, and lines that only the rules read."""

from __future__ import annotations

import os
import pickle
import random
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, cast

from appliance.language import phrase_grammar, rules
from appliance.language.ellipsis import Topic
from appliance.language.findings import NeedFinding
from appliance.language.needs import NeedRules
from appliance.language.needs_evaluation import EARLIER, read_manifest
from appliance.language.needs_lexicon import LEXICON
from appliance.language.pinyin_forms import hear
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag
from tools.dialogues.playing import RUN_ON, clauses
from tools.dialogues.script import load
from tools.train.objections import corpus as objections

HERE: Final = Path(__file__).resolve().parent
WRITTEN: Final = Path(os.environ.get("RIDGE_NEED_LINES", HERE / "written"))
#: Begins the names of the styles that the tuned calls are.
TUNED: Final = "tuned_"
#: Begins the names of the styles that are turns of whole calls.
OF_CALLS: Final = (TUNED, "calls_")
#: The rules are slow to read so much; delete it when they change.
CACHE: Final = Path(tempfile.gettempdir()) / "ridge-needs-weak.pickle"
#: Findings of the rules that are sure enough to teach.
TEACHING: Final = 0.8
#: Lines of TV dialogue that are read, and renderings of each phrase of the rules.
SMALL_TALK: Final = 3000
RENDERINGS: Final = 2


class Label(NamedTuple):
    """What is known of one tag in one line."""

    #: None: with any stance
    stance: str | None
    optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One utterance with all its needs, and where it comes from."""

    text: str
    labels: dict[NeedTag, Label]
    style: str
    #: what the agent said just before
    context: str = ""
    #: the things that the call talks of, the last one last
    topic: tuple[NeedTag, ...] = ()
    #: whether somebody labelled it; otherwise the rules did
    gold: bool = True
    #: tags that the rules found and that are not sure enough to teach anything
    unknown: frozenset[NeedTag] = field(default=frozenset())


def written(rules_: NeedRules) -> dict[str, list[Example]]:
    """The lines of every style; raises ValueError at a line that is not as the guide says."""
    return {path.stem: read(path, rules_) for path in sorted(WRITTEN.glob("*.tsv"))}


def read(path: Path, rules_: NeedRules) -> list[Example]:
    """The lines of one style."""
    return [
        Example(
            item.text,
            {tag: Label(want.stance, want.optional) for tag, want in item.needs.items()},
            path.stem,
            item.context.rpartition(EARLIER)[2],
            topic_of(item.context, rules_),
        )
        for item in read_manifest(path)
    ]


def topic_of(context: str, rules_: NeedRules) -> tuple[NeedTag, ...]:
    """What a call talks of after the words of a context."""
    topic = Topic()
    for said in filter(None, context.split(EARLIER)):
        topic.heard(rules_.topics(hear(said)))
    return tuple(topic.tags)


def calls(rules_: NeedRules) -> dict[str, list[Example]]:
    """The customer's turns of the tuned calls, by file; pauses stand where a turn has punctuation."""
    examples: dict[str, list[Example]] = {}
    for call in load():
        if call.held_out:
            continue
        style = TUNED + call.id
        topic, before = Topic(), ""
        for turn in call.turns:
            text = spaced(turn.words)
            if turn.leg == "agent":
                topic.heard(rules_.topics(hear(text)))
                before = text
                continue
            labels = {
                cast(NeedTag, need.tag): Label(need.stance, need.optional)
                for need in sorted(turn.needs, key=lambda need: not need.optional)
            }
            examples.setdefault(style, []).append(Example(text, labels, style, before, tuple(topic.tags)))
            heard = hear(text)
            topic.heard(rules_.topics_of(heard, rules_.read(heard, before, topic)))
    return examples


def spaced(words: str) -> str:
    """A written turn as it is heard: pauses instead of punctuation, and none behind the shortest clauses."""
    out = ""
    for clause in clauses(words):
        out += clause + (" " if len(clause) > RUN_ON else "")
    return out.strip()


def weak(rules_: NeedRules) -> list[Example]:
    """Lines that nobody labelled with needs, with what the rules find in them."""
    if CACHE.is_file():
        return cast("list[Example]", pickle.loads(CACHE.read_bytes()))
    chance = random.Random(5)
    lines = [
        (line.text, line.context, "objections")
        for style in objections.styles()
        for line in objections.own(style)
    ]
    lines += [(line.text, "", "intents") for line in objections.intents()]
    lines += [(line.text, "", "dialogue") for line in chance.sample(objections.small_talk(), SMALL_TALK)]
    lines += [(phrase, "", "phrases") for phrase in phrases(chance)]
    examples = list(_read_by_rules(lines, rules_))
    CACHE.write_bytes(pickle.dumps(examples))
    return examples


def _read_by_rules(lines: Iterable[tuple[str, str, str]], rules_: NeedRules) -> Iterator[Example]:
    for text, context, style in lines:
        tags = topic_of(context, rules_)
        found: tuple[NeedFinding, ...] = rules_.read(hear(text), context, Topic(list(tags)))
        sure = {need.tag: Label(need.stance) for need in found if need.confidence >= TEACHING}
        unsure = frozenset(need.tag for need in found) - sure.keys()
        yield Example(text, sure, style, context, tags, gold=False, unknown=unsure)


def phrases(chance: random.Random) -> Iterator[str]:
    """The phrases of the rules, each with some of the words that it may have."""
    data, _ = rules.read_directory(LEXICON)
    classes = phrase_grammar.read_classes(cast("dict[str, list[str]]", data["classes"]))
    for table in cast("dict[str, dict[str, object]]", data["tags"]).values():
        for kind in ("mentions", "wants", "has", "rejects", "asks", "unless"):
            for phrase in cast("list[str]", table.get(kind, [])):
                parsed = phrase_grammar.parse(phrase, classes)
                if any(slot.after_gap for slot in parsed.slots):
                    continue
                for _ in range(1 if parsed.plain else RENDERINGS):
                    yield "".join(chance.choice(slot.words) for slot in parsed.slots)


def names() -> dict[str, NeedTag]:
    """The plain names of the things that may stand for each other, the longest first."""
    data, _ = rules.read_directory(LEXICON)
    tables = cast("dict[str, dict[str, object]]", data["tags"])
    words = {
        name.removeprefix("="): cast(NeedTag, tag)
        for tag in NEED_TAGS
        for name in cast("list[str]", tables[tag].get("mentions", []))
        if re.fullmatch("=?[一-鿿A-Za-z]{2,}", name)
    }
    return dict(sorted(words.items(), key=lambda pair: -len(pair[0])))
