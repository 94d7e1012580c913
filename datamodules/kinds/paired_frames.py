"""Frames of signers beside what a renderer makes them of, whatever files they come in."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from datamodules.base import Batch, SurveyedDataModule, signed_pixels
from datamodules.media.drawing_primitives import Image
from datamodules.media.framing import Framing
from datamodules.media.hand_boxes import Box
from datamodules.media.images import stack
from datamodules.twins import Twin


@dataclass(frozen=True)
class PairedFrame:
    """A frame and its conditions, (S, S, 3) uint8 each; `further` holds what else it is made of, by name."""

    name: str
    condition: Image
    frame: Image
    further: dict[str, Image] = field(default_factory=dict)


@dataclass
class PairedFramesBatch(Batch):
    """What renderers are trained on.

    conditions: (B, C, S, S) float in [0, 1], what each frame is made of: the drawing of its pose.
    frames: (B, 3, S, S) float in [-1, 1].
    names: unique in the data set.
    further: other conditions by name, (B, C', S, S) float in [0, 1] each; empty where the data set has none.
    """

    conditions: Tensor
    frames: Tensor
    names: list[str]
    further: dict[str, Tensor] = field(default_factory=dict)

    def pin_memory(self) -> Self:
        return replace(super().pin_memory(), further={name: of.pin_memory() for name, of in self.further.items()})


class PairedFrames(SurveyedDataModule):
    """A data set of frames and conditions. A renderer asks for this, and for no data set by name.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    """

    holds: ClassVar[str] = "frames beside drawings of their poses"

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
    @abstractmethod
    def framing(self) -> Framing:
        """Where its pictures have the signer, from which any other pose is drawn as its own are."""

    @abstractmethod
    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """Where frames of these names have their hands, in pixels of a picture of `image_size`, as far as is known.

        It is said by the data set's own files, and so the same for every model and every baseline.
        """

    @staticmethod
    def collate(items: list[PairedFrame]) -> PairedFramesBatch:
        further = {name: unit_pixels([item.further[name] for item in items]) for name in items[0].further}
        conditions, frames = [item.condition for item in items], [item.frame for item in items]
        return PairedFramesBatch(unit_pixels(conditions), signed_pixels(frames), [item.name for item in items], further)


def unit_pixels(images: Sequence[Image]) -> Tensor:
    """N uint8 pictures (H, W, C) as a float tensor (N, C, H, W) in [0, 1]."""
    return torch.from_numpy(stack(images)).float().div_(255)
