"""What the agent said of the customer and the customer takes up: 您的定期到期了 - 对; 您先生呢 - 他做生意."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from appliance.language.findings import NeedFinding
from appliance.protocol.vocabulary import NeedTag

CONFIDENCE: Final = 0.6

#: The agent speaks of what is the customer's, and does not ask whether it is.
_YOURS: Final = re.compile(
    "您(?:的|有|买|存|持有|那|在我们|名下|账户|账上|手里|上次|之前|去年|原来|这边的?|家|先生|太太|爱人|老公|老婆|孩子|儿子|女儿|父亲|母亲|"
    "爸|妈|父母)|您.{0,6}(?:买|存|持有)的|恭喜您?当"
)
_ASKS: Final = re.compile("您(?:有没有|是不是|有.{0,12}(?:吗|没有))")
_AGREES: Final = re.compile(
    "^[哦嗯啊哎噢]*(?:对|是的|是啊|没错|我?知道|看到了?|收到了?|那个?是我|那是|记得|到了|是吗)"
)
#: 他做生意的: who is spoken of is not named again.
PERSONS: Final[frozenset[NeedTag]] = frozenset(["spouse", "child", "elderly_parent"])
_PRONOUN: Final = re.compile("^[哦嗯啊哎噢那就]*[他她](?!们)|[送给让陪带替问][他她](?!们)")


def taken_up(named: Collection[NeedTag], agent_before: str, words: str) -> NeedFinding | None:
    """What the customer has, by the agent's words and an answer that agrees; None where it does not.

    Args:
        named: the products and persons that the agent's words name; only a single one is clear.
        agent_before: the agent's words.
        words: the customer's answer.
    """
    if len(named) != 1 or not _YOURS.search(agent_before):
        return None
    (tag,) = named
    agrees = bool(_AGREES.match(words)) and not _ASKS.search(agent_before)
    if agrees or (tag in PERSONS and _PRONOUN.search(words)):
        return NeedFinding(tag, "has", CONFIDENCE)
    return None
