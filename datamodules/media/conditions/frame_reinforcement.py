"""FR-Net of SignDiff (Fang et al. 2023, "SignDiff: Diffusion Models for American Sign Language Production"): the lines
that an adaptive threshold leaves of a frame, as a second condition beside the drawing of its pose."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from datamodules.media.conditions.body_rendering import HAND_COLOURS, render_body
from datamodules.media.conditions.openpose_drawing import finite_points
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import resize

Lines = npt.NDArray[np.bool_]

PAPER: Final = "paper"
POSE_ONLY: Final = "pose-only"
"""Names of what FR-Net makes of the true frame, as published, and of a body rendered from its pose alone."""

WORKED: Final = 512
"""Pixels a shorter side at which pictures are worked on, whatever their size: the paper's. In smaller ones five pixels
of erosion would leave nothing of a finger."""
EROSION: Final = np.ones((5, 5), np.uint8)


@dataclass(frozen=True)
class FRNet:
    """Adaptive threshold, binary, then erosion by 5 x 5 pixels. The paper does not say which threshold.

    block_size: pixels a side of the neighbourhood whose mean a pixel is compared with; odd, from 3.
    constant: grey levels below that mean from which on a pixel is black.
    coloured_hands: of poses, leave the left hand orange and the right one blue, so that neither is taken for the other.

    Raises ValueError for another block size.
    """

    block_size: int = 21
    constant: float = 4.0
    coloured_hands: bool = False

    def __post_init__(self) -> None:
        if self.block_size < 3 or self.block_size % 2 == 0:
            raise ValueError(f"fr_net.block_size: found {self.block_size}, expected an odd number from 3")

    def of_frame(self, frame: Image) -> Image:
        """What is left of a frame (H, W, 3) uint8 RGB, of the same shape: white, with lines in black. This is what the
        paper's model is shown, the protocol `paper`."""
        return shown(self.white(frame), frame.shape[1], frame.shape[0])

    def of_pose(self, keypoints: npt.NDArray[np.floating], width: int, height: int) -> Image:
        """The same of a body rendered from a pose alone, (height, width, 3) uint8 RGB: the protocol `pose-only`.

        keypoints: (137, 3), x and y in pixels of a picture of this size and a confidence; see `render_body`.

        Raises ValueError for another shape.
        """
        points, scale = finite_points(keypoints), WORKED / min(width, height)
        points[:, :2] *= scale
        body = render_body(points, round(scale * width), round(scale * height), self.coloured_hands)
        white = self.white(body)
        lines = _in_grey(white)
        if self.coloured_hands:
            red, _, blue = cv2.split(body)  # all else is grey
            for hand, colour in zip((red > blue, red < blue), HAND_COLOURS, strict=True):
                lines[hand & white] = colour
        return resize(lines, width, height)

    def white(self, picture: Image) -> Lines:
        """What is white of a picture (H, W, 3), whose shorter side is `WORKED` pixels for this."""
        scale = WORKED / min(picture.shape[:2])
        height, width = (round(scale * side) for side in picture.shape[:2])
        grey = cv2.cvtColor(resize(picture, width, height), cv2.COLOR_RGB2GRAY)
        binary = cv2.adaptiveThreshold(
            grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, self.block_size, self.constant
        )
        found: Lines = cv2.erode(binary, EROSION).astype(bool)
        return found


def shown(white: Lines, width: int, height: int) -> Image:
    """What FR-Net leaves white of a picture, as a condition (height, width, 3) uint8 RGB."""
    return resize(_in_grey(white), width, height)


def _in_grey(white: Lines) -> Image:
    grey: Image = cv2.cvtColor(white * np.uint8(255), cv2.COLOR_GRAY2RGB)
    return grey
