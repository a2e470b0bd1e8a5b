"""For how long the customer would put money away: 三个月的就行, 放个三五年, 八年太长了."""

from __future__ import annotations

import re
from typing import Final

from appliance.language.clauses import clauses, words_of
from appliance.language.findings import NeedFinding
from appliance.language.numerals import value_of
from appliance.language.pinyin_forms import Heard
from appliance.protocol.vocabulary import NeedTag, Stance

CONFIDENCE: Final = 0.75
#: Money that is free again within this many months is put away for a short term, and from the other number on
#: for a long one; what is between is neither.
SHORT_MONTHS: Final = 12
LONG_MONTHS: Final = 24

_NUMBER: Final = "[一二两三四五六七八九十几半]{1,3}|[0-9]{1,3}"
_TERM: Final = re.compile(
    rf"(?P<number>{_NUMBER})(?P<unit>年半|年|个半月|个月|个来月|天|个星期|个礼拜|周)(?:(?:{_NUMBER})年)?"
)
_DAYS: Final = {"年": 365.0, "年半": 365.0, "个月": 30.4, "个来月": 30.4, "个半月": 30.4, "天": 1.0}
_WEEK: Final = 7.0
#: What is said of money that is put away; right before the term it says for how long.
_PUTS: Final = "放|存|做|买|续|转|投|搁|押|锁|配|拿|压|持有|留|定"
_BEFORE: Final = re.compile(
    rf"(?:{_PUTS})(?:个|它个|上|到|它|满|够|个最多)?$|"
    "^(?:那|就|我|要|想|想要|最好|给我|来|来个|先|好|还是|我要|选|选个|那就|就要|找个|换个|改成|行|嗯|对|最多|最长|也就|"
    "顶多|大概|大约|差不多|估计|期限|时间)*$"
)
_BEHIND: Final = re.compile(
    "^(?:期的|的|期|左右|以内|之内|内|上下|以上|的定期|的存单|定期|存单|的理财)*(?:就|也|都|最|比较|倒|还|吧|挺)*"
    "(?:行|好|成|够|合适|可以|没事|没关系|不怕|能接受|好了|了|吧|的话|呗|)(?:吧|啦|了|呗|)$"
)
#: Behind the term these make it the past, an age, a rate, or somebody's experience.
_NO_TERM: Final = re.compile(
    "^(?:前|来|后|之后|以后|多了|了(?!$)|啊|吗|呢|利息|能|多少|一共|收入|工资|级|才|就(?!行|好|够|成|可以|这)|到期|的利)"
)
_NO_TERM_BEFORE: Final = re.compile(
    "(?:过去|近|这|前|第|每|过|还有|干了|炒了|做了|买了|存了|放了|等了|用了|拖了|隔|去年|当了|满|[让叫要]我们?[锁放存押等压])$"
)
_TOO_LONG: Final = re.compile(
    "太长|太久|等不了|等不起|熬不|那么久|这么久|那么长|这么长|遥远|长了|久了|不干|不放心|耗不起|拖不起|受得了|受不了"
)
#: Right before the term, nobody puts money away for so long.
_NEVER: Final = re.compile(
    f"(?:谁敢|哪敢|不敢|不想|不可能|不能|不愿意?|别|不要|不)(?:给我|再|去)?(?:{_PUTS})(?:个|它个|上|到|它)?$"
)
#: What was, or what others offer, is told for its rate.
_THEN: Final = re.compile("当时|那时候?|当年|以前|隔壁|别的银行|别家|人家")
_ASKED: Final = re.compile("吗|么$|多少|能不能|有没有|会不会|是不是|几个点|怎么")


def horizon(heard: Heard) -> NeedFinding | None:
    """The term that an utterance wants or rejects; the last one where there are several, None without one."""
    found: NeedFinding | None = None
    if _THEN.search("".join(heard.characters)):
        return None
    for start, end in clauses(heard):
        said = _of(words_of(heard, start, end))
        if said is not None:
            found = NeedFinding(*said, CONFIDENCE)
    return found


def _of(clause: str) -> tuple[NeedTag, Stance] | None:
    said: tuple[NeedTag, Stance] | None = None
    for match in _TERM.finditer(clause):
        months = _months(match)
        before, behind = clause[: match.start()], clause[match.end() :]
        if months is None or _NO_TERM_BEFORE.search(before):
            continue
        if months > SHORT_MONTHS and (_TOO_LONG.search(behind) or _NEVER.search(before)):
            said = "long_term", "rejects"
        elif (
            not _NO_TERM.match(behind)
            and not _ASKED.search(clause)
            and _BEFORE.search(before)
            and (_BEHIND.match(behind) or re.search(f"(?:{_PUTS})(?:个|它个|上|到|它|满)?$", before))
        ):
            if months <= SHORT_MONTHS:
                said = "short_term", "wants"
            elif months >= LONG_MONTHS:
                said = "long_term", "wants"
    return said


def _months(match: re.Match[str]) -> float | None:
    number, unit = match["number"], match["unit"]
    if number == "半":
        count: float | None = 0.5
    elif number == "几":
        count = 3.0
    else:
        # 三五年 and 两三个月 are at least three years and two months
        plain = re.sub("^([一二两三四五六七八九])([一二两三四五六七八九])$", r"\1", number.replace("几", ""))
        count = value_of(plain)
    if count is None:
        return None
    days = count * _DAYS.get(unit, _WEEK) + (182.0 if unit == "年半" else 15.0 if unit == "个半月" else 0.0)
    return days / 30.4
