"""Glosses to video: what `zoo.load("gloss-video")` returns."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from datamodules.media.video import Frame
from datamodules.progress import progress
from zoo.pipelines.video import Video, VideoPipeline, frames_through

TOGETHER: Final = 60
"""So many glosses are performed at a time, from rest to rest, unless a line ends before."""


class GlossToVideo(VideoPipeline):
    """A performer of glosses, and a renderer of what it makes unless that is a video.

    What the performer does with a gloss that it does not know is its own affair: the avatar fingerspells it, as signers
    do with names.
    """

    verb: ClassVar[str] = "sign"

    def sign(self, glosses: str | Sequence[str]) -> Video:
        """Glosses in order to a video: a text such as "YOUR NAME WHAT", upper case or lower, or a list of glosses.

        A line is signed from rest to rest; "#ANNA" and "fs-ANNA" are fingerspelled. Raises ValueError for none.
        """
        return Video.encoded(self.stream(glosses), self.fps)

    def stream(self, text: str | Sequence[str]) -> Iterator[Frame]:
        """The frames of `sign` one by one, (H, W, 3) uint8 RGB."""
        return self._stream(phrases(text))

    def _stream(self, phrases: list[list[str]]) -> Iterator[Frame]:
        for glosses in progress(phrases, self.name):
            yield from frames_through(self.stages, glosses)


def phrases(glosses: str | Sequence[str]) -> list[list[str]]:
    """The glosses of each line, in capitals, fingerspelled ones marked with "#". Raises ValueError for none."""
    if not isinstance(glosses, str | list | tuple) or not all(isinstance(gloss, str) for gloss in glosses):
        raise ValueError(f"found {type(glosses).__name__}, expected glosses: 'YOUR NAME WHAT', or a list of texts")
    lines = [re.split(r"[\s,;]+", line) for line in glosses.splitlines()] if isinstance(glosses, str) else [glosses]
    found = [[_gloss(word) for word in line if any(map(str.isalnum, word))] for line in lines]
    if not any(found):
        raise ValueError(f"no gloss in {str(glosses)[:40]!r}: expected such as 'YOUR NAME WHAT'")
    return [line[start : start + TOGETHER] for line in found for start in range(0, len(line), TOGETHER)]


def _gloss(word: str) -> str:
    """A gloss without the punctuation around it: "fs-Anna," is #ANNA."""
    found = re.search(r"#?\w(?:.*\w)?", word)
    return re.sub(r"^FS-", "#", found[0].upper()) if found else ""
