"""How2Sign (Duarte et al. 2021) as frames and drawings of their poses: what SignDiff's ControlNet learns from."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any, Final

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from datamodules.base import signed_pixels
from datamodules.features.cached_tensors import CachedTensors
from datamodules.files import cache_folder
from datamodules.how2sign.clips import survey, tables
from datamodules.how2sign.frame_reading import PACKED, Conditioning, Frames, Undecoded
from datamodules.how2sign.keypoints import ParsedClips
from datamodules.kinds.paired_frames import CachedFrames, PairedFrames, PairedFramesBatch
from datamodules.media.clip_frames import evenly
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.framing import Framing
from datamodules.media.hand_boxes import Box, keypoint_boxes
from datamodules.orders import Shuffled
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.twins import Twin

__all__ = ["Frames", "How2SignFrames", "Together", "survey"]

FRAMED = 32
"""Clips whose keypoints tell where the pictures have the signer: the camera stands still in all of them."""
SIGNER: Final = "{signer}"
_NECK, _SHOULDERS = 1, [2, 5]


class Together(Shuffled):
    """A shuffled order in which `together` frames of a clip follow one another, so that one decoding serves them."""

    def __init__(self, clips: np.ndarray, together: int, seed: int) -> None:
        super().__init__(len(clips), seed)
        self.clips, self.together = clips, together

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        shuffled = rng.permutation(self.size)
        by_clip = shuffled[np.argsort(self.clips[shuffled], kind="stable")]
        starts = np.flatnonzero(np.diff(self.clips[by_clip], prepend=-1))
        place = np.arange(self.size) - np.repeat(starts, np.diff(starts, append=self.size))
        groups = np.split(by_clip, np.flatnonzero(place % self.together == 0)[1:])
        return np.concatenate([groups[number] for number in rng.permutation(len(groups))]).tolist()  # type: ignore[no-any-return]


class How2SignFrames(PairedFrames):
    """Frames of the signers and OpenPose drawings of them, cut to the middle square; the splits are the official ones.

    A frame's name is its sentence's and its number: "-d5dN54tH2E_0-1-rgb_front/12".

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    every: one frame in so many.
    together: frames of a clip that training takes one after another: more are faster to read, and batches less varied.
    fr_net: makes two further conditions: `paper` of the frame itself, `pose-only` of its pose; None for neither.
    caption: of every frame; `{signer}` stands for the number of who signs, which the sentence's name says. How2Sign
        counts from 1, and so do captions; its twin's names count from 0.
    confidence: draw poses as bright as OpenPose is sure of them.
    """

    dataset = "how2sign"

    def __init__(
        self,
        root: str,
        image_size: int = 512,
        every: int = 5,
        together: int = 4,
        fr_net: FRNet | None = None,
        caption: str = "",
        confidence: bool = False,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, image_size, batch_size, num_workers, seed, twin)
        self.at_least(every=(every, 1), together=(together, 1))
        self.every, self.together = every, together
        refuse_fields(caption)
        self.fr_net, self.caption, self.confidence = fr_net, caption, confidence

    def survey(self) -> Survey:
        found = survey(self.root)
        found.samples = [self._captioned(sample, found) for sample in found.samples]
        return found

    def _captioned(self, sample: Sample, found: Survey) -> Sample:
        number = self._number(sample.name)
        if number is None and SIGNER in self.caption:
            message = f"no number of a signer in its name, as in 0-1-rgb_front; take {SIGNER} out of `caption`"
            found.findings.append(Finding("unreadable", sample.name, message))
        return replace(sample, caption=self.caption.format(signer=number))

    @property
    def signers(self) -> list[int]:
        """The numbers of those who sign in training, ascending; none where names do not say."""
        found = {self._number(sample.name) for sample in self.samples["train"]}
        return sorted(number for number in found if number is not None)

    def _number(self, name: str) -> int | None:
        number = signer_of(name)
        return None if number is None else number + self._before

    @cached_property
    def _before(self) -> int:
        """What captions add to the numbers of names."""
        return 0 if self.twin_mark() is None else 1

    @cached_property
    def counts(self) -> dict[Path, int]:
        """Frames with keypoints in each folder of them that was looked into; a test may read another root's."""
        return {}

    def count(self, sample: Sample) -> int:
        """Frames with keypoints of a sentence."""
        folder = sample.files[1]
        if folder not in self.counts:
            self.counts[folder] = _count(folder)
        return self.counts[folder]

    def content(self) -> list[Path]:
        return [*tables(self.root).values(), *sorted(sample.files[0] for sample in self.surveyed.samples)]

    def fingerprint(self) -> str:
        """As elsewhere; of the keypoints, the number of frames of each sentence."""
        counts = {sample.name: self.count(sample) for sample in self.surveyed.samples}
        return hashlib.sha256(repr((super().fingerprint(), sorted(counts.items()))).encode()).hexdigest()

    def setup(self, stage: str) -> None:
        super().setup(stage)
        splits: tuple[Split, ...] = (self.tested,) if stage == "test" else ("train", "dev")
        self.parsed.parse([sample for split in splits for sample in self.samples[split]])

    @cached_property
    def parsed(self) -> ParsedClips:
        """Keypoints and measures of the clips."""
        return ParsedClips()

    def examples(self, split: Split) -> Frames:
        return self._frames(self.samples[split], self.every)

    def _frames(self, samples: Sequence[Sample], every: int) -> Frames:
        counts = [self.count(sample) for sample in samples]
        conditioning = Conditioning(self.image_size, self.fr_net, self.confidence)
        return Frames(samples, counts, every, conditioning, self.parsed)

    def sequences(self, split: Split, count: int, length: int) -> Iterator[PairedFramesBatch]:
        """Of evenly spread sentences, the middle of each."""
        samples = self.samples[split]
        for place in evenly(min(count, len(samples)), len(samples)):
            frames = self._frames([samples[place]], every=1)
            start = max(0, (len(frames) - length) // 2)
            items = range(len(frames))[start : start + length]
            if len(items) > 1:
                yield self.collate(frames.__getitems__(items))

    def order(self, examples: Dataset[Any]) -> Sampler[Any]:
        """Where no video is read, frames of a clip need not follow one another."""
        if isinstance(examples, Frames):
            return Together(examples.clips, self.together, self.seed)
        return super().order(examples)

    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        frames = self.examples(split)
        samples = [frames.samples[clip] for clip in frames.clips.tolist()]
        return [(frames.name(at), sample.caption or "", sample.files[0]) for at, sample in enumerate(samples)]

    def pictures(self, examples: Dataset[Any], items: Sequence[int]) -> Tensor:
        assert isinstance(examples, Frames)
        return signed_pixels(list(examples.pictures(items)))

    def serve(self, split: Split, moments: CachedTensors) -> None:
        """What FR-Net leaves of the true frames is kept beside their moments; all else is made of keypoints, so that no
        video is read."""
        frames, packed = self.examples(split), None
        if self.fr_net is not None:
            made_by = f"{self.fr_net.block_size}-{self.fr_net.constant}-{self.image_size}"
            packed = moments.beside(cache_folder() / "fr-net" / made_by, (PACKED,), np.uint8)
            packed.complete(frames.packed, f"what FR-Net leaves of {len(frames):,} frames, {split}")
        self.cached[split] = CachedFrames(Undecoded(frames, packed), moments)

    @cached_property
    def framing(self) -> Framing:
        """By the medians of necks and shoulders in training clips.

        Raises ValueError where no shoulders were found in any of them.
        """
        clips, whole = self.samples["train"][:FRAMED], slice(None)
        seen = [self.parsed.keypoints(clip, whole, self.image_size)[:, [_NECK, *_SHOULDERS]] for clip in clips]
        points = np.concatenate(seen)
        points = points[(points[..., 2] > 0).all(1), :, :2]
        if not len(points):
            raise ValueError(f"{self.root}: the keypoints of {len(seen)} clips have no shoulders; run OpenPose again")
        x, y = np.median(points[:, 0], axis=0).tolist()
        unit = float(np.median(np.linalg.norm(points[:, 1] - points[:, 2], axis=1)))
        return Framing.square(self.image_size, unit, (x, y))

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """By the keypoints of the arms."""
        places = [
            (self._sentences[sentence], int(number)) for sentence, _, number in (of.rpartition("/") for of in names)
        ]
        points = [self.parsed.keypoints(clip, [number], self.image_size)[0] for clip, number in places]
        boxes = [keypoint_boxes(of, self.image_size, self.image_size) for of in points]
        return [[box for box in of if box is not None] for of in boxes]

    @cached_property
    def _sentences(self) -> dict[str, Sample]:
        return {sample.name: sample for split in SPLITS for sample in self.samples[split]}


def signer_of(name: str) -> int | None:
    """The number of who signs that a SENTENCE_NAME tells, as in "-d5dN54tH2E_0-1-rgb_front"; None in another name."""
    found = re.search(r"-(\d{1,4})-rgb_(front|side)$", name)
    return int(found[1]) if found else None


def refuse_fields(caption: str) -> None:
    """Raise ValueError for a caption with other fields than {signer}."""
    try:
        fields = [f"{{{field}}}" for _, field, _, _ in Formatter().parse(caption) if field is not None]
    except ValueError as error:
        raise ValueError(f"caption: found {caption!r} ({error}), expected text with {SIGNER} or without") from None
    if others := [field for field in fields if field != SIGNER]:
        raise ValueError(f"caption: found {', '.join(others)}, expected no field but {SIGNER}")


def _count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.name.endswith("_keypoints.json") for entry in entries)
