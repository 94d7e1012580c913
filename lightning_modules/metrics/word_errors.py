"""Word error rate of glosses that were read in a video: what it takes to make those that were signed of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightning_modules.metrics.score import Array, Score

Glosses = Sequence[str]


class Edits(NamedTuple):
    """The fewest changes that make the reference of what was read.

    substitutions, deletions, insertions: glosses that were read as another one, not at all, and where there is none.
    pairs: places (in what was read, in the reference) of those that were read right, in order.
    """

    substitutions: int
    deletions: int
    insertions: int
    pairs: list[tuple[int, int]]


def edits(read: Glosses, reference: Glosses) -> Edits:
    """Levenshtein's distance (1966) of two lists of glosses, each change counting 1; ties prefer to substitute."""
    rows, columns = len(read), len(reference)
    costs = np.zeros((rows + 1, columns + 1), int)
    costs[:, 0], costs[0] = np.arange(rows + 1), np.arange(columns + 1)
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            swapped = costs[i - 1, j - 1] + (read[i - 1] != reference[j - 1])
            costs[i, j] = min(swapped, costs[i - 1, j] + 1, costs[i, j - 1] + 1)
    i, j, substitutions, deletions, insertions = rows, columns, 0, 0, 0
    pairs: list[tuple[int, int]] = []
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + (read[i - 1] != reference[j - 1]):
            i, j = i - 1, j - 1
            if read[i] == reference[j]:
                pairs.append((i, j))
            else:
                substitutions += 1
        elif j and costs[i, j] == costs[i, j - 1] + 1:
            j, deletions = j - 1, deletions + 1
        else:
            i, insertions = i - 1, insertions + 1
    return Edits(substitutions, deletions, insertions, pairs[::-1])


class WordErrorRate(Score):
    """(S + D + I) / N over a whole set: substitutions, deletions and insertions by the references' number of glosses.

    It is 1 for whoever says nothing, and has no upper bound.

    Items: S, D, I, N.
    """

    def measure(self, read: Sequence[Glosses], references: Sequence[Glosses]) -> Array:
        """Of what was read in b videos and what was signed in each. Raises ValueError unless there are as many, and for
        a reference without a gloss."""
        if len(read) != len(references):
            raise ValueError(f"found {len(read)} readings and {len(references)} references, expected one for each")
        if not all(references):
            raise ValueError("found a reference without a gloss, of which no share can be wrong")
        found = [edits(*pair) for pair in zip(read, references, strict=True)]
        counts = [[*one[:3], len(reference)] for one, reference in zip(found, references, strict=True)]
        return np.array(counts, float).reshape(-1, 4)

    def score(self, sums: Array) -> Array:
        rate: Array = sums[..., :3].sum(-1) / sums[..., 3]
        return rate
