"""Pictures with a text each, whatever files they come in: what text-to-image models learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, signed_pixels
from datamodules.features.cached_tensors import CachedTensors, Rows
from datamodules.kinds.encoded_once import EncodedOnce
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from datamodules.orders import Key
from datamodules.samples import Split
from datamodules.twins import Twin


@dataclass
class CaptionedBatch(Batch):
    """images (B, 3, S, S) float in [-1, 1]; captions and names, B each."""

    images: Tensor
    captions: list[str]
    names: list[str]


@dataclass
class CachedBatch(Batch):
    """moments (B, 2 C, h, w) float, means and log-variances of the pictures' latents; captions and names, B each."""

    moments: Tensor
    captions: list[str]
    names: list[str]


class CachedPictures(Dataset[tuple[str, str, Rows]]):
    """Names, captions and, in the pictures' place, what an autoencoder has made of them."""

    def __init__(self, described: Sequence[tuple[str, str, Path]], moments: CachedTensors) -> None:
        self.described, self.moments = described, moments

    def __len__(self) -> int:
        return len(self.described)

    def __getitem__(self, key: Key | int) -> tuple[str, str, Rows]:
        index = key if isinstance(key, int) else key[1]
        name, caption, _ = self.described[index]
        return name, caption, self.moments[index]

    @staticmethod
    def collate(items: list[tuple[str, str, Rows]]) -> CachedBatch:
        """Of names, captions and moments (2 C, h, w)."""
        names, captions, moments = zip(*items, strict=True)
        return CachedBatch(torch.from_numpy(np.stack(moments)), list(captions), list(names))


class CaptionedPictures(EncodedOnce):
    """A data set of pictures with captions.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    """

    holds: ClassVar[str] = "pictures with captions"

    def __init__(
        self,
        root: str,
        image_size: int = 512,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size=batch_size, num_workers=num_workers, seed=seed, twin=twin)
        self.at_least(image_size=(image_size, 8))
        self.image_size = image_size

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """Where pictures of these names have their hands, in pixels of a picture of `image_size`, as far as is known;
        most data sets do not say."""
        return [[] for _ in names]

    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        return [(sample.name, str(sample.caption), sample.files[0]) for sample in self.samples[split]]

    def pictures(self, examples: Dataset[Any], items: Sequence[int]) -> Tensor:
        return self.collate([examples[item] for item in items]).images

    def serve(self, split: Split, moments: CachedTensors) -> None:
        self.cached[split] = CachedPictures(self.described(split), moments)

    @staticmethod
    def collate(items: list[tuple[str, str, Image]]) -> CaptionedBatch:
        """Of names, captions and pictures (S, S, 3) uint8."""
        names, captions, images = zip(*items, strict=True)
        return CaptionedBatch(signed_pixels(images), list(captions), list(names))
