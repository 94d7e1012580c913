"""A running video to glosses: what `zoo.load("live-gloss")` returns."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from datamodules.files import write_json
from datamodules.media import camera
from datamodules.media.resampling import Timed, check_rate, paced
from datamodules.media.video import Frame, read_video
from zoo.loaders.inputs import given_path
from zoo.loaders.recognition.gloss_reader import GlossReader
from zoo.loaders.recognition.sightings import Sighting, changes
from zoo.loaders.writing import refuse_unwritable
from zoo.pipelines.base import Pipeline

Frames = Iterable[Frame] | Iterable[Timed]


class LiveGloss(Pipeline):
    """A reader of signs that answers while a video runs."""

    verb: ClassVar[str] = "watch"

    @property
    def reader(self) -> GlossReader[Any]:
        """Who reads."""
        reader: GlossReader[Any] = self.components["reader"]
        return reader

    def watch(
        self, video: str | os.PathLike[str] | int | Frames, fps: float = 25.0, pace: bool = False, **settings: float
    ) -> Iterator[Sighting]:
        """What is signed, as soon as it is seen: a `Sighting` whenever another gloss is, or none is any more.

        Args:
            video: a file's path, a camera's number, or uint8 RGB frames (H, W, 3) that go on for as long as they like,
                or pairs of seconds and such a frame.
            fps: of the frames; a file knows its own.
            pace: let no frame of a video come before its time, as if it ran just now; who is too slow misses frames.
            settings: of the reader's `stream`, such as `threshold`, the probability from which a gloss is seen.

        Raises:
            ValueError: a file that is no video, a camera that is not there, or what is neither nor frames; from the
                iterator, damaged data, and what is no frame.
            FileNotFoundError: no such file.
        """
        frames, fps = _opened(video, fps)
        if pace or isinstance(video, int):
            frames = self._in_time(frames, fps, pace)
        return self.reader.stream(frames, fps, **settings)

    def _in_time(self, frames: Frames, fps: float, pace: bool) -> Iterator[Any]:
        """The frames, each at its time if `pace` says so; the first is asked for when it can be read at once."""
        self.reader.warm_up()
        yield from paced(frames, fps) if pace else frames

    def run(self, text: str, outputs: Sequence[Path], pace: bool = False, **settings: float) -> list[Path]:
        """Watch the file at the path `text`, or the camera of that number until Ctrl-C; print what is seen, and write
        each of `outputs`: .json, all of it; .png, a heat map of the moments that counted and of what was seen.

        Frames of a file that were missed at its pace are counted on stderr.

        pace, settings: as `watch` takes them; a camera has its own pace.
        """
        refuse_unwritable(outputs, (".json", ".png"))
        text = given_path(text, "the path of a video, or the number of a camera")
        live = text.isdecimal() and not Path(text).exists()
        frames, fps = _opened(int(text) if live else text, 25.0)
        given = Counted(frames)
        taken = Counted(self._in_time(given, fps, pace and not live) if pace or live else given)
        drawing = Drawing() if any(output.suffix.lower() == ".png" for output in outputs) else None
        sightings = self.reader.sightings(drawing.strip.through(taken, fps) if drawing else taken, fps, **settings)
        seen = []
        try:
            for sighting in changes(drawing.kept(sightings) if drawing else sightings):
                print(sighting, flush=True)
                seen.append(asdict(sighting))
        except KeyboardInterrupt:
            if not live:
                raise
        if taken.count < given.count:
            missed = given.count - taken.count
            print(
                f"zoo: {missed} of {given.count} frames were missed: reading takes longer than they last",
                file=sys.stderr,
            )
        for output in outputs:
            if drawing and output.suffix.lower() == ".png":
                drawing.write(output)
            else:
                write_json(output, {"video": text, "glosses": seen})
        return list(outputs)


class Counted:
    """Items that are counted as they go by."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items, self.count = items, 0

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self.count += 1
            yield item


class Drawing:
    """What a heat map is drawn of, collected while a video goes by.

    strip: some of the frames. windows: every sighting.
    """

    def __init__(self) -> None:
        from zoo.loaders.recognition.heat_map import Strip

        self.strip = Strip()
        self.windows: list[Sighting] = []

    def kept(self, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
        """The same sightings, which are kept on the way."""
        for sighting in sightings:
            self.windows.append(sighting)
            yield sighting

    def write(self, output: Path) -> None:
        """Write the .png. Raises ValueError where the video ended before its first window."""
        from zoo.loaders.recognition.heat_map import write_heat_map

        if not self.windows:
            raise ValueError(f"-o {output}: nothing to draw, for it was stopped before the first window was over")
        attention = [(window.start, window.seconds, window.attention) for window in self.windows]
        write_heat_map(output, self.strip, attention, self.windows)


def _opened(video: object, fps: float) -> tuple[Frames, float]:
    """Frames of a file, a camera or an iterable, and how many there are of a second."""
    given = isinstance(video, Iterable) and not isinstance(video, bytes | Mapping)
    if isinstance(video, bool) or not (given or isinstance(video, int | os.PathLike)):
        raise ValueError(
            f"found {type(video).__name__}, expected the path of a video, the number of a camera, or uint8 RGB frames "
            "(H, W, 3), one after another"
        )
    if isinstance(video, int):
        return camera.watch(video), fps
    frames: Frames = video  # type: ignore[assignment]
    if isinstance(video, str | os.PathLike):
        frames, fps = read_video(video)
    check_rate(fps)
    return frames, fps
