"""Error rates of recognition: the least substitutions, deletions and insertions between two sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errors:
    """What separates a hypothesis from its reference."""

    reference: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.reference + other.reference,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )

    @property
    def total(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """Errors a unit of the reference; None where the references are empty."""
        return self.total / self.reference if self.reference else None


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> Errors:
    """The errors of a cheapest alignment (Levenshtein 1966); among equals the one with fewest insertions."""
    # A row holds (cost, insertions, deletions, substitutions) for each length of the hypothesis.
    row = [(length, length, 0, 0) for length in range(len(hypothesis) + 1)]
    for index, expected in enumerate(reference, start=1):
        above, row = row, [(index, 0, index, 0)]
        for place, found in enumerate(hypothesis, start=1):
            cost, inserted, deleted, replaced = above[place - 1]
            wrong = int(expected != found)
            choices = [(cost + wrong, inserted, deleted, replaced + wrong)]
            cost, inserted, deleted, replaced = above[place]
            choices.append((cost + 1, inserted, deleted + 1, replaced))
            cost, inserted, deleted, replaced = row[place - 1]
            choices.append((cost + 1, inserted + 1, deleted, replaced))
            row.append(min(choices))
    _, insertions, deletions, substitutions = row[-1]
    return Errors(len(reference), substitutions, deletions, insertions)
