"""What is seen while a video runs: an answer for each window of it, and how answers in a row become signs."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from datamodules.media.resampling import Tick
from datamodules.media.video import Frame
from zoo.loaders.inputs import is_number

Observation = TypeVar("Observation")
"""What a reader keeps of a frame."""
WINDOW: Final = 1.0
"""Seconds that are read as a clip of one sign."""
HOP: Final = 0.125
"""Seconds from one window to the next."""

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


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a reader makes of observations.

    probabilities: (C,) of its glosses, which sum to 1. attention: how much each observation counted, (T,), which sum to
    1.
    """

    probabilities: npt.NDArray[np.floating]
    attention: npt.NDArray[np.floating]


class Reader(Protocol[Observation]):
    """Who can look at a frame, and judge what was kept of frames in a row; see `GlossReader`."""

    glosses: list[str]
    rate: float
    threshold: float

    def observe(self, frame: Frame) -> Observation: ...

    def judge(self, observations: Iterable[Observation]) -> Judgement: ...

    def resting(self, observations: Sequence[Observation]) -> npt.NDArray[np.bool_]: ...


class Debouncer:
    """The state that windows in a row are in: one gloss until another one is likely, or it itself no longer is.

    The probabilities of a window are averaged with the ones before, half and half: what flickers is no sign.

    threshold: the probability from which a gloss is likely; from half of it on it stays so.
    shares: the averaged probabilities (C,) after the last window; None where it showed no sign.
    """

    def __init__(self, glosses: Sequence[str], threshold: float) -> None:
        self.glosses, self.threshold = glosses, threshold
        self.shares: npt.NDArray[np.floating] | None = None
        self._given: int | None = None

    def retune(self, threshold: float) -> None:
        """Take another threshold, which a gloss that is seen has to reach anew."""
        if threshold != self.threshold:
            self.threshold, self._given = threshold, None

    def __call__(self, found: npt.NDArray[np.floating] | None) -> tuple[State, str | None, float]:
        """State, gloss and probability after a window of these probabilities (C,), or of None, which shows no sign."""
        if found is None:
            self.shares = self._given = None
            return "no sign", None, 0.0
        self.shares = shares = found if self.shares is None else (self.shares + found) / 2
        best = int(shares.argmax())
        if self._given is not None and shares[self._given] < self.threshold / 2:
            self._given = None
        if shares[best] >= self.threshold:
            self._given = best
        if self._given is None:
            return "unsure", None, float(shares[best])
        return "sign", self.glosses[self._given], float(shares[self._given])


class Stream(Generic[Observation]):
    """A video that goes by, tick by tick, and what its newest window shows; see `GlossReader.stream`.

    It keeps what the reader keeps of a window, and no frame.

    debounced: what it makes of windows in a row.
    pending: whether a tick was taken since the last answer.

    Raises:
        ValueError: numbers that are out of range.
    """

    def __init__(
        self,
        reader: Reader[Observation],
        window: float = WINDOW,
        hop: float = HOP,
        threshold: float | None = None,
    ) -> None:
        threshold = reader.threshold if threshold is None else threshold
        for name, seconds in (("window", window), ("hop", hop)):
            if not is_number(seconds) or not 0 < seconds <= 60:
                raise ValueError(f"{name}: found {seconds!r}, expected seconds, more than 0 and up to 60")
        if not is_number(threshold) or not 0 <= threshold <= 1:
            raise ValueError(f"threshold: found {threshold!r}, expected a probability, from 0 to 1")
        length, self._step = (max(1, round(span * reader.rate)) for span in (window, hop))
        self.debounced = Debouncer(reader.glosses, threshold)
        self.pending = False
        self._reader = reader
        self._recent: deque[Observation] = deque(maxlen=length)
        self._left = length
        self._shown, self._end, self._newest, self._arrived = -1, 0.0, 0.0, 0.0

    def answers(self, ticks: Iterable[Tick]) -> Iterator[Sighting]:
        """An answer for each window, and one for what is left at the end."""
        for tick in ticks:
            if self.take(tick):
                yield self.answer()
        if self.pending:
            yield self.answer()

    def take(self, tick: Tick) -> bool:
        """Look at the frame of the next tick, unless it was shown before; whether a window is over with it."""
        if tick.number != self._shown:
            self._arrived = time.perf_counter()
            self._recent.append(self._reader.observe(tick.frame))
        else:
            self._recent.append(self._recent[-1])
        self._shown, self._end, self._newest, self.pending = tick.number, tick.end, tick.newest, True
        self._left = (self._left if self._left else self._step) - 1
        return not self._left

    def answer(self) -> Sighting:
        """What the window shows that ends with the last tick that was taken; there has to be one."""
        end, recent = self._end, list(self._recent)
        resting = self._resting(recent)
        judged = None if resting.mean() > 0.5 else self._reader.judge(recent)
        state, gloss, probability = self.debounced(None if judged is None else judged.probabilities)
        attention = () if judged is None else tuple(map(float, judged.attention))
        last = int(np.argmin(resting[::-1]))  # observations since hands moved; 0 where they never did
        waited = max(end, self._newest) - end + last / self._reader.rate
        latency = Latency(waited, time.perf_counter() - self._arrived)
        self.pending = False
        return Sighting(end, end - len(recent) / self._reader.rate, state, gloss, probability, attention, latency)

    def _resting(self, recent: Sequence[Observation]) -> npt.NDArray[np.bool_]:
        """Whether each observation shows hands at rest or none. One that stands for several ticks, since no newer frame
        came, is no sign of rest: it is as it was when it came. A frame alone shows no movement."""
        came = [place for place, one in enumerate(recent) if not place or one is not recent[place - 1]]
        if len(came) == 1:
            return np.ones(len(recent), bool)
        return np.repeat(self._reader.resting([recent[place] for place in came]), np.diff([*came, len(recent)]))


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
