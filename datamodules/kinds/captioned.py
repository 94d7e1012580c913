"""Pictures with a text each, whatever files they come in: what text-to-image models learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from datamodules.base import Batch, SurveyedDataModule, signed_pixels
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from datamodules.samples import Split
from datamodules.twins import Twin


@dataclass
class CaptionedBatch(Batch):
    """images (B, 3, S, S) float in [-1, 1]; captions and names, B each."""

    images: Tensor
    captions: list[str]
    names: list[str]


class CaptionedPictures(SurveyedDataModule):
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
        """Name, caption and file of each of a split's pictures, in the order of `examples`; none of them is read."""
        return [(sample.name, str(sample.label), sample.files[0]) for sample in self.samples[split]]

    @staticmethod
    def collate(items: list[tuple[str, str, Image]]) -> CaptionedBatch:
        """Of names, captions and pictures (S, S, 3) uint8."""
        names, captions, images = zip(*items, strict=True)
        return CaptionedBatch(signed_pixels(images), list(captions), list(names))
