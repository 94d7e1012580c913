"""WLASL (Li et al. 2020) as a video model reads it: windows of 16 frames a second, decoded once and kept as bytes."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
from pose_format import Pose
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.base import Batch
from datamodules.features.cached_tensors import CachedTensors, Rows, content_keys, digest
from datamodules.features.signing_points import POINTS, Points, picture_points
from datamodules.files import cache_folder, user_path
from datamodules.media.clip import Clip
from datamodules.media.clip_frames import frame_times
from datamodules.media.resampling import resample, resampled
from datamodules.media.video import Frame
from datamodules.media.video_windows import FPS, SHOWN, crop, filled
from datamodules.orders import Key
from datamodules.samples import Sample, Split
from datamodules.twins import Twin
from datamodules.wlasl.clips import WLASLClips
from datamodules.wlasl.index import INDEX, Instance
from datamodules.wlasl.landmarks import left_out, read_points, refuse_missing
from datamodules.wlasl.survey import SplitBy, frame_range

TEMPO: Final = (0.8, 2.0)
"""How fast windows of training are, from and to: at twice the tempo most signs are over in one."""
OVER: Final = 0.25
"""Share of a window of training that may lie behind the end of its clip, where the last frame is repeated."""

UNSEEN: Final[Points] = np.zeros((1, len(POINTS), 3), np.float32)

Frames = npt.NDArray[np.uint8]


@dataclass
class WindowBatch(Batch):
    """frames (B, F, S, S, 3) uint8; points (B, F, 49, 3) float32, where they are in the square: x and y from -1 to 1
    between its edges, and 1 where a point is seen, else all three 0, as where nobody looked for them; labels (B,)
    int64, indices into the glosses; names: video ids."""

    frames: Tensor
    points: Tensor
    labels: Tensor
    names: list[str]


@dataclass
class WholeBatch(Batch):
    """All windows of some clips: frames (N, F, S, S, 3) uint8, how many of each are the clip's `real` (N,), and its
    number in the batch `clips` (N,); labels (B,) int64; names: video ids."""

    frames: Tensor
    real: Tensor
    clips: Tensor
    labels: Tensor
    names: list[str]


class ClipFrames:
    """The frames of clips as `python -m zoo data embed` shows them to a video model, before it cuts windows: 16 a
    second, their middle square (S, S, 3) uint8. Each is decoded once, into this machine's cache.

    instances: by file, for the range of frames that shows the sign.
    """

    def __init__(self, samples: Sequence[Sample], instances: Mapping[Path, Instance], size: int) -> None:
        self.clips, self.size = [_clip(sample, instances[sample.files[0]]) for sample in samples], size
        self.counts = [_count(clip) for clip in self.clips]
        self.starts = np.cumsum([0, *self.counts])
        names = [(f"{clip.first}-{clip.last}", clip.path) for clip in self.clips]
        keys = [
            f"{key} {number}"
            for key, count in zip(content_keys(names), self.counts, strict=True)
            for number in range(count)
        ]
        folder = cache_folder() / "clip-frames" / digest(f"{FPS:g} {size}")
        self.cached = CachedTensors(folder, keys, (size, size, 3), np.uint8)

    def decode(self) -> None:
        """Make what is not in the cache. Raises ValueError for a video that cannot be read."""
        self.cached.complete(self._decoded, "frames of clips, decoded once")

    def read(self, clip: int, numbers: Sequence[int]) -> Frames:
        """Frames (n, S, S, 3) of a clip by their numbers, from 0; one past the end is the last."""
        start, last = int(self.starts[clip]), self.counts[clip] - 1
        once = {number: self.cached[start + number] for number in {min(number, last) for number in numbers}}
        return np.stack([once[min(number, last)] for number in numbers]).astype(np.uint8, copy=False)

    def _decoded(self, items: range) -> Rows:
        first, last = (int(self.starts.searchsorted(item, "right")) - 1 for item in (items[0], items[-1]))
        return np.stack([frame for clip in range(first, last + 1) for frame in self._of(clip, items)])

    def _of(self, clip: int, items: range) -> list[Frame]:
        """The frames of a clip that are among the items."""
        start, count = int(self.starts[clip]), self.counts[clip]
        frames, fps = self.clips[clip].frames()
        whole = list(islice(resample(frames, fps, FPS), count))
        whole += [whole[-1]] * (count - len(whole))  # of a file that ends before its packets do
        first, last = max(items.start - start, 0), min(items.stop - start, count)
        return [crop(frame, self.size) for frame in whole[first:last]]


class Windows(Dataset[tuple[str, int, Frames, Points]]):
    """A window (F, S, S, 3) of each clip, with its name, its label and the signer's points (F, 49, 3): the middle one,
    or for training one by lot, at a tempo by lot.

    labels: of glosses. points: of whole clips by their names, as far as they are known.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        frames: ClipFrames,
        labels: Mapping[str, int],
        length: int,
        seed: int,
        points: Mapping[str, Points],
    ) -> None:
        self.samples, self.frames, self.labels, self.length, self.seed = samples, frames, labels, length, seed
        self.points = points

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key | int) -> tuple[str, int, Frames, Points]:
        if isinstance(key, int):
            index, tempo = key, 1.0
            start = max(0, (self.frames.counts[index] - self.length) // 2)
        else:
            epoch, index = key
            rng = np.random.default_rng((self.seed, epoch, index))
            tempo = np.exp(rng.uniform(*np.log(TEMPO)))
            start = rng.uniform(0, max(0.0, self.frames.counts[index] - (1 - OVER) * self.length * tempo))
        sample = self.samples[index]
        numbers = [int(start + tempo * number) for number in range(self.length)]
        points = self.points.get(sample.name, UNSEEN)
        seen = points[np.minimum(numbers, len(points) - 1)]
        return sample.name, self.labels[str(sample.label)], self.frames.read(index, numbers), seen


class Wholes(Dataset[tuple[str, int, Frames, int]]):
    """All frames of each clip as (windows, F, S, S, 3), with its name, its label and how many frames it has; the last
    one is repeated to the end of the last window."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[str, int, Frames, int]:
        sample, frames = self.windows.samples[index], self.windows.frames
        count = frames.counts[index]
        parts = [part for part, _ in filled(frames.read(index, range(count)), self.windows.length)]
        return sample.name, self.windows.labels[str(sample.label)], np.stack(parts), count


class WLASLWindows(WLASLClips):
    """Windows of clips and their glosses, for a model that learns to see videos: 16 frames a second, the middle square,
    as `python -m zoo data embed` shows them to one.

    Training sees a window of each clip an epoch, somewhere in it, a little slower or up to twice as fast; validation
    and test see whole clips. Nothing is ever mirrored: which hand signs belongs to what is signed.

    root, index, split, glosses, batch_size, num_workers, seed, twin: see `WLASLClips`.
    frames: F, of a window.
    image_size: S, in pixels.
    landmarks: OUT of `python -m zoo data landmarks ROOT OUT`, in `root`, as `WLASLLandmarks` takes it; None where
        training does not look at them. A clip without a file has no points.
    """

    holds: ClassVar[str] = "windows of clips"

    def __init__(
        self,
        root: str,
        index: str = INDEX,
        split: SplitBy = "source",
        frames: int = 16,
        image_size: int = 96,
        landmarks: str | None = None,
        glosses: int | list[str] | None = None,
        batch_size: int = 16,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, index, split, frames, image_size, glosses, batch_size, num_workers, seed, twin)
        self.landmarks = None if landmarks is None else self.root / user_path(landmarks)

    @cached_property
    def points(self) -> dict[str, Points]:
        """Those of training's clips by their names, as far as they are known; files that cannot be read are named.

        Raises FileNotFoundError where there is no folder of landmarks.
        """
        points, broken = read_points(self._landmark_files(), square_points)
        if broken:
            print(f"zoo: {self.landmarks}: of landmarks, {left_out(broken)}", file=sys.stderr, flush=True)
        clips = len(self.samples["train"])
        if 0 < len(points) < clips:
            without = f"{clips - len(points)} of the {clips} training clips have no landmarks"
            print(f"zoo: {self.landmarks}: {without}", file=sys.stderr, flush=True)
        return {path.stem: seen for path, seen in points.items()}

    def content(self) -> list[Path]:
        return [*super().content(), *self._landmark_files()]

    def examples(self, split: Split) -> Windows:
        frames = ClipFrames(self.samples[split], self.shown, self.image_size)
        frames.decode()
        points = self.points if split == "train" else {}
        return Windows(self.samples[split], frames, self.labels, self.frames, self.seed, points)

    def _landmark_files(self) -> list[Path]:
        if self.landmarks is None:
            return []
        refuse_missing(self.landmarks, self.root)
        paths = (self.landmarks / f"{sample.name}.pose" for sample in self.samples["train"])
        return [path for path in paths if path.is_file()]

    def wholes(self, split: Split) -> DataLoader[Any]:
        """Batches of whole clips."""
        return self.loader(Wholes(self.examples(split)), collate=self.collate_wholes)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.wholes("dev")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.wholes(self.tested)

    @staticmethod
    def collate(items: list[tuple[str, int, Frames, Points]]) -> WindowBatch:
        names, labels, frames, points = zip(*items, strict=True)
        shown, seen = (torch.from_numpy(np.stack(part)) for part in (frames, points))
        return WindowBatch(shown, seen, torch.tensor(labels), list(names))

    @staticmethod
    def collate_wholes(items: list[tuple[str, int, Frames, int]]) -> WholeBatch:
        """A batch of whole clips."""
        names, labels, parts, counts = zip(*items, strict=True)
        length = parts[0].shape[1]
        real = [min(length, count - start) for count in counts for start in range(0, count, length)]
        clips = [number for number, part in enumerate(parts) for _ in part]
        frames = torch.from_numpy(np.concatenate(parts))
        return WholeBatch(frames, torch.tensor(real), torch.tensor(clips), torch.tensor(labels), list(names))


def square_points(pose: Pose) -> Points:
    """Where the points of a pose are in the squares that `crop` cuts, (T, 49, 3); see `WindowBatch`. Raises as
    `picture_points`."""
    points = picture_points(pose)
    points[..., :2] *= float(SHOWN)
    return points


def _clip(sample: Sample, instance: Instance) -> Clip:
    timing = frame_times(sample.files[0])
    first, last = frame_range(instance, timing.total, timing.fps)
    return Clip(sample.name, sample.files[0], str(sample.label), first, last)


def _count(clip: Clip) -> int:
    """How many frames a clip has at 16 a second."""
    assert clip.last is not None
    return resampled(max(1, clip.last - clip.first), frame_times(clip.path).fps, FPS)
