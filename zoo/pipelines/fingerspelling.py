"""Fingerspelling: what `zoo.load("fingerspell")` returns."""

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Final

import numpy as np

from datamodules.avatar.lexicon import lexicon
from datamodules.avatar.plan import spell
from datamodules.video import Frame
from zoo.pipelines.progress import progress
from zoo.pipelines.video import Video, VideoPipeline, frames_through, through

HELD: Final = 0.5
"""Seconds that a picture of a letter stands, where the speller gives pictures, and that they fade into one another."""
FADED: Final = 0.2
WORDS: Final = 20
"""So many words are spelled at a time."""


class Fingerspelling(VideoPipeline):
    """A speller of letters: a video of a hand, or a picture for each letter, which are shown one after another."""

    verb: ClassVar[str] = "spell"

    def spell(self, text: str) -> Video:
        """A text of any length to a video of a hand that spells its letters and digits.

        Accents go, and what the manual alphabet lacks is left out. Raises ValueError where nothing remains.
        """
        return Video.encoded(self.stream(text), self.fps)

    def stream(self, text: str) -> Iterator[Frame]:
        """The frames of `spell` one by one, (H, W, 3) uint8 RGB."""
        words = [letters for word in text.split() if (letters := spell(word, lexicon()))]
        if not words:
            raise ValueError(f"nothing to spell in {text[:40]!r}: expected a letter or digit")
        if lost := dict.fromkeys(letter for letter in text if _says_something(letter) and not spell(letter, lexicon())):
            print(f"zoo: the manual alphabet has nothing for {' '.join(lost)}; left out", file=sys.stderr)
        parts = [" ".join(words[start : start + WORDS]) for start in range(0, len(words), WORDS)]
        return self._stream(parts)

    def _stream(self, parts: list[str]) -> Iterator[Frame]:
        make = frames_through if self.gives.kind == "video" else partial(_shown, fps=self.fps)
        for letters in progress(parts, self.name):
            yield from make(self.stages, letters)


def _says_something(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "CPZ"


def _shown(stages: Sequence[Any], letters: str, fps: float) -> Iterator[Frame]:
    """A picture for each letter, held and faded into the next; the last of a word is held for longer."""
    before: Frame | None = None
    for letter, follower in pairwise(letters + " "):
        if letter == " ":
            continue
        picture = _first(through(stages, letter))
        if before is not None:
            for share in (np.arange(round(FADED * fps)) + 0.5) / round(FADED * fps):
                weight = (1 - np.cos(np.pi * share)) / 2
                yield (before + weight * (picture.astype(np.float32) - before)).round().astype(np.uint8)
        yield from [picture] * round(HELD * fps * (2 if follower == " " else 1))
        before = picture


def _first(pictures: Any) -> Frame:
    """The picture, or the first of several, as an array."""
    array: Frame = np.asarray(pictures[0] if isinstance(pictures, list | tuple) else pictures)
    return array[0] if array.ndim == 4 else array
