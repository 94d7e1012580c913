"""A video file opened, and its frames as a player shows them: pixels square, turned and mirrored as the file says."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Frame = npt.NDArray[np.uint8]

MOST_PIXELS: Final = 50_000_000
SQUARE: Final = 0.01
"""Pixels whose sides differ by less than this share are square: encoders round."""


class Turn(NamedTuple):
    """How a stored picture is turned to be shown: its axes swapped, then left and right, then top and bottom."""

    swapped: bool = False
    mirrored: bool = False
    upside_down: bool = False

    def __call__(self, picture: Frame) -> Frame:
        """The picture (H, W, 3) turned, of rows that lie one after another."""
        picture = picture.swapaxes(0, 1) if self.swapped else picture
        picture = picture[:, ::-1] if self.mirrored else picture
        return np.ascontiguousarray(picture[::-1] if self.upside_down else picture)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """A video file and the stream of its pictures, the first that is more than a cover.

    Raises:
        ValueError: a file without such a stream, or of frames of more than 50 million pixels, stored or shown.
        av.error.FFmpegError: no video, or one that cannot be read; FileNotFoundError is one.
    """
    with av.open(os.fspath(path), metadata_errors="replace") as container:  # WLASL's titles are not UTF-8
        films = (one for one in container.streams.video if not one.disposition & Disposition.attached_pic)
        stream = next(films, None)
        if stream is None:
            raise ValueError(f"{path}: no video stream; expected a file with pictures")
        width, height = square_pixels(stream.width, stream.height, pixel_aspect(stream))
        if width * height > MOST_PIXELS:
            raise ValueError(f"{path}: frames of {width} x {height}, expected at most {MOST_PIXELS} pixels")
        yield container, stream


def pixel_aspect(stream: av.VideoStream) -> float:
    """Width by height of a pixel; 1 where nothing is said, or next to nothing."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if aspect > 0 and abs(aspect - 1) >= SQUARE else 1.0


def square_pixels(width: int, height: int, aspect: float) -> tuple[int, int]:
    """Width and height at which pixels are square: the side that is too short grows, so that no detail is lost."""
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def turn_of(frame: av.VideoFrame) -> Turn:
    """How a frame's display matrix turns it; of one that is no right angle, the nearest."""
    matrix = display_matrix(frame)
    if matrix is None:
        return Turn()
    a, b, _, c, d = matrix[:5]  # a point (x, y) is shown at (a x + c y, b x + d y)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, a < 0, d < 0)
    return Turn(True, c < 0, b < 0)


def display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers of a frame's display matrix, row by row, in fixed point; None for a frame without one.

    They are read from a small copy: PyAV ties a frame to its side data in a circle, which keeps the decoder's memory
    until Python's collector comes by, and ends a forked process in which it does.
    """
    for data in frame.reformat(width=16, height=16, format="gray").side_data:
        if data.type.name == "DISPLAYMATRIX":
            return struct.unpack("=9i", bytes(data))
    return None


class Screen:
    """Makes RGB pictures (H, W, 3) of decoded frames, as a player shows them; all as large as the first."""

    def __init__(self, stream: av.VideoStream) -> None:
        self.aspect = pixel_aspect(stream)
        self._size: tuple[int, int] | None = None
        self._turns: dict[int, Turn] = {}

    def turn(self, frame: av.VideoFrame) -> Turn:
        """How a frame is turned; looked up once for each angle."""
        if frame.rotation not in self._turns:
            self._turns[frame.rotation] = turn_of(frame)
        return self._turns[frame.rotation]

    def __call__(self, frame: av.VideoFrame) -> Frame:
        """The picture of a frame."""
        if self._size is None:
            self._size = square_pixels(frame.width, frame.height, self.aspect)
        width, height = self._size
        if (frame.width, frame.height) == self._size:
            return self.turn(frame)(frame.to_ndarray(format="rgb24"))
        scaled = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="BICUBIC")
        return self.turn(frame)(scaled)

    def square(self, frame: av.VideoFrame, size: int) -> Frame:
        """The middle square (size, size, 3) of a frame, scaled by the converter that makes RGB of it, so that the large
        picture is never RGB."""
        sides = square_pixels(frame.width, frame.height, self.aspect)
        shorter = min(sides)
        width, height = (max(size, round(side * size / shorter)) for side in sides)
        method = "AREA" if shorter > size else "BILINEAR"
        picture = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=method)
        picture = self.turn(frame)(picture)
        top, left = ((side - size) // 2 for side in picture.shape[:2])
        return picture[top : top + size, left : left + size]
