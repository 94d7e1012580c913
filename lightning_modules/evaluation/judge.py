"""Who reads a motion or a picture back, so that what it says can be compared with what it should say."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from lightning_modules.metrics.score import Motion


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


class PictureJudge(Protocol):
    """A classifier of pictures, trained on real ones alone, of the classes that a model generates.

    Pictures are (N, 3, S, S) in [0, 1], of any size: it scales them to the one that it was trained at.
    """

    @property
    def name(self) -> str:
        """Which model and which run: a score says who read it."""
        ...

    @property
    def model(self) -> str:
        """The model alone, as keys name the network of their features."""
        ...

    @property
    def features(self) -> nn.Module:
        """Pictures to what the network sees in them before it names a class, (N, num_features)."""
        ...

    def scores(self, pictures: Tensor) -> Tensor:
        """How likely each class is, (N, C), larger is likelier, in the order of the model's classes."""
        ...
