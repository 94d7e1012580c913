"""RWTH-BOSTON-50's pictures: a frame and the drawing of its pose side by side."""

from pathlib import Path
from typing import Final

from datamodules.media.drawing_primitives import Image
from datamodules.media.images import read_image

PICTURE: Final = (0, 240 / 312, 48 / 336, 288 / 336)
"""Top, bottom, left and right of what `crop` keeps, as shares of a half's height and width.

In the published halves (312 x 336 pixels) the camera's picture fills rows 0-240 and columns 6-329; rows 241-311 hold
the time stamp (date, clock, frame numbers and, from row 305, white marks), which the source removes. Columns 48-287
make the picture a square around the signer: every published drawing lies within columns 83-236.
"""

HALF: Final = 336 / 312
"""Width of a published half by its height: `PICTURE` means nothing in one that differs by more than `ODD` of it."""
ODD: Final = 0.02


def read_pair(path: Path, crop: bool = True) -> tuple[Image, Image]:
    """The drawing and the frame of a side-by-side picture, both (H, W, 3) uint8, cut to `PICTURE` if asked.

    Raises ValueError: not a picture, one that is not wider than high, as two halves are, or halves to cut that do not
    have the shape of the published ones.
    """
    both = read_image(path)
    height, width = both.shape[0], both.shape[1] // 2
    if both.shape[1] % 2 or both.shape[1] <= height:
        raise ValueError(f"{path}: {both.shape[1]} x {height} pixels, expected two halves of one size side by side")
    if crop and abs(width / height / HALF - 1) > ODD:
        raise ValueError(
            f"{path}: halves of {width} x {height} pixels, expected the published 336 x 312 or their shape, of which "
            "the time stamp is cut off; set data.init_args.crop to false to take halves of another shape whole"
        )
    frame, drawing = both[:, :width], both[:, width:]
    return (cropped(drawing), cropped(frame)) if crop else (drawing, frame)


def cropped(half: Image) -> Image:
    """What `PICTURE` keeps of a half (H, W, 3)."""
    height, width = half.shape[:2]
    top, bottom, left, right = (
        round(share * length) for share, length in zip(PICTURE, (height, height, width, width), strict=True)
    )
    return half[top:bottom, left:right]
