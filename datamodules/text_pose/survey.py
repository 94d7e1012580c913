"""What is wrong with the poses of sentences: broken lines, NaN, sequences that do not move, copies."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from datamodules.files import read_lines
from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_drawing import draw_frames
from datamodules.poses.formats import BrokenLine, scan_skels
from datamodules.poses.sequences import Joints
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.text_repair import remarks, repaired

STILL: Final = 1e-3
"""A joint that stays within this much of SLP units, half a millimetre of a signer, does not move."""
PICTURED: Final = 4
"""Frames of a sequence that stand side by side in its picture."""


def lacking(root: Path, paths: Sequence[Path]) -> Survey:
    """A survey that names which of a data set's files are missing. Raises FileNotFoundError where all are."""
    missing = [path.relative_to(root).as_posix() for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        raise FileNotFoundError(f"{root}: none of {', '.join(missing)} is there; give the folder that has them")
    return Survey(findings=[Finding("missing", path, "no such file") for path in missing])


NAMELESS: Final = "expected the name of its sequence; name it, or remove the line here and in the parallel files"


def named_lines(path: Path) -> list[str]:
    """The names of a `.files` file. A blank line, which has none, goes by its place: no two are one sequence."""
    return [name or f"{path.name}, line {number}" for number, name in enumerate(read_lines(path), 1)]


def survey_skels(survey: Survey, path: Path, samples: Sequence[Sample], seen: dict[bytes, Sample]) -> None:
    """Add what is wrong with the sequences of a `.skels` file, whose lines belong to `samples`, to a survey.

    seen: sequences met before, in any split, by their content; grows.
    """
    count = 0
    for count, sequence in enumerate(scan_skels(path), 1):
        if count > len(samples):
            continue
        finding = _fault(sequence, samples[count - 1], seen)
        if finding:
            survey.findings.append(finding)
    if count != len(samples):
        message = f"{path.name} has {count} lines but there are {len(samples)} names"
        survey.findings.append(Finding("mismatch", path.name, message))


def _fault(sequence: Joints | BrokenLine, sample: Sample, seen: dict[bytes, Sample]) -> Finding | None:
    if isinstance(sequence, BrokenLine):
        return Finding(sequence.kind, sample.name, str(sequence))
    if np.ptp(sequence, axis=0).max() < STILL:
        return Finding("frozen", sample.name, f"its {len(sequence)} frames in {sample.split} show one unmoving pose")
    other = seen.setdefault(hashlib.sha256(sequence.tobytes()).digest(), sample)
    if other is sample:
        return None
    message = f"the same poses as {other.name} ({sample.split} and {other.split})"
    return Finding("duplicate", sample.name, message, "error" if other.split != sample.split else "warning")


def repeated_texts(pairs: Iterable[tuple[Sample, str]]) -> Iterator[Finding]:
    """One warning for each two splits that share sentences: "Thank you." may well be said in both."""
    spoken: dict[Split, dict[str, str]] = {split: {} for split in SPLITS}
    for sample, text in pairs:
        spoken[sample.split].setdefault(repaired(text), sample.name)
    for split in SPLITS[1:]:
        shared = [text for text in spoken[split] if text in spoken["train"]]
        if shared:
            message = f"{len(shared)} texts of {split} stand in train too, such as {shared[0]!r}"
            yield Finding("repeated text", spoken[split][shared[0]], message, "warning")


def spoilt_texts(pairs: Iterable[tuple[Sample, str]]) -> Iterator[Finding]:
    """Warnings, a split: of texts that are repaired when they are read, and of those that no repair was found for."""
    written: dict[Split, dict[str, str]] = {split: {} for split in SPLITS}
    for sample, text in pairs:
        written[sample.split].setdefault(text, sample.name)
    for split, names in written.items():
        for kind, text, message in remarks(list(names)):
            yield Finding(kind, names[text], f"{split}: {message}", "warning")


def draw(joints: Joints, size: int = 160) -> Image:
    """Frames of a sequence side by side, (size, 4 size, 3) uint8 RGB."""
    places = np.linspace(0, len(joints) - 1, PICTURED + 2).round().astype(int)[1:-1]
    return np.concatenate(list(draw_frames(joints[places], size)), axis=1)


def draw_lines(path: Path, names: Sequence[str], samples: Iterable[Sample]) -> Iterator[tuple[Sample, Image]]:
    """The samples whose lines of a `.skels` file can be read, each with its drawing; `names` are those of the lines."""
    wanted = {sample.name: sample for sample in samples}
    if not wanted or not path.is_file():
        return
    for name, sequence in zip(names, scan_skels(path), strict=False):
        sample = wanted.pop(name, None)
        if sample is not None and not isinstance(sequence, BrokenLine):
            yield sample, draw(sequence)
        if not wanted:
            return
