"""RWTH-PHOENIX-Weather-2014T as Progressive Transformers prepares it (Saunders et al. 2020)."""

from collections.abc import Collection, Iterator
from pathlib import Path

from datamodules.files import read_lines
from datamodules.media.drawing_primitives import Image
from datamodules.poses.formats import iterate_skels
from datamodules.poses.sequences import Sequences, cached, file_identity
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.text_pose.pairs import TextPoseDataModule, paired
from datamodules.text_pose.survey import (
    NAMELESS,
    draw_lines,
    lacking,
    named_lines,
    repeated_texts,
    spoilt_texts,
    survey_skels,
)

KINDS = ("skels", "text", "files")


def survey(root: Path) -> Survey:
    """Every sentence that `{train,dev,test}.files` names, and what is wrong with its text and its poses.

    Raises:
        FileNotFoundError: none of the data set's files is there.
    """
    found = lacking(root, [root / f"{split}.{kind}" for split in SPLITS for kind in KINDS])
    pairs: list[tuple[Sample, str]] = []
    seen: dict[bytes, Sample] = {}
    for split in SPLITS:
        skels, text, files = (root / f"{split}.{kind}" for kind in KINDS)
        names = named_lines(files) if files.is_file() else []
        samples = [Sample(name, split, recording(name)) for name in names]
        found.samples += samples
        nameless = [n for n, name in enumerate(read_lines(files), 1) if not name] if names else []
        found.findings += [Finding("unnamed", files.name, f"line {n} is blank, {NAMELESS}") for n in nameless]
        if text.is_file():
            texts = read_lines(text)
            if len(texts) != len(names):
                message = f"{len(texts)} lines, but {files.name} has {len(names)}; blank lines at the end do not count"
                found.findings.append(Finding("mismatch", text.name, message))
            pairs += zip(samples, texts, strict=False)
        if skels.is_file():
            survey_skels(found, skels, samples, seen)
    found.findings += [Finding("empty", sample.name, "a sentence without words") for sample, text in pairs if not text]
    found.findings += [*spoilt_texts(pairs), *repeated_texts(pairs)]
    return found


def pictures(root: Path, samples: Collection[Sample]) -> Iterator[tuple[Sample, Image]]:
    """Samples with a drawing of some of their frames."""
    for split in SPLITS:
        files = root / f"{split}.files"
        if files.is_file():
            yield from draw_lines(root / f"{split}.skels", named_lines(files), [s for s in samples if s.split == split])


class Phoenix14T(TextPoseDataModule):
    """German weather forecasts: `{train,dev,test}.{skels,text,files}`, one sequence a line in each.

    The split is the official one; what a sentence was cut from is the recording that its line of `.files` names,
    whatever folder stands before it.
    """

    dataset = "phoenix14t"

    def files(self, split: Split) -> list[Path]:
        return [self.root / f"{split}.{kind}" for kind in KINDS]

    def pairs(self, split: Split) -> list[tuple[Sample, str]]:
        _, text, files = self.files(split)
        names, texts = read_lines(files), read_lines(text)
        if "" in names:
            raise ValueError(f"{files}, line {names.index('') + 1}: blank, {NAMELESS}")
        paired(self.root, names, {text.name: texts})
        return [(Sample(name, split, recording(name)), sentence) for name, sentence in zip(names, texts, strict=True)]

    def poses(self, split: Split) -> Sequences:
        skels = self.files(split)[0]
        return cached(skels, file_identity(skels), iterate_skels(skels))


def recording(name: str) -> str:
    """The recording that a line of `.files` names: "train/11August_2010_Wednesday_tagesschau-1" without its folder."""
    return name.rpartition("/")[2]
