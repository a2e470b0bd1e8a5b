"""What is said without naming the thing (我不要了, 那可以试试): it means a product that was talked of before.

A clause leaves its object out where a predicate closes it: 还是不买了 does, 不买保险 does not. What it means
is the last thing that goes with its verb (money is 存 into a deposit, and a permission is 开), of the same
utterance before all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from appliance.language.phrases import Match, PhraseBook, longest
from appliance.language.pinyin_forms import Heard
from appliance.language.rules import Checker
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

_STANCES: Final[tuple[Stance, ...]] = ("wants", "rejects", "asks", "has")
#: Utterances of either leg after which people name the thing again.
REMEMBERED: Final = 8
#: People do not come back to more things than these without naming them.
_SEVERAL: Final = 3
#: What may follow a predicate that closes its clause: particles, amounts, terms, and words that point.
_CLOSED: Final = re.compile(
    "^(?:[了吧呢啊呀呗嘛的哈哦着得它他吗么]|[那这](?:玩意|东西)儿?|一下|看看|试试|再说|也行|也好|就好|就行|这个|那个|这种|那种|这只|那只|这款|"
    "[零一二两三四五六七八九十百千万亿几半多来点0-9]+(?:块钱|块|元|克|份|只|手|股|个月|个|年期|年|天|期)?(?:左右|以内|上下|的)?|"
    "一点|点儿|些|先|左右|额度|名额|个?位置?|[不别][投买做要存开弄]了)*$"
)
#: What may stand before it: whoever names something else there speaks of that (车先不买了).
_OPENED: Final = re.compile(
    "^(?:[那我俺咱就也还都真可但又再先少多是嗯哦啊好行对啦呀哎唉了的吧呢]|还是|现在|暂时|目前|其实|反正|所以|因为|后来|想想|考虑|不过|可是|算了|"
    "不行|干脆|觉得|估计|肯定|决定|以后|今后|我们|自己|你|这个|那个|它|这种|那种|这些|那些|每个月|今年|明年|今天|明天|到时候|这次|这回|下次|"
    "给(?:孩子|儿子|女儿|老婆|老公|我妈|我爸|他|她|自己|家里)|我(?:老公|老婆|妈|爸|儿子|女儿)|那会儿|可以|不用|是不是|停了?吧?|[那这][批只笔份款种期]|等(?:明年|到期|以后)?)*$"
)
#: Whose clause it is, and that it only supposes something.
_OTHERS: Final = re.compile(
    "^(?:[他她]们?|人家|别人|你们|您|你(?!给我|帮我|替我|先?[发传])|朋友|同事|邻居|谁|凭什么|为什么)"
)
#: Said to every kind of question.
_LOOSE: Final = re.compile(
    "^(?:那|就|真|真的|也|都|可|暂时|现在|目前|我|我们)*(?:不|别)(?:用|需要|必|要(?!了))了?$|^(?:还是|那就|那)?(?:算了|免了|拉倒)$|^没兴趣$|^不感兴趣$"
)
_OTHER_THINGS: Final = re.compile("别的|其他|其它")
_SUPPOSED: Final = re.compile("^(?:如果|要是|万一|假如|等|除非|只要|哪怕|就算)|的话")


@dataclass(slots=True)
class Topic:
    """The products that one call talks of; forgotten after `REMEMBERED` utterances that do not name one."""

    tags: list[NeedTag] = field(default_factory=list)
    #: whether the last utterance named one
    fresh: bool = False
    _age: int = field(default=0, repr=False)

    def heard(self, tags: Sequence[NeedTag]) -> None:
        """Take what an utterance named, in order; nothing where it named nothing."""
        self.fresh = bool(tags)
        self._age = 0 if tags else self._age + 1
        if self._age > REMEMBERED:
            self.tags = []
        for tag in tags:
            self.tags = [other for other in self.tags if other != tag][1 - _SEVERAL :]
            self.tags.append(tag)


class Said(NamedTuple):
    """What a clause says of the thing that it leaves out."""

    stance: Stance
    certainty: float
    #: unit at which it begins
    start: int
    #: the things that go with its verb
    tags: frozenset[NeedTag]
    #: whether it says enough to mean a thing that was named long before (不用了 may refuse anything)
    firm: bool


class LeftOut:
    """The phrases that leave the thing out."""

    def __init__(self, checker: Checker, value: object) -> None:
        """Validate the table `ellipsis` of the rules; problems go to `checker`."""
        table = checker.table("ellipsis", value)
        checker.known("ellipsis", table, ("topics", "unnamed", "unless", "verbs", "closing"))
        topics = table.get("topics", [])
        if not isinstance(topics, list) or not topics:
            checker.problem("ellipsis.topics", 'write the tags that may be left out, such as ["deposit"]')
            topics = []
        checker.known("ellipsis.topics", [str(tag) for tag in topics], NEED_TAGS)
        self.topics: frozenset[NeedTag] = frozenset(cast("list[NeedTag]", topics))
        #: words that belong to a thing too loosely to change what the call talks of
        self.unnamed = frozenset(checker.phrases("ellipsis.unnamed", table.get("unnamed")))
        self._verbs: dict[str, frozenset[NeedTag]] = {}
        for verb, tags in checker.table("ellipsis.verbs", table.get("verbs", {})).items():
            named = tags if isinstance(tags, list) else []
            checker.known(f"ellipsis.verbs.{verb}", [str(tag) for tag in named], topics)
            if not named:
                checker.problem(
                    f"ellipsis.verbs.{verb}", 'write the tags that go with it, such as ["deposit"]'
                )
            self._verbs[verb] = frozenset(named)
        closing = checker.table("ellipsis.closing", table.get("closing", {}))
        checker.known("ellipsis.closing", closing, _STANCES)
        phrases: list[tuple[str, Stance | None]] = [
            (phrase, stance)
            for stance in _STANCES
            for phrase in checker.phrases(f"ellipsis.closing.{stance}", closing.get(stance))
        ]
        phrases += [(phrase, None) for phrase in checker.phrases("ellipsis.unless", table.get("unless"))]
        self._phrases = phrases
        self._classes = checker.classes
        self._book: PhraseBook[Stance | None] | None = None

    def said(self, heard: Heard, taken: Sequence[tuple[int, int]], walls: frozenset[int]) -> list[Said]:
        """What the clauses of an utterance say of things that they do not name, in order.

        Args:
            heard: the utterance.
            taken: the units at which things are named: a clause that names one leaves none out.
            walls: the units at which clauses begin.
        """
        if self._book is None:
            self._book = PhraseBook(self._phrases, classes=self._classes)
        edges = sorted({0, *walls, len(heard)})
        matches = longest(self._book.find(heard))
        return [
            said
            for match in matches
            if match.key is not None and (said := self._closes(match, heard, taken, edges)) is not None
        ]

    def _closes(
        self,
        match: Match[Stance | None],
        heard: Heard,
        taken: Sequence[tuple[int, int]],
        edges: Sequence[int],
    ) -> Said | None:
        begin = max(edge for edge in edges if edge <= match.start)
        end = min(edge for edge in edges if edge >= match.end)
        clause = "".join(heard.characters[begin:end])
        if (
            any(start < end and stop > begin for start, stop in taken)
            or not (
                _OPENED.match("".join(heard.characters[begin : match.start]))
                # 谈到四点五我就开: before that a condition may stand
                or (match.key == "wants" and match.words.startswith("我就"))
            )
            or not _CLOSED.match("".join(heard.characters[match.end : end]))
            or _OTHERS.match(clause)
            or _OTHER_THINGS.search(clause)
            or (match.key != "rejects" and _SUPPOSED.search(clause))
        ):
            return None
        verbs = [verb for verb in self._verbs if verb in match.words]
        firm = (bool(verbs) or not {"(", "<"} & set(match.phrase)) and not _LOOSE.match(match.words)
        tags = frozenset(tag for verb in verbs for tag in self._verbs[verb]) if verbs else self.topics
        return Said(cast(Stance, match.key), match.certainty, match.start, tags, firm)
