"""Small pictures of a few samples of each split, so that a person sees what a data set holds."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from datamodules.catalogue import DataSet
from datamodules.clips import SUFFIXES as VIDEO_SUFFIXES
from datamodules.media.clip_frames import frame_times, read_square
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import IMAGE_SUFFIXES, read_image, resize
from datamodules.samples import SPLITS, Sample

T = TypeVar("T")

HEIGHT: Final = 144


def thumbnails(
    about: DataSet, root: Path, samples: Sequence[Sample], limit: int
) -> Iterator[tuple[Sample, Image | None]]:
    """At most `limit` samples of each split with a picture `HEIGHT` pixels high, None where none can be had.

    It shows the first of a sample's files that can be shown, then what the data set's module draws of it.
    """
    chosen = [sample for split in SPLITS for sample in choose([s for s in samples if s.split == split], limit)]
    draw = getattr(import_module(about.reader), "pictures", None)
    drawn = {(sample.split, sample.name): picture for sample, picture in draw(root, chosen)} if draw else {}
    for sample in chosen:
        opened = next((_open(path) for path in sample.files if _shows(path)), None)
        parts = [_small(part) for part in (opened, drawn.get((sample.split, sample.name))) if part is not None]
        yield sample, np.concatenate(parts, axis=1) if parts else None


def choose(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """Evenly spread samples, at least one of each label where there are no more labels than `limit`."""
    by_label: dict[str | None, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_label[sample.label].append(sample)
    groups = _spread([by_label[label] for label in sorted(by_label, key=str)], limit)
    each = limit // max(1, len(groups))
    return [sample for group in groups for sample in _spread(group, each)]


def _spread(items: Sequence[T], limit: int) -> list[T]:
    if len(items) <= limit:
        return list(items)
    return [items[(2 * place + 1) * len(items) // (2 * limit)] for place in range(limit)]


def _shows(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES or path.suffix.lower() in VIDEO_SUFFIXES


def _open(path: Path) -> Image | None:
    try:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return read_image(path)
        middle = frame_times(path).total // 2
        frame: Image = read_square(path, [middle], HEIGHT)[0]
        return frame
    except (ValueError, OSError):
        return None


def _small(picture: Image) -> Image:
    height, width = picture.shape[:2]
    return resize(picture, max(1, round(width * HEIGHT / height)), HEIGHT)
