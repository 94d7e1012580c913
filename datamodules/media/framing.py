"""Where the pictures of a data set have their signer, so that a drawing of any pose looks like those it comes with."""

import math
from dataclasses import dataclass
from typing import Final, Self

from datamodules.media.drawing_primitives import Image

MOST: Final = 4096
"""Pixels a side, at most: a framing may come with somebody else's model."""


@dataclass(frozen=True)
class Framing:
    """How a camera sees the signer, and what of its picture is kept.

    width, height: of the camera's picture, in pixels, as are all others. unit: a shoulder width. neck: x and y.
    window: top, bottom, left and right of what is kept. seated: whether the picture shows a seated signer's legs.

    Raises ValueError for a picture of another size than 1 to 4096 pixels a side, a window that is not within it, and
    numbers that place nobody.
    """

    width: int
    height: int
    unit: float
    neck: tuple[float, float]
    window: tuple[int, int, int, int]
    seated: bool = False

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            side = getattr(self, name)
            if not isinstance(side, int) or not 1 <= side <= MOST:
                raise ValueError(f"framing: {name}: found {side!r}, expected 1 to {MOST} pixels")
        if not all(map(math.isfinite, (self.unit, *self.neck))) or self.unit <= 0:
            found = f"{self.unit} and {list(self.neck)}"
            raise ValueError(f"framing: unit and neck: found {found}, expected a width above 0 and a place")
        top, bottom, left, right = self.window
        if not (0 <= top < bottom <= self.height and 0 <= left < right <= self.width):
            found = f"{list(self.window)} in {self.width} x {self.height} pixels"
            raise ValueError(f"framing: window: found {found}, expected top < bottom and left < right within them")

    @classmethod
    def square(cls, size: int, unit: float, neck: tuple[float, float]) -> Self:
        """A picture that is kept whole."""
        return cls(size, size, unit, neck, (0, size, 0, size))

    def cut(self, picture: Image) -> Image:
        """What is kept of a picture (height, width, 3)."""
        top, bottom, left, right = self.window
        return picture[top:bottom, left:right]


RWTH_BOSTON50: Final = Framing(336, 312, 72.0, (168.0, 102.0), (0, 240, 48, 288), seated=True)
"""Of the drawings in RWTH-BOSTON-50's pairs, in pixels of a half: medians of the published ones.

In the published halves (312 x 336 pixels) the camera's picture fills rows 0-240 and columns 6-329; rows 241-311 hold
the time stamp (date, clock, frame numbers and, from row 305, white marks), which the source removes. Columns 48-287
make the picture a square around the signer: every published drawing lies within columns 83-236.
"""
RWTH_BOSTON50_WHOLE: Final = Framing(336, 312, 72.0, (168.0, 102.0), (0, 312, 0, 336), seated=True)
"""The same with nothing cut off."""
