"""Fingerspelling: what `zoo.load("fingerspell")` returns."""

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.sign_units import spell
from datamodules.media.fades import faded, held
from datamodules.media.skeleton_drawing import enlarged
from datamodules.media.video import Frame
from datamodules.progress import progress
from datamodules.text import plain
from zoo.loaders.inputs import given_text
from zoo.pipelines.video import Video, VideoPipeline, frames_through, through

FILM: Final = 256
"""Side of the frames, at least, where the speller gives pictures."""
WORDS: Final = 20
"""So many words are spelled at a time."""


class Fingerspelling(VideoPipeline):
    """A speller of letters: a video of a hand, or a picture for each letter, which fade into one another."""

    verb: ClassVar[str] = "spell"

    def spell(self, text: str) -> Video:
        """A text of any length to a video of a hand that spells its letters and digits.

        Accents go, and what the manual alphabet lacks is left out, as are letters that are not among the `classes` of
        the speller, if it has them. Raises ValueError where nothing remains.
        """
        return Video.encoded(self.stream(text), self.fps)

    def stream(self, text: str) -> Iterator[Frame]:
        """The frames of `spell` one by one, (H, W, 3) uint8 RGB."""
        text = plain(given_text(text, "a text to spell"))
        words = [letters for word in text.split() if (letters := spell(word, lexicon()))]
        known = {name.upper() for name in getattr(self.stages[0], "classes", [])} or set("".join(words))
        spelled = [kept for word in words if (kept := "".join(letter for letter in word if letter in known))]
        if not spelled:
            lacking = " that the speller was taught" if words else ""
            raise ValueError(f"nothing to spell in {text[:40]!r}: expected a letter or digit{lacking}")
        _tell("the manual alphabet", (sign for sign in text if _says_something(sign) and not spell(sign, lexicon())))
        _tell("the speller", (letter for word in words for letter in word if letter not in known))
        parts = [" ".join(spelled[start : start + WORDS]) for start in range(0, len(spelled), WORDS)]
        if self.gives.kind == "video":
            return (frame for letters in progress(parts, self.name) for frame in frames_through(self.stages, letters))
        return faded(self._pictures(parts), self.fps)

    def _pictures(self, parts: list[str]) -> Iterator[tuple[Frame, float]]:
        """A picture for each letter, with the seconds that it is held; those of a part are drawn together."""
        for letters in progress(parts, self.name):
            for picture, seconds in zip(through(self.stages, letters), held(letters), strict=True):
                yield enlarged(picture, FILM), seconds


def _says_something(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "CPZ"


def _tell(who: str, lacked: Iterable[str]) -> None:
    if lost := dict.fromkeys(lacked):
        print(f"zoo: {who} has nothing for {' '.join(lost)}; left out", file=sys.stderr)
