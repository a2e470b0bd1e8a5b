"""Spoken numbers as people write them in a transcript, with the way back to what was said.

二十万 is 20万, 百分之三点五 is 3.5%, 幺三八… are digits, 二零二六年十一月 is 2026年11月. Rounded
numbers (两三千, 十几万, 七八个月) and set phrases (一下, 三七开, 一二线, 万一) stay in characters, as
GB/T 15835-2011, 4.2, asks for; so do single digits before measure words (两只, 第三个).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from appliance.language.numerals import DIGITS, value_of

_DIGIT: Final = "零〇洞幺一二两三四五六七八九"
#: A run of numerals; the unit of a fraction (百分之) begins another one.
_RUN: Final = re.compile(rf"(?:[{_DIGIT}十亿几]|[百千万](?!分之))+")
_CARDINAL: Final = r"(?:[零〇一二两三四五六七八九十百千万亿])+"
_DECIMAL: Final = rf"{_CARDINAL}(?:点[零〇幺一二三四五六七八九]+)?"
_RATIO: Final = re.compile(
    rf"(?P<minus>(?<!正)负)?(?P<base>百|千|万)分之(?P<one>百|{_DECIMAL})"
    rf"(?:(?P<to>[到至])(?:[百千万]分之)?(?P<other>{_DECIMAL})(?![个年月天号日岁块元小点百千万倍]))?"
)
_FRACTION: Final = re.compile(
    r"(?P<below>[二三四五六七八九十]|十[一二三四五六七八九])分之(?P<above>[一二两三四五六七八九])"
)
_POINTS: Final = re.compile(rf"(?P<number>{_DECIMAL})个点(?![钟位])")
_HALF: Final = re.compile("(?P<number>[一两二三四五六七八九])(?=个半(?:小时|月|钟头|季度|年))")
_YEAR: Final = re.compile(rf"(?P<year>[{_DIGIT}]{{4}}|[零〇一二七八九][零〇一二三四五六七八九])(?=年)")
_BORN: Final = re.compile("(?P<year>[零〇五六七八九][零〇五])(?=后)")
_CLOCK: Final = re.compile(
    "(?P<hour>[零〇一二两三四五六七八九]|十[一二三四五六七八九]?|二十[一二三四]?)点"
    "(?:(?P<minute>[零〇][一二三四五六七八九]分?|[二三四五]?十[一二三四五六七八九]?分?|五分)"
    rf"(?![钟之{_DIGIT}])"
    "|(?=钟|半|整|一刻|三刻|左右|多|之前|以前|之后|以后|前|后|[到至]))"
)
_PART_OF_DAY: Final = re.compile("(?:上午|下午|中午|晚上|早上|凌晨|傍晚|今晚|明早)$")
#: Behind these a number before 点 may be a time of day as well.
_DAY: Final = re.compile("(?:今天|明天|后天|[日号一二三四五六天到至])$")
_MONEY: Final = re.compile(
    rf"(?P<yuan>{_CARDINAL})(?P<unit>块)(?P<jiao>[一二两三四五六七八九])(?P<mao>毛)?(?P<fen>[一二三四五六七八九])?"
    rf"(?![{_DIGIT}十百千万亿个年月天号])"
)
_LETTER: Final = re.compile(
    "(?<=[A-Za-z])(?P<plus>加)?(?P<digits>[零一二三四五六七八九]{1,4})(?![十百千万亿点])"
)
_NEIGHBOURS: Final = re.compile(
    rf"(?<![{_DIGIT}])([一两二三四五六七八九])([二两三四五六七八九])(?![{_DIGIT}])"
)
#: Set phrases, and numbers that mean something else than a number.
_FIXED_WORDS: Final = """
[一二三四五六七八九]{2}(?:开|分成|分账|分(?!钟|之)) [一二三四][二三四五]线
一点(?![半钟零〇一二三四五六七八九]) 一下 一般 一起 一样 一直 一些 一定 一会 一边 一旦 一共 一切 一方面
一[手套] 统一 唯一 万一(?!千|百) 万[一二三四五](?=免|的佣) 千万(?=别|不|要|记) 十分(?![钟之]) 百分百 一辈子
一五一十 三心二意 乱七八糟 七上八下 一天到晚 一年到头 五花八门 半斤八两 不管三七二十一 八九不离十
十有八九 十之八九 三三两两 七七八八 三言两语 三天两头 接二连三 丢三落四 说一不二 独一无二 颠三倒四
低三下四 一清二楚 一心一意 一干二净 一举两得 一分为二 一时半会 一问三不知 一分钱一分货 两码事
三番[五两]次 四面八方 十全十美 四平八稳 亿万 百[家姓货度]
五一(?=假|节|长假|小长假|劳动节|期间|放假|黄金周) 十一(?=假|长假|国庆|期间|放假|黄金周)
(?:星期|礼拜|周)[一二三四五六]日? [这那过前近头后]两[天年周]
"""
_FIXED: Final = re.compile("|".join(_FIXED_WORDS.split()))
#: What may follow one numeral for it to be a quantity.
_UNITS: Final = re.compile(
    "年|个月|个季度|个工作日|个交易日|个小时|个百分点|个基点|个亿|月|号|日(?!子)|天(?!然)|周|个?星期|个?礼拜|分钟|秒"
    "|小时|周?岁|元|块|毛(?!病)|倍|成|折|%"
)
#: After 一 these are no counting: 一年, 一天, 一周 are written so; 一年零六个月 is counted throughout.
_UNITS_OF_ONE: Final = re.compile("年期|年零|个月|个季度|个工作日|个小时|个亿|月|号|周?岁|元|块|成|折|%")
_LARGE: Final = {"亿": 100_000_000, "万": 10_000}


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """One number: [start, end) of the written text was said at [spoken_start, spoken_end)."""

    start: int
    end: int
    spoken_start: int
    spoken_end: int
    #: said digit by digit, as telephone, card and identity numbers and codes are
    digits: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A text with its numbers written, and what was said; outside of `numbers` both are the same."""

    text: str
    spoken: str
    numbers: tuple[NumberSpan, ...]

    def spoken_span(self, start: int, end: int) -> tuple[int, int]:
        """Where [start, end) of the written text was said; a number that is touched counts whole."""
        pairs = [((span.start, span.end), (span.spoken_start, span.spoken_end)) for span in self.numbers]
        return _mapped(start, end, pairs)

    def written_span(self, start: int, end: int) -> tuple[int, int]:
        """Where [start, end) of the spoken text is written; a number that is touched counts whole."""
        pairs = [((span.spoken_start, span.spoken_end), (span.start, span.end)) for span in self.numbers]
        return _mapped(start, end, pairs)


_Place = tuple[int, int]


def _mapped(start: int, end: int, pairs: list[tuple[_Place, _Place]]) -> _Place:
    first, last, shift = start, end, 0
    found_first = found_last = False
    for (here, here_end), (there, there_end) in pairs:
        if not found_first and start < here_end:
            first, found_first = (there if start >= here else start + shift), True
        if not found_last and end <= here_end:
            last, found_last = (there_end if end > here else end + shift), True
        shift = there_end - here_end
    return (first if found_first else start + shift), (last if found_last else end + shift)


def written(text: str) -> str:
    """The text with its numbers as people write them: 二十万→20万, 百分之三点五→3.5%, 幺三八→138."""
    return write(text).text


def write(text: str) -> Written:
    """The text with its numbers written, and where each of them was said."""
    out: list[str] = []
    numbers: list[NumberSpan] = []
    length = position = 0
    while position < len(text):
        end, number, digits = _at(text, position)
        if number is None:
            number = text[position:end]
        else:
            numbers.append(NumberSpan(length, length + len(number), position, end, digits))
        out.append(number)
        length += len(number)
        position = end
    return Written("".join(out), text, tuple(numbers))


_Piece = tuple[int, str | None, bool]


def _at(text: str, position: int) -> _Piece:
    """What stands at a position: where it ends, how it is written (None: as it is), whether it is digits."""
    for rule in (_fixed, _ratio, _calendar, _clock, _small):
        piece = rule(text, position)
        if piece is not None:
            return piece
    run = _RUN.match(text, position)
    if run is None or run[0][0] == "亿":
        return position + 1, None, False
    return _number(text, position, run.end())


def _fixed(text: str, position: int) -> _Piece | None:
    match = _FIXED.match(text, position)
    return (match.end(), None, False) if match else None


def _ratio(text: str, position: int) -> _Piece | None:
    if match := _RATIO.match(text, position):
        one = 100.0 if match["one"] == "百" else value_of(match["one"])
        other = value_of(match["other"]) if match["other"] else None
        if one is None or (match["other"] and other is None):
            return match.end(), None, False
        sign = {"百": "%", "千": "‰", "万": ""}[match["base"]]
        minus, before = ("-" if match["minus"] else ""), ("万分之" if match["base"] == "万" else "")
        range_end = f"{match['to']}{before}{_plain(other)}{sign}" if other is not None else ""
        return match.end(), f"{minus}{before}{_plain(one)}{sign}{range_end}", False
    if match := _FRACTION.match(text, position):
        above, below = value_of(match["above"]), value_of(match["below"])
        if above is not None and below is not None:
            return match.end(), f"{_plain(above)}/{_plain(below)}", False
    if (match := _POINTS.match(text, position)) and (value := value_of(match["number"])) is not None:
        return match.end(), f"{_plain(value)}%", False
    return None


def _calendar(text: str, position: int) -> _Piece | None:
    for pattern in (_YEAR, _BORN):
        match = pattern.match(text, position)
        if match and not (len(match["year"]) == 2 and _about(match["year"])):
            return match.end(), _as_digits(match["year"]), False
    return None


def _clock(text: str, position: int) -> _Piece | None:
    match = _CLOCK.match(text, position)
    if match is None:
        # 下午三点: one numeral is a time of day only behind its part of the day.
        if re.match(
            "[一二两三四五六七八九]点(?![零〇一二三四五六七八九])", text[position : position + 3]
        ) and (_PART_OF_DAY.search(text[:position]) or _DAY.search(text[:position])):
            return position + 1, str(DIGITS[text[position]]), False
        return None
    hour = value_of(match["hour"])
    if hour is None:
        return None
    minute = match["minute"]
    if minute is None:
        return match.end(), f"{_plain(hour)}点", False
    if minute[0] in "零〇" and not minute.endswith("分") and not _PART_OF_DAY.search(text[:position]):
        # 一点零三 is a number, and a time only behind 下午.
        return None
    unit = "分" if minute.endswith("分") else ""
    value = value_of(minute.removesuffix("分"))
    if value is None:
        return None
    return match.end(), f"{_plain(hour)}点{int(value):02d}{unit}", False


def _small(text: str, position: int) -> _Piece | None:
    if match := _LETTER.match(text, position):
        return match.end(), ("+" if match["plus"] else "") + _as_digits(match["digits"]), False
    if match := _HALF.match(text, position):
        return match.end(), str(DIGITS[match["number"]]), False
    if (match := _MONEY.match(text, position)) and (yuan := value_of(match["yuan"])) is not None:
        mao, fen = match["mao"] or "", match["fen"]
        if not fen or mao:
            tail = str(DIGITS[fen]) if fen else ""
            return match.end(), f"{_plain(yuan)}块{DIGITS[match['jiao']]}{mao}{tail}", False
    if (
        text[position] == "负"
        and not text[:position].endswith("正")
        and (run := _RUN.match(text, position + 1))
    ):
        end, number, _ = _number(text, position + 1, run.end())
        if number is not None:
            return end, f"-{number}", False
    return None


def _number(text: str, start: int, end: int) -> _Piece:
    """A run of numerals, with what is behind the point and the units that belong to it."""
    run = text[start:end]
    after = text[end:]
    fraction = re.match("点([零〇幺一二三四五六七八九]+)([万亿千百]?)", after)
    if all(numeral in DIGITS for numeral in run) and not (fraction and len(run) == 1):
        return _digits(run, after, text, start, end)
    if "几" in run or _about(run) or run[0] in "百千万" or re.search("[一二两三四五六七八九]{2}", run):
        return end, None, False
    if fraction:
        value = value_of(run + "点" + fraction[1])
        end += fraction.end()
        return (
            (end, None, False)
            if value is None
            else (end, _plain(value, places=len(fraction[1])) + fraction[2], False)
        )
    if run == "十" and not (_UNITS.match(after) or after.startswith(("点", "多"))):
        return end, None, False
    if run == "十" and after.startswith("来"):
        return end, None, False
    value = value_of(run)
    return (end, None, False) if value is None else (end, _rounded(run, value), False)


def _digits(run: str, after: str, text: str, start: int, end: int) -> _Piece:
    if len(run) == 1:
        units = _UNITS_OF_ONE if run == "一" else _UNITS
        wanted = bool(units.match(after)) and run not in "〇洞幺" and not (run == "零" and after[0] == "个")
        if run == "两" and after.startswith("月"):
            wanted = False
        if text[max(0, start - 1) : start] in {"第", "几", "好"} and not after.startswith(("年期", "块")):
            wanted = False
        if not wanted and run != "零" and after[:1] in {"到", "至"} and (other := _RUN.match(text, end + 1)):
            # 三到五年: the unit stands behind the second number only.
            wanted = _number(text, end + 1, other.end())[1] is not None
        return end, (str(DIGITS[run]) if wanted else None), False
    if _about(run) and len(run) == 2:
        return end, None, False
    if len(run) == 2 and run[0] == "零" and _UNITS.match(after):
        # 三年零六个月
        return start + 1, None, False
    if len(run) > 2 or run[0] in "零〇洞幺" or "幺" in run or after.startswith("折"):
        return end, _as_digits(run), True
    return end, None, False


def _about(run: str) -> bool:
    """Whether two neighbouring digits make the number a rough one (两三千, 二三十, 一千三四百, 三五)."""
    return any(
        DIGITS[match[2]] == DIGITS[match[1]] + 1 or match[0] == "三五" for match in _NEIGHBOURS.finditer(run)
    )


def _rounded(run: str, value: float) -> str:
    """In 万 or 亿 where that needs at most one decimal (two for 亿), as 1.2万; in full otherwise."""
    for unit, size in _LARGE.items():
        places = 2 if unit == "亿" else 1
        whole = unit in run and value >= size and round(round(value / size, places) * size) == value
        if whole and not re.search(f"{unit}.*[零〇]", run):
            return f"{_plain(value / size)}{unit}"
    return _plain(value)


def _as_digits(words: str) -> str:
    return "".join(str(DIGITS[word]) for word in words)


def _plain(value: float, places: int = 0) -> str:
    """Without needless zeros, but with those that were said behind the point."""
    if places:
        return f"{value:.{places}f}"
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0").rstrip(".")
