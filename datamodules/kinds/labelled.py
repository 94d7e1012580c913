"""Pictures that each belong to one class, whatever files they come in."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.base import Batch, Samples, SurveyedDataModule, signed_pixels
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Finding, Sample, Split, Survey
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


Bytes = npt.NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """Neighbours in a file, all of one split: pictures (N, H, W) or (N, H, W, 3) and labels (N,), N at least 1.

    file: what the file's pictures are called by, "train" or "data_batch_1".
    first: number in the file of the first of them.
    """

    file: str
    split: Split
    pictures: Bytes
    labels: Bytes
    first: int = 0

    @property
    def source(self) -> str:
        """Its name among the sources of samples."""
        return f"{self.file}, pictures {self.first}-{self.first + len(self.labels) - 1}"


@dataclass
class Found:
    """What a folder of such files holds: names of the labels from 0 up, blocks, and what is wrong with the rest."""

    classes: tuple[str, ...]
    paths: list[Path] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def attempt(self, root: Path, path: Path, read: Callable[[Path], T]) -> T | None:
        """What `read` makes of a file; None and a finding where it is missing, or `read` raises ValueError."""
        where = path.relative_to(root).as_posix()
        try:
            content = read(path)
        except FileNotFoundError:
            self.findings.append(Finding("missing", where, "no such file; unpack the download again"))
            return None
        except (ValueError, OSError) as error:
            message = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self.findings.append(Finding("unreadable", where, message.removeprefix(f"{path}: ")))
            return None
        self.paths.append(path)
        return content

    def survey(self) -> Survey:
        """A sample for each picture, of which a block is the source. A class that training lacks is an error."""
        samples = [sample for block in self.blocks for sample in self._samples(block)]
        taught = {sample.label for sample in samples if sample.split == "train"}
        missing = [name for name in self.classes if name not in taught] if taught else []
        message = "no picture of this class for training, expected at least one"
        return Survey(samples, [*self.findings, *(Finding("empty class", name, message) for name in missing)])

    def _samples(self, block: Block) -> Iterator[Sample]:
        source = block.source
        for number, label in enumerate(block.labels.tolist(), block.first):
            yield Sample(f"{block.file}/{number}", block.split, source, self.classes[label])


@dataclass(frozen=True)
class PictureReader:
    """A picture's name, label and pixels (S, S, 3) uint8: in the middle of a black square, grey as three channels.

    blocks: by source.
    """

    blocks: Mapping[str, Block]
    image_size: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Image]:
        block = self.blocks[sample.source]
        index = int(sample.name.rpartition("/")[2]) - block.first
        return sample.name, int(block.labels[index]), centred(block.pictures[index], self.image_size)


def centred(picture: Bytes, size: int) -> Image:
    """A picture (H, W) or (H, W, 3), no larger than `size`, in the middle of a black one (size, size, 3)."""
    height, width = picture.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    canvas: Image = np.zeros((size, size, 3), np.uint8)
    canvas[top : top + height, left : left + width] = picture.reshape(height, width, -1)
    return canvas


def shown(found: Found, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image]]:
    """The pictures of samples, for a person to look at."""
    blocks = {block.source: block for block in found.blocks}
    for sample in samples:
        side = max(blocks[sample.source].pictures.shape[1:3])
        yield sample, PictureReader(blocks, side)(sample, None)[2]


class PictureFiles(LabelledPictures):
    """Pictures out of a few large files, which are read once and kept in memory; see `LabelledPictures`."""

    @staticmethod
    @abstractmethod
    def read(root: Path) -> Found:
        """The content of a folder. Raises FileNotFoundError where it has none of the files."""

    @cached_property
    def found(self) -> Found:
        """The folder's content."""
        return self.read(self.root)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 0 to 9."""
        return self.found.classes

    def survey(self) -> Survey:
        return self.found.survey()

    def content(self) -> Iterable[Path]:
        return self.found.paths if any(self.samples.values()) else ()

    def examples(self, split: Split) -> Samples:
        blocks = {block.source: block for block in self.found.blocks}
        return Samples(self.samples[split], PictureReader(blocks, self.image_size), self.seed)
