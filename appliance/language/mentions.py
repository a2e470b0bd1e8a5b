"""Which words of an utterance count, and what a phrase that has a stance says where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from appliance.language.clauses import clauses, words_of
from appliance.language.phrases import EXACT, Match, longest
from appliance.language.pinyin_forms import Heard
from appliance.language.stances import Mention
from appliance.protocol.vocabulary import NeedTag, Stance

#: One thing at a time is named by a word; what else is said of the customer may be told by the same words.
PRODUCTS: Final[frozenset[NeedTag]] = frozenset(
    ["stocks", "bonds", "fixed_income", "fixed_income_plus", "bond_fund", "equity_fund", "private_fund",
     "insurance", "deposit", "gold", "structured_product", "money_market", "margin_trading",
     "options_trading", "chinext", "star_market", "hong_kong_stocks"]
)  # fmt: skip

#: What is told of a third person is not the customer's.
_OF_ONESELF: Final[frozenset[NeedTag]] = frozenset(
    ["idle_money", "novice", "expert", "risk_seeking", "risk_averse", "holdings_elsewhere"]
)
#: What was once arranged is no wish any more (上礼拜我去你们网点).
_ARRANGED: Final[frozenset[NeedTag]] = frozenset(["visit_branch", "contact_message", "call_back"])
_BYGONE: Final = re.compile("昨天|前天|上次|上周|上礼拜|上星期|上个月|那天|上回|去年")
_THIRD: Final = re.compile("^[哦嗯啊那]*(?:[他她]们?|人家|别人|朋友|同事|邻居)")
#: Right before a phrase that states something, these deny it (先不|买了保险) or ask it (是不是|快到期).
_DENIES: Final = re.compile(
    "(?:不|没|没有|不是|不用|不想|不要|别|未必|还没|哪有|谁说|不接受|不需要|拒绝|谢绝|(?:别|不要|不想)(?:给我)?[整弄推买搞来选])$"
)
_ASKS: Final = re.compile("(?:是不是|有没有|能不能|要不要|会不会|可不可以|什么时候)$")
#: Right before a phrase that states what one has, these make it what one wants (不如|放余额宝).
_INTENDS: Final = re.compile("(?:想|要|打算|准备|不如|直接|还是|那就|干脆|考虑|也想)$")
_QUESTION: Final = re.compile("[吗么]$|能不能|可不可以|会不会|是不是|^(?:那|这|到时候?)*不会.*吧$|不出来吧$")
#: 要不要|锁一年: what begins within these is put in question.
_WHETHER: Final = re.compile("^(?:要不要|想不想|该不该|敢不敢|能不能)")
_DENIES_ITSELF: Final = re.compile("^(?:不|没|别|莫|甭|哪|没有|取消|零)")


#: Right before a phrase that states something, these say that it is somebody else's.
_REPORTED: Final = re.compile(
    "(?:[他她]们?|人家|邻居|同事|朋友|亲戚|老公|老婆)(?:们)?啊?(?:又|都|也|就|还|天天|总|老是|老|一直)?"
    "(?:说|讲|觉得|以前|怕|嫌|买的?|那只|想|有点)[^我俺]{0,4}$|(?:[他她]|人家|朋友)(?:就|什么都|也)?$"
)


def _of_others(heard: Heard, at: int) -> bool:
    """Whether the clauses up to the unit `at` speak of a third person (他做生意的，钱都在公司里)."""
    others = False
    for start, end in clauses(heard):
        if start > at:
            break
        clause = words_of(heard, start, min(end, at) if start <= at < end else end)
        if re.search("[我俺咱]", clause):
            others = False
        elif _THIRD.match(clause):
            others = True
    return others


def asked(heard: Heard, match: Match[Mention]) -> bool:
    """Whether the clause in which `match` stands is a question."""
    begin = max([0, *(at for at in heard.breaks if at <= match.start)])
    end = min([len(heard), *(at for at in heard.breaks if at >= match.end)])
    return bool(_QUESTION.search(words_of(heard, begin, end)))


def in_context(stance: Stance, match: Match[Mention], heard: Heard, *, question: bool) -> Stance | None:
    """The stance of a phrase that has one, as what stands around it makes it; None where it says nothing.

    Args:
        stance: of the phrase itself.
        match: where it stands.
        heard: the utterance.
        question: whether wanting it in a question is asking for it.
    """
    begin = max([0, *(at for at in heard.breaks if at <= match.start)])
    if question and stance == "wants" and asked(heard, match):
        return "asks"
    around = words_of(heard, max(begin, match.start - 1), match.start + 2)
    if stance != "asks" and _WHETHER.search(around):
        return "asks" if stance in {"wants", "rejects"} else None
    if match.start in heard.breaks:
        return None if match.key.tag in _OF_ONESELF and _of_others(heard, match.start) else stance
    before = words_of(heard, max(0, match.start - 4), match.start)
    if _ASKS.search(before):
        return "asks"
    if _REPORTED.search(words_of(heard, max(begin, match.start - 8), match.start)):
        return None
    if match.key.tag in _ARRANGED and _BYGONE.search(words_of(heard, begin, match.start)):
        return None
    if match.key.tag in _OF_ONESELF and _of_others(heard, match.start):
        return None
    if stance == "has" and match.key.tag in PRODUCTS and _INTENDS.search(before):
        return "wants"
    if not _DENIES.search(before) or _DENIES_ITSELF.match(match.words):
        return stance
    return "rejects" if stance == "wants" else None


def settle(matches: Iterable[Match[Mention]]) -> list[Match[Mention]]:
    """Longest words win; the same words may stand under two tags, and then both hold."""
    found = list(matches)
    cancelled = [match for match in found if match.key.cancels]
    found = [
        match
        for match in found
        if not match.key.cancels
        and not any(
            other.key.tag == match.key.tag
            and other.start < match.end
            and match.start < other.end
            and other.end - other.start > match.end - match.start
            for other in cancelled
        )
    ]
    written = [match for match in found if match.certainty == EXACT]
    found = [
        match
        for match in found
        if match.certainty == EXACT
        # 买黄金 is not 买房, though 黄 sounds like 房
        or not any(
            other.start < match.end
            and match.start < other.end
            and other.end - other.start >= match.end - match.start
            for other in written
        )
    ]
    groups = {"" if match.key.tag in PRODUCTS else match.key.tag for match in found}
    settled: list[Match[Mention]] = []
    for group in sorted(groups):
        of_group = [match for match in found if ("" if match.key.tag in PRODUCTS else match.key.tag) == group]
        spans = {(match.start, match.end): match for match in longest(of_group)}
        out: dict[tuple[int, int, Mention], Match[Mention]] = {}
        literal = {span: max(len(m.words) for m in of_group if (m.start, m.end) == span) for span in spans}
        for match in of_group:
            best = spans.get((match.start, match.end))
            # 拿不出来 is itself and not 拿…出来
            exact = best is not None and len(match.words) == literal[match.start, match.end]
            if best is not None and match.certainty == best.certainty and exact:
                out[match.start, match.end, match.key] = match
        settled += out.values()
    return sorted(settled, key=lambda match: match.start)
