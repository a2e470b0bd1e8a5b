"""When the customer may be called: 六点以后你打, 礼拜天我歇班."""

from __future__ import annotations

import re
from typing import Final

from appliance.language.clauses import clauses, words_of
from appliance.language.findings import NeedFinding
from appliance.language.numerals import value_of
from appliance.language.pinyin_forms import Heard

CONFIDENCE: Final = 0.75
#: From this hour on people speak of the evening; until the other one a bare hour may be one of the evening.
EVENING: Final = 18
_LATEST_BARE: Final = 10
#: Asked for a time, a bare hour up to this one is one of the evening.
_ASKED_HOUR: Final = 8

_EVENING: Final = re.compile(
    "晚上|今晚|明晚|傍晚|夜里|下班|下了班|晚饭|吃完饭|收摊|打烊|收工|天黑|哄睡|孩子睡"
)
_WEEKEND: Final = re.compile("周末|周六|周日|星期六|星期天|星期日|礼拜六|礼拜天|礼拜日|双休|休息日")
_MORNING: Final = re.compile("早上|上午|早晨|中午|下午|凌晨|白天")
_HOUR: Final = re.compile(
    "(二十[一二三]?|十[一二三四五六七八九]?|[一二两三四五六七八九]|[0-9]{1,2})点"
    "(?!几|多少|[零一二三四五六七八九]*(?:个|的利|利))"
)
_CALLS: Final = re.compile(
    "打(?!算|折|理|听|开|新|包|车)|联系|来电|电话|找我|喊我|叫我|呼我|回我|再聊|跟我说|跟我讲"
)
_ASKS_WHEN: Final = re.compile(
    "什么时候|啥时候|几点|哪天|什么时间|啥时间|周几|换个时间|什么时段|何时|几时|哪会儿|时间方便|方便接"
)
_FREE: Final = re.compile("有空|有时间|方便|可以|吧|行|歇|休息|在家|得闲|没事")
_BUSY: Final = re.compile("不行|没空|没时间|不方便|别打|不要打")
#: Of calls these say the same; without one they tell of a life.
_OCCUPIED: Final = re.compile("有事|要陪|加班|走不开|不在|值班|不接|休息呢|睡觉|也开|要上")
#: Who comes by at the weekend is not to be called then.
_VISITS: Final = re.compile(
    "过去|过来|去你们|到你们|去网点|去办|来办|去柜台|到网点|到柜台|去银行|上你们|带他|带她"
)


def contact_times(heard: Heard, agent_before: str) -> list[NeedFinding]:
    """Whether an evening or the weekend is wanted or rejected for a call.

    Args:
        heard: the utterance.
        agent_before: what the agent said just before; asked for a time, a bare one is the answer.
    """
    asked = bool(_ASKS_WHEN.search(agent_before))
    whole = words_of(heard, 0, len(heard))
    wants_call = asked or bool(_CALLS.search(whole))
    found: dict[str, NeedFinding] = {}
    for start, end in clauses(heard):
        clause = words_of(heard, start, end)
        busy = bool(_BUSY.search(clause)) or (wants_call and bool(_OCCUPIED.search(clause)))
        if _evening(clause, whole, agent_before) and (busy or wants_call) and not _VISITS.search(clause):
            found["evening"] = NeedFinding("call_evening", "rejects" if busy else "wants", CONFIDENCE)
        free = wants_call and (asked or bool(_FREE.search(clause)) or bool(_CALLS.search(clause)))
        if _WEEKEND.search(clause) and (busy or free) and not _VISITS.search(whole):
            found["weekend"] = NeedFinding("call_weekend", "rejects" if busy else "wants", CONFIDENCE)
    return list(found.values())


def _evening(clause: str, whole: str, agent_before: str) -> bool:
    if _EVENING.search(clause):
        return not re.search("晚上(?:在|看看|跟|和|去|做|要)|下班(?:了)?还|大晚上", clause)
    if _MORNING.search(clause):
        return False
    for match in _HOUR.finditer(clause):
        hour = value_of(match[1]) or 0
        if hour >= EVENING:
            return True
        # who is called at work is asked when it suits, and names an hour after it
        asked = _ASKS_WHEN.search(agent_before) and hour <= _ASKED_HOUR
        late = asked or _EVENING.search(whole) or _EVENING.search(agent_before)
        if EVENING - 12 <= hour <= _LATEST_BARE and late:
            return True
    return False
