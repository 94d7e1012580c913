"""Text to video, sentence by sentence: what `zoo.load("text-to-video")` returns."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, TypeVar

from datamodules.media.video import Frame
from datamodules.progress import progress
from datamodules.text import sentences
from zoo.loaders.inputs import given_text
from zoo.pipelines.video import Video, VideoPipeline, frames_through

Made = TypeVar("Made")


class TextToVideo(VideoPipeline):
    """A translator, and a renderer of what it makes unless that is a video."""

    verb: ClassVar[str] = "translate"

    def translate(self, text: str) -> Video:
        """A text of any length to a video of somebody who signs its sentences, one after another.

        Raises ValueError for a text without anything to sign.
        """
        return Video.encoded(self.stream(text), self.fps)

    def stream(self, text: str) -> Iterator[Frame]:
        """The frames of `translate` one by one, (H, W, 3) uint8 RGB: no more than a sentence is held at a time."""
        return self._stream(signable(text))

    def _stream(self, pieces: list[str]) -> Iterator[Frame]:
        for frames in each(progress(pieces, self.name), partial(frames_through, self.stages)):
            yield from frames


def signable(text: str) -> list[str]:
    """The sentences of a text. Raises ValueError where nothing in it can be signed."""
    if pieces := sentences(given_text(text)):
        return pieces
    raise ValueError(f"nothing to sign in {text[:40]!r}: expected a letter or digit")


def each(pieces: Iterator[str], make: Callable[[str], Made]) -> Iterator[Made]:
    """What is made of each sentence; one that is refused is left out, and named on stderr.

    Raises the ValueError of the last where all are refused.
    """
    refused, done = None, 0
    for piece in pieces:
        try:
            made = make(piece)
        except ValueError as error:
            print(f"zoo: left out: {error}", file=sys.stderr)
            refused = error
            continue
        done += 1
        yield made
    if refused and not done:
        raise refused
