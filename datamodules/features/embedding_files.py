"""A folder of video embeddings: a `.npy` for each variant of a clip, index.csv, and embeddings.json on their making."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.files import atomic, locked, read_text, write_json
from datamodules.media.clip import Clip
from datamodules.media.video_windows import VARIANTS
from datamodules.samples import Sample

INDEX, SETTINGS, REPORT = "index.csv", "embeddings.json", "report.json"
HEADER: Final = ["video_id", "gloss", "path_to_npy_file"]
FREE: Final = ("model",)
"""Settings that may differ between two runs into one folder: the same weights may lie elsewhere."""
AGAIN: Final = "remove it, and the same `python -m zoo data embed` makes it again"
NAME = re.compile(rf"_({'|'.join(VARIANTS)})_vjepa\.npy")


@dataclass(frozen=True)
class EmbeddingSettings:
    """All that determines the bytes of an embedding, beside its video.

    model: Hub id or folder. weights: SHA-256 of each of its safetensors files. fps, size (side in pixels), frames (a
    window), tubelet (frames a row), width (numbers a row), variants, blur (deviation in pixels), precision; batch_size:
    windows in a forward pass, which can decide the last bit.
    """

    model: str
    weights: dict[str, str]
    fps: float
    size: int
    frames: int
    tubelet: int
    width: int
    variants: list[str]
    blur: float
    precision: str
    batch_size: int

    @classmethod
    def read(cls, folder: Path) -> "EmbeddingSettings":
        """Those of a folder. Raises ValueError for a file that says something else, FileNotFoundError."""
        path = folder / SETTINGS
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: no settings of embeddings: {error}; embed the videos again") from None

    def claim(self, folder: Path) -> None:
        """Write them into an empty folder, or see that they are those of a folder with embeddings.

        Raises ValueError, which names what differs, and FileExistsError for a folder that holds something else.
        """
        if not (folder / SETTINGS).is_file():
            if any(folder.iterdir()):
                raise FileExistsError(f"{folder}: holds files but no {SETTINGS}; embeddings need a folder of their own")
            write_json(folder / SETTINGS, asdict(self))
            return
        there = EmbeddingSettings.read(folder)
        for name in [field.name for field in fields(self) if field.name not in FREE]:
            found, wanted = getattr(there, name), getattr(self, name)
            if found != wanted:
                raise ValueError(
                    f"{folder / SETTINGS}: {name} is {found}, now it is {wanted}; go on with what the folder was "
                    f"started with ({there.model}), or choose another folder"
                )


def npy_path(clip: Clip, variant: str) -> Path:
    """Where a variant's embedding goes, relative to the folder: `good_25076_gaussian_vjepa.npy`."""
    name = Path(clip.name)
    gloss = [file_gloss(clip.gloss)] if clip.gloss else []
    return name.with_name("_".join([*gloss, name.name, variant, "vjepa.npy"]))


def file_gloss(gloss: str) -> str:
    """A gloss as part of a file's name."""
    return gloss.replace("/", "-")


@dataclass(frozen=True)
class Embedded:
    """A row of index.csv: the embedding's file name, its gloss, and where the file is."""

    video_id: str
    gloss: str
    path: Path

    @property
    def variant(self) -> str:
        """Which of the variants it is; the first, where the name tells none."""
        found = NAME.search(self.path.name)
        return found[1] if found else VARIANTS[0]

    @property
    def clip(self) -> str:
        """The name of the clip that it was made of, which its variants share."""
        name = NAME.sub("", self.path.name).removesuffix(".npy")
        return name.removeprefix(f"{file_gloss(self.gloss)}_") if self.gloss else name

    def header(self, width: int | None = None) -> npt.NDArray[np.float32]:
        """Its rows (T, D) float32, one a tubelet, not yet read from the file but known to be in it.

        Raises ValueError for anything but such an array, of `width` numbers a row where that is given, or
        FileNotFoundError.
        """
        try:
            rows = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path}: no such file, though {INDEX} lists it; the same `data embed` makes it again"
            ) from None
        except (ValueError, EOFError, OSError, SyntaxError, TypeError) as error:
            why = "pickled, or no .npy at all" if "pickle" in str(error) else error
            raise ValueError(f"{self.path}: no readable .npy ({why}); {AGAIN}") from None
        if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype != np.float32 or not rows.size:
            found = f"{rows.shape} {rows.dtype}" if isinstance(rows, np.ndarray) else "an archive"
            raise ValueError(f"{self.path}: found {found}, expected (T, D) float32; {AGAIN}")
        if width is not None and rows.shape[1] != width:
            raise ValueError(f"{self.path}: found {rows.shape[1]} numbers a row, expected {width}; {AGAIN}")
        return rows

    def read(self, width: int | None = None) -> npt.NDArray[np.float32]:
        """Its rows; see `header`. Raises ValueError for rows that are not finite, too."""
        rows = np.array(self.header(width))
        if not np.isfinite(rows).all():
            raise ValueError(f"{self.path}: NaN or infinite numbers; {AGAIN}")
        return rows


def embedded(sample: Sample) -> Embedded:
    """The row of index.csv that a sample was."""
    return Embedded(sample.files[0].name, str(sample.label), sample.files[0])


def read_index(folder: Path) -> list[Embedded]:
    """The rows of a folder's index.csv; paths in it are relative to the folder, or absolute.

    Raises:
        ValueError: another header, or a row with other than three cells.
        FileNotFoundError: no index.
    """
    path = folder / INDEX
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `python -m zoo data embed VIDEOS {folder}` writes it")
    with io.StringIO(read_text(path), newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != HEADER:
        raise ValueError(f"{path}, line 1: found {','.join(rows[0]) if rows else ''!r}, expected {','.join(HEADER)!r}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(HEADER) or not row[2]:
            raise ValueError(f"{path}, line {number}: found {row}, expected {len(HEADER)} cells: {','.join(HEADER)}")
    return [Embedded(video_id, gloss, folder / file) for video_id, gloss, file in rows[1:]]


def write_index(folder: Path, clips: Iterable[Clip]) -> int:
    """List what there is of `clips`, beside what was listed before and is still there; how many rows that makes."""
    rows = (
        {row.path: row.gloss for row in read_index(folder) if row.path.is_file()} if (folder / INDEX).exists() else {}
    )
    for clip in clips:
        for path in (folder / npy_path(clip, variant) for variant in VARIANTS):
            if path.is_file():
                rows[path] = clip.gloss or ""
    with atomic(folder / INDEX) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for path in sorted(rows):
            where = path.relative_to(folder) if path.is_relative_to(folder) else path
            writer.writerow([path.name, rows[path], where.as_posix()])
    return len(rows)


def write_rows(path: Path, rows: npt.NDArray[np.float32]) -> None:
    """Write an embedding; the file appears whole or not at all."""
    with atomic(path) as part, part.open("wb") as file:
        np.save(file, rows)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make the folder and hold it; what a killed writer left half-written is removed. Raises ValueError."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder.resolve().with_name(f".{folder.resolve().name}.lock")
    with locked(beside, f"{folder}: another process is writing embeddings there; wait for its end"):
        for part in folder.rglob(".*-????????.*"):
            if part.suffix in (".npy", ".csv", ".json"):
                part.unlink()
        yield
