"""WLASL (Li et al. 2020) as V-JEPA 2 embeddings: what `python -m zoo data embed` made of its clips."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, Samples
from datamodules.clips import list_clips
from datamodules.features.cached_tensors import content_keys, digest
from datamodules.features.embedding_files import INDEX as LISTED
from datamodules.features.embedding_files import REPORT, SETTINGS, EmbeddingSettings, embedded, npy_path, read_index
from datamodules.features.embeddings import embed
from datamodules.features.vjepa import settings_of
from datamodules.files import cache_folder, locked, user_path, write_json
from datamodules.media.clip import Clip
from datamodules.media.video_windows import VARIANTS
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.text_pose.pairs import LengthOrder
from datamodules.twins import Twin
from datamodules.wlasl.glosses import only
from datamodules.wlasl.index import INDEX
from datamodules.wlasl.signs import WLASLSigns
from datamodules.wlasl.survey import SplitBy, split_instances, survey

AT_ONCE: Final = 16
"""Windows of a clip that are embedded together."""

Rows = npt.NDArray[np.float32]


@dataclass
class EmbeddingBatch(Batch):
    """rows (B, T, D) float32, padded with zeros; lengths (B,) in rows; labels (B,) int64; names: the files' stems."""

    rows: Tensor
    lengths: Tensor
    labels: Tensor
    names: list[str]


class WLASLEmbeddings(WLASLSigns):
    """Embeddings of clips and their glosses: training on all variants of a clip, validation and test on originals.

    root, index, split, glosses, batch_size, num_workers, seed, twin: see `WLASLSigns`. The variants of a clip never
        part.
    encoder: the VJEPA2Model that embeds the clips in `root`, each of them once, into this machine's cache: a model of
        the zoo, a folder, or user/name@revision on the Hub; None where they are embedded.
    embeddings: the folder with index.csv, in `root`, where there is no encoder.
    """

    holds: ClassVar[str] = "embeddings"
    stands_on: ClassVar[str] = "encoder"

    def __init__(
        self,
        root: str,
        encoder: str | None = None,
        embeddings: str = "embeddings",
        index: str = INDEX,
        split: SplitBy = "source",
        glosses: int | list[str] | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, index, split, glosses, batch_size, num_workers, seed, twin)
        if twin is not None and encoder is None:
            raise ValueError("encoder: found none, expected one: a twin has clips, which nobody has embedded")
        self.encoder, self.embeddings = encoder, str(user_path(embeddings))
        self.made_by: tuple[Path, EmbeddingSettings] | None = None
        self.lengths: dict[str, int] = {}

    def stand_on(self, folder: Path, repo_id: str | None = None) -> None:
        """Have the clips embedded by the VJEPA2Model in a folder.

        repo_id: of the repository that it is; one that is on the Hub nobody has to carry along.

        Raises ValueError where there is no such model.
        """
        self.made_by = folder, settings_of(repo_id or str(folder), folder, AT_ONCE)

    @property
    def folder(self) -> Path:
        """Where the embeddings are. Other weights make others of the same clips, in a folder of their own; those of a
        twin serve all that are like it."""
        if self.encoder is None:
            return self.root / self.embeddings
        clips = self.twin_mark() or str(self.root.resolve())
        made = {**asdict(self.settings), "model": None}
        return cache_folder() / "embeddings" / digest(json.dumps(made), json.dumps(clips))

    def prepare_data(self) -> None:
        """Write the twin's clips where they are asked for, and embed what is not embedded yet; clips that cannot be
        read are named and left out."""
        super().prepare_data()
        if self.made_by is None:
            return
        clips, folder = self.clips(), self.folder
        if self.twin_mark() is None:
            forget_outdated(clips, folder)
        if not (folder / REPORT).is_file():
            print(f"zoo: embedding {len(clips):,} clips into {folder}", file=sys.stderr, flush=True)
        failed = embed(clips, folder, model=str(self.made_by[0]), batch_size=AT_ONCE, devices=1)
        for file, reason in failed.items():
            print(f"zoo: {file} is left out: {reason}", file=sys.stderr)

    def clips(self) -> list[Clip]:
        """Those of the index that are of glosses which are asked for."""
        wanted = {sample.name for sample in only(self.glosses, survey(self.root, self.index, self.split)).samples}
        return [clip for clip in list_clips(self.root, self.index) if clip.name in wanted]

    @property
    def settings(self) -> EmbeddingSettings:
        """How the embeddings are made. Raises FileNotFoundError where nobody wrote it down, and ValueError where the
        encoder is only named yet."""
        if self.made_by is not None:
            return self.made_by[1]
        if self.encoder is not None:
            raise ValueError(f"encoder: {self.encoder} is not there yet; `stand_on` takes the folder that it lies in")
        if not (self.folder / SETTINGS).is_file():
            raise FileNotFoundError(
                f"{self.folder / SETTINGS}: missing; `python -m zoo data embed {self.root} {self.folder}` writes it "
                "with the embeddings, and a model without it could not read a video"
            )
        return EmbeddingSettings.read(self.folder)

    def survey(self) -> Survey:
        """The embeddings that index.csv lists, of clips that WLASL's index names; broken ones are errors."""
        clips = split_instances(self.root / self.index, list(self.instances.values()), self.split)
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
        if self.encoder is not None:  # what they are made of
            clips = only(self.glosses, survey(self.root, self.index, self.split)).samples
            return [self.root / self.index, *sorted({sample.files[0] for sample in clips})]
        first, *rows = super().content()
        made = (self.folder / LISTED, self.folder / SETTINGS)
        return [first, *made, *(path for path in rows if path.is_relative_to(self.root))]

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], EmbeddingReader(self.labels, self.settings.width), self.seed)

    def order(self, examples: Dataset[Any]) -> LengthOrder:
        lengths = [self.lengths[sample.name] for sample in self.samples["train"]]
        return LengthOrder(lengths, self.batch_size, self.seed)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation (D,) of the training rows."""
        width, count = self.settings.width, 0
        total, squares = np.zeros(width), np.zeros(width)
        for sample in self.samples["train"]:
            rows = embedded(sample).read(width).astype(np.float64)
            total, squares, count = total + rows.sum(0), squares + np.square(rows).sum(0), count + len(rows)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
        return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()

    @staticmethod
    def collate(items: list[tuple[str, int, Rows]]) -> EmbeddingBatch:
        names, labels, rows = zip(*items, strict=True)
        tensors = [torch.from_numpy(one) for one in rows]
        return EmbeddingBatch(*padded(tensors), torch.tensor(labels), list(names))


def forget_outdated(clips: Sequence[Clip], folder: Path) -> None:
    """Remove the embeddings of clips whose file, or part of it that shows the sign, is no longer what was embedded."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    known = folder.with_name(f"{folder.name}.json")
    keys = content_keys([(f"{clip.name} {clip.first}-{clip.last}", clip.path) for clip in clips])
    with locked(folder.with_name(f".{folder.name}.clips.lock")):
        before: dict[str, str] = json.loads(known.read_text()) if known.is_file() else {}
        now = {clip.name: key for clip, key in zip(clips, keys, strict=True)}
        for clip in clips:
            if before.get(clip.name) != now[clip.name]:
                for variant in VARIANTS:
                    (folder / npy_path(clip, variant)).unlink(missing_ok=True)
        write_json(known, {**before, **now})


@dataclass(frozen=True)
class EmbeddingReader:
    """An embedding's name, label and rows (T, D)."""

    labels: Mapping[str, int]
    width: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Rows]:
        return sample.name, self.labels[str(sample.label)], embedded(sample).read(self.width)


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Embeddings (T, D) each as one (B, T, D) padded with zeros, and their lengths (B,)."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True), torch.tensor([len(one) for one in rows])
