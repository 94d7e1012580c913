"""Where the hands are: OpenPose's forearms point at them, be they keypoints or drawn, where colours tell them.

Fingers would say it better, but OpenPose loses hands far more often than arms.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from datamodules.media.conditions.openpose_drawing import BODY_COLOURS
from datamodules.media.drawing_primitives import Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom: columns left to right - 1, rows top to bottom - 1."""
Points = npt.NDArray[np.float64]

ARMS: Final = ((5, 6, 7), (2, 3, 4))
"""Shoulder, elbow and wrist of the left and of the right arm; the limb before a joint has its colour."""
BEYOND: Final = 0.33
"""Forearms from the wrist to the middle of the hand, as OpenPose's hand detector has it."""
UPPER_ARM: Final = 0.9
_BRIGHT: Final = 60
_ALIKE: Final = 0.16


def hand_boxes(drawing: Image) -> tuple[Box | None, Box | None]:
    """Squares around the left and the right hand in a drawing (H, W, 3), within it; None where no forearm is seen.

    As OpenPose's hand detector places them, a third of a forearm beyond the wrist, but only as wide as a forearm is
    long, or nine tenths of an upper arm where that is more: two thirds of OpenPose's, hardly more than a hand.
    """
    left, right = (_drawn_box(drawing, elbow, wrist) for _, elbow, wrist in ARMS)
    return left, right


def keypoint_boxes(keypoints: npt.NDArray[np.floating], width: int, height: int) -> tuple[Box | None, Box | None]:
    """As `hand_boxes`, of OpenPose keypoints (137, 3), x and y in pixels of a picture of this size and a confidence;
    None where a joint of the arm was not found, or the hand lies outside the picture."""
    boxes = []
    for arm in ARMS:
        shoulder, elbow, wrist = (keypoints[joint, :2].astype(float) for joint in arm)
        found = bool((keypoints[list(arm), 2] > 0).all())
        boxes.append(_box(elbow, wrist - elbow, shoulder - elbow, width, height) if found else None)
    left, right = boxes
    return left, right


def _drawn_box(drawing: Image, elbow: int, wrist: int) -> Box | None:
    forearm, upper_arm = (_coloured(drawing, joint) for joint in (wrist, elbow))
    if len(forearm) < 3 or len(upper_arm) < 3:
        return None
    ours, theirs = _ends(forearm), _ends(upper_arm)
    at, other = np.unravel_index(np.linalg.norm(ours[:, None] - theirs, axis=2).argmin(), (2, 2))
    bend = (ours[at] + theirs[other]) / 2
    return _box(bend, ours[1 - at] - bend, theirs[1 - other] - bend, drawing.shape[1], drawing.shape[0])


def _box(bend: Points, reach: Points, upper: Points, width: int, height: int) -> Box | None:
    """bend: the elbow (2,). reach, upper: from there to the wrist and to the shoulder."""
    side = max(np.linalg.norm(reach), UPPER_ARM * np.linalg.norm(upper))
    middle = bend + (1 + BEYOND) * reach
    left, top = np.clip(np.round(middle - side / 2), 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(np.round(middle + side / 2), 0, (width, height)).astype(int).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None


def _coloured(drawing: Image, joint: int) -> Points:
    """Places (n, 2), x and y, of the largest patch that has a joint's colour, whatever its brightness."""
    brightness = drawing.max(2).astype(float)
    hue = drawing / np.maximum(brightness, 1)[..., None]
    alike = (np.abs(hue - np.array(BODY_COLOURS[joint]) / 255) < _ALIKE).all(2) & (brightness > _BRIGHT)
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(alike.astype(np.uint8), connectivity=8)
    if len(sizes) < 2:
        return np.zeros((0, 2))
    largest = 1 + sizes[1:, cv2.CC_STAT_AREA].argmax()
    return np.argwhere(labels == largest)[:, ::-1].astype(float)


def _ends(limb: Points) -> Points:
    """The places (2, 2) where a limb begins and ends, along its longer axis."""
    axis = np.linalg.eigh(np.cov(limb.T))[1][:, -1]
    along = limb @ axis
    return limb[[along.argmin(), along.argmax()]]
