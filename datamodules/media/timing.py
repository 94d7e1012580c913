"""When the frames of a video are shown, on an even clock, so that whoever reads frames knows their times.

Most videos have a frame at every tick of their rate, and every frame is shown once. In those of phones, webcams and
screen recorders frames come unevenly; there a frame is shown at every tick at which a player would have it on screen.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from datamodules.media.decoding import opened

DEFAULT: Final = 25.0
"""Frames a second of a file that tells neither rate nor times."""
SLOWEST: Final = 1
FASTEST: Final = 1000
NO_TIMES: Final = 0x80
"""FFmpeg's flag of formats that are frames after frames without times (AVFMT_NOTIMESTAMPS)."""
NTSC: Final = tuple(1000 * rate / 1001 for rate in (24, 30, 60))
RATES: Final = tuple(sorted((*NTSC, 10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120, 240)))
FINE: Final = 30
"""Ticks a second, at least, of a clock that times do not keep: so none is off by more than a sixtieth of a second."""
NEAR: Final = 0.1
"""Ticks by which a time that keeps a clock may be off it: some containers count in milliseconds."""
BREAK: Final = 600.0
"""Seconds between two frames after which it is the clock that jumped."""


@dataclass(frozen=True, eq=False)
class Timing:
    """When the stored frames of a video are shown.

    fps: ticks a second.
    stored: frames in the file.
    ticks: at which each appears, and at last the end, (N + 1,); None where each is shown at one tick.
    stamps: of each in ascending order, (N,) in the stream's units; None where a decoded frame has none to be trusted.
    apart: seconds between the two nearest and the two farthest frames.
    jumps: the file's clock runs backwards or stands still for minutes, and its frames are taken to be even.
    stated: the file itself tells times.
    """

    fps: float
    stored: int
    ticks: npt.NDArray[np.int64] | None = None
    stamps: npt.NDArray[np.int64] | None = None
    apart: tuple[float, float] = (0.0, 0.0)
    jumps: bool = False
    stated: bool = True

    @property
    def total(self) -> int:
        """Ticks from the first frame to the end."""
        return self.stored if self.ticks is None else int(self.ticks[-1])

    @property
    def varies(self) -> bool:
        """Whether frames other than the last are shown for longer than others."""
        return self.ticks is not None and bool((np.diff(self.ticks[:-1]) != 1).any())

    def tick(self, number: int) -> int:
        """The tick at which a stored frame, counted from 0, appears."""
        return number if self.ticks is None else int(self.ticks[number])

    def held(self, frames: Iterable[av.VideoFrame]) -> Iterator[tuple[av.VideoFrame, int]]:
        """Decoded frames, each with the number of ticks at which it is shown; those shown at none are left out."""
        if self.ticks is None:
            yield from ((frame, 1) for frame in frames)
            return
        places = {int(stamp): place for place, stamp in enumerate(() if self.stamps is None else self.stamps)}
        number, now, before = -1, 0, None
        for frame in frames:
            number = min(places.get(frame.pts, number + 1), self.stored)
            if before is not None and self.ticks[number] > now:
                yield before, int(self.ticks[number]) - now
                now = int(self.ticks[number])
            before = frame
        if before is not None:
            yield before, max(1, self.total - now)


def measure(path: str | os.PathLike[str]) -> Timing:
    """The times of a video's frames, by its packets, none decoded. What was measured is remembered.

    Raises as `opened`; ValueError too for a folder, or a pipe, which cannot be read twice. A file that is damaged
    further on is measured as far as it goes.
    """
    stat = os.stat(path)
    if not os.path.isfile(path):
        raise ValueError(f"{path}: found a folder or a device, expected a video file")
    return _measured(os.fspath(path), stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1 << 14)
def _measured(path: str, *which: int) -> Timing:
    stamps: list[int | None] = []
    orders: list[int] = []
    last = 0
    with opened(path) as (container, stream):
        with suppress(av.error.FFmpegError):  # its decoder will say where it is damaged
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:  # an edit list hides some: of WLASL's clips up to three
                    stamps.append(packet.dts if packet.pts is None else packet.pts)
                    orders += [] if packet.dts is None else [packet.dts]
                    last = packet.duration or 0
        of_decoding = container.format.name == "avi"  # what it has are the times at which to decode
        unit, stated = float(stream.time_base or 0), not container.format.flags & NO_TIMES
        rates = [float(rate or 0) for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate)]
    known = np.array([stamp for stamp in stamps if stamp is not None], np.int64)
    if not unit or not stamps or len(known) < len(stamps):
        return Timing(_plausible(rates), len(stamps), stated=False)
    steps = np.diff(np.array(orders, np.float64)) * unit
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else last * unit
    in_order = bool((np.diff(known) >= 0).all())  # elsewhere a duration is that of decoding
    known.sort()
    if (steps < -usual).any() or (len(known) > 1 and np.diff(known).max() * unit > BREAK):
        return Timing(_plausible([1 / usual if usual else 0, *rates]), len(known), jumps=True)
    timing = _timed(known, unit, last * unit if in_order and last else usual, rates)
    return replace(timing, stated=stated, stamps=None if of_decoding else timing.stamps)


def _timed(stamps: npt.NDArray[np.int64], unit: float, last: float, rates: Sequence[float]) -> Timing:
    """The timing of frames with these stamps, of which the last is shown for `last` seconds."""
    times = (stamps - stamps[0]) * unit
    fps = _clock(times, rates, last)
    ticks = np.ceil(np.append(times, times[-1] + min(last, BREAK)) * fps - 0.5).astype(np.int64)
    ticks[-1] = max(ticks[-1], ticks[-2] + 1)
    if np.array_equal(ticks, np.arange(len(ticks))):
        return Timing(fps, len(times))
    steps = np.diff(times) if len(times) > 1 else np.array([last])
    return Timing(fps, len(times), ticks, stamps, (float(steps.min()), float(steps.max())))


def _clock(times: npt.NDArray[np.floating], rates: Sequence[float], last: float) -> float:
    """The rate of a clock that shows every frame: that of the video where it has one, else the slowest that does.

    times: in seconds, the first 0. rates: stated ones, the average first. last: seconds for which the last is shown.
    """
    own = (len(times) - 1) / times[-1] if times[-1] > 0 else 1 / last if last > 0 else 0.0
    for rate in (rates[0], own):
        if SLOWEST <= rate <= FASTEST and (abs(times * rate - np.arange(len(times))) < 0.5).all():
            return float(rate)
    common = {*RATES, *(rate for rate in rates if RATES[0] <= rate <= RATES[-1])}
    fitting = sorted(rate for rate in common if _apart(times, rate))
    kept = [(round(rate), off, rate) for rate in fitting if (off := _off(times, rate)) < NEAR]
    return float(min(kept)[-1] if kept else next((rate for rate in fitting if rate >= FINE), RATES[-1]))


def _off(times: npt.NDArray[np.floating], rate: float) -> float:
    """By how much of a tick the times are off a clock, at most."""
    return float(abs(times * rate - np.rint(times * rate)).max())


def _apart(times: npt.NDArray[np.floating], rate: float) -> bool:
    """Whether no two frames share a tick, those aside that no clock here would part."""
    ticks = np.ceil(times * rate - 0.5)
    return bool((np.diff(ticks)[np.diff(times) >= 1 / RATES[-1]] > 0).all())


def _plausible(rates: Iterable[float]) -> float:
    return next((rate for rate in rates if SLOWEST <= rate <= FASTEST), DEFAULT)
