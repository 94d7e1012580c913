"""Video files: uint8 RGB frames in and out, streamed, so that length costs no memory.

What is written plays in a browser: H.264, yuv420p, the index in front (faststart).
"""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import Final

import av
import cv2
import numpy as np

from datamodules.files import atomic
from datamodules.media.decoding import Frame, Screen, opened
from datamodules.media.timing import Timing, measure

__all__ = ["Frame", "check_frame", "read_video", "write_video"]

AVX512: Final = 13
"""OpenCV's number of the instruction set, `cv::CPU_AVX_512F`."""
REPEATABLE: Final = {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(AVX512) else {}
"""With AVX-512, x264 looks ahead by what lay in memory before, and writes other bytes of the same frames."""


def check_frame(frame: object) -> None:
    """Raise ValueError for what is no uint8 RGB (H, W, 3)."""
    shape: tuple[int, ...] = getattr(frame, "shape", ())
    kind = getattr(frame, "dtype", type(frame).__name__)
    if kind != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"found a frame that is {kind} of shape {shape}, expected uint8 RGB (H, W, 3)")


def write_video(
    path: str | os.PathLike[str], frames: Iterable[Frame], fps: float, crf: int = 18, threads: int = 0
) -> None:
    """Write frames, each (H, W, 3) uint8 RGB of the same size, as an .mp4 that appears whole or not at all.

    yuv420p needs even sides: an odd one grows by a repeated row or column.

    Args:
        path: the file; its folder is made.
        frames: any iterable, consumed one frame at a time.
        fps: frames a second, fractional rates (29.97) too.
        crf: H.264 quality, 0 lossless to 51 worst; 18 shows no loss to the eye.
        threads: the encoder's; their number changes the bytes, and 0 leaves it to the machine's cores.

    Raises:
        ValueError: no frame at all, a frame of another size or type, or fps that is not positive.
    """
    if not fps > 0:
        raise ValueError(f"{path}: expected fps > 0, found {fps}")
    stream_of_frames = iter(frames)
    try:
        first = next(stream_of_frames)
    except StopIteration:
        raise ValueError(f"{path}: no frames to write; a video needs at least one") from None
    _check(path, 0, first, first.shape)
    odd = ((0, first.shape[0] % 2), (0, first.shape[1] % 2), (0, 0))
    with (
        atomic(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = (side + side % 2 for side in first.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = threads
        stream.options = {"crf": str(crf), "preset": "veryfast", **REPEATABLE}
        for number, frame in enumerate(chain([first], stream_of_frames)):
            _check(path, number, frame, first.shape)
            picture = av.VideoFrame.from_ndarray(np.pad(frame, odd, mode="edge"), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _check(path: str | os.PathLike[str], number: int, frame: Frame, shape: tuple[int, ...]) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or 0 in frame.shape:
        raise ValueError(f"{path}: frame {number} is {frame.shape} {frame.dtype}, expected (H, W, 3) uint8")
    if frame.shape != shape:
        raise ValueError(f"{path}: frame {number} is {frame.shape}, the first was {shape}; resize them alike")


def read_video(path: str | os.PathLike[str]) -> tuple[Iterator[Frame], float]:
    """The frames of a video as a player shows them, decoded as they are asked for, (H, W, 3) uint8 RGB, and their rate.

    Pixels are made square, and pictures turned and mirrored as the file says. Frames are those of an even clock of so
    many ticks a second: where a video's own come unevenly, a frame is repeated for as long as it is shown (`Timing`).

    The file is open until the iterator ends; `np.stack(list(frames))` is a short clip's (T, H, W, 3) array.

    Raises:
        ValueError: a file that is not a video or has no video stream; from the iterator, where its data is damaged.
        FileNotFoundError: no such file.
    """
    try:
        timing = measure(path)
    except OSError:
        raise
    except av.error.FFmpegError as error:
        size = os.path.getsize(path)
        raise ValueError(f"{path}: {size} bytes that are no video; download or convert it again") from error
    return _decode(path, timing), timing.fps


def _decode(path: str | os.PathLike[str], timing: Timing) -> Iterator[Frame]:
    number = 0
    try:
        with opened(path) as (container, stream):
            shown = Screen(stream)
            for frame, ticks in timing.held(container.decode(stream)):
                picture = shown(frame)
                for _ in range(ticks):
                    yield picture
                number += 1
    except av.error.FFmpegError as error:
        raise ValueError(f"{path}: damaged after {number} frames ({error}); download or convert it again") from error
