"""What is seen while a video runs: an answer for each window of it, and how answers in a row become signs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

State = Literal["sign", "unsure", "no sign"]
"""A gloss is likely; hands move and none is likely; hands are at rest or out of sight."""


@dataclass(frozen=True)
class Latency:
    """How long an answer took, in seconds.

    video: from the last moment in which hands signed to the newest frame that had been taken. processing: from the
    arrival of that frame to the answer.
    """

    video: float
    processing: float


@dataclass(frozen=True)
class Sighting:
    """What the window of a video from `start` to `seconds` shows.

    gloss: where the state is "sign". probability: of it, or of the likeliest gloss, in [0, 1]; 0 where there is no sign
    to judge. attention: how much each moment of the window counted, evenly spaced; it sums to 1, and is empty without a
    sign to judge.
    """

    seconds: float
    start: float
    state: State
    gloss: str | None
    probability: float
    attention: tuple[float, ...]
    latency: Latency

    def __str__(self) -> str:
        said = f"{self.gloss or self.state}  {self.probability:.2f}" if self.state != "no sign" else self.state
        return f"{self.seconds:8.2f} s  {said}"


@dataclass(frozen=True)
class Segment:
    """A part of a video, in seconds, that shows a sign, and how likely that gloss became there, in [0, 1]."""

    start: float
    end: float
    gloss: str
    probability: float


class Debouncer:
    """The state that windows in a row are in: one gloss until another one is likely, or it itself no longer is.

    The probabilities of a window are averaged with the ones before, half and half: what flickers is no sign.
    """

    def __init__(self, glosses: Sequence[str], threshold: float) -> None:
        self.glosses, self.threshold = glosses, threshold
        self._shares: npt.NDArray[np.floating] | None = None
        self._given: int | None = None

    def __call__(self, found: npt.NDArray[np.floating] | None) -> tuple[State, str | None, float]:
        """State, gloss and probability after a window of these probabilities (C,), or of None, which shows no sign."""
        if found is None:
            self._shares = self._given = None
            return "no sign", None, 0.0
        self._shares = shares = found if self._shares is None else (self._shares + found) / 2
        best = int(shares.argmax())
        if self._given is not None and shares[self._given] < self.threshold / 2:
            self._given = None
        if shares[best] >= self.threshold:
            self._given = best
        if self._given is None:
            return "unsure", None, float(shares[best])
        return "sign", self.glosses[self._given], float(shares[self._given])


def changes(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """The sightings at which something else is seen than before, the first included."""
    for _, same in groupby(sightings, lambda sighting: (sighting.state, sighting.gloss)):
        yield next(same)


def segments(sightings: Iterable[Sighting]) -> list[Segment]:
    """The signs of a video by the sightings of all its windows: each speaks for the time around its middle."""
    windows = list(sightings)
    middles = [(window.start + window.seconds) / 2 for window in windows]
    edges = [window.start for window in windows[:1]]
    edges += [(before + after) / 2 for before, after in pairwise(middles)]
    edges += [window.seconds for window in windows[-1:]]
    found, at = [], 0
    for gloss, group in groupby(windows, lambda window: window.gloss):
        same = list(group)
        if gloss is not None:
            likeliest = max(window.probability for window in same)
            found.append(Segment(edges[at], edges[at + len(same)], gloss, likeliest))
        at += len(same)
    return found
