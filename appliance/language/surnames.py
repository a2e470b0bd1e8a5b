"""Chinese surnames, and words that begin like one."""

from __future__ import annotations

from typing import Final

#: Surnames of one character, the most frequent ones.
SURNAMES: Final = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋"
    "田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖"
    "武康贺严尹钱施牛洪龚汤陶黎温莫易樊乔文安殷颜庄章鲁倪庞邢俞翟蓝聂齐向申葛柴伍覃骆关焦柳欧祝"
    "纪尚毕耿芦左季管符辛苗詹曲欧靳祁路涂兰甘裴梅童翁霍游阮尤岳柯牟滕谷舒卜成饶宁凌"
)
_COMPOUND_WORDS: Final = """
欧阳 上官 司马 诸葛 司徒 东方 皇甫 尉迟 公孙 慕容 夏侯 令狐 端木 南宫
"""
COMPOUND_SURNAMES: Final = tuple(_COMPOUND_WORDS.split())
#: Where these follow 我是, it is no name.
_NO_NAME_WORDS: Final = """
于是 高兴 金融 安全 成年 方便 常常 万一 任何 白领 白天 向来 关于 成功 文员
武汉 石家庄 温州 江苏 江西 河 宁波 宁愿 常客 常年 严格 管理 管钱 管家 游客
成本 尤其 牛人 农 易怒 马上 何必 何况 高血压 高级 高管 金牌 金卡 黄金 白金
钱多 钱少 康复 施工 路过 成都 安徽 黑龙江 曾经 苏州 谢谢 程序员 许多 田里 方案
雷达 毛病 左右 季度 易 向你 关心 游戏 安心 万元 江浙 夏天 秦皇岛 石油 唐山
"""
NO_NAMES: Final = tuple(_NO_NAME_WORDS.split())
