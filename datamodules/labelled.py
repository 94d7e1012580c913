"""Pictures that each belong to one class, whatever files they come in."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.base import Batch, SurveyedDataModule, signed_pixels
from datamodules.media.drawing_primitives import Image
from datamodules.twins import Twin


@dataclass
class LabelledBatch(Batch):
    """images (B, 3, S, S) float in [-1, 1]; labels (B,) int64, indices into the data set's classes; names."""

    images: Tensor
    labels: Tensor
    names: list[str]


class LabelledPictures(SurveyedDataModule):
    """A data set of pictures with classes, which it names.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    """

    holds: ClassVar[str] = "labelled pictures"

    def __init__(
        self,
        root: str,
        image_size: int = 64,
        batch_size: int = 64,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, 1))
        self.image_size = image_size

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the labels, from 0 up."""

    @staticmethod
    def collate(items: list[tuple[str, int, Image]]) -> LabelledBatch:
        """Of names, labels and pictures (S, S, 3) uint8."""
        names, labels, images = zip(*items, strict=True)
        return LabelledBatch(signed_pixels(images), torch.tensor(labels), list(names))
