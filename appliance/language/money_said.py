"""To which need an amount of money belongs, and when an amount alone tells of idle money."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from appliance.language import numerals
from appliance.language.clauses import clauses, words_of
from appliance.language.findings import NeedFinding
from appliance.language.needs_lexicon import Tag
from appliance.language.pinyin_forms import Heard
from appliance.protocol.vocabulary import NeedTag

CONFIDENCE: Final = 0.65
#: A smaller sum that stands alone is a price or a fee rather than means.
LEAST_ALONE: Final = 5_000

#: Right before an amount: money that the customer has, or puts in.
_OWNS: Final = re.compile(
    "(?:(?:我|俺|手里头?|手上|手头上?|一共|总共|家里|卡里|账上|账户里)(?:现在|这边|大概|差不多|还|也|就|这)*有(?:个|大概|差不多|将近)?"
    "|(?:现金流|积蓄|攒了|存了|奖金|手头|剩下)(?:大概|差不多|一共|有|也就)*"
    "|(?:先|再|打算|准备|就|想|(?<![要让叫])我|拿个?)(?:放|买|存|投|拿|加|转|弄|放个|买个)"
    "|(?:有个|是有|是分两笔一笔|一笔))$"
)
#: Right behind an amount: it lies idle, or goes in.
_LIES_IDLE: Final = re.compile("^(?:的?闲钱|放着|闲着|空着|全放|都放|全投|等打新|用不着|在卡里|在账上)")
#: What agents ask when an amount is wanted; the customer's bare number is then idle money.
_ASKS_AMOUNT: Final = (
    "多少钱",
    "多少资金",
    "大概多少",
    "准备放多少",
    "投多少",
    "多大的资金",
    "资金量",
    "预算",
    "金额",
    "攒了有多少",
    "打算放",
    "打算投",
)


#: A clause that is an amount and nothing more.
_BEFORE_ALONE: Final = re.compile(
    "^(?:那|就|也就|大概|大约|差不多|有|还有|一共|总共|加起来|现金|手上|手头|可能|估计|应该|先|嗯|对|好|不到|将近|拿|拿个|放|放个|"
    "的话|好呀|行|存|买|剩|剩下|余下|这|这里|到了|是|也|才)*$"
)
_BEHIND_ALONE: Final = re.compile(
    "^(?:左右|上下|就行|就好|就够|够了|吧|呢|啊|的样子|出头|不到|了|块|块钱|元|钱|多|来|人民币|现金|存款|闲钱|的|呗|哦)*(?:$|(?:我|想|打算|准备|[存放]).)"
)
#: What the agent spoke of, where an amount alone is the customer's means.
_OF_MONEY: Final = re.compile("钱|资金|[放存投买]|奖金|到账|多少|定期|理财|打理|款|预算|金额|[万亿]")
#: What is spent, owed, earned, lost or insured is no idle money.
_NO_MEANS: Final = re.compile(
    "工资|收入|月薪|年薪|月供|房贷|贷款|车贷|学费|生活费|房租|租金|保费|保额|利息|收益|手续费|罚|欠|亏|赔|赚|花|费用|彩礼|首付|"
    "年交|每年交|每月交|一年要|一个月要|起投|起购|门槛|房价|总价|卖了|成交|最多|封顶|限额|抵税|抵扣|嫁妆|多少倍|学"
)


def with_amounts(
    tags: Mapping[NeedTag, Tag],
    heard: Heard,
    findings: list[NeedFinding],
    places: Mapping[NeedTag, int],
    agent_before: str,
) -> tuple[NeedFinding, ...]:
    """`findings` with the amounts that were said with them, and idle money where an amount tells of it.

    Args:
        tags: how the tags are read; only some take an amount.
        heard: the utterance.
        findings: what was found in it.
        places: the unit at which a tag was named, where it was; it takes the amount that is nearest.
        agent_before: what the agent said just before.
    """
    money = numerals.amounts(heard.text)
    if not money:
        return tuple(findings)
    findings, holders = shared_out(tags, heard, findings, places)
    largest = max(amount.yuan for amount in money)
    if not holders and all(finding.tag != "idle_money" for finding in findings):
        asked = any(words in agent_before for words in _ASKS_AMOUNT)
        told = any(
            _OWNS.search(heard.text[: amount.start]) or _LIES_IDLE.search(heard.text[amount.end :])
            for amount in money
        )
        # 基金有一点，二十来万: then it is what the fund is worth
        held = any(finding.stance == "has" and not tags[finding.tag].fact for finding in findings)
        alone = None if held else _alone(heard, agent_before)
        if asked or told:
            findings.append(NeedFinding("idle_money", "has", CONFIDENCE, largest))
        elif alone is not None:
            findings.append(NeedFinding("idle_money", "has", CONFIDENCE, alone))
    return tuple(findings)


def shared_out(
    tags: Mapping[NeedTag, Tag],
    heard: Heard,
    findings: Sequence[NeedFinding],
    places: Mapping[NeedTag, int],
) -> tuple[list[NeedFinding], int]:
    """`findings` with the amounts that were said with them, and how many of them take one."""
    shared = list(findings)
    money = numerals.amounts(heard.text)
    holders = [
        index
        for index, finding in enumerate(shared)
        if tags[finding.tag].amount and finding.stance in {"has", "wants"}
    ]
    if not money:
        return shared, len(holders)
    unit_at = {index: unit for unit, index in enumerate(heard.source)}
    said = [(unit_at.get(amount.start, 0), amount.yuan) for amount in money]
    largest = max(amount.yuan for amount in money)
    for index in holders:
        old = shared[index]
        place = places.get(old.tag)
        near = largest
        if place is not None and len(holders) > 1:
            near = min(said, key=lambda one: (_parted(heard, place, one[0]), abs(one[0] - place)))[1]
        shared[index] = replace(old, amount=near)
    return shared, len(holders)


def _parted(heard: Heard, one: int, other: int) -> int:
    """Pauses between two units."""
    low, high = min(one, other), max(one, other)
    return sum(low < at <= high for at in heard.breaks)


def _alone(heard: Heard, agent_before: str) -> int | None:
    """The amount that is a clause of its own, where nothing says that it is spent, owed or earned."""
    if not _OF_MONEY.search(agent_before) or _NO_MEANS.search(agent_before[-24:]):
        return None
    for start, end in clauses(heard):
        clause = words_of(heard, start, end)
        for amount in numerals.amounts(clause):
            if (
                amount.yuan >= LEAST_ALONE
                and _BEFORE_ALONE.match(clause[: amount.start])
                and _BEHIND_ALONE.match(clause[amount.end :])
                and not _NO_MEANS.search("".join(heard.characters[:start]))
            ):
                return amount.yuan
    return None
