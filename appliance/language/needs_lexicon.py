"""The words behind the needs: loads and validates the rules files of `lexicon/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

from appliance.language import rules
from appliance.language.answers import Answers
from appliance.language.ellipsis import LeftOut
from appliance.language.phrases import PhraseBook
from appliance.language.stances import CONNECTIVES, CUE_STANCES, Cue, CueStance, Mention
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

LEXICON: Final = Path(__file__).with_name("lexicon")

STANCES: Final[tuple[str, ...]] = get_args(Stance)
_OPTIONS: Final = ("amount", "fact", "plan", "question")


@dataclass(frozen=True, slots=True)
class Tag:
    """How the words of one tag are to be read."""

    #: what a mention means where no cue stands near it
    alone: Stance | None
    #: an amount of money in the same utterance belongs to it
    amount: bool
    #: cues do not change its stance
    fact: bool
    #: who has it wants it to come true
    plan: bool
    #: in a question, wanting it is asking for it (能随时取吗)
    question: bool


class NeedLexicon:
    """The validated rules: phrase books and what the tags are like."""

    def __init__(self, directory: Path = LEXICON) -> None:
        """Load and validate the files of `directory`.

        Raises:
            RulesError: a table, tag, stance, class or phrase is wrong; all problems at once.
        """
        data, origins = rules.read_directory(directory)
        checker = rules.Checker(directory, origins)
        checker.known("", data, ("classes", "cues", "tags", "answers", "ellipsis"))
        checker.read_classes(data.get("classes"))
        cues = checker.table("cues", data.get("cues"))
        checker.known("cues", cues, (*CUE_STANCES, "past"))
        tags = checker.table("tags", data.get("tags"))
        checker.known("tags", tags, NEED_TAGS)
        for missing in [tag for tag in NEED_TAGS if tag not in tags]:
            checker.problem(f"tags.{missing}", "is missing; every tag of the vocabulary needs a table")
        past = [(phrase, None) for phrase in checker.phrases("cues.past", cues.get("past"))]
        cue_phrases = _cues(checker, cues)
        self.answers = Answers.checked(checker, data.get("answers"))
        self.left_out = LeftOut(checker, data.get("ellipsis"))
        mentions: list[tuple[str, Mention]] = []
        self.tags: dict[NeedTag, Tag] = {}
        for name, table in tags.items():
            if name in NEED_TAGS:
                tag = cast(NeedTag, name)
                rule, phrases = _tag(checker, tag, checker.table(f"tags.{tag}", table))
                self.tags[tag] = rule
                mentions += phrases
        checker.finish()
        classes = checker.classes
        self.past: PhraseBook[None] = PhraseBook(past, classes=classes)
        self.cues: PhraseBook[Cue] = PhraseBook(cue_phrases.items(), classes=classes)
        names = {phrase for phrase, mention in mentions if mention.stance is None}
        self.mentions: PhraseBook[Mention] = PhraseBook(mentions, names, classes)
        self.connectives: PhraseBook[None] = PhraseBook((f"={word}", None) for word in CONNECTIVES)


def _cues(checker: rules.Checker, cues: dict[str, object]) -> dict[str, Cue]:
    phrases: dict[str, Cue] = {}
    for stance in CUE_STANCES:
        table = checker.table(f"cues.{stance}", cues.get(stance))
        checker.known(f"cues.{stance}", table, ("before", "after"))
        for side in ("before", "after"):
            for phrase in checker.phrases(f"cues.{stance}.{side}", table.get(side)):
                old = phrases.get(phrase)
                if old is not None and old.stance != stance:
                    checker.problem(
                        f"cues.{stance}.{side}",
                        f"{phrase!r} is also a cue of {old.stance}; keep one of them",
                    )
                phrases[phrase] = Cue(
                    cast(CueStance, stance),
                    side == "before" or bool(old and old.before),
                    side == "after" or bool(old and old.after),
                )
    return phrases


def _tag(
    checker: rules.Checker, tag: NeedTag, table: dict[str, object]
) -> tuple[Tag, list[tuple[str, Mention]]]:
    key = f"tags.{tag}"
    checker.known(key, table, ("mentions", "stance", *_OPTIONS, "unless", *STANCES))
    alone = table.get("stance")
    if alone is not None and alone not in STANCES:
        checker.problem(f"{key}.stance", f"must be one of {', '.join(STANCES)} (found {alone!r})")
    for option in _OPTIONS:
        if not isinstance(table.get(option, False), bool):
            checker.problem(f"{key}.{option}", "must be true or false")
    phrases: list[tuple[str, Mention]] = [
        (phrase, Mention(tag, None)) for phrase in checker.phrases(f"{key}.mentions", table.get("mentions"))
    ]
    for stance in STANCES:
        phrases += [
            (phrase, Mention(tag, cast(Stance, stance)))
            for phrase in checker.phrases(f"{key}.{stance}", table.get(stance))
        ]
    if not phrases:
        checker.problem(key, "has no phrases; write mentions or phrases of a stance")
    phrases += [
        (phrase, Mention(tag, None, cancels=True))
        for phrase in checker.phrases(f"{key}.unless", table.get("unless"))
    ]
    options = [bool(table.get(option, False)) for option in _OPTIONS]
    return Tag(cast("Stance | None", alone), *options), phrases
