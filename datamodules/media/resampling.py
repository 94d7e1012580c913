"""A video on an even clock of another rate, whether its frames come evenly or each with its time; or in real time."""

import math
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from numbers import Real
from typing import Any, Final, NamedTuple

from datamodules.media.decoding import Frame

LONGEST: Final = 600.0
"""Seconds for which a frame may be shown; after more it is the clock that jumped."""

Timed = tuple[float, Frame]
"""Seconds at which a frame was taken, and the frame."""


def resample(frames: Iterable[Frame], fps: float, rate: float) -> Iterator[Frame]:
    """The frames that a video shows in the middle of each tick of a clock of `rate` a second; at least one.

    Frames are taken to be evenly spaced, as `read_video` gives them. A video shorter than half of a tick gives its last
    frame.
    """
    for tick in ticks(frames, fps, rate):
        yield tick.frame


def resampled(frames: int, fps: float, rate: float) -> int:
    """How many frames `resample` gives of so many that are evenly spaced."""
    shown = 0
    while int((shown + 0.5) * fps / rate) < frames:
        shown += 1
    return max(1, shown)


class Tick(NamedTuple):
    """A tick of an even clock, and the frame that a video shows in its middle.

    number: of the frame, from 0. end: seconds at which the tick is over. newest: seconds at which the newest frame was
    taken that had to come first.
    """

    number: int
    frame: Frame
    end: float
    newest: float


class Clock:
    """The ticks of a video, `rate` a second, whose frames are handed over one by one, each with its time.

    It begins with the first frame and keeps the newest, which is shown until the next one's time.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._newest: Timed | None = None
        self._start, self._shown, self._number = 0.0, 0, -1

    def push(self, pair: Timed) -> list[Tick]:
        """The ticks whose frame is settled by the arrival of this one.

        Raises ValueError for what is no pair of seconds and a frame, and for times that run backwards or leap.
        """
        before = self._newest
        seconds, _ = newest = _timed(pair, before and before[0])
        if before is None:
            self._start = seconds
        found = [] if before is None else self._until(seconds, before[1], seconds)
        self._newest, self._number = newest, self._number + 1
        return found

    def end(self, shown: float) -> list[Tick]:
        """The ticks that remain, where the last frame is shown for so many seconds; of a video at least one."""
        if self._newest is None:
            return []
        seconds, frame = self._newest
        least = self._start + 1 / self.rate if not self._shown else 0.0
        return self._until(max(seconds + shown, least), frame, seconds)

    def _until(self, end: float, frame: Frame, newest: float) -> list[Tick]:
        """The ticks whose middles come before `end`."""
        found = []
        while self._start + (self._shown + 0.5) / self.rate < end:
            self._shown += 1
            found.append(Tick(self._number, frame, self._start + self._shown / self.rate, newest))
        return found


def ticks(frames: Iterable[Frame] | Iterable[Timed], fps: float, rate: float) -> Iterator[Tick]:
    """The ticks of a video, `rate` a second, as soon as it is known what they show; at least one.

    Args:
        frames: evenly spaced, `fps` a second; or each with its time, from which it is shown until the next one's.
        fps: frames a second; of frames with times it says for how long the last one is shown.
        rate: ticks a second. The first begins with the first frame.

    Raises:
        ValueError: no frame, an impossible rate, times that run backwards or leap.
    """
    check_rate(fps)
    rest = iter(frames)
    for first in rest:
        every = chain([first], rest)
        yield from _timed_ticks(every, fps, rate) if isinstance(first, tuple) else _even_ticks(every, fps, rate)
        return
    raise ValueError("found no frame, expected at least one")


def paced(frames: Iterable[Frame] | Iterable[Timed], fps: float) -> Iterator[Timed]:
    """The frames with their times, none before its time has come, as if the video ran just now.

    Who was busy when one was shown misses it, as of a camera: the next is the newest that is there.

    Raises ValueError as `ticks` does for times.
    """
    began, first = time.monotonic(), 0.0
    held: Timed | None = None
    item: Any
    for number, item in enumerate(frames):
        following = _timed(item, held and held[0]) if isinstance(item, tuple) else (number / fps, item)
        if held is None:
            first = following[0]
        elif began + following[0] - first > time.monotonic():
            yield _when_due(held, began - first)
        held = following
    if held is not None:
        yield _when_due(held, began - first)


def _when_due(pair: Timed, began: float) -> Timed:
    """The pair, not before its time on a clock that began then."""
    time.sleep(max(0.0, began + pair[0] - time.monotonic()))
    return pair


def _even_ticks(frames: Iterable[Any], fps: float, rate: float) -> Iterator[Tick]:
    shown = 0
    for number, frame in enumerate(frames):
        while int((shown + 0.5) * fps / rate) == number:
            shown += 1
            yield Tick(number, frame, shown / rate, number / fps)
    if not shown:
        yield Tick(number, frame, 1 / rate, number / fps)


def _timed_ticks(pairs: Iterable[Any], fps: float, rate: float) -> Iterator[Tick]:
    clock = Clock(rate)
    for pair in pairs:
        yield from clock.push(pair)
    yield from clock.end(1 / fps)


def _timed(pair: Any, before: float | None) -> Timed:
    """A frame with its time. Raises ValueError for anything else, and for a time that cannot follow the one before."""
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], Real) or isinstance(pair[0], bool):
        raise ValueError(f"found {type(pair).__name__} among timed frames, expected pairs (seconds, frame)")
    seconds = float(pair[0])
    if not math.isfinite(seconds) or (before is not None and not 0 <= seconds - before <= LONGEST):
        after = "" if before is None else f" after one at {before:g} s"
        raise ValueError(f"found a frame at {seconds:g} s{after}; expected times that rise, by up to {LONGEST:g} s")
    return seconds, pair[1]


def check_rate(fps: float) -> None:
    """Raise ValueError for what is no number of frames a second, or an impossible one."""
    if not isinstance(fps, Real) or isinstance(fps, bool):
        raise ValueError(f"fps: found {fps!r}, expected frames a second, a number from 1 to 1000")
    if not 1 <= fps <= 1000:
        raise ValueError(f"found {fps:g} frames a second, expected 1 to 1000; convert it")
