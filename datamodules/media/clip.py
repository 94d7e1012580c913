"""A part of a video file, with what it shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datamodules.media.video import Frame, read_video


@dataclass(frozen=True)
class Clip:
    """Frames first to last (exclusive; None = the end) of a video file, with the gloss that they show, if known.

    `name` is unique among the clips of a source; it may hold slashes and becomes the path of what is made of the clip.
    """

    name: str
    path: Path
    gloss: str | None = None
    first: int = 0
    last: int | None = None

    def frames(self) -> tuple[Iterator[Frame], float]:
        """Its frames, decoded as they are asked for, and frames a second; see `read_video`."""
        frames, fps = read_video(self.path)
        return islice(frames, self.first, self.last), fps
