"""Video as V-JEPA 2 sees it: 16 frames a second, the middle square, windows of as many frames as the model takes.

Sizes and interpolation are those of its own processor (Assran et al. 2025, arXiv 2506.09985): the shorter side is
resized to 256 / 224 of the crop, bilinear with antialiasing, and the middle is cut out.
"""

from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from datamodules.media.video import Frame

FPS: Final = 16.0
VARIANTS: Final = ("original", "gaussian", "grey")
BLUR: Final = 1 / 128
"""Standard deviation of the blurred variant's gaussian, as a share of the crop's side: 2 pixels of 256."""
ELONGATED: Final = 8
"""No frame may have one side longer than this many times the other."""

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
    for frame in resample(frames, fps):
        pending.append(np.stack(variants(crop(frame, size))))
        if len(pending) == length:
            yield np.stack(pending, axis=1), length
            pending = []
    if pending:
        padding = [pending[-1]] * (length - len(pending))
        yield np.stack(pending + padding, axis=1), len(pending)


def filled(frames: Iterable[Frame], length: int) -> Iterator[Window]:
    """Consecutive windows (length, size, size, 3) of frames that were resampled and cropped, without variants."""
    pending = list(frames)
    for start in range(0, len(pending), length):
        part = pending[start : start + length]
        yield np.stack(part + [part[-1]] * (length - len(part))), len(part)


def resample(frames: Iterable[Frame], fps: float) -> Iterator[Frame]:
    """The frames that a video shows in the middle of each sixteenth of a second; at least one.

    Frames are taken to be evenly spaced, as `read_video` gives them. A video shorter than half of a sixteenth gives
    its last frame.
    """
    check_rate(fps)
    shown, frame = 0, None
    for number, frame in enumerate(frames):
        while int((shown + 0.5) * fps / FPS) == number:
            yield frame
            shown += 1
    if frame is None:
        raise ValueError("found no frame, expected at least one")
    if not shown:
        yield frame


def resampled(frames: int, fps: float) -> int:
    """How many frames `resample` shows of so many."""
    shown = 0
    while int((shown + 0.5) * fps / FPS) < frames:
        shown += 1
    return max(1, shown)


def check_rate(fps: float) -> None:
    """Raise ValueError for what is no number of frames a second, or an impossible one."""
    if not isinstance(fps, Real) or isinstance(fps, bool):
        raise ValueError(f"fps: found {fps!r}, expected frames a second, a number from 1 to 1000")
    if not 1 <= fps <= 1000:
        raise ValueError(f"found {fps:g} frames a second, expected 1 to 1000; convert the video")


def crop(frame: Frame, size: int) -> Frame:
    """The middle square (size, size, 3) of a frame whose shorter side was resized to 256 / 224 of it."""
    shape: tuple[int, ...] = getattr(frame, "shape", ())
    kind = getattr(frame, "dtype", type(frame).__name__)
    if kind != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"found a frame that is {kind} of shape {shape}, expected uint8 RGB (H, W, 3)")
    height, width = shape[:2]
    shorter, longer = sorted((height, width))
    if longer > ELONGATED * shorter:
        raise ValueError(f"found a frame of {width}x{height}, expected sides of at most {ELONGATED} to 1")
    side = size * 256 // 224
    to = (side * width // shorter, side * height // shorter)
    left, top = ((length - size) // 2 for length in to)
    resized = Image.fromarray(frame).resize(to, Image.Resampling.BILINEAR)
    return np.asarray(resized)[top : top + size, left : left + size]


def variants(frame: Frame) -> tuple[Frame, Frame, Frame]:
    """A square frame as it is, blurred, and grey (ITU-R 601) in all three channels."""
    blurred = cv2.GaussianBlur(frame, (0, 0), BLUR * len(frame))
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return frame, blurred, np.repeat(grey[:, :, None], 3, axis=2)
