"""Pictures or clips that a frozen network may encode once for a whole training, whatever files they come in."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.base import SurveyedDataModule
from datamodules.features.cached_tensors import CachedTensors
from datamodules.samples import Split


class EncodedOnce(SurveyedDataModule):
    """A data set of pictures with captions, or of clips with labels. Latent diffusion asks for this, and for no data
    set by name.

    Who trains on what a frozen network makes of them reads `pictures`, one after another, and hands back by `serve`
    what was made: moments (2 C, h, w) of latents, or the tokens (N, D) of a clip.
    """

    image_size: int
    """S, in pixels."""

    @abstractmethod
    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        """Name, caption or label and file of each of a split's items, in the order of `examples`; none of them is
        read."""

    @abstractmethod
    def pictures(self, examples: Dataset[Any], items: Sequence[int]) -> Tensor:
        """Pictures (n, 3, S, S), or clips (n, T, 3, S, S), float in [-1, 1], of some of `examples`, ascending; nothing
        varies them."""

    @abstractmethod
    def serve(self, split: Split, moments: CachedTensors) -> None:
        """From now on have training, or validation, served by what was made of them, in their place. A test always sees
        pictures or clips."""

    @cached_property
    def cached(self) -> dict[Split, Any]:
        """What training and validation are served in the pictures' place, by split: data sets with a `collate`."""
        return {}

    def train_dataloader(self) -> DataLoader[Any]:
        if (examples := self.cached.get("train")) is None:
            return super().train_dataloader()
        return self.loader(examples, sampler=self.order(examples), collate=examples.collate)

    def val_dataloader(self) -> DataLoader[Any]:
        if (examples := self.cached.get("dev")) is None:
            return super().val_dataloader()
        return self.loader(examples, collate=examples.collate)
