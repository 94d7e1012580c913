"""How2Sign on disk: where its table of sentences and its OpenPose keypoints lie, and what a row of the table says."""

import math
import os
import re
from collections.abc import Iterator, Sequence
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
    """Its rows by SENTENCE_NAME. A cell in quotes is read as csv has it: a quote within is written twice.

    Raises:
        ValueError: no UTF-8 text, missing columns, a cell that is missing, too many or no number, a name that stands
            twice; the message names the line.
    """
    rows = _rows(read_text(path))
    _, head = next(rows, (1, []))
    missing = set(COLUMNS) - set(head)
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(sorted(missing))}; expected the tab-separated realigned csv of How2Sign"
        )
    sentences: dict[str, Sentence] = {}
    for line, cells in rows:
        where = f"{path}, line {line}"
        if len(cells) > len(head):
            raise ValueError(f"{where}: found {len(cells)} cells, expected {len(head)} as in the first line; repair it")
        row = dict(zip(head, cells, strict=False))
        empty = [column for column in COLUMNS if not row.get(column)]
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


_CELL: Final = re.compile(r'"((?:[^"]|"")*)"(?=\t|\Z)|([^\t]*)')
"""One in quotes that end with it; anything else is as it stands, for people write quotes as well."""
BROKEN_OVER: Final = 20
"""Lines that a cell in quotes may go on for."""


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its line."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    width, at = 0, 0
    while at < len(lines):
        cells, step = _cells(lines[at]), 1
        if _is_open(lines[at], cells):
            cells, step = _joined(lines[at : at + BROKEN_OVER], width) or (cells, 1)
        if any(cells):
            yield at + 1, cells
            width = width or len(cells)
        at += step


def _cells(line: str) -> list[str]:
    found, at = [], 0
    while True:
        match = _CELL.match(line, at)
        assert match is not None  # of no characters, if of none else
        quoted, bare = match.groups()
        found.append((bare if quoted is None else quoted.replace('""', '"')).strip())
        at = match.end() + 1
        if at > len(line):
            return found


def _joined(lines: Sequence[str], width: int) -> tuple[list[str], int] | None:
    """A row whose last cell, in quotes, goes on in the next lines, which are no rows of their own; and its lines."""
    for count in range(2, len(lines) + 1):
        if lines[count - 1].count("\t") >= width - 1 > 0:
            return None
        line = " ".join(lines[:count])
        cells = _cells(line)
        if len(cells) == width and not _is_open(line, cells):
            return cells, count
    return None


def _is_open(line: str, cells: Sequence[str]) -> bool:
    """Whether the last cell begins with a quote that does not end it."""
    last = line.rpartition("\t")[2].strip()
    return last.startswith('"') and cells[-1] == last


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
