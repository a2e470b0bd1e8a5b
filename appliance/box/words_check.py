"""What `ridge check` says of the site's names: how each is listened for, and which would be left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appliance.box.config import SiteWord
from appliance.models import ModelStore
from appliance.models_choice import PULLED_RECOGNIZER
from appliance.speech.networkfile import read_tokens
from appliance.speech.siteword import PronunciationError, pronounce
from appliance.speech.spelling import spoken_forms


class NamesError(ValueError):
    """Recognition would leave out names."""

    def __init__(self, why: str, problems: Sequence[str]) -> None:
        """Name all of them.

        Args:
            why: what cannot be done with them, such as "pronounced".
            problems: for each the place in `speech.words`, the fault and the remedy.
        """
        super().__init__(f"recognition would leave out names that cannot be {why}")
        self.problems = tuple(problems)


class UnwritableError(ValueError):
    """A recognizer has no token for a character of a name; the message says which, and what to do."""


def checked_names(words: Sequence[SiteWord], store: ModelStore, recognizer: str) -> list[str]:
    """Each of the site's names as this recognizer listens for it.

    A recognizer of syllables needs a way to say a name, one of characters a token for each of its characters.

    Args:
        words: `speech.words` of a configuration.
        store: the models.
        recognizer: its name; it is installed.

    Raises:
        NamesError: names would be left out; it has all of them.
        ModelError: the recognizer's tokens cannot be read.
    """
    if not words:
        return []
    characters = store.entry(recognizer).units == "characters"
    tokens = _tokens(store, recognizer) if characters else frozenset()
    names, problems = [], []
    for place, entry in enumerate(words):
        try:
            if characters:
                if entry.pinyin is not None:
                    pronounce(entry.word, entry.pinyin)
                names.append(_written(entry.word, tokens, recognizer))
            else:
                names.append(str(pronounce(entry.word, entry.pinyin)))
        except (PronunciationError, UnwritableError) as error:
            problems.append(f"speech.words[{place}]: {error}")
    if problems:
        raise NamesError(f"written by {recognizer}" if characters else "pronounced", problems)
    return names


def _written(name: str, tokens: Collection[str], recognizer: str) -> str:
    """The name and the tokens that are listened for.

    Raises:
        UnwritableError: every spoken form of it has a character that is no token.
    """
    forms = spoken_forms(name)
    if not forms:
        raise UnwritableError(f"{name} has nothing that is said; write the name's characters")
    missing = [[unit for unit in dict.fromkeys(form) if unit not in tokens] for form in forms]
    if all(missing):
        fewest = min(missing, key=len)
        raise UnwritableError(
            f"{name}: {recognizer} has no token for {' and '.join(fewest)}; write characters "
            "that sound the same, leave the name out, or choose a recognizer of syllables, such as "
            f'speech.model = "{PULLED_RECOGNIZER}"'
        )
    return f"{name}  " + " / ".join(
        " ".join(form) for form, lacks in zip(forms, missing, strict=True) if not lacks
    )


def _tokens(store: ModelStore, recognizer: str) -> frozenset[str]:
    model = store.open(recognizer)
    (name,) = (file.name for file in model.entry.file if file.name.startswith("tokens"))
    return frozenset(read_tokens(recognizer, model.path(name))[0])
