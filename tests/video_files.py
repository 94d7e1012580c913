"""Videos as people have them: in every common container, at uneven times, turned, mirrored, of oblong pixels."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np


class Container(NamedTuple):
    """A container by FFmpeg's name, a codec that goes into it, the codec's pixels, and ticks a second of its clock.

    times, aspect, matrix: whether a file keeps uneven times, the shape of pixels, and a display matrix.
    """

    format: str
    codec: str
    pixels: str = "yuv420p"
    clock: int = 1000
    times: bool = True
    aspect: bool = True
    matrix: bool = False


CONTAINERS = {
    "mp4": Container("mp4", "libx264", matrix=True),
    "mov": Container("mov", "mpeg4", clock=25, matrix=True),
    "m4v": Container("mp4", "mpeg4", clock=25, matrix=True),
    "3gp": Container("3gp", "libx264", matrix=True),
    "mkv": Container("matroska", "libx264", matrix=True),
    "webm": Container("webm", "libvpx", aspect=False, matrix=True),
    "avi": Container("avi", "mpeg4", clock=25),
    "flv": Container("flv", "flv1", aspect=False),
    "f4v": Container("flv", "libx264"),
    "wmv": Container("asf", "wmv2", clock=25),
    "ts": Container("mpegts", "libx264"),
    "mpg": Container("mpeg", "mpeg1video", clock=25, times=False, aspect=False),
    "mxf": Container("mxf", "mpeg2video", clock=25, times=False, aspect=False),
    "gif": Container("gif", "gif", "gray", clock=25, aspect=False),
}


def write(
    path: Path,
    frames: Sequence[np.ndarray],
    seconds: Sequence[float] | None = None,
    *,
    aspect: Fraction | None = None,
    matrix: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video in the container of its suffix, of frames (H, W, 3) at such times, or 25 a second."""
    kind = CONTAINERS[path.suffix[1:]]
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w", format=kind.format) as container:
        stream: Any = container.add_stream(kind.codec, rate=25, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = kind.pixels
        if seconds is not None:
            stream.codec_context.time_base = Fraction(1, kind.clock)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=kind.pixels)
            if seconds is not None:
                picture.pts, picture.time_base = round(seconds[number] * kind.clock), Fraction(1, kind.clock)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def grey(levels: Sequence[int], height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames of one grey each."""
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def levels(frames: Any) -> list[int]:
    """The greys of frames, to the nearest ten."""
    return [10 * round(float(frame.mean()) / 10) for frame in frames]
