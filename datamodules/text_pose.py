"""Pairs of a sentence and its poses, batched by length: what every text-to-pose data set shares."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.avatar.twins import Twin, ensure_twin
from datamodules.text import Tokenizer

SOURCE_FPS = 25.0
"""Frame rate of the prepared poses of How2Sign and PHOENIX14T."""


@dataclass(frozen=True)
class TextPose:
    """One sentence: its name in the data set, its text, joints (T, 50, 3) float32 in SLP units."""

    name: str
    text: str
    joints: np.ndarray


@dataclass
class TextPoseBatch:
    """tokens (B, N) padded with 0; joints (B, T, 50, 3) padded with zeros; lengths (B,) in frames; texts, names."""

    tokens: Tensor
    joints: Tensor
    lengths: Tensor
    texts: list[str]
    names: list[str]

    def pin_memory(self) -> "TextPoseBatch":
        """Page-locked copy, so that the transfer to the GPU overlaps with computing."""
        return replace(
            self,
            tokens=self.tokens.pin_memory(),
            joints=self.joints.pin_memory(),
            lengths=self.lengths.pin_memory(),
        )


class _Examples(Dataset[TextPose]):
    def __init__(self, examples: Sequence[TextPose]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> TextPose:
        return self.examples[index]


class LengthOrder(Sampler[int]):
    """A shuffled order in which neighbours are of similar length, so that batches waste little on padding."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = np.argsort(self.lengths * rng.uniform(0.9, 1.1, len(self.lengths)), kind="stable")
        batches = np.array_split(order, range(self.batch_size, len(order), self.batch_size))
        last = [batches.pop()] if len(order) % self.batch_size else []
        shuffled = [batches[number] for number in rng.permutation(len(batches))] + last
        return iter(np.concatenate(shuffled).tolist())


class TextPoseDataModule(L.LightningDataModule, ABC):
    """Reads train, dev and test pairs of one data set.

    root: the data set's folder.
    batch_size: sentences a batch.
    stride: keep every stride-th frame; the frame rate becomes 25 / stride.
    max_frames: longer sequences (after striding) are left out of training, as published (300).
    min_count: words of fewer training occurrences are spelled.
    num_workers: loader processes.
    seed: of the order of the training sentences.
    twin: where `root` does not exist, write the avatar's twin of the data set there.
    """

    layout: str

    def __init__(
        self,
        root: str,
        batch_size: int = 8,
        stride: int = 1,
        max_frames: int = 300,
        min_count: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("stride", stride, 1),
            ("max_frames", max_frames, 1),
            ("min_count", min_count, 1),
            ("num_workers", num_workers, 0),
        ):
            if value < least:
                raise ValueError(f"data.init_args.{name}: found {value}, expected at least {least}")
        self.root = Path(root)
        self.batch_size, self.stride, self.max_frames = batch_size, stride, max_frames
        self.min_count, self.num_workers, self.seed, self.twin = min_count, num_workers, seed, twin
        self.examples: dict[str, list[TextPose]] = {}

    @property
    def fps(self) -> float:
        """Frames a second of the joints in a batch."""
        return SOURCE_FPS / self.stride

    @abstractmethod
    def files(self, split: str) -> list[Path]:
        """The files that hold a split ("train", "dev" or "test")."""

    @abstractmethod
    def read(self, split: str) -> list[TextPose]:
        """Every pair of a split, at the data set's own frame rate."""

    def prepare_data(self) -> None:
        """Write the twin where it is asked for, and see that every file is there.

        Raises FileNotFoundError naming all that is missing.
        """
        if self.twin is not None:
            ensure_twin(self.layout, self.root, self.twin)
        missing = [path for split in ("train", "dev", "test") for path in self.files(split) if not path.is_file()]
        if missing:
            names = ", ".join(path.name for path in missing)
            raise FileNotFoundError(
                f"{self.root}: missing {names}. Put the {self.layout} files there, set data.init_args.root to "
                "where they are, or add --starter to train on the embedded avatar instead."
            )

    def setup(self, stage: str) -> None:
        """Read what a stage needs; the vocabulary always comes from the training texts."""
        if "train" not in self.examples:
            self.examples["train"] = self._strided("train", self.max_frames)
            self.tokenizer = Tokenizer.build((example.text for example in self.examples["train"]), self.min_count)
            self._readable("train")
        needed = {"fit": ("dev",), "validate": ("dev",), "test": ("test",)}.get(stage, ())
        for split in needed:
            if split not in self.examples:
                self.examples[split] = self._strided(split, None)
                self._readable(split)

    def fingerprint(self) -> str:
        """SHA-256 over the data set's files, the name of each before its bytes."""
        digest = hashlib.sha256()
        for split in ("train", "dev", "test"):
            for path in self.files(split):
                digest.update(path.name.encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def training_joints(self) -> Tensor:
        """All training frames, (frames, 50, 3), for the statistics that normalise them."""
        return torch.from_numpy(np.concatenate([example.joints for example in self.examples["train"]]))

    def train_dataloader(self) -> DataLoader[TextPose]:
        lengths = [len(example.joints) for example in self.examples["train"]]
        return self._loader("train", LengthOrder(lengths, self.batch_size, self.seed))

    def val_dataloader(self) -> DataLoader[TextPose]:
        return self._loader("dev")

    def test_dataloader(self) -> DataLoader[TextPose]:
        return self._loader("test")

    def _strided(self, split: str, longest: int | None) -> list[TextPose]:
        examples = [TextPose(e.name, e.text, e.joints[:: self.stride].copy()) for e in self.read(split)]
        kept = [e for e in examples if longest is None or len(e.joints) <= longest]
        if not kept:
            raise ValueError(
                f"{self.root}: no {split} sequence left of {len(examples)}: each is longer than max_frames={longest}"
                if examples
                else f"{self.root}: the {split} split is empty"
            )
        return kept

    def _readable(self, split: str) -> None:
        """Raise ValueError for the first sentence that has nothing to sign, before a step is made."""
        for example in self.examples[split]:
            try:
                self.tokenizer.encode(example.text)
            except ValueError as error:
                raise ValueError(f"{self.root}: {split} sentence {example.name}: {error}") from None

    def _loader(self, split: str, sampler: Sampler[int] | None = None) -> DataLoader[TextPose]:
        return DataLoader(
            _Examples(self.examples[split]),
            batch_size=self.batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=self.collate,
        )

    def collate(self, examples: Sequence[TextPose]) -> TextPoseBatch:
        """Pad a list of pairs into a batch."""
        tokens = [torch.tensor(self.tokenizer.encode(example.text)) for example in examples]
        joints = [torch.from_numpy(example.joints) for example in examples]
        pad = torch.nn.utils.rnn.pad_sequence
        return TextPoseBatch(
            tokens=pad(tokens, batch_first=True),
            joints=pad(joints, batch_first=True),
            lengths=torch.tensor([len(sequence) for sequence in joints]),
            texts=[example.text for example in examples],
            names=[example.name for example in examples],
        )


def paired(root: Path, names: Sized, parts: Mapping[str, Sized]) -> None:
    """Raise ValueError unless files that run in parallel have the same number of lines."""
    for part, lines in parts.items():
        if len(lines) != len(names):
            raise ValueError(
                f"{root}: {part} has {len(lines)} lines but there are {len(names)} names; "
                "line n of each file must belong to the same sequence"
            )
