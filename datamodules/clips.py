"""Video clips to work through: the files of a folder, or those that a data set's index names."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from datamodules.video import Frame, read_video

SUFFIXES: Final = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg")


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


def list_clips(source: str | os.PathLike[str]) -> list[Clip]:
    """The clips of a folder (searched to its bottom, in order of their names).

    Raises:
        ValueError: no video there, or two files that differ only in their suffix.
        FileNotFoundError: no such folder.
    """
    source = Path(source)
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder; give a folder of videos")
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise ValueError(f"{source}: no video in it; expected files ending in {', '.join(SUFFIXES)}")
    clips = {}
    for path in paths:
        clip = Clip(str(path.relative_to(source).with_suffix("")), path)
        if clip.name in clips:
            raise ValueError(f"{path} and {clips[clip.name].path.name} would get the same name; rename one of them")
        clips[clip.name] = clip
    return list(clips.values())
