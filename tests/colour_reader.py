"""A reader whose answers can be told in advance: a sign is a colour, hands that do nothing are black."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from datamodules.media.video import Frame
from zoo.loaders.recognition.gloss_reader import GlossReader
from zoo.loaders.recognition.sightings import Judgement

COLOURS = {"RED": (200, 0, 0), "GREEN": (0, 200, 0), "BLUE": (0, 0, 200)}
OTHERS = ("FOURTH", "FIFTH", "SIXTH", "SEVENTH")
"""Glosses that have no colour of their own."""
BLACK, WHITE = (0, 0, 0), (200, 200, 200)
"""Hands at rest; hands that do what no gloss is."""


class ColourReader(GlossReader[npt.NDArray[np.float32]]):
    """Names the colour of which most was seen; of white every gloss is as likely as any.

    observed: how often a frame was looked at.
    """

    task: ClassVar[str] = "video-to-gloss"
    architecture: ClassVar[str] = "colours"
    network: Any = None
    base_model = None

    def __init__(self, glosses: Sequence[str] = (*COLOURS, *OTHERS), rate: float = 16.0) -> None:
        super().__init__(glosses, "ase")
        self.rate, self.observed = rate, 0

    def observe(self, frame: Frame) -> npt.NDArray[np.float32]:
        self.observed += 1
        return frame.reshape(-1, 3).mean(0, dtype=np.float32)

    def judge(self, observations: Iterable[npt.NDArray[np.float32]]) -> Judgement:
        seen = np.stack(list(observations))
        known = np.array([np.greater(COLOURS.get(gloss, (0, 0, 0)), 0) for gloss in self.glosses], np.float32)
        known[~known.any(1)] = 1 / 3
        amounts = np.exp((seen @ known.T).mean(0) / 25)
        attention = seen.max(1) - seen.min(1) + 1
        return Judgement(amounts / amounts.sum(), attention / attention.sum())

    def resting(self, observations: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.bool_]:
        return np.array([observation.max() < 20 for observation in observations])


def film(*parts: tuple[tuple[int, int, int], float], fps: float = 25.0) -> npt.NDArray[np.uint8]:
    """Frames (T, 16, 16, 3) of colours, each shown for so many seconds."""
    frames = [colour for colour, seconds in parts for _ in repeat(None, round(seconds * fps))]
    return np.ascontiguousarray(np.broadcast_to(np.array(frames, np.uint8)[:, None, None], (len(frames), 16, 16, 3)))
