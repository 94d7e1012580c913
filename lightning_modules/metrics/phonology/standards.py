"""What each sign of a performance should show, and how far a motion is from it and from all that it should not show."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.phonology.signs import Part
from lightning_modules.metrics.phonology.phonemes import (
    MOMENTS,
    Item,
    handshapes,
    kinds,
    movements,
    numbered,
    orientations,
)
from lightning_modules.metrics.phonology.signing import MIRROR, PALM, Frames, Hand, Signing, course
from lightning_modules.metrics.score import Array

Names = npt.NDArray[np.str_]


class Standard(ABC):
    """One parameter of N moments of a performance, against a table of E entries.

    names: (E,). rows: (N,), the entry that the truth names. rival: (N, E), whether an entry differs by more than
    `tolerance` from both that entry and what the performance shows. reach: how far from what is intended a motion may
    be at most. straying: how far the performance is from the entries named, in tolerances, summed.
    """

    tolerance: ClassVar[float]
    reach: ClassVar[float] = np.inf

    def __init__(self, names: Iterable[str], rows: Frames, shown: Array, named: Array) -> None:
        """`shown` and `named`: distances (N, E) of the performance, and of the entries named, to all entries."""
        self.names, self.rows = list(names), rows
        self.straying = float(shown[np.arange(len(rows)), rows].sum()) / self.tolerance
        self.rival = (shown > self.tolerance) & (named > self.tolerance)

    @abstractmethod
    def distances(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[Array, Array]:
        """Of frames (K,) of a motion to the performance at moments (K,) of N, (K,), and to all entries, (K, E)."""

    def judge(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[npt.NDArray[np.bool_], Frames]:
        """Whether frames (K,) of a motion show what is intended at moments (K,), and the nearest rivals (K,)."""
        own, others = self.distances(motion, frames, moments)
        own = np.minimum(own, others[np.arange(len(others)), self.rows[moments]])
        rivals = np.where(self.rival[moments], others, np.inf)
        nearest = rivals.argmin(1)
        return (own < rivals[np.arange(len(others)), nearest]) & (own < self.reach), nearest


class Handshapes(Standard):
    """Root mean square distance of the 15 joints beyond the palm, in the palm's frame, in palm lengths."""

    tolerance = 0.1

    def __init__(self, signing: Signing, frames: Frames, names: Names) -> None:
        index, self.entries = handshapes()
        self.model, rows = signing.dominant.fingers[frames], _rows(index, names)
        super().__init__(index, rows, cdist(self.model, self.entries), cdist(self.entries, self.entries)[rows])

    def distances(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[Array, Array]:
        fingers = motion.dominant.fingers[frames]
        return np.linalg.norm(fingers - self.model[moments], axis=1), cdist(fingers, self.entries)


class Orientations(Standard):
    """Angle in degrees of the rotation between two palms."""

    tolerance = 30.0
    reach = 45.0

    def __init__(self, signing: Signing, frames: Frames, names: Names) -> None:
        index, self.entries = orientations()
        self.model, rows = signing.dominant.frame[frames], _rows(index, names)
        super().__init__(index, rows, _angles(self.model, self.entries), _angles(self.entries, self.entries)[rows])

    def distances(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[Array, Array]:
        frame = motion.dominant.frame[frames]
        return _angle(frame, self.model[moments]), _angles(frame, self.entries)


class Places(Standard):
    """Distance in shoulder widths of the points that wrists bring to a place.

    A point is the performance's, carried by the wrist of the motion, so that neither shape nor turn of the hand moves
    it; so are the places on the other hand, and a sign that is made there may wander with that hand.
    """

    tolerance = 0.15
    reach = 0.25

    def __init__(self, signing: Signing, units: Sequence[Item], names: Names) -> None:
        places = lexicon().places
        frames, index = np.concatenate([item.frames for item in units]), numbered(places)
        self.wrist, self.other = signing.dominant.wrist[frames], signing.other.wrist[frames]
        self.part = np.concatenate([_articulator(signing.dominant, item) for item in units])
        self.still = np.stack([place.at for place in places.values()])
        self.on_hand = np.array([place.part is not None for place in places.values()])
        parts = [_part(signing.other, frames, place.part) for place in places.values() if place.part]
        self.parts = np.stack(parts, axis=1)
        rows, there = _rows(index, names), self._places(self.other, np.arange(len(frames)))
        point, named = self.wrist + self.part, there[np.arange(len(frames)), rows]
        super().__init__(index, rows, _lengths(point[:, None] - there), _lengths(named[:, None] - there))

    def _places(self, other: Array, moments: Frames) -> Array:
        """All places (K, E, 3) where the other wrist is at (K, 3)."""
        places = np.repeat(self.still[None], len(other), axis=0)
        places[:, self.on_hand] = (other[:, None] + self.parts[moments]) * MIRROR
        return places

    def distances(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[Array, Array]:
        wrist, other = motion.dominant.wrist[frames], motion.other.wrist[frames]
        drift = np.where(self.on_hand[self.rows[moments], None], (other - self.other[moments]) * MIRROR, 0.0)
        point = wrist + self.part[moments]
        others = _lengths(point[:, None] - self._places(other, moments))
        return _lengths(wrist - self.wrist[moments] - drift), others


class Movements(Standard):
    """Root mean square distance of two `course`s over a sign, in sizes of the performance's own. A moment is an item.

    Entries are standing still and what the avatar's signs, J and Z do, stretched to the item's time.
    """

    tolerance = 0.5

    def __init__(self, signing: Signing, units: Sequence[Item]) -> None:
        index, entries = movements()
        frames = np.concatenate([item.frames for item in units])
        self.starts = np.cumsum([0, *(len(item.frames) for item in units[:-1])])
        models = np.split(course(signing.dominant, frames, self.starts), self.starts[1:])
        self.models = [model.reshape(1, -1) for model in models]
        self.sizes = [max(float(np.linalg.norm(model)), 1e-9) for model in models]
        self.entries = [_sampled(entries, len(model)).reshape(len(entries), -1) for model in models]
        rows = np.array([index.get(item.name, 0) for item in units])
        shown = [cdist(*pair) / size for *pair, size in zip(self.models, self.entries, self.sizes, strict=True)]
        named = [cdist(entry[[row]], entry) for entry, row in zip(self.entries, rows, strict=True)]
        own = [max(float(np.linalg.norm(entry[row])), 1e-9) for entry, row in zip(self.entries, rows, strict=True)]
        super().__init__(kinds(index), rows, np.concatenate(shown), np.concatenate(named) / np.array(own)[:, None])

    def distances(self, motion: Signing, frames: Frames, moments: Frames) -> tuple[Array, Array]:
        courses = np.split(course(motion.dominant, frames, self.starts), self.starts[1:])
        rows = zip(courses, self.models, self.entries, self.sizes, strict=True)
        found = [cdist(row.reshape(1, -1), np.vstack([model, entry])) / size for row, model, entry, size in rows]
        together = np.concatenate(found)
        return together[:, 0], together[:, 1:]


def _angle(a: Array, b: Array) -> Array:
    """Degrees (...) of the rotations between rotations (..., 3, 3)."""
    return _degrees(np.einsum("...ij,...ij->...", a, b))


def _angles(a: Array, b: Array) -> Array:
    """Degrees (N, M) between rotations (N, 3, 3) and (M, 3, 3)."""
    return _degrees(a.reshape(len(a), 9) @ b.reshape(len(b), 9).T)


def _degrees(trace: Array) -> Array:
    degrees: Array = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return degrees


def _lengths(vectors: Array) -> Array:
    lengths: Array = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return lengths


def _sampled(courses: Array, count: int) -> Array:
    """Courses (E, 65, D) at `count` equal steps, from their mean there."""
    chosen = courses[:, np.linspace(0, MOMENTS - 1, count).round().astype(int)]
    sampled: Array = chosen - chosen.mean(1, keepdims=True)
    return sampled


def _articulator(hand: Hand, item: Item) -> Array:
    """What an item brings to its place, (n, 3) from the wrist: one part of the hand, or one after the other."""
    first, last = (_part(hand, item.frames, part) for part in item.sign.dominant.part)
    share = np.linspace(0, 1, len(item.frames))[:, None]
    between: Array = first + share * (last - first)
    return between


def _part(hand: Hand, frames: Frames, part: Part) -> Array:
    """Where a part of a neutral signer's hand is, (n, 3) from the wrist."""
    local = np.einsum("j,nji->ni", part.weights, hand.shape[frames]) + part.offset
    point: Array = PALM * np.einsum("nij,nj->ni", hand.frame[frames], local)
    return point


def _rows(index: dict[str, int], names: Names) -> Frames:
    return np.array([index[name] for name in names.tolist()], dtype=np.int64)
