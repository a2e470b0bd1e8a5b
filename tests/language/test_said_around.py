"""Needs that no word of a list names: left out, taken up, for how long, when to call, and how much."""

from __future__ import annotations

import pytest

from appliance.language.contact_times import contact_times
from appliance.language.ellipsis import REMEMBERED, Topic
from appliance.language.horizons import horizon
from appliance.language.needs import NeedRules
from appliance.language.pinyin_forms import hear
from appliance.protocol.vocabulary import NeedTag


@pytest.fixture(scope="module")
def rules() -> NeedRules:
    return NeedRules()


def read(
    rules: NeedRules, text: str, agent_before: str = "", topics: tuple[NeedTag, ...] = ()
) -> dict[str, str]:
    topic = Topic()
    topic.heard(topics)
    return {found.tag: found.stance for found in rules.read(hear(text), agent_before, topic)}


@pytest.mark.parametrize(
    ("said", "topics", "needs"),
    [
        # a predicate that closes its clause means what was talked of
        ("那我再考虑，还是不买了吧", ("gold",), {"gold": "rejects"}),
        ("行，那就先买一点", ("bonds",), {"bonds": "wants"}),
        ("帮我开一个吧", ("chinext",), {"chinext": "wants"}),
        # but not where an object follows or stands in front
        ("先买菜去", ("gold",), {}),
        ("车我先不买了", ("gold",), {}),
        # the verb chooses the thing that goes with it
        ("那先存着吧", ("equity_fund", "deposit"), {"deposit": "wants"}),
        ("我就不买了", ("insurance", "deposit"), {"insurance": "rejects"}),
        ("那就开吧", ("star_market", "deposit"), {"star_market": "wants"}),
        # what others do or one only supposes is no wish
        ("他要买就让他买", ("gold",), {}),
        ("要是能保证我就买", ("gold",), {}),
        # a later clause takes back what an earlier one wanted, and refuses what it found fault with
        ("本来想买私募，后来想想还是不买了", (), {"private_fund": "rejects"}),
        ("年金险太麻烦了，我看不上", (), {"insurance": "rejects"}),
        # a bare refusal of nothing in particular refuses no product
        ("不用了", ("gold",), {}),
        ("没兴趣", ("gold",), {}),
    ],
)
def test_what_is_left_out_means_what_goes_with_its_verb(
    rules: NeedRules, said: str, topics: tuple[NeedTag, ...], needs: dict[str, str]
) -> None:
    assert read(rules, said, "", topics) == needs


def test_a_topic_is_forgotten_after_a_while_and_the_latest_comes_first() -> None:
    topic = Topic()
    topic.heard(["gold", "bonds"])
    topic.heard(["gold"])
    assert topic.tags == ["bonds", "gold"]
    for _ in range(REMEMBERED):
        topic.heard([])
    assert topic.tags == ["bonds", "gold"]
    topic.heard([])
    assert topic.tags == []


@pytest.mark.parametrize(
    ("agent", "said", "needs"),
    [
        ("您对重疾险考虑得怎么样", "不考虑，我们单位都有", {"insurance": "rejects"}),
        ("给您转成三年定期您看行吗", "可以，那就这样", {"deposit": "wants"}),
        ("给您转成三年定期您看行吗", "嗯", {}),
        ("这是我们的黄金产品", "不需要", {}),
        ("您那笔国债后天到期了", "对，我知道", {"bonds": "has"}),
        ("您有没有国债", "嗯对", {"bonds": "has"}),
        ("您先生那边怎么样", "他最近出差了", {"spouse": "has"}),
        ("是理财还是大额存单呢", "大额存单", {"deposit": "has"}),
        ("您更想要基金还是大额存单呢", "大额存单", {"deposit": "wants"}),
    ],
)
def test_an_answer_is_read_with_what_the_agent_said(
    rules: NeedRules, agent: str, said: str, needs: dict[str, str]
) -> None:
    assert read(rules, said, agent) == needs


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("就三个月的吧", ("short_term", "wants")),
        ("最多放两三个月", ("short_term", "wants")),
        ("放个十年八年的", ("long_term", "wants")),
        ("八年太长了", ("long_term", "rejects")),
        ("谁敢放五年", ("long_term", "rejects")),
        ("三年前买的", None),
        ("我炒了十几年了", None),
        ("三个月的利息多少", None),
        ("你让我锁三年", None),
        ("当时存的三年期", None),
        ("隔壁也是三个月的", None),
    ],
)
def test_terms_are_short_or_long_and_not_everything_with_years_is_one(
    said: str, found: tuple[str, str] | None
) -> None:
    term = horizon(hear(said))
    assert (None if term is None else (term.tag, term.stance)) == found


@pytest.mark.parametrize(
    ("agent", "said", "found"),
    [
        ("那您什么时候方便", "傍晚六点以后吧", {"call_evening": "wants"}),
        ("", "你晚上八点打给我", {"call_evening": "wants"}),
        ("", "今晚不行，要陪客户", {"call_evening": "rejects"}),
        ("那您哪天有空", "礼拜天我歇班", {"call_weekend": "wants"}),
        ("", "周六我过去办", {}),
        ("", "下午三点打给我", {}),
        ("", "一个点的利息还打什么", {}),
        ("", "我天天加班到晚上十点", {}),
    ],
)
def test_when_to_call(agent: str, said: str, found: dict[str, str]) -> None:
    assert {time.tag: time.stance for time in contact_times(hear(said), agent)} == found


@pytest.mark.parametrize(
    ("agent", "said", "yuan"),
    [
        ("这部分您打算放多少", "好呀，二十万左右", 200_000),
        ("您年终奖到账了", "到了八万我想买辆车", 80_000),
        ("您的房贷还要还多少", "三十万左右", None),
        ("这个保险一年交多少您清楚吧", "每年交保费，两万", None),
        ("今天天气不错", "三十万左右吧", None),
        ("您的基金怎么样", "基金有一点，二十来万", None),
    ],
)
def test_an_amount_alone_is_idle_money_only_where_money_was_spoken_of(
    rules: NeedRules, agent: str, said: str, yuan: int | None
) -> None:
    money = [found for found in rules.read(hear(said), agent) if found.tag == "idle_money"]
    assert [found.amount for found in money] == ([] if yuan is None else [yuan])


def test_each_holding_takes_the_amount_beside_it(rules: NeedRules) -> None:
    found = rules.read(hear("我手里有三万闲钱，工行还有八十万"))
    assert {need.tag: need.amount for need in found} == {"idle_money": 30_000, "holdings_elsewhere": 800_000}


@pytest.mark.parametrize(
    "said", ["他做生意的，钱都压在货里", "我同事天天说你们利息低", "人家什么都不懂", "邻居怕亏"]
)
def test_what_is_told_of_a_third_person_is_not_the_customers(rules: NeedRules, said: str) -> None:
    assert read(rules, said) == {}


def test_wanting_a_quality_in_a_question_is_asking_for_it(rules: NeedRules) -> None:
    assert read(rules, "这个随时能用吗") == {"liquidity": "asks"}
    assert read(rules, "我要随时能用的") == {"liquidity": "wants"}
    assert read(rules, "要不要锁一年呢")["liquidity"] == "asks"
