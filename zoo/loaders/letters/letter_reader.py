"""Image to letter: what `zoo.load("letter-judge")` returns."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from datamodules.media.drawing_primitives import Image
from zoo.loaders.recognition.picture_classifier import PictureClassifier


@dataclass(frozen=True)
class Reading:
    """A letter that a picture may show (A-Z, "del", "nothing" or "space"), and how likely, in [0, 1]."""

    letter: str
    probability: float


class LetterReader(PictureClassifier[Reading]):
    """A network that names the letter a hand shows, with the letters it knows and the size it was trained at."""

    named: ClassVar[Literal["letters", "glosses"]] = "letters"
    task: ClassVar[str] = "image-to-letter"
    architecture: ClassVar[str] = "letter-cnn"
    usage: ClassVar[str] = """\
import numpy as np
from datamodules.avatar.renderer.letters import letter_frame

picture = letter_frame("A", np.random.default_rng(0))  # or the path of a photograph
print(model.read(picture)[:3])  # the likeliest letters first, each with its probability
"""

    @staticmethod
    def reading(name: str, probability: float) -> Reading:
        return Reading(name, probability)

    @staticmethod
    def example() -> Image:
        from datamodules.avatar.renderer.letters import letter_frame

        return letter_frame("A", np.random.default_rng(0))
