"""Takes out of spoken text everything that identifies a person, before any of it may become a quote.

Digits are found as they are spoken (幺三八…), as they are written, and by their sound, because a recognizer
writes 要 for 幺 and 就 for 九. When in doubt words are taken out: a quote can spare a few words.

Sources: identity numbers GB 11643-1999 (check digit ISO 7064 MOD 11-2), bank cards ISO/IEC 7812-1 (Luhn),
mobile numbers of the Chinese numbering plan (11 digits beginning with 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from appliance.language.numerals import DIGITS
from appliance.language.pinyin_forms import MAX_CHARACTERS, Heard, hear
from appliance.language.spokennumbers import Piece, pieces
from appliance.language.surnames import COMPOUND_SURNAMES, NO_NAMES, SURNAMES

IDENTITY: Final = "〔证件〕"
CARD: Final = "〔银行卡〕"
PHONE: Final = "〔电话〕"
NUMBER: Final = "〔号码〕"
NAME: Final = "〔姓名〕"
ADDRESS: Final = "〔地址〕"
SECRET: Final = "〔密码〕"  # noqa: S105
ACCOUNT: Final = "〔账号〕"

#: From this many bare digits on, a number is taken out whatever it is: it may be part of one that identifies.
LONGEST_PLAIN_RUN: Final = 4
#: At the beginning or end of an utterance a shorter run may be a piece of a longer number.
LONGEST_PLAIN_RUN_AT_EDGE: Final = 2
#: Sounds of digits; the recognizer writes any homophone for them.
_SOUNDS: Final = {
    "yao": "1", "yi": "1", "er": "2", "lian": "2", "san": "3", "si": "4", "wu": "5", "liu": "6", "qi": "7",
    "ba": "8", "jiu": "9", "lin": "0", "don": "0", "dong": "0",
}  # fmt: skip
#: Pieces of one number (幺三八, 我想想, 零零幺二) are taken out if they have so many digits together.
SHORTEST_IN_PIECES: Final = 7
#: An utterance of so few characters between the pieces of a number is a hesitation; so many may follow.
_HESITATION: Final = 4
_MOST_HESITATIONS: Final = 2
#: By sound alone a run counts from this length on, and only if a third of it is written as digits.
_SOUND_RUN: Final = 6
_SEPARATORS: Final = frozenset("的那嗯呃额啊哦然后杠横")
_YEAR_OR_TIME: Final = frozenset("年点月号日岁块元万千百十亿倍天个")

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"

_COMPOUND: Final = "|".join(COMPOUND_SURNAMES)
_TITLES: Final = "先生|女士|小姐|老师|经理|总|师傅|大姐|阿姨|叔叔|大哥|医生|主任|老板|太太|工"

_CALLED: Final = re.compile(
    rf"(?:我叫|本人叫|名字叫|名字是|姓名是|他叫|她叫|老公叫|老婆叫|儿子叫|女儿叫|免贵|全名叫|大名叫)"
    rf"(?P<name>{_COMPOUND}|[一-鿿])(?P<rest>[一-鿿]{{0,2}})"
)
_SURNAMED: Final = re.compile(
    rf"(?:我姓|免贵姓|免贵|本人姓|贵姓|他姓|她姓|叫我|叫我老|叫我小)"
    rf"(?P<name>(?:老|小)?(?:{_COMPOUND}|[一-鿿]))"
)
_TITLED: Final = re.compile(rf"(?P<name>(?:{_COMPOUND}|[{SURNAMES}])[一-鿿]{{0,2}}?)(?={_TITLES})")
_I_AM: Final = re.compile(
    rf"(?:我是|我就是|本人是)(?P<name>(?:{_COMPOUND}|[{SURNAMES}])[一-鿿]{{1,2}}?)"
    rf"(?=$|[^一-鿿]|[啊呀呢吧的，哦]|你好|您好|{_TITLES})"
)
_NOT_A_NAME: Final = re.compile(
    "^(?:什么|啥|不|你|他|她|它|我|您|客|人|车|停|外卖|醒|一|那|这|做|个|起|苦|好|再|别|早|去|来|买|卖|做什么|过|了|着)"
)

_STREET: Final = re.compile(
    "[一-鿿]{0,5}?(?:路|街|大道|弄|巷|胡同)"
    "(?:[0-9零〇一二三四五六七八九十百千幺]+(?:号|弄|室|栋|幢|楼|单元|层))+"
    "[一-鿿0-9]{0,6}(?:室|栋|幢|单元|楼|层|号)?"
)
_HOME: Final = re.compile(
    "(?:我们?家?住在?|家住在?|住在|家庭住址是?|住址是?|地址是|地址在|收件地址是?|寄到|寄给我家|送到|家在|我家就在|户口在|单位在)"
    "(?P<place>[一-鿿0-9A-Za-z]{2,24})"
)
_ROOM: Final = re.compile(
    "(?:[一-鿿]{2,6}(?:小区|花园|新村|公寓|家园|新苑|大厦|广场|府邸|社区|村))?"
    "[0-9零〇一二三四五六七八九十百幺]+(?:号楼|栋|幢|单元|室|号院|弄)"
    "(?:[0-9零〇一二三四五六七八九十百幺]+(?:号楼|栋|幢|单元|室|号|楼|层))*"
)
_ESTATE: Final = re.compile("[一-鿿]{2,4}(?:小区|花园|新村|家园|新苑)")
_NO_PLACE: Final = re.compile("^(?:院|得|的|着|不|满|酒店|宾馆|校|哪|房)")
_SECRET: Final = re.compile(
    "(?:密码|口令|验证码|校验码|动态码|安全码|暗号)(?:是|就是|为|设的是|设成|改成|给你|告诉你|你记一下|还是)*"
    "(?P<secret>[^，。？！,.?! ]{1,24})"
)
_NO_SECRET: Final = re.compile(
    "^(?:忘|不|多少|怎么|什么|错|在哪|要|我|也|没|都|呢|吗|吧|了|锁|的时候|重置|输|发|收|能|可以|安全|找|是多少|是什么)"
)
_ACCOUNT: Final = re.compile(
    "(?:微信号|微信|QQ号?|扣扣号?|邮箱|账号|账户名|用户名)(?:是|就是|叫|为)(?P<account>[^，。？！,?! ]{2,32})"
)
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
_PASSPORT: Final = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,2}[0-9]{7,8}(?![0-9])")
#: What the agent has just asked for; any digits that follow are then the answer.
_ASKED: Final = re.compile("身份证|证件号|卡号|手机号|电话号|号码|验证码|密码|尾号|后四位|末四位|护照")


def valid_identity(digits: str) -> bool:
    """Whether 18 characters are a Chinese identity number: GB 11643-1999, check digit ISO 7064 MOD 11-2."""
    if not re.fullmatch(r"[0-9]{17}[0-9Xx]", digits):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return _CHECK[total % 11] == digits[-1].upper()


def valid_card(digits: str) -> bool:
    """Whether 12 to 19 digits pass the Luhn check of ISO/IEC 7812-1."""
    if not re.fullmatch(r"[0-9]{12,19}", digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def kind_of(digits: str) -> str:
    """The word that replaces a run of digits."""
    if valid_identity(digits):
        return IDENTITY
    if re.fullmatch(r"1[3-9][0-9]{9}|(?:86)?1[3-9][0-9]{9}|0[0-9]{9,11}|400[0-9]{7}", digits):
        return PHONE
    if valid_card(digits):
        return CARD
    return NUMBER


#: 是 and 就 before a number sound like its first digits (4, 9).
_MOST_EXTRA: Final = 2


def _best_kind(digits: str) -> str:
    for extra in range(_MOST_EXTRA + 1):
        for candidate in (digits[extra:], digits[: len(digits) - extra]):
            if (kind := kind_of(candidate)) != NUMBER:
                return kind
    return NUMBER


@dataclass(slots=True)
class RedactionState:
    """What the next utterance of the same leg must know; the digits themselves are not kept."""

    #: the last utterance ended in digits, or the agent has just asked for some
    expects_digits: bool = False
    #: how many digits have been said in a row across utterances
    run: int = field(default=0, repr=False)
    #: utterances without digits since
    hesitations: int = 0


def redact(
    text: str, pinyin: tuple[str, ...] = (), state: RedactionState | None = None, before: str = ""
) -> str:
    """The text with identity numbers, cards, phones, names, addresses and secrets replaced.

    `state` carries digits over to the next utterance of the leg; `before` is what the other side said.
    Text beyond 600 characters is dropped.
    """
    state = state if state is not None else RedactionState()
    text = text[:MAX_CHARACTERS]
    heard = hear(text, pinyin)
    expects = state.expects_digits or bool(_ASKED.search(before)) or bool(_ASKED.search(text))
    if state.expects_digits and len(text) <= _HESITATION and not _runs(heard) and not pieces(text):
        # 嗯 or 我想想 within a number: it goes on behind it.
        state.hesitations += 1
        state.expects_digits = state.hesitations <= _MOST_HESITATIONS
        return _replace(text, _pattern_spans(text))
    state.hesitations = 0
    spans = _digit_spans(heard, expects, state)
    spans += _piece_spans(text, expects, state)
    spans += _pattern_spans(text)
    return _replace(text, spans)


Span = tuple[int, int, str]


def _digit_spans(heard: Heard, expects: bool, state: RedactionState) -> list[Span]:
    runs = _runs(heard)
    spans: list[Span] = []
    size = len(heard)
    state_run = 0
    ends_in_digits = False
    for first, last, digits in runs:
        after = heard.characters[last] if last < size else ""
        at_edge = first <= 1 or last >= size - 1
        limit = LONGEST_PLAIN_RUN_AT_EDGE if at_edge else LONGEST_PLAIN_RUN
        if expects or (first <= 1 and state.run):
            limit = 0 if len(runs) > 1 or expects or state.run else limit
        quantity = after in _YEAR_OR_TIME and after and len(digits) <= LONGEST_PLAIN_RUN
        if len(digits) > limit and not (quantity and not state.run):
            spans.append((heard.source[first], heard.source[last - 1] + 1, _best_kind(digits)))
        if last >= size - 1 and not quantity:
            ends_in_digits = True
            state_run = len(digits)
    state.expects_digits = ends_in_digits
    state.run = state_run if ends_in_digits else 0
    return spans


def _piece_spans(text: str, expects: bool, state: RedactionState) -> list[Span]:
    """Numbers by their written form: cardinals (一百三十八), and the pieces of one number in many words."""
    found = pieces(text)
    if not found:
        return []
    if found[-1].end >= len(text) - 1:
        state.expects_digits = True
        state.run = max(state.run, len(found[-1].digits))
    if not expects and not _is_one_number(found):
        return []
    word = _best_kind("".join(piece.digits for piece in found))
    return [(piece.start, piece.end, word) for piece in found]


def _is_one_number(found: list[Piece]) -> bool:
    return sum(len(piece.digits) for piece in found) >= SHORTEST_IN_PIECES


def _runs(heard: Heard) -> list[tuple[int, int, str]]:
    """Runs of spoken or written digits: first unit, unit after the last, the digits."""
    written = [_digit(character) for character in heard.characters]
    runs: list[tuple[int, int, str]] = []
    index = 0
    while index < len(heard):
        if written[index] is None and heard.syllables[index] not in _SOUNDS:
            index += 1
            continue
        last, digits, sure = _run_from(heard, written, index)
        by_sound = len(digits) - sure
        if digits and (by_sound == 0 or (len(digits) >= _SOUND_RUN and sure * 3 >= len(digits))):
            runs.append((index, last, digits))
            index = last
            continue
        last, digits = _plain_run_from(written, heard, index)
        if digits:
            runs.append((index, last, digits))
            index = last
        else:
            index += 1
    return runs


def _run_from(heard: Heard, written: list[str | None], index: int) -> tuple[int, str, int]:
    digits, sure, last, position = "", 0, index, index
    while position < len(heard):
        digit = written[position]
        if digit is not None:
            digits, sure = digits + digit, sure + 1
        elif heard.syllables[position] in _SOUNDS:
            digits += _SOUNDS[heard.syllables[position]]
        elif digits and heard.characters[position] in _SEPARATORS and position - last < 2:
            position += 1
            continue
        else:
            break
        position += 1
        last = position
    return last, digits, sure


def _plain_run_from(written: list[str | None], heard: Heard, index: int) -> tuple[int, str]:
    digits, last, position = "", index, index
    while position < len(written):
        digit = written[position]
        if digit is None:
            if digits and heard.characters[position] in _SEPARATORS and position - last < 2:
                position += 1
                continue
            break
        digits += digit
        position += 1
        last = position
    return last, digits


def _digit(character: str) -> str | None:
    if character.isascii() and (character.isdigit() or character in "Xx"):
        return character.upper()
    return str(DIGITS[character]) if character in DIGITS else None


def _pattern_spans(text: str) -> list[Span]:
    spans: list[Span] = []
    for match in _CALLED.finditer(text):
        if not _NOT_A_NAME.match(match["name"] + match["rest"]):
            spans.append((match.start("name"), match.end("rest"), NAME))
    for pattern in (_SURNAMED, _TITLED, _I_AM):
        for match in pattern.finditer(text):
            name = match["name"]
            if not _NOT_A_NAME.match(name) and not text[match.start("name") :].startswith(NO_NAMES):
                spans.append((match.start("name"), match.end("name"), NAME))
    for match in _HOME.finditer(text):
        if not _NO_PLACE.match(match["place"]):
            spans.append((match.start("place"), match.end("place"), ADDRESS))
    for pattern in (_STREET, _ROOM, _ESTATE):
        spans += [(match.start(), match.end(), ADDRESS) for match in pattern.finditer(text)]
    for match in _SECRET.finditer(text):
        if not _NO_SECRET.match(match["secret"]):
            spans.append((match.start("secret"), match.end("secret"), SECRET))
    spans += [(match.start("account"), match.end("account"), ACCOUNT) for match in _ACCOUNT.finditer(text)]
    spans += [(match.start(), match.end(), ACCOUNT) for match in _MAIL.finditer(text)]
    spans += [(match.start(), match.end(), IDENTITY) for match in _PASSPORT.finditer(text)]
    return spans


def _replace(text: str, spans: list[Span]) -> str:
    out: list[str] = []
    position = 0
    for start, end, word in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < position:
            # An overlapping span may reach further; its rest goes too.
            position = max(position, end)
            continue
        out.append(text[position:start])
        out.append(word)
        position = end
    out.append(text[position:])
    return "".join(out)
