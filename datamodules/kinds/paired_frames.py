"""Frames of signers beside what a renderer makes them of, whatever files they come in."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, signed_pixels
from datamodules.features.cached_tensors import CachedTensors, Rows
from datamodules.kinds.encoded_once import EncodedOnce
from datamodules.media.drawing_primitives import Image
from datamodules.media.framing import Framing
from datamodules.media.hand_boxes import Box
from datamodules.media.images import stack
from datamodules.orders import Key
from datamodules.samples import Split
from datamodules.twins import Twin

Confidences = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FrameConditions:
    """What a frame is to be made of.

    name: unique in the data set.
    condition: (S, S, 3) uint8, the drawing of its pose.
    further: what else it may be made of, by name, (S, S, 3) uint8 each.
    caption: what a text says of it; "" where none does.
    hands: (S, S) uint8, how confident it is that a hand is at a pixel, 255 for certain; None where nothing is known.
    """

    name: str
    condition: Image
    further: dict[str, Image] = field(default_factory=dict, kw_only=True)
    caption: str = field(default="", kw_only=True)
    hands: Confidences | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class PairedFrame(FrameConditions):
    """A frame (S, S, 3) uint8 and its conditions."""

    frame: Image


@dataclass(kw_only=True)
class FrameConditionsBatch(Batch):
    """What frames are to be made of.

    conditions: (B, C, S, S) float in [0, 1]: drawings of poses.
    names: unique in the data set.
    captions: B, "" where the data set has none.
    hands: (B, 1, S, S) float in [0, 1], how confident it is that a hand is at a pixel; 0 where nothing is known.
    further: other conditions by name, (B, C', S, S) float in [0, 1] each; empty where the data set has none.
    """

    conditions: Tensor
    names: list[str]
    captions: list[str]
    hands: Tensor
    further: dict[str, Tensor]

    def pin_memory(self) -> Self:
        return replace(super().pin_memory(), further={name: of.pin_memory() for name, of in self.further.items()})


@dataclass(kw_only=True)
class PairedFramesBatch(FrameConditionsBatch):
    """What renderers are trained on: frames (B, 3, S, S) float in [-1, 1] and their conditions."""

    frames: Tensor


@dataclass(kw_only=True)
class CachedFramesBatch(FrameConditionsBatch):
    """The same with moments (B, 2 C, h, w) float, means and log-variances of the frames' latents, in their place."""

    moments: Tensor


class CachedFrames(Dataset[tuple[FrameConditions, Rows]]):
    """Conditions and, in the frames' place, what an autoencoder has made of them. Nothing varies either."""

    def __init__(self, conditions: Dataset[Any], moments: CachedTensors) -> None:
        self.conditions, self.moments = conditions, moments

    def __len__(self) -> int:
        return len(self.moments)

    def __getitem__(self, key: Key | int) -> tuple[FrameConditions, Rows]:
        index = key if isinstance(key, int) else key[1]
        return self.conditions[index], self.moments[index]

    @staticmethod
    def collate(items: list[tuple[FrameConditions, Rows]]) -> CachedFramesBatch:
        conditions, moments = zip(*items, strict=True)
        return CachedFramesBatch(**collated(conditions), moments=torch.from_numpy(np.stack(moments)))


class PairedFrames(EncodedOnce):
    """A data set of frames and conditions. A renderer asks for this, and for no data set by name.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    """

    holds: ClassVar[str] = "frames beside drawings of their poses"
    caption = ""
    """Of its frames; `{signer}` in it stands for the number of who signs."""
    confidence = False
    """Whether its drawings are as bright as keypoints are certain."""

    def __init__(
        self,
        root: str,
        image_size: int = 256,
        batch_size: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, 8))
        self.image_size = image_size

    @property
    def signers(self) -> list[int]:
        """The numbers of those who sign in training, ascending; none where the data set does not say."""
        return []

    @property
    @abstractmethod
    def framing(self) -> Framing:
        """Where its pictures have the signer, from which any other pose is drawn as its own are."""

    @abstractmethod
    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """Where frames of these names have their hands, in pixels of a picture of `image_size`, as far as is known.

        It is said by the data set's own files, and so the same for every model and every baseline.
        """

    def sequences(self, split: Split, count: int, length: int) -> Iterator[PairedFramesBatch]:
        """Up to `count` sequences of a split, each of 2 to `length` frames that follow one another in a recording.

        None of a data set whose frames do not.
        """
        return iter(())

    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        return [(sample.name, "", sample.files[0]) for sample in self.samples[split]]

    def pictures(self, examples: Dataset[Any], items: Sequence[int]) -> Tensor:
        return signed_pixels([examples[item].frame for item in items])

    def serve(self, split: Split, moments: CachedTensors) -> None:
        self.cached[split] = CachedFrames(self.examples(split), moments)

    @staticmethod
    def collate(items: list[PairedFrame]) -> PairedFramesBatch:
        return PairedFramesBatch(**collated(items), frames=signed_pixels([item.frame for item in items]))


def collated(items: Sequence[FrameConditions]) -> dict[str, Any]:
    """The fields of a `FrameConditionsBatch`."""
    pictures = [item.condition for item in items]
    hands = [np.zeros(item.condition.shape[:2], np.uint8) if item.hands is None else item.hands for item in items]
    return {
        "conditions": unit_pixels(pictures),
        "names": [item.name for item in items],
        "captions": [item.caption for item in items],
        "hands": unit_pixels([confidences[..., None] for confidences in hands]),
        "further": {name: unit_pixels([item.further[name] for item in items]) for name in items[0].further},
    }


def unit_pixels(images: Sequence[Image]) -> Tensor:
    """N uint8 pictures (H, W, C) as a float tensor (N, C, H, W) in [0, 1]."""
    return torch.from_numpy(stack(images)).float().div_(255)
