"""What every LightningDataModule of a data set does alike: its folder, its twin, its loaders."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.avatar.twins import Twin, ensure_twin


class SignDataModule(L.LightningDataModule, ABC):
    """A data set in a folder.

    root: the data set's folder.
    batch_size: samples a batch.
    num_workers: loader processes.
    seed: of the order of the training samples.
    twin: where `root` does not exist, write the avatar's twin of the data set there.
    """

    dataset: ClassVar[str]
    """Its name on the command line, which is that of its twin."""

    def __init__(
        self, root: str, batch_size: int = 8, num_workers: int = 0, seed: int = 0, twin: Twin | None = None
    ) -> None:
        super().__init__()
        self.at_least(batch_size=(batch_size, 1), num_workers=(num_workers, 0))
        self.root, self.batch_size, self.num_workers = Path(root), batch_size, num_workers
        self.seed, self.twin = seed, twin

    @staticmethod
    def at_least(**settings: tuple[int, int]) -> None:
        """Raise ValueError for the first setting, given as name=(value, least), that is too small."""
        for name, (value, least) in settings.items():
            if value < least:
                raise ValueError(f"data.init_args.{name}: found {value}, expected at least {least}")

    @abstractmethod
    def content(self) -> Iterable[Path]:
        """Every file that training, validation and test read, in a fixed order."""

    def prepare_data(self) -> None:
        """Write the twin where it is asked for."""
        if self.twin is not None:
            ensure_twin(self.dataset, self.root, self.twin)

    def fingerprint(self) -> str:
        """SHA-256 over the data set's files: names and bytes; of pictures and videos, names and sizes."""
        digest = hashlib.sha256()
        for path in self.content():
            digest.update(path.relative_to(self.root).as_posix().encode())
            if path.suffix.lower() in MEDIA:
                digest.update(path.stat().st_size.to_bytes(8, "little"))
            else:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def loader(
        self,
        samples: Dataset[Any],
        shuffle: bool = False,
        sampler: Sampler[int] | None = None,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> DataLoader[Any]:
        """Batches of `samples`, in an order that the seed decides where they are shuffled; pinned where a GPU is."""
        return DataLoader(
            samples,
            batch_size=self.batch_size,
            shuffle=shuffle,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
            generator=torch.Generator().manual_seed(self.seed),
        )


MEDIA = frozenset({".jpg", ".jpeg", ".png", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".npy"})
