"""Who reads a motion back, so that what it says can be compared with what it should say."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Motion = npt.NDArray[np.floating]


class PoseJudge(Protocol):
    """A network from poses to text, trained on reference poses alone.

    One that has seen a generator's poses would learn to read its faults, and score them as if they were signing.
    """

    @property
    def name(self) -> str:
        """Which model and which run: a score says who read it."""
        ...

    @property
    def model(self) -> str:
        """The model alone, as keys name the network of their features."""
        ...

    def read(self, motions: Sequence[Motion], fps: float) -> list[str]:
        """The text of each motion (T, 50, 3) in SLP units."""
        ...

    def features(self, motions: Sequence[Motion], fps: float) -> npt.NDArray[np.floating]:
        """What the network makes of each motion, (N, D)."""
        ...
