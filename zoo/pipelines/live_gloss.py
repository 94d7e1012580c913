"""A running video to glosses: what `zoo.load("live-gloss")` returns."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from datamodules.files import write_json
from datamodules.media import camera
from datamodules.media.video import Frame, read_video
from zoo.loaders.inputs import given_path
from zoo.loaders.writing import refuse_unwritable
from zoo.pipelines.base import Pipeline


class LiveGloss(Pipeline):
    """A reader of signs that answers while a video runs."""

    verb: ClassVar[str] = "watch"

    def watch(
        self, video: str | os.PathLike[str] | int | Iterable[Frame], fps: float = 25.0, **settings: float
    ) -> Iterator[Any]:
        """What is signed, as soon as it is seen: a `Sighting` whenever another gloss is, or none is any more.

        Args:
            video: a file's path, a camera's number, or uint8 RGB frames (H, W, 3) that go on for as long as they like.
            fps: of the frames; a file knows its own.
            settings: of the reader's `stream`, such as `threshold`, the probability from which a gloss is seen.

        Raises:
            ValueError: a file that is no video, a camera that is not there, or what is neither nor frames; from the
                iterator, damaged data, and what is no frame.
            FileNotFoundError: no such file.
        """
        frames = isinstance(video, Iterable) and not isinstance(video, bytes | Mapping)
        if isinstance(video, bool) or not (frames or isinstance(video, int | os.PathLike)):
            raise ValueError(
                f"found {type(video).__name__}, expected the path of a video, the number of a camera, or uint8 RGB "
                "frames (H, W, 3), one after another"
            )
        if isinstance(video, int):
            video, fps = camera.watch(video), camera.FPS
        elif isinstance(video, str | os.PathLike):
            video, fps = read_video(video)
        return iter(self.components["reader"].stream(video, fps, **settings))

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Watch the file at the path `text`, or the camera of that number until Ctrl-C; print what is seen, and write
        each of `outputs`: .json, all of it."""
        refuse_unwritable(outputs, (".json",))
        text = given_path(text, "the path of a video, or the number of a camera")
        live = text.isdecimal() and not Path(text).exists()
        seen = []
        try:
            for sighting in self.watch(int(text) if live else text):
                print(sighting, flush=True)
                seen.append(asdict(sighting))
        except KeyboardInterrupt:
            if not live:
                raise
        for output in outputs:
            write_json(output, {"video": text, "glosses": seen})
        return list(outputs)
