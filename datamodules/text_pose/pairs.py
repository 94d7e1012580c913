"""Pairs of a sentence and its poses, batched by length: what every text-to-pose data set shares."""

import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, overload

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.base import Batch, SignDataModule
from datamodules.poses.sequences import Joints, Sequences
from datamodules.samples import SPLITS, Sample, Split
from datamodules.splits import refuse_leaks
from datamodules.text import Tokenizer
from datamodules.text_pose.survey import spoilt_texts
from datamodules.text_repair import repaired
from datamodules.twins import Twin, ensure_twin

SOURCE_FPS = 25.0
"""Frame rate of the prepared poses of How2Sign and PHOENIX14T."""


@dataclass(frozen=True)
class TextPose:
    """One sentence: its name in the data set, its text, joints (T, 50, 3) float32 in SLP units."""

    name: str
    text: str
    joints: Joints


class Examples(Dataset[TextPose], Sequence[TextPose]):
    """Pairs whose joints stay in the mapped file until they are asked for, every `stride`-th frame of them.

    lengths: frames of each, after striding.
    """

    def __init__(
        self,
        names: Sequence[str],
        texts: Sequence[str],
        sequences: Sequences,
        stride: int = 1,
        longest: int | None = None,
    ) -> None:
        lengths = -(-sequences.lengths // stride)
        self._rows: list[int] = np.flatnonzero((lengths > 0) & (lengths <= (longest or np.inf))).tolist()
        self.lengths: list[int] = lengths[self._rows].tolist()
        self.names = [names[row] for row in self._rows]
        self.texts = [texts[row] for row in self._rows]
        self._sequences, self._stride = sequences, stride

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> TextPose: ...
    @overload
    def __getitem__(self, index: slice) -> list[TextPose]: ...
    def __getitem__(self, index: int | slice) -> TextPose | list[TextPose]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        joints = self._sequences[self._rows[index]][:: self._stride]
        return TextPose(self.names[index], self.texts[index], joints)


@dataclass
class TextPoseBatch(Batch):
    """tokens (B, N) padded with 0; joints (B, T, 50, 3) padded with zeros; lengths (B,) in frames; texts, names."""

    tokens: Tensor
    joints: Tensor
    lengths: Tensor
    texts: list[str]
    names: list[str]

    @property
    def sentences(self) -> "Sentences":
        """The batch without its joints, their lengths, and names by which both could be looked up."""
        return Sentences(self.tokens, self.texts)


@dataclass
class Sentences(Batch):
    """What a batch asks for, without the answer: what a model decodes from when nobody tells it anything."""

    tokens: Tensor
    texts: list[str]


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


class TextPoseDataModule(SignDataModule):
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

    holds: ClassVar[str] = "text-pose pairs"

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
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(stride=(stride, 1), max_frames=(max_frames, 1))
        self.stride, self.max_frames, self.min_count = stride, max_frames, min_count
        self.examples: dict[Split, Examples] = {}

    @property
    def fps(self) -> float:
        """Frames a second of the joints in a batch."""
        return SOURCE_FPS / self.stride

    @abstractmethod
    def files(self, split: Split) -> list[Path]:
        """The files that hold a split."""

    @abstractmethod
    def pairs(self, split: Split) -> list[tuple[Sample, str]]:
        """The sentences of a split that have poses, in the order of their poses, each with its text as written."""

    @abstractmethod
    def poses(self, split: Split) -> Sequences:
        """The poses of a split, at 25 frames a second; parsed now where they were not before."""

    def content(self) -> Iterable[Path]:
        return [path for split in SPLITS for path in self.files(split)]

    def prepare_data(self) -> None:
        """Write the twin where it is asked for, see that every file is there, and parse the poses.

        Raises:
            FileNotFoundError: naming all that is missing.
            ValueError: files that cannot be read or do not belong together, or a source in two splits.
        """
        if self.twin is not None:
            ensure_twin(self.dataset, self.root, self.twin, only="poses")
        missing = [path for split in SPLITS for path in self.files(split) if not path.is_file()]
        if missing:
            names = ", ".join(path.name for path in missing)
            raise FileNotFoundError(
                f"{self.root}: missing {names}. Put the {self.dataset} files there, set data.init_args.root to "
                "where they are, or add --starter to train on the embedded avatar instead."
            )
        pairs = [pair for split in SPLITS for pair in self.pairs(split)]
        refuse_leaks(self.root, [sample for sample, _ in pairs])
        for finding in spoilt_texts(pairs):
            say(f"{self.root}: {finding.message}")
        for split in SPLITS:
            self.poses(split)

    def read(self, split: Split, stride: int = 1, longest: int | None = None) -> Examples:
        """The pairs of a split: every `stride`-th frame, and none of more than `longest` frames then."""
        pairs, poses = self.pairs(split), self.poses(split)
        paired(self.root, pairs, {f"{split}'s poses": poses})
        texts = [repaired(text) for _, text in pairs]
        return Examples([sample.name for sample, _ in pairs], texts, poses, stride, longest)

    def setup(self, stage: str) -> None:
        """Read what a stage needs; the vocabulary always comes from the training texts."""
        if "train" not in self.examples:
            self.examples["train"] = self._kept("train", self.max_frames)
            self.tokenizer = Tokenizer.build(self.examples["train"].texts, self.min_count)
            self._readable("train")
        needed: dict[str, Split] = {"fit": "dev", "validate": "dev", "test": self.tested}
        split = needed.get(stage)
        if split and split not in self.examples:
            self.examples[split] = self._kept(split, None)
            self._readable(split)

    def training_joints(self) -> Iterator[Tensor]:
        """The training sequences one by one, each (T, 50, 3), for the statistics that normalise them."""
        return (torch.from_numpy(np.array(example.joints)) for example in self.examples["train"])

    def train_dataloader(self) -> DataLoader[TextPose]:
        order = LengthOrder(self.examples["train"].lengths, self.batch_size, self.seed)
        return self.loader(self.examples["train"], sampler=order, collate=self.collate)

    def val_dataloader(self) -> DataLoader[TextPose]:
        return self.loader(self.examples["dev"], collate=self.collate)

    def test_dataloader(self) -> DataLoader[TextPose]:
        return self.loader(self.examples[self.tested], collate=self.collate)

    def _kept(self, split: Split, longest: int | None) -> Examples:
        kept = self.read(split, self.stride, longest)
        if not kept:
            lengths = self.poses(split).lengths
            if not lengths.any():
                raise ValueError(f"{self.root}: the {split} split is empty, {len(lengths)} sentences and not a frame")
            raise ValueError(
                f"{self.root}: no {split} sequence left of {len(lengths)}: each is longer than max_frames={longest}"
            )
        return kept

    def _readable(self, split: Split) -> None:
        """Raise ValueError for the first sentence that has nothing to sign, before a step is made."""
        examples = self.examples[split]
        for name, text in zip(examples.names, examples.texts, strict=True):
            try:
                self.tokenizer.encode(text)
            except ValueError as error:
                raise ValueError(f"{self.root}: {split} sentence {name}: {error}") from None

    def collate(self, examples: Sequence[TextPose]) -> TextPoseBatch:
        """Pad a list of pairs into a batch."""
        tokens = [torch.tensor(self.tokenizer.encode(example.text)) for example in examples]
        joints = [torch.from_numpy(np.array(example.joints)) for example in examples]  # the mapped file is read-only
        pad = torch.nn.utils.rnn.pad_sequence
        return TextPoseBatch(
            tokens=pad(tokens, batch_first=True),
            joints=pad(joints, batch_first=True),
            lengths=torch.tensor([len(sequence) for sequence in joints]),
            texts=[example.text for example in examples],
            names=[example.name for example in examples],
        )


@cache
def say(line: str) -> None:
    """On stderr, once, however often the data is prepared."""
    print(line, file=sys.stderr)


def paired(root: Path, names: Sized, parts: Mapping[str, Sized]) -> None:
    """Raise ValueError unless files that run in parallel have the same number of lines."""
    for part, lines in parts.items():
        if len(lines) != len(names):
            raise ValueError(
                f"{root}: {part} has {len(lines)} lines but there are {len(names)} names, blank lines at the end not "
                "counted; line n of each file must belong to the same sequence"
            )
