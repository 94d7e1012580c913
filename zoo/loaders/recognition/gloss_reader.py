"""What every model that reads signs in a video has: clips, videos that run, whole videos, files."""

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic

import numpy as np
import numpy.typing as npt

from datamodules.files import write_json
from datamodules.media.resampling import Timed, check_rate, resample, ticks
from datamodules.media.video import Frame, read_video
from zoo.io_types import Signal
from zoo.loaders.inputs import given_path
from zoo.loaders.recognition.sightings import (
    HOP,
    WINDOW,
    Judgement,
    Observation,
    Segment,
    Sighting,
    Stream,
    changes,
    segments,
)
from zoo.loaders.writing import refuse_unwritable

Probabilities = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Guess:
    """A gloss that a video may show, and how likely, in [0, 1]."""

    gloss: str
    probability: float


class GlossReader(ABC, Generic[Observation]):
    """A reader of signs with the glosses that it knows, in the order of its probabilities.

    A subclass says how a frame becomes an observation, which is made once for each frame, and how observations are
    judged. `rate` is how many of them it wants of a second of video. `threshold` is the probability from which a gloss
    is seen in a window, where nobody says otherwise: readers who learnt whole clips are surer of parts of signs than
    they should be, some more than others.
    """

    task: ClassVar[str]
    architecture: ClassVar[str]
    verb: ClassVar[str] = "predict"
    usage: ClassVar[str] = """\
from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.frames import render

signer = Signer()
frames = render(perform(["HELLO"], signer).joints, signer.look)  # or the path of a video
print(model.predict(frames)[:3])  # the likeliest glosses first, each with its probability
"""
    rate: float
    threshold: float = 0.4

    def __init__(self, glosses: Sequence[str], signed: str | None) -> None:
        self.glosses = list(glosses)
        self.accepts, self.gives = Signal("video", language=signed), Signal("glosses", language=signed)

    @abstractmethod
    def observe(self, frame: Frame) -> Observation:
        """What is kept of a frame (H, W, 3) uint8 RGB; no view of it. Raises ValueError for what is no frame."""

    @abstractmethod
    def judge(self, observations: Iterable[Observation]) -> Judgement:
        """How likely each gloss is in one or more observations in a row, as a clip of one sign."""

    @abstractmethod
    def resting(self, observations: Sequence[Observation]) -> npt.NDArray[np.bool_]:
        """Whether each of the observations in a row shows hands at rest or none at all, (T,)."""

    def predict(self, video: str | os.PathLike[str] | npt.NDArray[np.uint8], fps: float = 25.0) -> list[Guess]:
        """Every gloss, the likeliest first, for a video of one sign.

        Args:
            video: a file's path, or uint8 RGB frames (T, H, W, 3).
            fps: of the frames; a file knows its own.

        Raises:
            ValueError: frames of another shape or type, a file that is no video, or a part of the model that cannot be
                had.
            FileNotFoundError: no such file.
        """
        return self.rank(self.judge(map(self.observe, resample(*_opened(video, fps), self.rate))).probabilities)

    def rank(self, probabilities: Probabilities) -> list[Guess]:
        """Every gloss, the likeliest first, by the probabilities (C,) of all."""
        order = np.argsort(-probabilities, kind="stable").tolist()
        return [Guess(self.glosses[index], float(probabilities[index])) for index in order]

    def stream(
        self,
        frames: Iterable[Frame] | Iterable[Timed],
        fps: float = 25.0,
        window: float = WINDOW,
        hop: float = HOP,
        threshold: float | None = None,
    ) -> Iterator[Sighting]:
        """What is signed in a video of any length, as soon as it is seen: an answer whenever something else is.

        Every `hop` seconds the last `window` seconds are read as a clip of one sign, and its probabilities averaged
        with the ones before, half and half. A gloss is seen from when it is as likely as `threshold`, by default the
        reader's own, until another one is, or it is half as likely as that; then what is signed is unsure. Nothing is
        signed while hands are at rest or out of sight for more than half of the window. A video shorter than the window
        is read at its end.

        Args:
            frames: uint8 RGB (H, W, 3), taken one at a time; no more than a window of them is kept. Or pairs of seconds
                and such a frame, from cameras whose frames come unevenly: each is shown until the next one's time.
            fps: of the frames; times, where they have some, count instead.

        Raises:
            ValueError: numbers that are out of range; from the iterator, as `predict` does, and for times that run
                backwards.
        """
        return changes(self.sightings(frames, fps, window, hop, threshold))

    def sightings(
        self,
        frames: Iterable[Frame] | Iterable[Timed],
        fps: float = 25.0,
        window: float = WINDOW,
        hop: float = HOP,
        threshold: float | None = None,
    ) -> Iterator[Sighting]:
        """As `stream`, an answer for each window, whether anything changed or not."""
        if isinstance(frames, str | bytes | os.PathLike | Mapping) or not isinstance(frames, Iterable):
            raise ValueError(
                f"found {type(frames).__name__}, expected uint8 RGB frames (H, W, 3), one after another; `predict` "
                "takes the path of a file, and so does `watch` of live-gloss"
            )
        if isinstance(frames, np.ndarray):
            _check_frames(frames)
        check_rate(fps)
        return Stream(self, window, hop, threshold).answers(ticks(frames, fps, self.rate))

    def warm_up(self) -> None:
        """Open and run once what a first window needs, so that a camera, or a file in time, does not wait for it."""
        noise = np.random.default_rng(0).integers(0, 256, (round(self.rate * WINDOW), 64, 64, 3), np.uint8)
        observed = [self.observe(frame) for frame in noise]
        with suppress(ValueError):  # nobody is there
            self.judge(observed)

    def read(
        self, video: str | os.PathLike[str] | npt.NDArray[np.uint8], fps: float = 25.0, **settings: float
    ) -> list[Segment]:
        """The signs of a video of several, in order, each with where it lies; nobody has to cut it first.

        settings: of `stream`, whose answers these are: a sign ends where something else is seen.

        Raises as `predict`.
        """
        frames, fps = _opened(video, fps)
        return segments(self.sightings(frames, fps, **settings))

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Name the sign in the video at the path `text` and write each of `outputs`: .json, the ranked glosses; .png, a
        heat map of the moments that counted, and of what windows of the video show.

        Raises ValueError for a path that cannot be written, before it decodes.
        """
        refuse_unwritable(outputs, (".json", ".png"))
        path = given_path(text, "the path of a video")
        if any(output.suffix.lower() == ".png" for output in outputs):
            return self._explain(path, outputs)
        return write_ranking(path, self.predict(path), outputs)

    def _explain(self, path: str, outputs: Sequence[Path]) -> list[Path]:
        from zoo.loaders.recognition.heat_map import Strip, write_heat_map

        strip = Strip()
        frames, fps = read_video(path)
        judged = self.judge(map(self.observe, resample(strip.through(frames, fps), fps, self.rate)))
        attention = (0.0, len(judged.attention) / self.rate, judged.attention.tolist())
        sightings, ranked = list(self.sightings(*read_video(path))), self.rank(judged.probabilities)
        read = "  ".join(f"{guess.gloss} {guess.probability:.2f}" for guess in ranked[:3])
        for output in outputs:
            if output.suffix.lower() == ".png":
                write_heat_map(output, strip, [attention], sightings, f"as one sign: {read}")
            else:
                write_ranking(path, ranked, [output])
        return list(outputs)


def _opened(video: object, fps: float) -> tuple[Iterable[Frame], float]:
    """The frames of a file or an array, and how many there are of a second."""
    if isinstance(video, str | os.PathLike):
        return read_video(video)
    _check_frames(video)
    check_rate(fps)
    return iter(video), fps  # type: ignore[call-overload]


def _check_frames(video: object) -> None:
    """Raise ValueError for what is no array of frames."""
    shape: tuple[int, ...] = getattr(video, "shape", ())
    kind = getattr(video, "dtype", type(video).__name__)
    if kind != np.uint8 or len(shape) != 4 or shape[-1] != 3 or 0 in shape:
        found = f"{kind} of shape {tuple(shape)}" if shape else kind
        raise ValueError(f"found {found}, expected uint8 RGB frames (T, H, W, 3), or the path of a video")


def write_ranking(video: str, ranked: Sequence[Guess], outputs: Sequence[Path]) -> list[Path]:
    """Write what a video was taken for as each of `outputs`, .json."""
    content = {"video": video, "glosses": [dataclasses.asdict(guess) for guess in ranked]}
    for output in outputs:
        write_json(output, content)
    return list(outputs)
