"""A few frames out of a video file: decoded as far as needed, converted and scaled only where wanted."""

import os
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt

from datamodules.media.images import MOST_PIXELS, centre_square
from datamodules.media.video import Frame


def evenly(count: int, total: int) -> list[int]:
    """`count` frame numbers spread over `total` frames: the middles of equal parts, repeated where frames are few."""
    return [(2 * part + 1) * total // (2 * count) for part in range(count)]


def frame_count(path: str | os.PathLike[str]) -> tuple[int, float]:
    """How many frames a video holds, by its packets, none decoded, and how many a second. Raises as `read_square`.

    A player's edit list can hide some: WLASL's clips hold up to three more than are shown.
    """
    try:
        with av.open(os.fspath(path), metadata_errors="replace") as container:
            stream = _stream(path, container)
            frames = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
            return frames, float(stream.average_rate or 25)
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error


def video_format(path: str | os.PathLike[str]) -> tuple[int, int, float]:
    """Width and height of a video's frames, and how many a second, as its header states. Raises as `read_square`."""
    try:
        with av.open(os.fspath(path), metadata_errors="replace") as container:
            stream = _stream(path, container)
            return stream.width, stream.height, float(stream.average_rate or 25)
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error


def read_square(path: str | os.PathLike[str], numbers: Sequence[int], size: int) -> npt.NDArray[np.uint8]:
    """Frames of a video, cut to their middle square and scaled, (N, size, size, 3) uint8 RGB.

    numbers: of frames, ascending, from 0; a number past the end gives the last frame.

    Raises:
        ValueError: no video, no frame in it, a damaged one, or frames of more than 50 million pixels.
        FileNotFoundError: no such file.
    """
    wanted, squares = set(numbers), dict[int, Frame]()
    last, number = None, -1
    try:
        with av.open(os.fspath(path), metadata_errors="replace") as container:
            _stream(path, container)
            for number, last in enumerate(container.decode(video=0)):
                if number in wanted:
                    squares[number] = _square(last, size)
                if number >= numbers[-1]:
                    break
    except av.error.FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except av.error.FFmpegError as error:
        raise _damaged(path, error) from error
    if last is None:
        raise ValueError(f"{path}: a video without a frame; fetch it again or remove it")
    squares[number] = squares.get(number, _square(last, size))
    return np.stack([squares[min(wish, number)] for wish in numbers])


def _stream(path: str | os.PathLike[str], container: av.container.InputContainer) -> av.VideoStream:
    if not container.streams.video:
        raise ValueError(f"{path}: no video stream; expected a file with pictures")
    stream = container.streams.video[0]
    if stream.width * stream.height > MOST_PIXELS:
        raise ValueError(f"{path}: frames of {stream.width} x {stream.height}, expected at most {MOST_PIXELS} pixels")
    return stream


def _square(frame: av.VideoFrame, size: int) -> Frame:
    """Scaled by the converter that makes RGB of it, so that the large picture is never RGB."""
    shorter = min(frame.width, frame.height)
    width, height = (max(size, round(side * size / shorter)) for side in (frame.width, frame.height))
    method = "AREA" if shorter > size else "BILINEAR"
    image = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=method)
    top, left, _ = centre_square(height, width)
    square: Frame = image[top : top + size, left : left + size]
    return square


def _damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(f"{path}: {os.path.getsize(path)} bytes that are no whole video ({error}); fetch it again")
