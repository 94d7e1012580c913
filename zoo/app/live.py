"""What a visitor's camera or file shows: frames go in as they come, answers come out. Nothing here knows the page."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from datamodules.media.camera import BEHIND
from datamodules.media.resampling import Clock, ticks
from datamodules.media.video import Frame, read_video
from zoo.loaders.recognition.gloss_reader import GlossReader, Guess
from zoo.loaders.recognition.sightings import HOP, Sighting, Stream
from zoo.pipelines.live_gloss import Drawing

REMEMBERED: Final = 12.0
"""Seconds of a session that can be looked back at."""
LEFT: Final = 30.0
"""Seconds without a frame after which a visitor has left."""
GUESSES: Final = 5


@dataclass(frozen=True)
class Answer:
    """What the newest window shows, and the likeliest glosses in it; none where there is no sign to judge."""

    sighting: Sighting
    guesses: list[Guess]


class Session:
    """A visitor's live session: frames are handed over one at a time, each when it comes, however unevenly.

    Where several windows are over by then, the newest is judged: who answers slowly falls behind by no more than an
    answer. It may be asked from several threads, and holds a few seconds of what was seen, however long it goes on.
    """

    def __init__(self, reader: GlossReader[Any]) -> None:
        self._reader = reader
        self._stream, self._clock = Stream(reader), Clock(reader.rate)
        self._windows: deque[Sighting] = deque(maxlen=round(REMEMBERED / HOP))
        self._lock = threading.Lock()
        self._came: float | None = None
        self._seconds = 0.0

    def push(self, frame: Frame, threshold: float | None = None, came: float | None = None) -> Answer | None:
        """What is signed, now that this frame is there; None as long as no other window is over.

        Args:
            frame: uint8 RGB (H, W, 3), not mirrored.
            threshold: the probability from which a gloss is seen, from now on; by default the reader's own.
            came: seconds of any clock at which it came; by default it comes now. A pause counts as a second at most.

        Raises:
            ValueError: what is no frame, or a part of the model that cannot be had.
        """
        with self._lock:
            came = time.monotonic() if came is None else came
            before = came if self._came is None else self._came
            self._seconds += min(max(0.0, came - before), BEHIND)
            self._came = max(came, before)
            self._stream.debounced.retune(self._reader.threshold if threshold is None else threshold)
            over = [self._stream.take(tick) for tick in self._clock.push((self._seconds, frame))]
            if not any(over):
                return None
            answer = _answer(self._reader, self._stream, self._stream.answer())
            self._windows.append(answer.sighting)
            return answer

    @property
    def windows(self) -> list[Sighting]:
        """The last seconds of what was seen."""
        with self._lock:
            return [one for one in self._windows if one.seconds > self._windows[-1].seconds - REMEMBERED]


class Sessions:
    """The sessions of all visitors; one whose frames no longer come is over, and forgotten.

    Another reader begins another session.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[float, GlossReader[Any], Session]] = {}

    def of(self, visitor: str, reader: GlossReader[Any], now: float | None = None) -> Session:
        """The session of a visitor with a reader; `now`: seconds of any clock, by default this machine's."""
        now = time.monotonic() if now is None else now
        with self._lock:
            for name in [name for name, (last, *_) in self._sessions.items() if now - last > LEFT]:
                del self._sessions[name]
            _, known, session = self._sessions.get(visitor, (now, None, None))
            if session is None or known is not reader:
                session = Session(reader)
            self._sessions[visitor] = now, reader, session
            return session

    def __len__(self) -> int:
        return len(self._sessions)


def watch(reader: GlossReader[Any], path: Path, threshold: float | None = None) -> Iterator[tuple[Answer, Drawing]]:
    """What is signed in a file, a window at a time as fast as it can be read, and all that was seen up to then.

    Raises ValueError as `Session.push`, and for data that are damaged.
    """
    frames, fps = read_video(path)
    drawing, stream = Drawing(), Stream(reader, threshold=threshold)
    for sighting in drawing.kept(stream.answers(ticks(drawing.strip.through(frames, fps), fps, reader.rate))):
        yield _answer(reader, stream, sighting), drawing


def _answer(reader: GlossReader[Any], stream: Stream[Any], sighting: Sighting) -> Answer:
    shares = stream.debounced.shares
    return Answer(sighting, [] if shares is None else reader.rank(shares)[:GUESSES])
