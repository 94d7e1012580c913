"""Video as V-JEPA 2 sees it: 16 frames a second, the middle square, windows of as many frames as the model takes.

Sizes and interpolation are those of its own processor (Assran et al. 2025, arXiv 2506.09985): the shorter side is
resized to 256 / 224 of the crop, bilinear with antialiasing, and the middle is cut out.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from datamodules.media.resampling import resample
from datamodules.media.video import Frame, check_frame

FPS: Final = 16.0
SHOWN: Final = Fraction(256, 224)
"""How much longer the shorter side of a picture is than the side of the square which is cut out of it."""
VARIANTS: Final = ("original", "gaussian", "grey")
BLUR: Final = 1 / 128
"""Standard deviation of the blurred variant's gaussian, as a share of the crop's side: 2 pixels of 256."""
ELONGATED: Final = 8
"""No frame may have one side longer than this many times the other."""

STILL: Final = 3.0
"""Of 255, what parts of a picture change by in a sixteenth of a second, more than the rest, where hands move."""
GRID: Final = 16
"""Parts a side of a picture whose changes are looked at: noise evens out over each."""
MOVED: Final = 3
"""So many parts change at least where a hand moves."""

LATELY: Final = 3
"""Frames for which a picture may stay as it is between two movements: of a camera with four a second."""

Window = tuple[npt.NDArray[np.uint8], int]
"""Frames (variants, frames, size, size, 3), and how many of them are the video's; the rest repeat the last of these."""


def windows(frames: Iterable[Frame], fps: float, length: int, size: int) -> Iterator[Window]:
    """Consecutive windows of a video in its variants, made as they are asked for.

    Args:
        frames: (H, W, 3) uint8 RGB, of any size.
        fps: of the video, even; see `read_video`.
        length: frames a window.
        size: side of the square.

    Raises:
        ValueError: a video without a frame, of an impossible rate, or with frames that are all but a line.
    """
    pending: list[npt.NDArray[np.uint8]] = []
    for frame in resample(frames, fps, FPS):
        pending.append(np.stack(variants(crop(frame, size))))
        if len(pending) == length:
            yield np.stack(pending, axis=1), length
            pending = []
    if pending:
        padding = [pending[-1]] * (length - len(pending))
        yield np.stack(pending + padding, axis=1), len(pending)


def crops(frames: Iterable[Frame], numbers: Sequence[int], size: int) -> npt.NDArray[np.uint8]:
    """Frames of a video by their numbers, (N, size, size, 3), each cut by `crop`.

    numbers: ascending, from 0; a number past the end gives the last frame.

    Raises ValueError for a video without a frame.
    """
    found, number, frame = dict[int, Frame](), -1, None
    for number, frame in enumerate(frames):
        if number in numbers:
            found[number] = crop(frame, size)
        if number == numbers[-1]:
            break
    if frame is None:
        raise ValueError("found no frame, expected at least one")
    if number < numbers[-1] and number not in found:
        found[number] = crop(frame, size)
    return np.stack([found[min(wish, number)] for wish in numbers])


def filled(frames: Iterable[Frame], length: int) -> Iterator[Window]:
    """Consecutive windows (length, size, size, 3) of frames that were resampled and cropped, without variants."""
    rest = iter(frames)
    while part := list(islice(rest, length)):
        yield np.stack((*part, *[part[-1]] * (length - len(part)))), len(part)


def crop(frame: Frame, size: int) -> Frame:
    """The middle square (size, size, 3) of a frame whose shorter side was resized to 256 / 224 of it."""
    check_frame(frame)
    height, width = frame.shape[:2]
    shorter, longer = sorted((height, width))
    if longer > ELONGATED * shorter:
        raise ValueError(f"found a frame of {width}x{height}, expected sides of at most {ELONGATED} to 1")
    side = int(size * SHOWN)
    to = (side * width // shorter, side * height // shorter)
    left, top = ((length - size) // 2 for length in to)
    resized = Image.fromarray(frame).resize(to, Image.Resampling.BILINEAR)
    return np.asarray(resized)[top : top + size, left : left + size]


def still(frames: Sequence[Frame]) -> npt.NDArray[np.bool_]:
    """Whether hands are at rest in each of the frames (size, size, 3), a sixteenth of a second apart, (T,): nothing but
    noise and light has changed since the frame before, nor in the LATELY frames before that, for a picture that changes
    seldom is that of a slow camera. The first is as the second; a single frame shows no movement.
    """
    if len(frames) < 2:
        return np.ones(len(frames), bool)
    small = [
        cv2.resize(frame.mean(2, dtype=np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA) for frame in frames
    ]
    grey = np.stack(small).reshape(len(small), -1) + 1
    light = np.median(grey[1:] / grey[:-1], axis=1, keepdims=True)
    moved = np.sort(np.abs(grey[1:] - light * grey[:-1]), axis=1)[:, -MOVED] >= STILL
    moved = np.concatenate([moved[:1], moved])
    lately = np.concatenate([np.zeros(LATELY, bool), moved])
    return np.array([not lately[place : place + LATELY + 1].any() for place in range(len(frames))])


def variants(frame: Frame) -> tuple[Frame, Frame, Frame]:
    """A square frame as it is, blurred, and grey (ITU-R 601) in all three channels."""
    blurred = cv2.GaussianBlur(frame, (0, 0), BLUR * len(frame))
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return frame, blurred, np.repeat(grey[:, :, None], 3, axis=2)
