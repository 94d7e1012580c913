"""A text into signing and back: what `zoo.load("round-trip")` returns."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.files import write_json
from datamodules.progress import progress
from datamodules.text import words
from zoo.loaders.writing import refuse_unwritable
from zoo.pipelines.base import Pipeline
from zoo.pipelines.text_to_video import each, signable
from zoo.pipelines.video import FPS, call, frames_through, through


@dataclass(frozen=True)
class Returned:
    """What went in and what came back, with the words that are in both, each as often as it is in both.

    Words are compared as they are written, in lower case: "is" has no sign, "me" is not "I", order does not matter. So
    this counts what arrived in so many words; it is no measure of translation.

    kind: what came back, text or glosses.
    said, heard: numbers of words that went in and that came back.
    known: how many of those that went in the reader has a gloss for at all; None where it writes freely.
    """

    text: str
    back: str
    kind: str
    shared: tuple[str, ...]
    said: int
    heard: int
    known: int | None = None

    def __str__(self) -> str:
        count = f"{len(self.shared)} of {self.said} words came back, among {self.heard} ({self.kind})"
        could = "" if self.known is None else f"; the reader has glosses for {self.known} of the {self.said}"
        return f"in:    {self.text}\nback:  {self.back or '-'}\n{count}{could}"


class RoundTrip(Pipeline):
    """A translator of text, a renderer unless the reader reads what the translator makes, and a reader."""

    verb: ClassVar[str] = "send"

    def send(self, text: str) -> Returned:
        """A text of any length there and back, sentence by sentence.

        Raises ValueError for a text without anything to sign.
        """
        back = list(each(progress(signable(text), self.name), self._back))
        glosses = getattr(self.components["reader"], "glosses", None)
        return compared(text, " ".join(filter(None, back)), self.gives.kind, glosses)

    def _back(self, sentence: str) -> str:
        *before, reader = self.stages
        if reader.accepts.kind != "video":
            return _written(call(reader, through(before, sentence)))
        frames, fps = frames_through(before, sentence), self.gives.fps or FPS
        if self.gives.kind == "glosses" and hasattr(reader, "stream"):
            return " ".join(sighting.gloss for sighting in reader.stream(frames, fps) if sighting.gloss)
        return _written(getattr(reader, reader.verb)(np.stack(list(frames)), fps))

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Send the text there and back, print what came of it and write each of `outputs`: .json."""
        refuse_unwritable(outputs, (".json",))
        returned = self.send(text)
        print(returned)
        for output in outputs:
            write_json(output, dataclasses.asdict(returned))
        return list(outputs)


def compared(text: str, back: str, kind: str, glosses: Iterable[str] | None = None) -> Returned:
    """What of a text came back; of glosses, the words that they are named by. `glosses` are all of the reader's."""
    said, heard = _words(text), _words(back)
    shared = Counter(said) & Counter(heard)
    words = None if glosses is None else {word for gloss in glosses for word in _words(gloss)}
    known = None if words is None else sum(word in words for word in said)
    return Returned(text, back, kind, tuple(sorted(shared.elements())), len(said), len(heard), known)


def _words(text: str) -> list[str]:
    return [word for word in words(re.sub(r"[-_]", " ", text)) if word[0].isalnum()]


def _written(answer: Any) -> str:
    return answer if isinstance(answer, str) else " ".join(map(str, answer))
