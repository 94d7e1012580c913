"""One signer throughout, of several people in view.

Detectors name people anew in every frame, in any order. Here who stands where somebody stood a frame before is the same
person, and the person to follow is chosen once for the whole clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from datamodules.poses.skeletons import LEFT_SHOULDER, NECK, RIGHT_SHOULDER

Array = npt.NDArray[np.float64]
Person = Literal["largest", "left", "right", "nearest"]
"""Whom to follow: the largest who is no passer-by, who is farthest to the left or right of the picture, or whoever is
nearest to where the largest of the first frame was, from frame to frame."""
PERSONS: Final[tuple[Person, ...]] = get_args(Person)
WHOM: Final[dict[Person, str]] = {
    "largest": "the largest",
    "left": "the one at the left of the picture",
    "right": "the one at the right of the picture",
    "nearest": "the one nearest to the last, from the largest of the first frame on,",
}

_REACH: Final = 1.0  # shoulder widths that somebody moves from a frame to the next
_FARTHEST: Final = 2.5  # and however long nobody saw them
_PRESENT: Final = 0.25  # share of the frames with people that somebody must be in, not to be a passer-by
_LEAST: Final = 3  # joints of a body that make a person


@dataclass
class _Track:
    """One person: in which frames, at which place of its list, and where."""

    rows: dict[int, int] = field(default_factory=dict)
    places: dict[int, Array] = field(default_factory=dict)

    def distance(self, frame: int, place: Array) -> float:
        """From where they were last, in units of how far they may have moved; above 1 it is somebody else."""
        last = max(self.rows)
        x, y, size = self.places[last] - place * (1, 1, 0)
        return float(np.hypot(x, y) / max(size, place[2])) / min(_REACH * (frame - last), _FARTHEST)

    def add(self, frame: int, row: int, place: Array) -> None:
        self.rows[frame], self.places[frame] = row, place

    @property
    def size(self) -> float:
        """How large they mostly are."""
        return float(np.median([place[2] for place in self.places.values()]))


@dataclass(frozen=True)
class Followed:
    """rows: for every frame, which of its people is the one followed; None where they are not in view.
    people: how many were seen at once, at most."""

    rows: list[int | None]
    people: int


def follow(frames: Sequence[Array], person: Person = "largest") -> Followed:
    """Follow one person through frames of (P, 8, 3) people each: x, y and confidence of SLP-50's BODY, 0 where absent.

    Who is followed may vanish and come back; nobody else is taken meanwhile who was seen beside them. x grows to the
    right.

    Raises:
        ValueError: another `person` than there is.
    """
    if person not in PERSONS:
        raise ValueError(f"person: found {person!r}, expected one of {', '.join(PERSONS)}")
    seen = [{row: place for row, body in enumerate(people) if (place := _place(body)) is not None} for people in frames]
    tracks: list[_Track] = []
    for frame, places in enumerate(seen):
        _assign(tracks, frame, places)
    rows: list[int | None] = [None] * len(frames)
    taken: list[_Track] = []
    for track in _ordered(tracks, person, sum(map(bool, seen))):
        if not any(track.rows.keys() & other.rows.keys() for other in taken):
            taken.append(track)
            for frame, row in track.rows.items():
                rows[frame] = row
    return Followed(rows, max(map(len, seen), default=0))


def _assign(tracks: list[_Track], frame: int, places: dict[int, Array]) -> None:
    """Give each person of a frame to the track that they go on, nearest first, or to a new one."""
    pairs = sorted(
        (distance, number, row)
        for number, track in enumerate(tracks)
        for row, place in places.items()
        if (distance := track.distance(frame, place)) <= 1
    )
    used: set[int] = set()
    left = dict(places)
    for _, number, row in pairs:
        if number not in used and row in left:
            tracks[number].add(frame, row, left.pop(row))
            used.add(number)
    for row, place in left.items():
        tracks.append(_Track({frame: row}, {frame: place}))


def _ordered(tracks: list[_Track], person: Person, frames: int) -> list[_Track]:
    """The one to follow first, then the others: who is in view for long before who is not, the larger before the
    smaller."""
    ordered = sorted(tracks, key=lambda track: (len(track.rows) < _PRESENT * frames, -track.size))
    if person == "largest" or not ordered:
        return ordered
    if person == "nearest":
        start = min(min(track.rows) for track in tracks)
        there = [track for track in tracks if start in track.rows]
        chosen = max(there, key=lambda track: float(track.places[start][2]))
    else:
        sign = 1 if person == "left" else -1
        lasting = [track for track in ordered if len(track.rows) >= _PRESENT * frames] or ordered
        chosen = min(lasting, key=lambda track: sign * float(np.mean([place[0] for place in track.places.values()])))
    return [chosen, *(track for track in ordered if track is not chosen)]


def _place(body: Array) -> Array | None:
    """x, y and size of a person (J, 3), by the shoulders or what else is seen; None of whom there is too little."""
    seen = (body[:, 2] > 0) & np.isfinite(body).all(-1)
    if seen.sum() < _LEAST:
        return None
    points = body[seen, :2]
    spread = float(np.linalg.norm(np.ptp(points, axis=0))) / 4
    trunk = [joint for joint in (NECK, LEFT_SHOULDER, RIGHT_SHOULDER) if seen[joint]]
    centre = body[trunk, :2].mean(0) if trunk else points.mean(0)
    shoulders = body[[LEFT_SHOULDER, RIGHT_SHOULDER], :2]
    width = float(np.linalg.norm(shoulders[0] - shoulders[1])) if seen[[LEFT_SHOULDER, RIGHT_SHOULDER]].all() else 0.0
    return np.array([*centre, max(width, spread, 1e-9)])
