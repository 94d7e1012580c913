"""How2Sign on disk: where its table of sentences and its OpenPose keypoints lie, and what a row of the table says."""

import csv
import io
import math
import os
from pathlib import Path
from typing import Final, NamedTuple

from datamodules.files import read_text
from datamodules.samples import Split

PUBLISHED: Final[dict[Split, str]] = {"train": "train", "dev": "val", "test": "test"}
"""The data set's own names of its splits."""
COLUMNS: Final = ("VIDEO_ID", "SENTENCE_NAME", "START_REALIGNED", "END_REALIGNED", "SENTENCE")


class Sentence(NamedTuple):
    """A row of the realigned table: the video it was cut from, how long it lasts, what is said."""

    video: str
    seconds: float
    text: str


def table_path(root: Path, split: Split) -> Path:
    """The realigned table of a split: where the official download has it, else in `root`, there or not."""
    name = f"how2sign_realigned_{PUBLISHED[split]}.csv"
    official = root / "sentence_level" / PUBLISHED[split] / "text" / "en" / "raw_text" / "re_aligned" / name
    return official if official.is_file() else root / name


def read_table(path: Path) -> dict[str, Sentence]:
    """Its rows by SENTENCE_NAME.

    Raises:
        ValueError: no UTF-8 text, missing columns, a cell that is missing or no number, a name that stands twice; the
            message names the line.
    """
    table = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        return _parse_table(path, table)
    except csv.Error as error:
        raise ValueError(f"{path}, line {table.line_num}: no tab-separated text ({error}); fetch it again") from None


def _parse_table(path: Path, table: "csv.DictReader[str]") -> dict[str, Sentence]:
    missing = set(COLUMNS) - set(table.fieldnames or ())
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(sorted(missing))}; expected the tab-separated realigned csv of How2Sign"
        )
    sentences: dict[str, Sentence] = {}
    for row in table:
        where = f"{path}, line {table.line_num}"
        empty = [column for column in COLUMNS if not row[column]]
        if empty:
            raise ValueError(f"{where}: no {' or '.join(empty)}; repair or remove it")
        try:
            seconds = float(row["END_REALIGNED"]) - float(row["START_REALIGNED"])
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds):
            found = f"{row['START_REALIGNED'][:20]!r} to {row['END_REALIGNED'][:20]!r}"
            raise ValueError(f"{where}: found {found}, expected START_REALIGNED and END_REALIGNED in seconds")
        name = row["SENTENCE_NAME"]
        if name in sentences:
            raise ValueError(f"{where}: SENTENCE_NAME {name[:40]} stands in an earlier line too; remove one of them")
        sentences[name] = Sentence(row["VIDEO_ID"], seconds, row["SENTENCE"])
    return sentences


def sentence_folders(root: Path, split: Split) -> dict[str, Path]:
    """The folders of clips' OpenPose frames, by their names, which are SENTENCE_NAMEs; empty where there are none.

    Looked for where the official download has them, then in a folder of the split's name, then in `root` itself. Some
    of the folders may be without frames.
    """
    name = PUBLISHED[split]
    official = root / "sentence_level" / name / "rgb_front" / "features" / "openpose_output" / "json"
    for folder in (official, root / name, root):
        if folder.is_dir():
            with os.scandir(folder) as entries:
                found = {entry.name: Path(entry.path) for entry in entries if entry.is_dir()}
            if any(map(has_frames, found.values())):
                return found
    return {}


def has_frames(folder: Path) -> bool:
    """Whether there are any keypoints in a clip's folder: a download that broke off leaves empty ones."""
    with os.scandir(folder) as entries:
        return any(entry.name.endswith("_keypoints.json") for entry in entries)


def clip_path(root: Path, split: Split, name: str) -> Path:
    """Where the official download has the video of a sentence, there or not."""
    return root / "sentence_level" / PUBLISHED[split] / "rgb_front" / "raw_videos" / f"{name}.mp4"
