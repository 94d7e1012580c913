"""Text to video, sentence by sentence: what `zoo.load("text-to-video")` returns."""

import sys
from collections.abc import Iterator
from typing import Any, ClassVar

from datamodules.sentences import sentences
from datamodules.video import Frame
from zoo.pipelines.progress import progress
from zoo.pipelines.video import Video, VideoPipeline, call, frames_of


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
        for signed in translated(self.components["translator"], progress(pieces, self.name)):
            renderer = self.components["renderer"]
            yield from signed if renderer is None else frames_of(renderer, signed)


def signable(text: str) -> list[str]:
    """The sentences of a text. Raises ValueError where nothing in it can be signed."""
    if not isinstance(text, str):
        raise ValueError(f"found {type(text).__name__}, expected a text")
    if pieces := sentences(text):
        return pieces
    raise ValueError(f"nothing to sign in {text[:40]!r}: expected a letter or digit")


def translated(translator: Any, pieces: Iterator[str]) -> Iterator[Any]:
    """What a translator makes of each sentence; one that it refuses is left out, and named on stderr.

    Raises its ValueError where it refuses all.
    """
    refused, done = None, 0
    for piece in pieces:
        try:
            signed = call(translator, piece)
        except ValueError as error:
            print(f"zoo: left out: {error}", file=sys.stderr)
            refused = error
            continue
        done += 1
        yield signed
    if refused and not done:
        raise refused
