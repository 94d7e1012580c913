"""Frames of a signer as a video camera records them: hands blurred by their movement, exposure, noise, blocks."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.photography import Shot, smear
from datamodules.media.drawing_primitives import Image
from datamodules.poses import skeletons

Floats = NDArray[np.floating]

SHUTTER: Final = 0.45
"""Share of the time between two frames during which the shutter is open."""
HANDS: Final = (skeletons.RIGHT_HAND, skeletons.LEFT_HAND)


def recorded(
    frames: Iterable[Image],
    joints: NDArray[np.float32],
    camera: Camera,
    shot: Shot,
    rng: np.random.Generator,
    at: Sequence[int] | None = None,
) -> Iterator[Image]:
    """The frames of a film of joints (T, 50, 3) in SLP units, through the camera that filmed them, as recorded.

    Where a hand moves, what the picture shows there is smeared along the hand's way while the shutter was open.

    at: which of the joints the frames show, where they are only some of the film's.
    """
    places = camera.project(joints)
    ways = np.gradient(places, axis=0) if len(places) > 1 else np.zeros_like(places)
    shown = slice(None) if at is None else list(at)
    for frame, place, way in zip(frames, places[shown], ways[shown], strict=True):
        scene: Floats = frame.astype(np.float32)
        for hand in HANDS:
            _smear_around(scene, place[hand], SHUTTER * way[hand].mean(0), 0.16 * camera.unit)
        yield shot.take(scene, rng)


def _smear_around(
    scene: NDArray[np.float32], points: NDArray[np.float32], way: NDArray[np.floating], margin: float
) -> None:
    """Smear the picture within `margin` pixels of a hand's points, less and less towards the edge of that."""
    if np.hypot(*way) < 1:
        return
    reach = margin + np.abs(way).max()
    height, width = scene.shape[:2]
    (left, top), (right, bottom) = points.min(0) - 2 * reach, points.max(0) + 2 * reach
    rows = slice(max(0, int(top)), min(height, int(bottom) + 1))
    columns = slice(max(0, int(left)), min(width, int(right) + 1))
    part = scene[rows, columns]
    if not part.size:
        return
    mask = np.zeros(part.shape[:2], np.float32)
    hull = cv2.convexHull((points - (columns.start, rows.start)).round().astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0)
    cv2.polylines(mask, [hull], True, 1.0, max(1, round(2 * reach)))
    mask = cv2.blur(mask, (int(margin) | 1, int(margin) | 1))[..., None]
    part += mask * (smear(part.copy(), (float(way[0]), float(way[1]))) - part)
