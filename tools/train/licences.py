"""What the sources say of the data that models are trained on."""

from __future__ import annotations

from collections.abc import Iterable

#: licence as found, and whether it allows any use; a corpus that is not here makes a model research only, too
LICENCES = {
    "casia": ("no licence stated, a research corpus", False),
    "emodb": ("free to use, as its site says", True),
    "ravdess": ("CC BY-NC-SA 4.0", False),
    "aishell-sample": ("Apache-2.0", True),
    "word-commands": ("MIT", True),
    "digits": ("no licence stated", False),
    "synthetic": ("made by the training program", True),
}


def licence(corpus: str) -> str:
    """The licence of a corpus, as found."""
    return LICENCES.get(corpus, ("unknown", False))[0]


def research_only(corpora: Iterable[str]) -> bool:
    """Whether a model trained on these may be used for research only."""
    return not all(LICENCES.get(corpus, ("", False))[1] for corpus in corpora)
