"""The points that recognition looks at: upper body and hands in the picture, in a signer's own units, at one rate.

Depth is left out: MediaPipe guesses it, and OpenPose has none. So are the lips: `python -m zoo data landmarks` looks
for no face.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.media.resampling import check_rate
from datamodules.media.video_windows import FPS
from datamodules.poses.layouts import expected_layouts
from datamodules.poses.motions import one_person
from datamodules.poses.points import coordinates, described, named, refuse_other
from datamodules.poses.skeletons import HAND_JOINTS

Points = npt.NDArray[np.float32]

RATE: Final = FPS
"""Points a second, as other recognisers here take frames."""
SIDES: Final = ("LEFT", "RIGHT")
BODY: Final = ("NOSE", *(f"{side}_{joint}" for joint in ("SHOULDER", "ELBOW", "WRIST") for side in SIDES))
POINTS: Final = (*BODY, *(f"{side}_HAND.{joint}" for side in SIDES for joint in HAND_JOINTS))
"""What each point is, by the names that all layouts share."""
SHOULDERS: Final = (1, 2)
WRISTS: Final = (5, 6)
HANDS: Final = (slice(7, 28), slice(28, 49))
"""Left and right."""
MIRRORED: Final = (0, 2, 1, 4, 3, 6, 5, *range(28, 49), *range(7, 28))
"""For each point, the one of the other side."""
LEAST: Final = 0.2
"""Below this confidence a point is absent: so MediaPipe tells a joint that it supposes outside the picture."""


def signing_points(pose: Pose, rate: float = RATE) -> Points:
    """The POINTS of a pose of any layout that has them, (T, 49, 3) float32: x, y, and 1 where a point is seen, else all
    three 0.

    The origin is the middle of the shoulders and the unit their distance, medians over the clip; x to the right in the
    picture, y down. Points without a neighbour in time are absent; of two neighbours the straight line is taken.

    Raises:
        ValueError: no pose, one without points for shoulders or hands, or whose shoulders give no scale.
    """
    points = _found(pose)
    shoulders = points[points[:, SHOULDERS, 2].all(1)][:, SHOULDERS, :2]
    unit = float(np.median(np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=-1))) if len(shoulders) else 0.0
    if not unit > 0:
        raise ValueError("the shoulders are never seen together, so that nothing gives the scale")
    return resample(_moved(points, np.median(shoulders.mean(1), axis=0), unit), float(pose.body.fps), rate)


def picture_points(pose: Pose, rate: float = RATE) -> Points:
    """The POINTS of a pose as `signing_points` has them, but where they are in the picture: the origin is its middle,
    and the unit half of its shorter side.

    Raises:
        ValueError: no pose, one without points for shoulders or hands, or one that does not tell the picture's size.
    """
    points, size = _found(pose), pose.header.dimensions
    if not min(size.width, size.height) > 0:
        raise ValueError(
            f"found a picture of {size.width}x{size.height} pixels in its header, expected the video's size"
        )
    middle = np.array([size.width, size.height]) / 2
    return resample(_moved(points, middle, float(middle.min())), float(pose.body.fps), rate)


def _found(pose: Pose) -> npt.NDArray[np.float64]:
    """The POINTS of a pose in its own units, (T, 49, 3): x, y, and 1 where a point is seen, else all three 0."""
    refuse_other(pose)
    there = {name for name, *_ in named(pose.header)}
    if not set(POINTS[1:3]) <= there or not any(f"{side}_HAND.WRIST" in there for side in SIDES):
        raise ValueError(f"{expected_layouts()}, with shoulders and a hand; found {described(pose.header)}")
    check_rate(pose.body.fps)
    places, confidence = coordinates(one_person(pose), POINTS)
    points = np.concatenate([places[..., :2], np.ones((*confidence.shape, 1))], axis=2)
    points[confidence < LEAST] = 0
    return points


def _moved(points: npt.NDArray[np.float64], origin: npt.NDArray[np.floating], unit: float) -> npt.NDArray[np.float64]:
    """Points for another origin and in another unit; absent ones stay 0."""
    places = np.where(points[..., 2:] > 0, (points[..., :2] - origin) / unit, 0)
    return np.concatenate([places, points[..., 2:]], axis=2)


def resample(points: npt.NDArray[np.floating], fps: float, rate: float = RATE) -> Points:
    """Points (T, N, 3) as `signing_points` has them, taken `fps` times a second, at `rate`."""
    frames = max(1, round(len(points) * rate / fps))
    at = np.minimum(np.arange(frames) * (fps / rate), len(points) - 1)
    before = at.astype(int)
    after = np.minimum(before + 1, len(points) - 1)
    share = (at - before)[:, None]
    first, second = (1 - share) * points[before, :, 2], share * points[after, :, 2]
    weight = first + second
    known = np.where(weight >= 0.5, weight, np.inf)[..., None]
    found = (first[..., None] * points[before] + second[..., None] * points[after]) / known
    result: Points = found.astype(np.float32)
    return result


def has_hands(points: Points) -> bool:
    """Whether a hand is seen anywhere in the points (T, 49, 3)."""
    return bool(points[:, HANDS[0].start :, 2].any())
