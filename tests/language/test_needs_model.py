"""The needs model and how it is weighed with the rules: properties of reading, calibration and loading."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.language.ellipsis import Topic
from appliance.language.findings import NeedFinding
from appliance.language.needs import NeedRules
from appliance.language.needs_judged import judged
from appliance.language.needs_model import (
    AGENT,
    CUSTOMER_AFTER_PAUSE,
    MODEL,
    SETTINGS,
    STANCES,
    Calibration,
    Known,
    NeedModel,
    Reading,
    encode,
    together,
)
from appliance.language.needs_reader import NeedReader
from appliance.language.objections import AGENT_WINDOW as _OTHERS_WINDOW
from appliance.language.pinyin_forms import hear
from appliance.language.recognition_noise import noised_clauses
from appliance.language.text_units import WINDOW, Vocabulary
from appliance.models import ModelError, ModelStore
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

TAG = st.sampled_from(NEED_TAGS)
STANCE = st.sampled_from(STANCES)
LOGIT = st.floats(-12, 12)


@pytest.fixture(scope="module")
def model() -> NeedModel:
    return NeedModel.load(ModelStore())


@pytest.fixture(scope="module")
def reader() -> NeedReader:
    return NeedReader.load(ModelStore())


def _needs(reader: NeedReader, text: str, before: str = "") -> dict[NeedTag, Stance]:
    topic = Topic()
    topic.heard(reader.topics(hear(before)))
    return {need.tag: need.stance for need in reader.read(hear(text), before, topic)}


def _calibration(**changes: object) -> Calibration:
    plain = Calibration(
        scale=1.0,
        offsets=dict.fromkeys(NEED_TAGS, 0.0),
        rule=0.0,
        stance_scale=1.0,
        threshold=0.4,
        threshold_alone=0.5,
    )
    return msgspec.structs.replace(plain, **changes)


def _reading(tag: NeedTag, presence: float, stance: Stance, firmness: float = 4.0) -> Reading:
    present = np.full(len(NEED_TAGS), -10.0)
    present[NEED_TAGS.index(tag)] = presence
    stances = np.zeros((len(NEED_TAGS), len(STANCES)))
    stances[:, STANCES.index(stance)] = firmness
    return Reading(present, stances)


# Written for this test and not part of the training text.
@pytest.mark.parametrize(
    ("said", "before", "tag", "stance"),
    [
        ("您说的那个行 就它吧", "要不您看看国债 三年的", "bonds", "wants"),
        ("算了吧 不要", "那给您配一点黄金您看好不好", "gold", "rejects"),
        ("我家那小子明年上小学", "", "child", "has"),
        ("存银行里的那笔我还想接着存", "", "deposit", "wants"),
        ("股票我是再也不会去碰的了", "", "stocks", "rejects"),
        ("你把材料整理整理 传到我微信里头", "", "contact_message", "wants"),
    ],
)
def test_needs_are_read_in_the_light_of_what_was_said_before(
    reader: NeedReader, said: str, before: str, tag: NeedTag, stance: Stance
) -> None:
    assert _needs(reader, said, before).get(tag) == stance


@pytest.mark.parametrize(
    ("said", "before"),
    [
        ("嗯嗯 好的", "我们这边国债下个月发行"),
        ("今天天气真不错", ""),
        ("你贵姓啊", "我是您的客户经理"),
        ("我听不太清楚 你大声点", "您想了解黄金还是基金"),
    ],
)
def test_what_says_nothing_of_the_customer_brings_no_need(reader: NeedReader, said: str, before: str) -> None:
    assert _needs(reader, said, before) == {}


def test_the_same_utterance_is_always_read_the_same(model: NeedModel) -> None:
    one, other = (model.read(hear("我想买黄金 不要保险"), hear("您好"), Known(("gold",))) for _ in range(2))
    assert one is not None and other is not None
    assert np.array_equal(one.presence, other.presence)
    assert np.array_equal(one.stances, other.stances)


@pytest.mark.parametrize("text", ["", " ", "…", "hello stocks", "123"])
def test_the_model_says_nothing_of_what_holds_no_hanzi(model: NeedModel, text: str) -> None:
    assert model.read(hear(text)) is None


def test_only_the_end_of_the_agents_words_is_read(model: NeedModel) -> None:
    end = "那您看这个三年期的大额存单您这边要不要考虑一下呢我可以帮您留一个额度您看行不行"
    near = model.read(hear("可以"), hear(end))
    far = model.read(hear("可以"), hear("黄金" * 30 + end))
    assert near is not None and far is not None
    # the first pair that is still read holds the last unit that no longer is
    assert np.allclose(near.presence, far.presence, atol=1.0)
    assert len(end) > _OTHERS_WINDOW


def test_a_long_utterance_is_read_to_its_end(reader: NeedReader) -> None:
    asides = (
        "昨天下午我们小区停电了 电梯也坐不成 我爬了十二层楼 到现在腿还是酸的",
        "楼下那家面馆换了师傅 味道差远了 我们几个老街坊都不去了",
    )
    assert len(hear("".join(asides))) > WINDOW
    for said in (f"我想买点黄金 {' '.join(asides)}", f"{' '.join(asides)} 我想买点黄金"):
        assert _needs(reader, said) == {"gold": "wants"}


def test_of_several_stretches_the_last_that_speaks_of_a_tag_gives_its_stance() -> None:
    wants, rejects = _reading("gold", 3.0, "wants"), _reading("gold", 2.0, "rejects")
    silent = _reading("gold", -5.0, "asks")
    both = together([wants, rejects, silent])
    gold = NEED_TAGS.index("gold")
    assert both.presence[gold] == 3.0
    assert STANCES[int(np.argmax(both.stances[gold]))] == "rejects"
    assert STANCES[int(np.argmax(together([silent, silent]).stances[gold]))] == "asks"


@given(st.text(alphabet="我想买黄金不要 ,。a1", max_size=150), st.text(alphabet="您好国债 ", max_size=80))
@settings(max_examples=60, deadline=None)
def test_what_is_encoded_fits_together(text: str, before: str) -> None:
    words = Vocabulary.of("我想", ["wo"], ["我想"], ["wo xiang"])
    heard, said = hear(text), hear(before)
    parts = encode(words, heard, said, Known())
    for part in parts:
        assert part.characters.shape == part.syllables.shape == (len(part.place), 2)
        assert part.place[0] == AGENT
        assert (part.place >= AGENT).all()
        assert sum(part.place > AGENT) <= WINDOW
    if len(heard) <= WINDOW:
        assert sum(parts[0].place == CUSTOMER_AFTER_PAUSE) == len(heard.breaks)


def test_what_is_known_beside_the_words_is_told_of_its_tag() -> None:
    words = Vocabulary.of("我想", ["wo"], ["我想"], ["wo xiang"])
    gold, deposit = NEED_TAGS.index("gold"), NEED_TAGS.index("deposit")
    beside = Known(
        ("gold", "deposit"), (("gold", 1, 3),), (("deposit", 0, 2),), (NeedFinding("gold", "asks", 0.7),)
    )
    (part,) = encode(words, hear("买黄金"), hear("存款"), beside)
    assert part.named.sum(axis=0).nonzero()[0].tolist() == sorted([gold, deposit])
    assert part.named[:, deposit].tolist() == [1, 1, 0, 0, 0]
    assert part.named[:, gold].tolist() == [0, 0, 0, 1, 1]
    assert part.told[gold, :4].tolist() == pytest.approx([1, 0, 1, 0.7])
    assert part.told[gold, 4:].tolist() == [stance == "asks" for stance in STANCES]
    assert part.told[deposit].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    (unasked,) = encode(words, hear("买黄金"), hear(""), Known())
    assert not unasked.told.any()
    assert not unasked.named.any()


@given(TAG, LOGIT, LOGIT, STANCE, st.floats(0.4, 0.95))
@settings(max_examples=100, deadline=None)
def test_more_presence_never_makes_a_need_less_sure(
    tag: NeedTag, one: float, other: float, stance: Stance, sure: float
) -> None:
    low, high = sorted((one, other))
    calibration = _calibration(threshold=0.0, threshold_alone=0.0)
    for rules in ((), (NeedFinding(tag, stance, sure),)):
        confidences = [
            {need.tag: need.confidence for need in judged(rules, _reading(tag, value, stance), calibration)}[
                tag
            ]
            for value in (low, high)
        ]
        assert confidences[0] <= confidences[1]


@given(TAG, LOGIT, STANCE)
@settings(max_examples=100, deadline=None)
def test_less_is_asked_of_what_the_rules_find(tag: NeedTag, presence: float, stance: Stance) -> None:
    calibration = _calibration(threshold=0.3, threshold_alone=0.6)
    reading = _reading(tag, presence, stance)
    alone = {need.tag for need in judged((), reading, calibration)}
    both = {need.tag for need in judged((NeedFinding(tag, stance, 0.7),), reading, calibration)}
    assert alone <= both <= {tag}


def test_each_need_says_what_it_rests_on() -> None:
    rule = NeedFinding("gold", "wants", 0.9)
    agreed = judged((rule,), _reading("gold", 4.0, "wants"), _calibration())
    assert [(need.tag, need.stance, need.basis) for need in agreed] == [("gold", "wants", "both")]
    overruled = judged((rule,), _reading("gold", 4.0, "rejects", 9.0), _calibration())
    assert [(need.stance, need.basis) for need in overruled] == [("rejects", "model")]
    found = judged((), _reading("gold", 4.0, "wants"), _calibration())
    assert [(need.tag, need.basis) for need in found] == [("gold", "model")]


def test_a_need_that_the_model_is_sure_is_not_there_is_dropped() -> None:
    rule = NeedFinding("gold", "wants", 0.65)
    assert judged((rule,), _reading("gold", -9.0, "wants"), _calibration()) == ()


def test_amounts_stay_with_the_needs_that_hold_them(reader: NeedReader) -> None:
    topic = Topic()
    needs = reader.read(hear("我手里有二十万闲钱 想买点国债"), "", topic)
    amounts = {need.tag: need.amount for need in needs}
    assert amounts["idle_money"] == 200_000
    assert amounts["bonds"] is None


def test_with_the_model_no_less_is_found_than_by_the_rules_alone_through_recognition_errors(
    reader: NeedReader,
) -> None:
    chance = random.Random(3)
    said = {
        "我想买点基金": "equity_fund",
        "黄金我不要了": "gold",
        "能不能提前取": "liquidity",
        "你发我微信上吧": "contact_message",
        "我退休好几年了": "retirement",
        "保本吗": "principal_safety",
    }
    heard = [(noised_clauses(text, chance), tag) for text, tag in said.items() for _ in range(20)]
    both = sum(tag in _needs(reader, text) for text, tag in heard)
    alone = sum(tag in _needs(reader.without_model(), text) for text, tag in heard)
    assert both >= alone > 0


def test_without_a_model_the_rules_read_alone() -> None:
    rules = NeedRules()
    heard = hear("我想买黄金 不要保险")
    assert NeedReader(rules, None).read(heard) == rules.read(heard)


def test_a_model_that_is_missing_or_altered_is_refused_with_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(ModelStore().open(MODEL).directory, tmp_path / MODEL)
    store = ModelStore(tmp_path)
    settings_file = tmp_path / MODEL / SETTINGS
    settings_file.write_bytes(settings_file.read_bytes().replace(b'"wants"', b'"WANTS"', 1))
    with pytest.raises(ModelError, match=f"{MODEL}.*{SETTINGS}"):
        NeedReader.load(store)
    settings_file.unlink()
    with pytest.raises(ModelError, match=MODEL):
        NeedReader.load(store)


def test_settings_for_other_tags_are_refused(model: NeedModel) -> None:
    store = ModelStore()
    installed = store.open(MODEL)
    decoded = msgspec.json.decode(installed.path(SETTINGS).read_bytes())
    from appliance.language.needs_model import NETWORK, Settings  # noqa: PLC0415

    decoded["tags"] = decoded["tags"][::-1]
    with pytest.raises(ModelError, match="train it again"):
        NeedModel(installed.path(NETWORK).read_bytes(), msgspec.convert(decoded, Settings))
    decoded["tags"] = decoded["tags"][::-1]
    del decoded["calibration"]["offsets"]["gold"]
    with pytest.raises(ModelError, match="gold"):
        NeedModel(installed.path(NETWORK).read_bytes(), msgspec.convert(decoded, Settings))
