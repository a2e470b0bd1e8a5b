"""What turns audio into profiles: recognition with the site's names, engine processes, models, advice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from appliance.box.settings.values import Section

#: Names beyond these are no names but text; they bound the memory and the time that decoding takes.
MOST_WORDS: Final = 2000
SHORTEST_WORD: Final = 2
LONGEST_WORD: Final = 16
#: Six letters ("zhuang"), a tone and a space for each syllable; a letter of a name has up to three.
_LONGEST_PINYIN: Final = 3 * 8 * LONGEST_WORD


def _name(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} has spaces around it or signs that cannot be seen; write the name alone")
    if not SHORTEST_WORD <= len(value) <= LONGEST_WORD:
        raise ValueError(
            f"{value!r} has {len(value)} character{'' if len(value) == 1 else 's'}; "
            f"write a name of {SHORTEST_WORD} to {LONGEST_WORD}"
        )
    return value


def _pinyin(value: str) -> str:
    if not value.strip() or len(value) > _LONGEST_PINYIN or not value.isprintable():
        raise ValueError(
            f"{value[:40]!r} is no pinyin of a name; write its syllables parted by spaces, such as wen3 jian4"
        )
    return value


def _as_table(value: Any) -> Any:
    """A name alone is a table without pinyin."""
    return {"word": value} if isinstance(value, str) else value


def _bounded(value: tuple[SiteWord, ...]) -> tuple[SiteWord, ...]:
    if len(value) > MOST_WORDS:
        raise ValueError(f"{len(value)} names are listed; keep the {MOST_WORDS} that are said most")
    return value


class SiteWord(Section):
    """A name that is said in this site's calls, such as a product's or a company's."""

    #: as people write it
    word: Annotated[str, AfterValidator(_name)]
    #: how it is said, syllables parted by spaces, with or without tones; without it, the usual reading
    pinyin: Annotated[str, AfterValidator(_pinyin)] | None = None


class Speech(Section):
    """Recognition."""

    #: a recognizer of the model store; "auto" is the pulled one where it is installed, else the bundled one
    model: str = Field("auto", pattern=r"^[a-z0-9-]{1,64}$")
    search: Literal["greedy", "beam"] = "greedy"
    #: silence that ends an utterance
    endpoint_ms: int = Field(500, ge=200, le=3000)
    #: the site's own names, which recognition prefers; each a text, or a table of word and pinyin
    words: Annotated[
        tuple[Annotated[SiteWord, BeforeValidator(_as_table)], ...], AfterValidator(_bounded)
    ] = ()


class Engine(Section):
    """The processes that turn audio into profiles."""

    processes: int = Field(1, ge=1, le=64)
    #: threads that one engine's recognizer uses
    threads: int = Field(1, ge=1, le=16)
    #: audio that may wait for the engine before capture drops the oldest
    max_backlog_seconds: float = Field(5.0, ge=0.5, le=60)


class Models(Section):
    """Where models are searched first."""

    directory: Path | None = None
    #: false forbids models that were trained on data for research only
    allow_research_only: bool = True


class Advice(Section):
    """What agents are advised."""

    #: the site's own catalogue of strategies instead of the built-in one
    catalogue: Path | None = None
