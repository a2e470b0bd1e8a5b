"""Lists short rule phrases that ordinary speech would set off because it sounds like them.

The language room finds phrases by characters or by folded sound. Two or three syllables of sound say little:
基金 is 激进 without its tones. For every phrase of at most three syllables that is found by its sound, this
counts how often other characters with that sound come up, inside words and across the border of two, by the
word frequencies and word pairs of models/lexicon-zh (counted in dialogue, read sentences and telemarketing).

    python -m tools.soundalikes             # the phrases that are set off too often, the worst first
    python -m tools.soundalikes --all       # every phrase with any rival

Mend one by adding its rivals to appliance/language/everyday.txt (written, they are meant), with a leading `=`
(exact characters only) or by a longer phrase; where nothing of that fits, give the reason in
tools/soundalikes.toml.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.language.needs import NeedRules
from appliance.language.phrases import PhraseBook, longest
from appliance.language.pinyin_forms import Heard, fold
from appliance.language.signals import SignalRules
from appliance.models import ModelStore
from appliance.speech.lexicon import Lexicon

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALLOWED = Path(__file__).with_name("soundalikes.toml")
#: Longer phrases hold enough sound.
LONGEST = 3
#: False alarms in a million words from which a phrase is listed: one in 400 calls of 500 words.
TOO_OFTEN = 5.0
#: Fewer false alarms than this share of the phrase's own uses are worth what its sound finds.
TOLERATED = 0.1
#: Rarer words are left out; 309,290 words hold many that nobody says.
RAREST = 1e-8


@dataclass
class Rivals:
    """What sounds like one phrase, in uses a million words."""

    phrase: str
    book: str
    own: float = 0.0
    #: other characters of the same sound, with the words around them where they span two
    others: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def false(self) -> float:
        """False alarms a million words."""
        return sum(self.others.values())

    @property
    def too_often(self) -> bool:
        """Whether the phrase needs mending, or a reason."""
        return self.false >= TOO_OFTEN and self.false > TOLERATED * self.own

    def __str__(self) -> str:
        worst = sorted(self.others.items(), key=lambda item: -item[1])[:5]
        shown = ", ".join(f"{words} {rate:.1f}" for words, rate in worst)
        return f"{self.phrase} ({self.book}): {self.false:.1f} false, {self.own:.1f} own; {shown}"


def books() -> dict[str, PhraseBook[Any]]:
    """The phrase books of the language room that are read in whole utterances."""
    return NeedRules().books() | SignalRules().books()


def rivals(lexicon: Lexicon, books: Mapping[str, PhraseBook[Any]]) -> list[Rivals]:
    """Every short phrase that is found by its sound, with what sounds like it; the worst first."""
    found: dict[tuple[str, ...], list[tuple[Rivals, PhraseBook[Any]]]] = defaultdict(list)
    for name, book in books.items():
        for phrase, syllables in book.by_sound():
            if len(syllables) <= LONGEST:
                found[syllables].append((Rivals(phrase, name), book))
    for characters, syllables, border, rate in _spoken(lexicon):
        for length in range(2, LONGEST + 1):
            # Inside a word everything counts; of a pair only what spans its border, the words count already.
            first = max(0, border - length + 1) if border else 0
            last = min(border - 1, len(syllables) - length) if border else len(syllables) - length
            for start in range(first, last + 1):
                for entry, book in found.get(syllables[start : start + length], ()):
                    heard = characters[start : start + length]
                    if heard == entry.phrase:
                        entry.own += rate
                    elif _sets_off(book, entry.phrase, characters, syllables):
                        shown = f"{characters[:border]}|{characters[border:]}" if border else characters
                        entry.others[shown] += rate
    entries = [entry for phrases in found.values() for entry, _ in phrases if entry.others]
    return sorted(entries, key=lambda entry: -entry.false)


def _sets_off(book: PhraseBook[Any], phrase: str, characters: str, syllables: tuple[str, ...]) -> bool:
    """Whether the book, reading these words, takes their sound for the phrase."""
    heard = Heard(characters, tuple(characters), syllables, tuple(range(len(characters))), frozenset())
    return any(match.phrase == phrase for match in longest(book.find(heard)))


def _spoken(lexicon: Lexicon) -> Iterator[tuple[str, tuple[str, ...], int, float]]:
    """Words, then pairs of words: characters, folded syllables, start of the second word (0: none), rate."""
    readings: dict[int, tuple[str, tuple[str, ...], float]] = {}
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    names = [fold(syllable) for syllable in lexicon.arrays["syllables"].item().decode().split("\n")]
    while waiting:
        node, syllables = waiting.pop()
        for number, cost in lexicon.words_at(node):
            share = math.exp(-cost / 1000)
            if share >= RAREST:
                word = lexicon.word(number)
                yield word, syllables, 0, 1e6 * share
                if number not in readings or share > readings[number][2]:
                    readings[number] = (word, syllables, share)
        waiting += [(below, (*syllables, names[heard])) for heard, below in lexicon.children(node).items()]
    for number, (word, syllables, _) in readings.items():
        alone = math.exp(-int(lexicon.unigram[number]) / 1000)
        for following, cost in lexicon.bigrams(number).items():
            if following in readings:
                second, sounds, _ = readings[following]
                rate = 1e6 * alone * math.exp(-cost / 1000)
                yield word + second, (*syllables, *sounds), len(word), rate


def allowed(path: Path = ALLOWED) -> dict[str, str]:
    """The phrases that may sound like others, each with its reason."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="every phrase with any rival")
    options = parser.parse_args()
    known = {} if options.all else allowed()
    listed = [
        entry
        for entry in rivals(Lexicon.load(ModelStore()), books())
        if options.all or (entry.too_often and entry.phrase not in known)
    ]
    for entry in listed:
        print(entry)
    return 1 if listed and not options.all else 0


if __name__ == "__main__":
    raise SystemExit(main())
