"""Sentences with numbers come through recognition's decoder and are then written as people write them."""

from __future__ import annotations

import pytest
from pypinyin import Style, lazy_pinyin

from appliance.language.writtenform import written
from appliance.models import ModelStore
from appliance.speech.hanzi import HanziDecoder
from appliance.speech.lexicon import Lexicon
from appliance.speech.pinyin import Syllable
from appliance.speech.sitelexicon import SiteLexicon
from appliance.speech.siteword import pronounce

#: What is said, and what stands in the transcript of a site that lists 恒悦盈 and 稳健3号.
SAID = (
    ("恒悦盈年化百分之三点二", "恒悦盈年化3.2%"),
    ("稳健三号放三个月", "稳健3号放3个月"),
    ("恒悦盈二零二六年十一月到期", "恒悦盈2026年11月到期"),
    ("我想买二十万稳健三号", "我想买20万稳健3号"),
    ("下午三点半我去买恒悦盈", "下午3点半我去买恒悦盈"),
    ("起购金额是五万块", "起购金额是5万块"),
    ("封闭期是一百八十天", "封闭期是180天"),
    ("手上有十几万闲钱", "手上有十几万闲钱"),
    ("卡的后四位是零二幺三", "卡的后四位是0213"),
    ("我的手机号是幺三八零零幺三八零零零", "我的手机号是13800138000"),
    ("您打九五五八八转人工就行", "您打95588转人工就行"),
    ("恒悦盈起购一万元", "恒悦盈起购1万元"),
    ("稳健三号今年收益百分之四点一五", "稳健3号今年收益4.15%"),
    ("去年亏了百分之十二", "去年亏了12%"),
    ("上涨了三个百分点", "上涨了3个百分点"),
    ("恒悦盈的期限是三十五天", "恒悦盈的期限是35天"),
    ("二零二七年三月十五号到期", "2027年3月15号到期"),
    ("明天上午十点给您回电话", "明天上午10点给您回电话"),
    ("晚上八点以后我才有空", "晚上8点以后我才有空"),
    ("每个月定投两千块", "每个月定投2000块"),
    ("我手里有三十五万存款", "我手里有35万存款"),
    ("一百二十万全部转到恒悦盈", "120万全部转到恒悦盈"),
    ("利息大概三千六百元", "利息大概3600元"),
    ("管理费千分之三", "管理费3‰"),
    ("三年期利率百分之二点六", "3年期利率2.6%"),
    ("稳健三号卖了五个亿", "稳健3号卖了5个亿"),
    ("这个产品分红两次", "这个产品分红两次"),
    ("我考虑两三天再说", "我考虑两三天再说"),
    ("最少要放半年", "最少要放半年"),
    ("提前支取按活期零点三五算", "提前支取按活期0.35算"),
    ("稳健三号风险等级是二级", "稳健3号风险等级是二级"),
    ("我今年六十五岁了", "我今年65岁了"),
    ("贷款还有十五年", "贷款还有15年"),
    ("每月还四千五百块", "每月还4500块"),
    ("恒悦盈和稳健三号哪个好", "恒悦盈和稳健3号哪个好"),
    ("上个季度收益百分之零点八", "上个季度收益0.8%"),
    ("五万块钱以上才能买", "5万块钱以上才能买"),
    ("等两个工作日到账", "等2个工作日到账"),
    # In each a word of the trade sounds like a more frequent one: 伟号, 年龄, 气息, 办, 一直, 道.
    ("尾号是六六八八的那张卡", "尾号是6688的那张卡"),
    ("封闭一年零六个月", "封闭1年零6个月"),
    ("产品十一月二十号起息", "产品11月20号起息"),
    ("下午两点半再打给我", "下午2点半再打给我"),
    ("申购费打一折", "申购费打1折"),
    ("年化三点二到三点八之间", "年化3.2到3.8之间"),
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return SiteLexicon(Lexicon.load(ModelStore()).arrays, [pronounce("恒悦盈"), pronounce("稳健3号")])


@pytest.mark.parametrize(("said", "expected"), SAID)
def test_names_and_numbers_stand_in_the_transcript(lexicon: Lexicon, said: str, expected: str) -> None:
    readings = lazy_pinyin(said, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    heard = [Syllable(text, 0, 0, 0.7, 0.7) for text in readings]
    words = HanziDecoder(lexicon).decode(heard, final=True)
    assert written("".join(word.text for word in words)) == expected
