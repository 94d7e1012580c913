"""How2Sign's clips measured and their keypoints parsed once: what a frame's drawing needs, in this machine's cache.

A clip's keypoints come in a JSON file a frame, of which some thirty are parsed in a second; and of a video all is read
to count its frames. A clip has one file in the cache, of which only the frames that are asked for are read.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from datamodules.features.cached_tensors import digest, readable, refuse_full, told_when_full
from datamodules.files import atomic, cache_folder, locked
from datamodules.media.clip_frames import frame_count, video_format
from datamodules.media.images import centre_square
from datamodules.poses.formats import read_openpose
from datamodules.poses.sequences import writable
from datamodules.samples import Sample
from datamodules.twins.signers import spread

Keypoints = npt.NDArray[np.float32]

SLACK: Final = 3
"""By how many frames a clip and its keypoints may differ in length."""
POINTS, VIDEO, IDENTITY = "keypoints", "video", "identity"
FRAME: Final = 137 * 3 * 4
"""Bytes of a frame's keypoints."""
WORTH: Final = 20
"""Clips that a process is worth starting for."""


class Measure(NamedTuple):
    """How many frames a video has, and their width and height in pixels."""

    frames: int
    width: int
    height: int


class ParsedClips:
    """Keypoints and measures of clips, whose samples have two files: the video and the folder of its keypoints.

    What was parsed holds as long as the video and the files of keypoints keep their names, sizes and times of change;
    they are looked at when a clip is first asked for. What is not in the cache is parsed then, unless `parse` has done
    so for all.
    """

    def __init__(self) -> None:
        self.folder = cache_folder() / "keypoints"
        self._paths: dict[Path, Path] = {}

    def measure(self, sample: Sample) -> Measure:
        """Of a clip's video. Raises as `keypoints`."""
        with safe_open(self._path(sample), "np") as file:
            return Measure(*file.get_tensor(VIDEO).tolist())

    def keypoints(self, sample: Sample, numbers: Sequence[int] | slice, size: int) -> Keypoints:
        """Of frames of a clip, (n, 137, 3) float32: x and y in pixels of their middle squares scaled to `size`, and
        confidences. A number past the end of the video gives its last frame's.

        Raises ValueError for keypoints that cannot be read or are of another clip.
        """
        with safe_open(self._path(sample), "np") as file:
            frames, width, height = file.get_tensor(VIDEO).tolist()
            rows = file.get_slice(POINTS)
            if isinstance(numbers, slice):
                found = rows[numbers]
            else:
                last = min(frames, rows.get_shape()[0]) - 1
                found = np.concatenate([rows[at : at + 1] for at in (min(number, last) for number in numbers)])
        return squared(found, width, height, size)

    def parse(self, samples: Sequence[Sample]) -> None:
        """Parse what is not in the cache, over the cores, with a bar; several processes wait for each other.

        Raises NoRoomError, before anything is parsed, where the disk has no room for it, and where it is full
        meanwhile; and as `keypoints`.
        """
        if not (missing := self._missing(samples)):
            return
        writable(self.folder)
        with locked(self.folder / ".lock"):
            missing = self._missing(samples)
            what, size = f"keypoints of {len(missing):,} clips", _bytes(missing)
            refuse_full(self.folder, size, what)
            if missing:
                print(f"zoo: {what}: {readable(size)} into {self.folder}", file=sys.stderr, flush=True)
            tasks = [(sample, *self._place(sample)) for sample in missing]
            with told_when_full(self.folder, lambda: _bytes(self._missing(samples)), what):
                spread(_parse, tasks, what, WORTH)

    def _missing(self, samples: Sequence[Sample]) -> list[Sample]:
        missing = []
        for sample in samples:
            path, identity = self._place(sample)
            if _holds(path, identity):
                self._paths[sample.files[1]] = path
            else:
                missing.append(sample)
        return missing

    def _path(self, sample: Sample) -> Path:
        """A clip's file in the cache, which is there and whole."""
        folder = sample.files[1]
        if folder not in self._paths:
            path, identity = self._place(sample)
            if not _holds(path, identity):
                _parse(sample, path, identity)
            self._paths[folder] = path
        return self._paths[folder]

    def _place(self, sample: Sample) -> tuple[Path, str]:
        """Where a clip's file stands, and what must be written in it: of which video and keypoints it was made."""
        video, folder = sample.files
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.stat()) for entry in entries)
        told = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in [(video.name, video.stat()), *found]]
        return self.folder / f"{digest(str(folder.resolve()))}.safetensors", digest(*told)


def squared(keypoints: Keypoints, width: int, height: int, size: int) -> Keypoints:
    """Keypoints (..., 3) of a picture where its middle square, scaled to `size`, has them."""
    top, left, side = centre_square(height, width)
    moved = keypoints.copy()
    moved[..., :2] = (moved[..., :2] - (left, top)) * (size / side)
    return moved


def _bytes(samples: Sequence[Sample]) -> int:
    """That clips' keypoints take."""
    return FRAME * sum(len(os.listdir(sample.files[1])) for sample in samples)


def _holds(path: Path, identity: str) -> bool:
    try:
        with safe_open(path, "np") as file:
            return bool(file.metadata()[IDENTITY] == identity)
    except (OSError, SafetensorError):
        return False


def _parse(sample: Sample, path: Path, identity: str) -> None:
    writable(path.parent)
    video, folder = sample.files
    keypoints, frames = read_openpose(folder), frame_count(video)[0]
    if abs(len(keypoints) - frames) > SLACK:
        raise ValueError(f"{folder}: keypoints of {len(keypoints)} frames, but {video.name} has {frames}; fetch both")
    width, height, _ = video_format(video)
    with atomic(path) as part:
        tensors = {POINTS: keypoints, VIDEO: np.array([frames, width, height])}
        save_file(tensors, part, {IDENTITY: identity})
