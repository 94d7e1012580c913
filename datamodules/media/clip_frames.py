"""A few frames out of a video file: decoded as far as needed, converted and scaled only where wanted.

Frames are numbered as `read_video` shows them: as a player does, at an even rate.
"""

import os
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt

from datamodules.media.decoding import Frame, Screen, opened, pixel_aspect, square_pixels, turn_of
from datamodules.media.timing import Timing, measure


def evenly(count: int, total: int) -> list[int]:
    """`count` frame numbers spread over `total` frames: the middles of equal parts, repeated where frames are few."""
    return [(2 * part + 1) * total // (2 * count) for part in range(count)]


def frame_times(path: str | os.PathLike[str]) -> Timing:
    """When a video's frames are shown, by its packets, none decoded. Raises as `read_square`."""
    try:
        return measure(path)
    except OSError:
        raise
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error


def frame_count(path: str | os.PathLike[str]) -> tuple[int, float]:
    """How many frames a video holds, and how many a second, on average. Raises as `read_square`.

    A player shows some for longer than others where their times are uneven; `frame_times` tells when.
    """
    timing = frame_times(path)
    return timing.stored, timing.fps * timing.stored / timing.total if timing.varies else timing.fps


def video_format(path: str | os.PathLike[str]) -> tuple[int, int, float]:
    """Width and height of a video's frames as they are shown, and how many it holds a second, on average.

    Raises as `read_square`.
    """
    fps = frame_count(path)[1]
    try:
        with opened(path) as (container, stream):
            width, height = square_pixels(stream.width, stream.height, pixel_aspect(stream))
            first = next(container.decode(stream), None)
            swapped = first is not None and turn_of(first).swapped
            return (height, width, fps) if swapped else (width, height, fps)
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error


def read_square(path: str | os.PathLike[str], numbers: Sequence[int], size: int) -> npt.NDArray[np.uint8]:
    """Frames of a video, cut to their middle square and scaled, (N, size, size, 3) uint8 RGB.

    numbers: of frames, ascending, from 0; a number past the end gives the last frame.

    Raises:
        ValueError: no video, no frame in it, a damaged one, or frames of more than 50 million pixels.
        FileNotFoundError: no such file.
    """
    timing, squares = frame_times(path), dict[int, Frame]()
    last, shown = None, 0
    try:
        with opened(path) as (container, stream):
            screen = Screen(stream)
            for last, ticks in timing.held(container.decode(stream)):
                wanted = [number for number in set(numbers) if shown <= number < shown + ticks]
                squares |= dict.fromkeys(wanted, screen.square(last, size)) if wanted else {}
                shown += ticks
                if shown > numbers[-1]:
                    break
            if last is None:
                raise ValueError(f"{path}: a video without a frame; fetch it again or remove it")
            if numbers[-1] >= shown:
                squares[shown - 1] = screen.square(last, size)
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error
    return np.stack([squares[min(wish, shown - 1)] for wish in numbers])


def _damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(f"{path}: {os.path.getsize(path)} bytes that are no whole video ({error}); fetch it again")
