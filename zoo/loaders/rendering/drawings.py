"""What renderers of poses have in common: pictures of poses as their training data has them, and their preview."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.drawing_primitives import Image
from datamodules.media.framing import Framing
from datamodules.media.images import resize
from datamodules.media.skeleton_drawing import contact_sheet, write_png
from datamodules.poses.sequences import Joints

PREVIEWED: Final = 4
"""Pairs of the data in a preview."""

Frames = npt.NDArray[np.uint8]
Draw = Callable[[npt.NDArray[np.floating], int, int], Image]
"""A picture of OpenPose keypoints (137, 3), of a width and a height in pixels."""


def framed(joints: Joints, framing: Framing, size: int, draw: Draw = draw_openpose) -> Frames:
    """Pictures (T, S, S, 3) uint8 RGB for joints (T, 50, 3) in SLP units, the signer where the framing has them. NaN
    joints are left out, with the limbs that end in them."""
    camera = Camera(framing.width, framing.height, framing.unit, framing.neck)
    pictures = (
        draw(keypoints, framing.width, framing.height)
        for keypoints in openpose_keypoints(joints, camera, framing.seated)
    )
    return np.stack([resize(framing.cut(picture), size, size) for picture in pictures])


def write_preview(
    folder: Path, drawings: Sequence[Image], rendered: Sequence[Image] | Frames, frames: Sequence[Image]
) -> list[Path]:
    """Write preview.png into a folder: a row for each drawing, what was made of it, and the true frame."""
    rows = chain.from_iterable(zip(drawings, rendered, frames, strict=True))
    labels = ["drawing", "rendered", "frame"] * len(drawings)
    write_png(folder / "preview.png", contact_sheet(list(rows), columns=3, labels=labels))
    return [folder / "preview.png"]
