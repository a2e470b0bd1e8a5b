"""What the agent said before decides what a short answer is; a growing utterance does not flicker."""

import itertools

import pytest

from appliance.language.objections import HYSTERESIS_AT_END, NOTHING, ObjectionModel
from appliance.language.pinyin_forms import hear
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.objections import ObjectionTable
from appliance.speech.utterance import Utterance


@pytest.fixture(scope="module")
def model() -> ObjectionModel:
    return ObjectionModel.load(ModelStore())


#: Pairs of the agent's words before the same answer, written for this test and not part of the training text.
ANSWERS = [
    ("不用了", "polite_refusal", "我给您推荐一款新的基金您看好不好", "下雨了要不要我给您送把伞"),
    ("没有", "polite_refusal", "您最近有投资理财的打算吗", "您在我们银行有没有开过户"),
    ("还没有", "hesitation", "上回那款产品您考虑得怎么样了", "您中午饭吃了没有"),
    ("太长了", "product_objection", "这一款的封闭期是四年", ""),
    ("没空", "not_now", "我现在给您介绍一下方便吗", ""),
]


@pytest.mark.parametrize(("said", "kind", "pitch", "question"), ANSWERS)
def test_an_answer_is_likelier_an_objection_after_a_pitch(
    model: ObjectionModel, said: str, kind: str, pitch: str, question: str
) -> None:
    after_pitch = model.probabilities(hear(said), hear(pitch))
    assert max(after_pitch, key=lambda key: after_pitch[key]) == kind
    if question:
        after_question = model.probabilities(hear(said), hear(question))
        assert max(after_question.values()) < after_pitch[kind]


def test_an_agent_who_said_nothing_is_the_same_as_none_given(model: ObjectionModel) -> None:
    heard = hear("我再考虑考虑")
    assert model.probabilities(heard, NOTHING) == model.probabilities(heard)
    assert model.probabilities(heard, hear("，。")) == model.probabilities(heard)


def test_only_the_end_of_the_agents_words_counts(model: ObjectionModel) -> None:
    heard, end = hear("不用了"), "我给您推荐一款新的基金您看好不好" * 2
    long = "您好我是您的客户经理今天给您打电话是想跟您说一下我们最近的一个活动"
    assert model.probabilities(heard, hear(long + end)) == model.probabilities(heard, hear(end))


def test_less_is_asked_of_a_type_that_was_shown(model: ObjectionModel) -> None:
    heard = hear("再说吧")
    surest, probability = max(model.probabilities(heard).items(), key=lambda pair: pair[1])
    model = ObjectionModel.load(ModelStore())
    model.thresholds[surest] = probability + HYSTERESIS_AT_END / 2
    assert surest not in {objection.type for objection in model.find(heard)}
    assert surest in {objection.type for objection in model.find(heard, shown={surest})}
    model.thresholds[surest] = probability + HYSTERESIS_AT_END + 0.01
    assert surest not in {objection.type for objection in model.find(heard, shown={surest})}


def test_what_one_utterance_has_shown_does_not_help_the_next() -> None:
    said = "我觉得你们这个收益实在是太低了我不太想买"
    alone = LanguageReader.load(ModelStore()).open()
    after = LanguageReader.load(ModelStore()).open()
    after.customer(Utterance("customer", 0, 0, 900, "收益太低了没意思", (), (), 0.9, False))
    whole = Utterance("customer", 1, 0, 2000, said, (), (), 0.9, True)
    assert after.customer(whole).objections == alone.customer(whole).objections


#: Sentences in which an objection grows word by word, written for this test.
GROWING = [
    "我觉得你们这个收益实在是太低了我不太想买",
    "不好意思我现在正在开会等一下再给你打过去",
    "这个事情我一个人做不了主要回去跟我爱人商量商量",
    "你们天天打电话来烦不烦啊我都说了不要了",
    "我怎么知道你是不是骗子现在骗子那么多",
    "谢谢你啊我真的不需要你去问问别人吧",
]


@pytest.mark.parametrize(
    ("said", "before"),
    [
        *((said, "") for said in GROWING),
        ("没有啊", "请问您还有什么问题吗"),
        ("你说的这个手续费是怎么收的", ""),
    ],
)
def test_an_utterance_heard_out_is_judged_as_in_a_call(model: ObjectionModel, said: str, before: str) -> None:
    reader = LanguageReader.load(ModelStore()).open()
    for cut in range(1, len(said)):
        reader.customer(Utterance("customer", 0, 0, 100 * cut, said[:cut], (), (), 0.9, False), before)
    whole = reader.customer(Utterance("customer", 0, 0, 100 * len(said), said, (), (), 0.9, True), before)
    assert model.hear_out(hear(said), hear(before)).found == whole.objections


def test_what_a_growing_utterance_shows_stays_and_is_seldom_taken_back() -> None:
    confirmed = 0
    for said in GROWING:
        reader = LanguageReader.load(ModelStore()).open()
        table = ObjectionTable()
        shown: list[frozenset[str]] = []
        for cut in range(1, len(said) + 1):
            utterance = Utterance("customer", 0, 0, 100 * cut, said[:cut], (), (), 0.9, False)
            table.growing(0, reader.customer(utterance).objections, 100 * cut)
            shown.append(frozenset(objection.type for objection in table.open()))
        assert all(before <= after for before, after in itertools.pairwise(shown))
        whole = reader.customer(Utterance("customer", 0, 0, 100 * len(said), said, (), (), 0.9, True))
        confirmed += shown[-1] <= {objection.type for objection in whole.objections}
    assert confirmed >= len(GROWING) - 1
