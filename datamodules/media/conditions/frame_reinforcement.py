"""FR-Net of SignDiff (Fang et al. 2023, "SignDiff: Diffusion Models for American Sign Language Production"): what an
adaptive threshold leaves of a frame, as a second condition."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from datamodules.media.drawing_primitives import Image

EROSION: Final = np.ones((5, 5), np.uint8)


@dataclass(frozen=True)
class FRNet:
    """Adaptive threshold, binary, then erosion by 5 x 5 pixels. The paper leaves the numbers of the threshold open.

    block_size: pixels a side of the neighbourhood whose mean a pixel is compared with; odd, from 3.
    constant: grey levels by which a pixel must exceed that mean, less where negative.
    coloured_hands: of poses, keep the colours of the two hands, which tell left from right.

    Raises ValueError for another block size.
    """

    block_size: int = 11
    constant: float = 2.0
    coloured_hands: bool = False

    def __post_init__(self) -> None:
        if self.block_size < 3 or self.block_size % 2 == 0:
            raise ValueError(f"fr_net.block_size: found {self.block_size}, expected an odd number of pixels from 3")

    def of_frame(self, frame: Image) -> Image:
        """What is left of a frame (H, W, 3) RGB, of the same shape, 0 or 255: the protocol `paper`."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        binary = cv2.adaptiveThreshold(
            grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, self.block_size, self.constant
        )
        return np.repeat(cv2.erode(binary, EROSION)[..., None], 3, axis=2)

    def of_pose(self, keypoints: npt.NDArray[np.floating], width: int, height: int) -> Image:
        """The same of a body rendered from OpenPose keypoints (137, 3), pixels of a picture of this size and
        confidences: the protocol `pose-only`."""
        raise NotImplementedError
