"""Skeleton frames as images to learn from: white body, fingers in the colour of their group, thin lines on black.

After "ASL Sequence Generation using Diffusion Model" (Agrawal and Mahapatra 2025), section 4.2: each group's bones are
a mask, which is thinned (Zhang and Suen 1984) and dilated, so that lines are equally thick however they meet. Frames
are 512x512, the video's picture centred in them, and show nothing beyond it. The masks are drawn at that size, where
the document scales pictures up.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.media.drawing_primitives import Image
from datamodules.media.images import resize
from datamodules.poses.conversion import FINGER_COLOURS
from datamodules.poses.layouts import expected_layouts
from datamodules.poses.motions import one_person
from datamodules.poses.points import coordinates, described, named, refuse_other
from datamodules.poses.skeletons import HAND_BONES, HOLISTIC_75

SIZE: Final = 512
WHITE: Final = (255, 255, 255)
STROKE: Final = 7  # pixels of a bone in its mask, before thinning
LINE: Final = 3  # pixels that a thinned line is dilated to
SEEN: Final = 0.5  # visibility from which a joint of the body is drawn

Bone = tuple[int, int, float]  # two joints, and the confidence that both must exceed
Group = tuple[tuple[int, int, int], list[Bone]]

HANDS: Final = ("LEFT_HAND", "RIGHT_HAND")
GUESSED: Final = frozenset(range(17, 23))  # the body's joints that guess at fingers
ARMS_AND_BODY: Final = [bone for bone in HOLISTIC_75.components[0].bones if not GUESSED & set(bone)]


def draw_skeletons(pose: Pose) -> Iterator[Image]:
    """Each frame of a pose of any layout, in pixels of its picture, as (512, 512, 3) uint8 RGB, one by one.

    Points that it does not have are left out, and of several people the largest is drawn.

    Raises:
        ValueError: no pose, or one without shoulders or without a hand.
    """
    refuse_other(pose)
    there = {name for name, *_ in named(pose.header)}
    if not {"LEFT_SHOULDER", "RIGHT_SHOULDER"} <= there or not {f"{hand}.WRIST" for hand in HANDS} & there:
        raise ValueError(f"{expected_layouts()}, or a part of one with a hand; found {described(pose.header)}")
    points, seen = coordinates(one_person(pose), HOLISTIC_75.anatomy)
    width, height = pose.header.dimensions.width, pose.header.dimensions.height
    scale = SIZE / max(width, height)
    margin = (SIZE - scale * np.array([width, height])) / 2
    points = np.nan_to_num(points[..., :2]) * scale + margin
    wrists = [HOLISTIC_75.anatomy.index(f"{hand}.WRIST") for hand in HANDS]
    groups: list[Group] = [(WHITE, [(a, b, SEEN) for a, b in ARMS_AND_BODY])]
    for finger, colour in enumerate(FINGER_COLOURS):
        bones = HAND_BONES[4 * finger : 4 * finger + 4]
        groups.append((colour, [(wrist + a, wrist + b, 0.0) for wrist in wrists for a, b in bones]))
    left, top = np.floor(margin).astype(int).tolist()
    inside = np.zeros((SIZE, SIZE), np.uint8)
    inside[top : SIZE - top, left : SIZE - left] = 255
    return (_draw(points[t], seen[t], groups, inside) for t in range(len(points)))


def _draw(
    points: npt.NDArray[np.float64], seen: npt.NDArray[np.floating], groups: list[Group], inside: npt.NDArray[np.uint8]
) -> Image:
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    for colour, bones in groups:
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for a, b, least in bones:
            if min(seen[a], seen[b]) > least:
                ends = np.clip(points[[a, b]].round(), -SIZE, 2 * SIZE).astype(int).tolist()
                cv2.line(mask, ends[0], ends[1], 255, STROKE)
        picture[_lines(mask & inside) > 0] = colour
    return picture


def _lines(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The mask's centre lines, `LINE` pixels thick."""
    x, y, width, height = cv2.boundingRect(mask)
    lines = np.zeros_like(mask)
    if width:
        part = cv2.copyMakeBorder(mask[y : y + height, x : x + width], 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
        thin = cv2.ximgproc.thinning(part, thinningType=cv2.ximgproc.THINNING_ZHANGSUEN)
        lines[y : y + height, x : x + width] = thin[2:-2, 2:-2]
    thick: npt.NDArray[np.uint8] = cv2.dilate(lines, np.ones((LINE, LINE), np.uint8))
    return thick


def shrunk(frame: Image, side: int) -> Image:
    """A frame at a smaller size, (side, side, 3), its lines as bright as before: they are thickened first, by as much
    as shrinking thins them."""
    ratio = -(-len(frame) // side)
    return resize(cv2.dilate(frame, np.ones((ratio, ratio), np.uint8)), side, side)


def write_skeletons(folder: Path, pose: Pose) -> None:
    """Write the frames as 00000.png, 00001.png and so on into a new folder, which appears whole or not at all.

    Raises:
        ValueError: a pose without shoulders or without a hand.
        OSError: the folder exists and is not empty, or a frame cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as unfinished:
        whole = Path(unfinished) / folder.name
        whole.mkdir()
        for number, frame in enumerate(draw_skeletons(pose)):
            path = whole / f"{number:05d}.png"
            if not cv2.imwrite(str(path), frame[..., ::-1]):
                raise OSError(f"{path}: this frame could not be written; is the disk full?")
        whole.replace(folder)
