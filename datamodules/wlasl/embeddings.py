"""WLASL (Li et al. 2020) as V-JEPA 2 embeddings: what `python -m zoo data embed` made of its clips."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.avatar import VERSION
from datamodules.base import Batch, Samples, SurveyedDataModule
from datamodules.clips import list_clips
from datamodules.features.embedding_files import INDEX as LISTED
from datamodules.features.embedding_files import SETTINGS, EmbeddingSettings, embedded, read_index
from datamodules.features.embeddings import embed
from datamodules.features.vjepa import UNTRAINED, save_untrained
from datamodules.files import user_path
from datamodules.media.video_windows import VARIANTS
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.text_pose.pairs import LengthOrder
from datamodules.twins import Twin, ensure_twin, twin_at
from datamodules.wlasl.glosses import choose_glosses, only
from datamodules.wlasl.index import INDEX, Instance
from datamodules.wlasl.index import read_index as read_instances
from datamodules.wlasl.survey import SplitBy, split_instances

Rows = npt.NDArray[np.float32]


@dataclass
class EmbeddingBatch(Batch):
    """rows (B, T, D) float32, padded with zeros; lengths (B,) in rows; labels (B,) int64; names: the files' stems."""

    rows: Tensor
    lengths: Tensor
    labels: Tensor
    names: list[str]


class WLASLEmbeddings(SurveyedDataModule):
    """Embeddings of clips and their glosses: training on all variants of a clip, validation and test on originals.

    root: WLASL's own folder, and in it that of the embeddings.
    embeddings: the folder with index.csv, in `root`.
    index: WLASL_v0.3.json, or an index like it, in `root`; it says which clips share a source video.
    split: what never stands in two splits: the "source" video, the "signer", or as "official"; the splits are those of
        `datamodules.wlasl.clips.WLASL`. The variants of a clip never part.
    glosses: these alone, or WLASL's first so many classes; None takes all.
    batch_size, num_workers, seed: see `SignDataModule`.
    twin: write the avatar's twin of WLASL into `clips` in `root`, and embed it with an untrained encoder.
    """

    holds: ClassVar[str] = "embeddings"
    dataset = "wlasl"

    def __init__(
        self,
        root: str,
        embeddings: str = "embeddings",
        index: str = INDEX,
        split: SplitBy = "source",
        glosses: int | list[str] | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.embeddings, self.index = str(user_path(embeddings)), str(user_path(index))
        self.split, self.wanted = split, glosses
        self.clips = self.root if twin is None else self.root / "clips"
        self.lengths: dict[str, int] = {}

    @property
    def folder(self) -> Path:
        """Where the embeddings are; each twin has its own, so that none outlives its clips or its encoder."""
        if self.twin is None:
            return self.root / self.embeddings
        made_of = json.dumps([asdict(self.twin), VERSION, UNTRAINED])
        return self.root / f"{self.embeddings}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"

    def prepare_data(self) -> None:
        """Write the twin's clips where they are asked for, and embed them."""
        if self.twin is None:
            super().prepare_data()
            return
        ensure_twin(self.dataset, self.clips, self.twin)
        encoder = self.folder.with_name(f"{self.folder.name}-encoder")
        save_untrained(encoder)
        embed(list_clips(self.clips), self.folder, model=str(encoder), batch_size=16, devices=1)

    def twin_mark(self) -> dict[str, Any] | None:
        return twin_at(self.clips)

    @cached_property
    def settings(self) -> EmbeddingSettings:
        """How the embeddings were made. Raises FileNotFoundError where nobody wrote it down."""
        if not (self.folder / SETTINGS).is_file():
            raise FileNotFoundError(
                f"{self.folder / SETTINGS}: missing; `python -m zoo data embed {self.clips} {self.folder}` writes it "
                "with the embeddings, and a model without it could not read a video"
            )
        return EmbeddingSettings.read(self.folder)

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """The clips of the index by their ids, embedded or not."""
        return {clip.video: clip for clip in read_instances(self.clips / self.index)}

    @cached_property
    def glosses(self) -> list[str]:
        """The gloss of each label."""
        return choose_glosses(self.clips / self.index, list(self.instances.values()), self.wanted)

    def survey(self) -> Survey:
        """The embeddings that index.csv lists, of clips that WLASL's index names; broken ones are errors."""
        clips = split_instances(self.clips / self.index, list(self.instances.values()), self.split)
        by_id, found, rows = {clip.name: clip for clip in clips}, Survey(), read_index(self.folder)
        for row in rows:
            clip = by_id.get(row.clip)
            if clip is None:
                found.findings.append(Finding("unlisted", row.video_id, f"not a clip of {self.index}", "warning"))
            elif clip.split == "train" or row.variant == VARIANTS[0]:
                found.samples.append(replace(clip, name=row.path.stem, files=(row.path,)))
        if rows and not found.samples:
            message = f"none of its {len(rows)} embeddings is of a clip that {self.index} names"
            found.findings.insert(0, Finding("filter", LISTED, message, "warning"))
        return self._readable(only(self.glosses, found))

    def _readable(self, found: Survey) -> Survey:
        """The samples that can be read; the others become errors."""
        there, width = Survey(findings=found.findings), self.settings.width
        for sample in found.samples:
            try:
                self.lengths[sample.name] = len(embedded(sample).header(width))
            except (ValueError, FileNotFoundError) as error:
                there.findings.append(Finding("unreadable", sample.name, str(error)))
            else:
                there.samples.append(sample)
        return there

    def content(self) -> list[Path]:
        files = [self.clips / self.index, self.folder / LISTED, self.folder / SETTINGS]
        return [*files, *(path for path in super().content() if path.is_relative_to(self.root))]

    def examples(self, split: Split) -> Samples:
        labels = {gloss: label for label, gloss in enumerate(self.glosses)}
        return Samples(self.samples[split], EmbeddingReader(labels, self.settings.width), self.seed)

    def order(self, examples: Dataset[Any]) -> LengthOrder:
        lengths = [self.lengths[sample.name] for sample in self.samples["train"]]
        return LengthOrder(lengths, self.batch_size, self.seed)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation (D,) of the training rows."""
        total, squares, count = np.zeros(self.settings.width), np.zeros(self.settings.width), 0
        for sample in self.samples["train"]:
            rows = embedded(sample).read(self.settings.width).astype(np.float64)
            total, squares, count = total + rows.sum(0), squares + np.square(rows).sum(0), count + len(rows)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
        return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()

    @staticmethod
    def collate(items: list[tuple[str, int, Rows]]) -> EmbeddingBatch:
        names, labels, rows = zip(*items, strict=True)
        tensors = [torch.from_numpy(one) for one in rows]
        return EmbeddingBatch(*padded(tensors), torch.tensor(labels), list(names))


@dataclass(frozen=True)
class EmbeddingReader:
    """An embedding's name, label and rows (T, D)."""

    labels: dict[str, int]
    width: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Rows]:
        return sample.name, self.labels[str(sample.label)], embedded(sample).read(self.width)


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Embeddings (T, D) each as one (B, T, D) padded with zeros, and their lengths (B,)."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True), torch.tensor([len(one) for one in rows])
