"""The glosses that the words of a text mean, to a model that knows a few."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from zoo.loaders.inputs import given_text

MOST: Final = 1_000
"""Words in one text."""
FEW: Final = 12
EXPECTED: Final = "a text of words that the model knows"


class GlossWords:
    """Glosses of a model, found in texts: "Thank you, please." means `thank you` and `please`."""

    def __init__(self, glosses: Iterable[str]) -> None:
        self.known = {_plain(gloss): gloss for gloss in glosses}
        self.longest = max(len(gloss.split()) for gloss in self.known)

    def read(self, text: object) -> list[str]:
        """The glosses of a text in its order, where several fit the longest. Case and marks between words do not count.

        Raises ValueError for what is no text, for one without a word, and for words that no gloss means, each with the
        nearest that is known.
        """
        words = _plain(given_text(text, EXPECTED)).split()
        if not 0 < len(words) <= MOST:
            raise ValueError(
                f"found {len(words):,} words, expected 1 to {MOST:,} of those that it knows: {self._some()}"
            )
        found = list(self._spans(words))
        if unknown := [word for word, gloss in found if gloss is None]:
            told = [f"{word!r} (the nearest is {self._nearest(word)!r})" for word in dict.fromkeys(unknown)]
            raise ValueError(f"never saw {', '.join(told[:3])}; it knows {self._some()}")
        return [gloss for _, gloss in found if gloss is not None]

    def read_one(self, text: object) -> str:
        """As `read`, of a text that means one gloss."""
        found = self.read(text)
        if len(found) > 1:
            raise ValueError(f"found {len(found)} glosses, expected one; `translate` makes a film of several")
        return found[0]

    def _spans(self, words: list[str]) -> Iterator[tuple[str, str | None]]:
        """Words one after the other, with the gloss that they mean."""
        at = 0
        while at < len(words):
            spans = (" ".join(words[at : at + size]) for size in range(self.longest, 0, -1))
            span = next((span for span in spans if span in self.known), words[at])
            yield span, self.known.get(span)
            at += len(span.split())

    def _nearest(self, word: str) -> str:
        return self.known[difflib.get_close_matches(word, self.known, 1, cutoff=0.0)[0]]

    def _some(self) -> str:
        """All of a few glosses, the first of many."""
        glosses = list(self.known.values())
        more = f" and {len(glosses) - FEW} more" if len(glosses) > FEW else ""
        return ", ".join(glosses[:FEW]) + more


def _plain(text: str) -> str:
    """Words in lower case, one blank between two."""
    return " ".join(re.sub(r"[^\w'-]+", " ", text.casefold()).split())
