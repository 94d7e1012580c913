"""What every LightningDataModule of a data set does alike: its folder, its twin, its samples, its loaders."""

import hashlib
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import cv2
import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.catalogue import CATALOGUE, SIGNED, SPOKEN
from datamodules.files import user_path
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import stack
from datamodules.orders import Key, Share, Shuffled
from datamodules.samples import SPLITS, Sample, Split, Survey
from datamodules.splits import refuse_leaks
from datamodules.twins import Twin, as_written, ensure_twin, twin_at

MEDIA = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".npy"})


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
    tested: Split = "test"
    """The split that a test reads."""

    def __init__(
        self, root: str, batch_size: int = 8, num_workers: int = 0, seed: int = 0, twin: Twin | None = None
    ) -> None:
        super().__init__()
        self.at_least(batch_size=(batch_size, 1), num_workers=(num_workers, 0))
        self.root, self.batch_size, self.num_workers = user_path(root), batch_size, num_workers
        self.seed, self.twin = seed, twin

    @staticmethod
    def at_least(**settings: tuple[int, int]) -> None:
        """Raise ValueError for the first setting, given as name=(value, least), that is too small."""
        for name, (value, least) in settings.items():
            if value < least:
                raise ValueError(f"{name}: found {value}, expected at least {least}")

    @abstractmethod
    def content(self) -> Iterable[Path]:
        """Every file that training, validation and test read, in a fixed order."""

    def prepare_data(self) -> None:
        """Write the twin where it is asked for. Raises FileNotFoundError where there is neither it nor a folder."""
        if self.twin is not None:
            ensure_twin(self.dataset, self.root, self.twin)
        elif not self.root.is_dir():
            raise FileNotFoundError(
                f"{self.root}: no such folder. Put {CATALOGUE[self.dataset].title} there, set data.init_args.root to "
                "where it is, or add --starter to train on the embedded avatar instead."
            )

    def twin_mark(self) -> dict[str, Any] | None:
        """What the data says of itself if it is the avatar's twin, whoever had it written; None for the real data."""
        return twin_at(self.root)

    @property
    def languages(self) -> tuple[str | None, str | None]:
        """Codes of the languages of its texts and of its signing, None where it has none. Twins have the avatar's."""
        dataset = CATALOGUE[self.dataset]
        if self.twin_mark() is None:
            return dataset.spoken, dataset.signed
        return (SPOKEN if dataset.spoken else None), SIGNED

    def fingerprint(self) -> str:
        """SHA-256 over the data set's files: names and bytes; of pictures and videos, names and sizes.

        A few pixels of a twin's pictures depend on the processor, and with them their sizes: in place of these counts
        the twin's mark, as long as a picture has the size that it was written with.
        """
        mark, written = repr(self.twin_mark()).encode(), as_written(self.root)
        digest = hashlib.sha256()
        for path in self.content():
            name = Path(os.path.relpath(path, self.root)).as_posix()
            digest.update(name.encode())
            if path.suffix.lower() in MEDIA:
                size = path.stat().st_size
                digest.update(mark if written.get(name) == size else size.to_bytes(8, "little"))
            else:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def loader(
        self,
        samples: Dataset[Any],
        sampler: Sampler[Any] | None = None,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> DataLoader[Any]:
        """Batches of `samples`, one after another or in a sampler's order; pinned where a GPU is.

        Of a sampler's order, each of several devices takes its share.
        """
        if sampler is not None:
            devices = (self.trainer.world_size, self.trainer.global_rank) if self.trainer is not None else (1, 0)
            sampler = Share(sampler, self.batch_size, *devices)
        return DataLoader(
            samples,
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            prefetch_factor=4 if self.num_workers else None,
            worker_init_fn=_one_thread,
            pin_memory=torch.cuda.is_available(),
            collate_fn=collate,
            generator=torch.Generator().manual_seed(self.seed),
        )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)  # the workers are the parallelism; 1 would wait for threads that a fork left behind


class Batch:
    """Base of a batch's dataclass."""

    def pin_memory(self) -> Self:
        """Page-locked copy, so that the transfer to the GPU overlaps with computing."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        pinned = {name: value.pin_memory() for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **pinned)  # type: ignore[type-var]


class Reader(Protocol):
    """Reads one sample, in a loader's process; `rng` decides what training varies and is None elsewhere."""

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> Any: ...


class Samples(Dataset[Any]):
    """Samples, read one by one."""

    def __init__(self, samples: Sequence[Sample], read: Reader, seed: int) -> None:
        self.samples, self.read, self.seed = samples, read, seed

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key | int) -> Any:
        if isinstance(key, int):
            return self.read(self.samples[key], None)
        epoch, index = key
        return self.read(self.samples[index], np.random.default_rng((self.seed, epoch, index)))


class SurveyedDataModule(SignDataModule):
    """A data set whose samples a survey lists and sorts into splits."""

    @abstractmethod
    def survey(self) -> Survey:
        """The samples on disk, and what is wrong with them."""

    @abstractmethod
    def examples(self, split: Split) -> Dataset[Any]:
        """What a split's batches are made of."""

    @staticmethod
    @abstractmethod
    def collate(items: list[Any]) -> Batch:
        """A batch of what the reader returned, made in a loader's process."""

    @cached_property
    def surveyed(self) -> Survey:
        """The survey, made once."""
        return self.survey()

    @cached_property
    def samples(self) -> dict[Split, list[Sample]]:
        """The samples of each split. Raises ValueError naming every error of the survey, or a leak."""
        samples = usable(self.dataset, self.root, self.surveyed)
        if self.trainer is None or self.trainer.is_global_zero:
            for finding in self.surveyed.findings[:3]:
                print(f"{self.root}: {finding.where}: {finding.message}", file=sys.stderr)
        return samples

    def test_on(self, other: "SurveyedDataModule") -> None:
        """Let a test read the whole of another folder, whose samples were none of training's. What training saw stays
        this folder's."""
        self.samples = {**self.samples, self.tested: [sample for split in SPLITS for sample in other.samples[split]]}

    def content(self) -> Iterable[Path]:
        return sorted({path for split in SPLITS for sample in self.samples[split] for path in sample.files})

    def setup(self, stage: str) -> None:
        """Sort the samples into splits. Raises ValueError where that would spoil training or scores; see `samples`."""
        needed: tuple[Split, ...] = (self.tested,) if stage == "test" else ("train", "dev")
        for split in needed:
            if not self.samples[split]:
                found = ", ".join(f"{len(samples)} in {name}" for name, samples in self.samples.items())
                why = [f.message for f in self.surveyed.findings if f.kind in ("filter", "overlap")]
                advice = "; ".join(why) or "add data, or choose another split"
                raise ValueError(f"{self.root}: no sample in {split} ({found}); {advice}")

    def order(self, examples: Dataset[Any]) -> Sampler[Any]:
        """In which order training sees them."""
        return Shuffled(len(examples), self.seed)  # type: ignore[arg-type]

    def train_dataloader(self) -> DataLoader[Any]:
        examples = self.examples("train")
        return self.loader(examples, sampler=self.order(examples), collate=self.collate)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.examples("dev"), collate=self.collate)

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.examples(self.tested), collate=self.collate)


def usable(dataset: str, root: Path, survey: Survey, shown: int = 10) -> dict[Split, list[Sample]]:
    """The samples of each split, in order. Raises ValueError naming the survey's errors, or a leak between splits."""
    errors = [finding for finding in survey.findings if finding.severity == "error"]
    if errors:
        lines = [f"  {finding.where}: {finding.message}" for finding in errors[:shown]]
        if len(errors) > shown:
            lines.append(f"  and {len(errors) - shown} more: `python -m zoo data check {dataset} {root}` shows them")
        raise ValueError("\n".join([f"{root}: {len(errors)} errors in the data", *lines]))
    refuse_leaks(root, survey.samples)
    return {split: [sample for sample in survey.samples if sample.split == split] for split in SPLITS}


def signed_pixels(images: Sequence[Image] | Image) -> Tensor:
    """N uint8 RGB pictures (H, W, 3) as a float tensor (N, 3, H, W) in [-1, 1]: bytes until all are together."""
    return torch.from_numpy(stack(images)).float().div_(127.5).sub_(1)
