"""Signals: what customer and agent do with the words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.pinyin_forms import hear
from appliance.language.rules import RulesError
from appliance.language.signals import RULES, SignalRules
from appliance.protocol.vocabulary import SIGNALS


@pytest.fixture(scope="module")
def rules() -> SignalRules:
    return SignalRules()


def _customer(rules: SignalRules, text: str) -> set[str]:
    return {finding.code for finding in rules.read(hear(text), "customer")}


def _agent(rules: SignalRules, text: str) -> set[str]:
    return {finding.code for finding in rules.read(hear(text), "agent")}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("谢谢你啊", "thanks"),
        ("好的好的", "assent"),
        ("我挺感兴趣的你说说看", "interest"),
        ("收益能到多少", "question_return"),
        ("会不会亏本啊", "question_risk"),
        ("手续费多少", "question_fee"),
        ("我退休了儿子在国外", "disclosure"),
        ("对了我想问一下", "initiative"),
        ("那你发我微信吧", "follow_up_agreed"),
        ("你讲得很清楚", "praise"),
        ("不用了我没兴趣", "refusal"),
        ("我说了多少遍不要再打了", "final_refusal"),
        ("说了不需要开车呢", "final_refusal"),
        ("神经病", "abuse"),
        ("你们就是骗子", "distrust"),
        ("我担心亏钱心里没底", "worry"),
        ("那我先买五万试试", "purchase_intent"),
        ("这个回撤和久期是多少", "knows_product"),
        ("什么叫净值", "asks_meaning"),
        ("嗯", "back_channel"),
        ("直接说重点", "decisive"),
        ("不好意思麻烦你了", "gentle"),
        ("你把数据对比一下", "analytical"),
        ("我要头诉你们的服务太差", "complaint"),
        ("你教我一下怎么设置", "initiative"),
        ("你倒是老实", "praise"),
        ("吃饭了吗今天天气不错", "small_talk"),
    ],
)
def test_the_customers_signals(rules: SignalRules, said: str, code: str) -> None:
    assert code in _customer(rules, said)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("您好我是中国银行的客户经理", "agent_greeting"),
        ("我理解您的担心换成谁都会这样", "agent_empathy"),
        ("请问您平时怎么打理闲钱呢", "agent_question"),
        ("我们推出了一款产品特别适合您", "agent_pitch"),
        ("名额有限您今天必须定下来", "agent_hard_sell"),
        ("这个产品不保本净值会有波动", "agent_risk_disclosure"),
        ("我跟您保证收益稳赚不赔", "agent_promise_return"),
        ("您可以在官网查过去三年的业绩", "agent_proof"),
        ("那我帮您预约明天上午", "agent_close"),
        ("那不打扰您了祝您生活愉快", "agent_farewell"),
    ],
)
def test_the_agents_signals(rules: SignalRules, said: str, code: str) -> None:
    assert code in _agent(rules, said)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("不用谢", "thanks"),
        ("我不感兴趣", "interest"),
        ("不是不考虑就是想问清楚", "refusal"),
        ("没说你是骗子", "distrust"),
        ("我爸有病在住院", "abuse"),
        ("不想买", "purchase_intent"),
        ("我要开会", "purchase_intent"),
        ("不满意", "praise"),
    ],
)
def test_denied_words_show_no_signal(rules: SignalRules, said: str, code: str) -> None:
    assert code not in _customer(rules, said)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("我不能保证收益", "agent_promise_return"),
        ("没有风险是不可能的", "agent_promise_return"),
        ("零风险的产品", "agent_risk_disclosure"),
        ("您不用今天就定慢慢考虑", "agent_hard_sell"),
        ("再给您打折", "agent_farewell"),
    ],
)
def test_denied_words_of_the_agent_show_no_signal(rules: SignalRules, said: str, code: str) -> None:
    assert code not in _agent(rules, said)


def test_a_promise_is_not_called_a_disclosure(rules: SignalRules) -> None:
    found = _agent(rules, "零风险的您放心保证赚")
    assert "agent_promise_return" in found
    assert "agent_risk_disclosure" not in found


def test_legs_are_kept_apart(rules: SignalRules) -> None:
    assert not any(code.startswith("agent_") for code in _customer(rules, "保证收益名额有限您好再见"))
    assert all(code.startswith("agent_") for code in _agent(rules, "谢谢我感兴趣收益多少骗子"))


@given(st.text(max_size=500))
def test_any_text_is_read_without_failing(rules: SignalRules, text: str) -> None:
    for leg in ("customer", "agent"):
        found = rules.read(hear(text), leg)
        assert len({finding.code for finding in found}) == len(found)
        assert all(finding.code in SIGNALS and 0 < finding.confidence <= 1 for finding in found)


@pytest.mark.parametrize("text", ["", "...", "hello world", "42", "{}[]"])
def test_what_holds_no_words_shows_nothing(rules: SignalRules, text: str) -> None:
    assert rules.read(hear(text), "customer") == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[thanks]", "[thank]", "did you mean thanks?"),
        ("confidence = 0.9", "confidence = 9", "must be a number from 0 to 1"),
        ("phrases = [", "phrase = [", "did you mean phrases?"),
    ],
)
def test_a_typo_in_the_rules_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "signals.toml"
    path.write_text(RULES.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError) as caught:
        SignalRules(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "said",
    ["你周末再打给我确认", "周末再打吧", "保险就不用再说了", "用不着这笔钱放长一点没关系", "周末你再打一次",
     "我老婆说了不需要", "他说了没兴趣", "家里说了不用"],
)  # fmt: skip
def test_these_end_nothing_for_good(said: str) -> None:
    rules = SignalRules()
    assert "final_refusal" not in {signal.code for signal in rules.read(hear(said), "customer")}


@pytest.mark.parametrize(
    ("said", "signal"),
    [("你现在方不方便", "abuse"), ("我最近太忙了", "complaint"), ("你听清楚了吗", "praise")],
)
def test_common_words_are_not_taken_for_others_that_sound_alike(said: str, signal: str) -> None:
    assert signal not in {found.code for found in SignalRules().read(hear(said), "customer")}


@pytest.mark.parametrize("said", ["您风险测评是进取型对吧", "您风险承受能力挺强的", "定期是存款不会亏"])
def test_what_every_agent_says_is_no_promise(said: str) -> None:
    assert "agent_promise_return" not in {found.code for found in SignalRules().read(hear(said), "agent")}


def test_a_denied_risk_is_a_promise() -> None:
    found = SignalRules().read(hear("这款零风险的您放心"), "agent")
    assert "agent_promise_return" in {signal.code for signal in found}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("我今年七十三了", "old_age"),
        ("我都快八十的人了", "old_age"),
        ("我这把年纪了还折腾什么", "old_age"),
        ("我年纪大了看不懂这些", "old_age"),
        ("耳朵背你说大声点", "old_age"),
        ("我一个老太婆不会弄手机", "old_age"),
        ("我老伴上个月去世了", "bereaved"),
        ("家里刚办完后事没心思", "bereaved"),
        ("我妈刚过世", "bereaved"),
    ],
)
def test_what_protects_the_customer_is_heard(rules: SignalRules, said: str, code: str) -> None:
    assert code in _customer(rules, said)


@pytest.mark.parametrize(
    "said",
    [
        "我妈年纪大了身体还行",
        "我爸都七十多了",
        "等我岁数大了再说",
        "手里有六十多万",
        "亏了百分之七十多",
        "我今年三十五岁",
        "一个月八十块钱",
        "还没到六十呢",
        "我爷爷去世多年了",
        "隔壁邻居刚去世",
        "我父亲走得早去世二十年了",
        "万一我哪天去世了这钱归谁",
        "钱都走了信托",
    ],
)
def test_the_age_and_the_mourning_of_others_protect_nobody(rules: SignalRules, said: str) -> None:
    assert not _customer(rules, said) & {"old_age", "bereaved"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("奶奶您好我是银行的", "agent_to_elder"),
        ("大爷您慢慢说不着急", "agent_to_elder"),
        ("老人家您放心", "agent_to_elder"),
        ("请您节哀", "agent_condolence"),
    ],
)
def test_whom_the_agent_speaks_to_is_heard(rules: SignalRules, said: str, code: str) -> None:
    assert code in _agent(rules, said)


@pytest.mark.parametrize("said", ["您家里奶奶身体好吗", "您老公同意吗", "您老家是哪里", "您好请问是王先生吗"])
def test_elders_of_whom_the_agent_speaks_are_not_the_customer(rules: SignalRules, said: str) -> None:
    assert "agent_to_elder" not in _agent(rules, said)
