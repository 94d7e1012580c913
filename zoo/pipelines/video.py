"""Pipelines that end in a video: streamed frame by frame, and encoded meanwhile."""

import base64
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import numpy as np

from datamodules.files import atomic, user_path
from datamodules.media.skeleton_drawing import contact_sheet, write_png
from datamodules.media.video import Frame, read_video, write_video
from zoo.loaders.writing import SHEET_FRAMES, refuse_unwritable
from zoo.pipelines.base import Pipeline

SUFFIXES: Final = (".mp4", ".png")
FPS: Final = 25.0
"""Frames a second of what is made of pictures, which have none."""


@dataclass(frozen=True, repr=False)
class Video:
    """An .mp4 (H.264, yuv420p, faststart) in memory, which shows itself in notebooks.

    data: the file's bytes.
    fps: frames a second.
    size: height and width in pixels.
    frames: how many.
    """

    data: bytes
    fps: float
    size: tuple[int, int]
    frames: int

    @classmethod
    def encoded(cls, frames: Iterable[Frame], fps: float) -> Self:
        """The video of frames (H, W, 3) uint8 RGB, which are taken one at a time. Raises ValueError for none."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "video.mp4"
            size, count = _film(path, frames, fps)
            return cls(path.read_bytes(), fps, size, count)

    def save(self, path: str | Path) -> Path:
        """Write .mp4 or .png (a sheet of frames), whole or not at all. Raises ValueError for another suffix."""
        path = user_path(path)
        refuse_unwritable([path], SUFFIXES)
        with TemporaryDirectory() as folder:
            film = Path(folder) / "video.mp4"
            film.write_bytes(self.data)
            _copy(film, self.frames, path)
        return path

    def _repr_html_(self) -> str:
        source = f"data:video/mp4;base64,{base64.b64encode(self.data).decode()}"
        return f'<video controls loop width="{self.size[1]}" src="{source}"></video>'

    def __repr__(self) -> str:
        height, width = self.size
        return f"Video({self.frames} frames, {self.frames / self.fps:.1f} s, {width}x{height}, {len(self.data)} bytes)"


class VideoPipeline(Pipeline):
    """A pipeline whose verb gives a `Video`, and whose `stream` gives that video's frames."""

    @property
    def fps(self) -> float:
        """Frames a second of the video."""
        return self.gives.fps or FPS

    def stream(self, text: str) -> Iterator[Frame]:
        """The frames of the video one by one, (H, W, 3) uint8 RGB. Raises ValueError as the verb, before the first."""
        raise NotImplementedError

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Write the video as each of `outputs`: .mp4, or .png (a sheet of frames), whole or not at all.

        Raises ValueError, before anything is computed, for a path that cannot be written.
        """
        refuse_unwritable(outputs, SUFFIXES)
        with TemporaryDirectory() as folder:
            film = next((path for path in outputs if path.suffix.lower() == ".mp4"), Path(folder) / "video.mp4")
            _, count = _film(film, self.stream(text), self.fps)
            for output in outputs:
                if output != film:
                    _copy(film, count, output)
        return list(outputs)


def call(stage: Any, value: Any) -> Any:
    """What a component's verb makes of a value."""
    return getattr(stage, stage.verb)(value)


def through(stages: Sequence[Any], value: Any) -> Any:
    """What components make of a value, one after another."""
    for stage in stages:
        value = call(stage, value)
    return value


def frames_through(stages: Sequence[Any], value: Any) -> Iterator[Frame]:
    """The frames that components make of a value, one by one where the last has a `stream`."""
    *before, last = stages
    value = through(before, value)
    return iter(last.stream(value) if hasattr(last, "stream") else call(last, value))


def _film(path: Path, frames: Iterable[Frame], fps: float) -> tuple[tuple[int, int], int]:
    """Write an .mp4; its height and width, which are even, and the number of frames."""
    size, count = (0, 0), 0

    def counted() -> Iterator[Frame]:
        nonlocal size, count
        for frame in frames:
            height, width = frame.shape[:2]
            size, count = (height + height % 2, width + width % 2), count + 1
            yield frame

    write_video(path, counted(), fps)
    return size, count


def _copy(film: Path, count: int, output: Path) -> None:
    """Write an .mp4 of `count` frames once more, as the suffix says."""
    if output.suffix.lower() == ".mp4":
        with atomic(output) as part:
            shutil.copyfile(film, part)
        return
    picked = set(np.linspace(0, count - 1, min(count, SHEET_FRAMES)).round().astype(int).tolist())
    frames, _ = read_video(film)
    write_png(output, contact_sheet([frame for number, frame in enumerate(frames) if number in picked], columns=6))
