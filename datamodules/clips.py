"""Video clips to work through: the files of a folder, or those that a data set's index names."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from datamodules.files import user_path
from datamodules.how2sign.clips import sentence_clips, tables
from datamodules.media.clip import Clip
from datamodules.media.clip_frames import frame_times
from datamodules.wlasl.index import Instance, find_index, read_index
from datamodules.wlasl.survey import frame_range, survey

SUFFIXES: Final = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".wmv", ".asf", ".flv", ".f4v"),
    *(".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".mxf", ".ogv", ".ogm", ".dv", ".gif", ".apng"),
)
"""Of files that are videos; capitals are as good."""


def list_clips(source: str | os.PathLike[str], index: str | None = None) -> list[Clip]:
    """The clips of a folder: those that the index of a data set names, or else every video in it.

    A WLASL folder (an index, and videos/) gives the clips of its index by id, with their glosses; a How2Sign folder (a
    realigned table) the sentences that have a clip, by SENTENCE_NAME; any other one its videos down to the bottom, in
    order of their names.

    index: that of a WLASL folder, relative to it; by default the one that names most of the clips there.

    Raises:
        ValueError: no clip there, a broken index, or two files that differ only in their suffix.
        FileNotFoundError: no such folder.
    """
    source = user_path(source)
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder; give a folder of videos")
    path = find_index(source) if index is None else source / index
    if path is not None and (source / "videos").is_dir():
        return _wlasl(source, path)
    if tables(source):
        sentences = [Clip(clip.name, clip.video) for clip in sentence_clips(source)]
        if sentences:
            return sentences
    return _folder(source)


def skipped(source: str | os.PathLike[str], clips: Sequence[Clip], out: Path) -> dict[str, int]:
    """How many files of a folder belong to no clip, by their suffixes, the most frequent first.

    out: a folder in which what is made of the clips is kept; what is in there is not counted.
    """
    used, own = {clip.path for clip in clips}, out.resolve()
    counts = Counter[str]()
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if Path(folder, name).resolve() != own]
        others = (name for name in names if not name.startswith(".") and Path(folder, name) not in used)
        counts.update(os.path.splitext(name)[1].lower() for name in others)
    return dict(counts.most_common())


def _wlasl(source: Path, index: Path) -> list[Clip]:
    instances = {instance.video: instance for instance in read_index(index)}
    clips = []
    samples = survey(source, str(index.relative_to(source))).samples
    for sample in sorted(samples, key=lambda sample: sample.name):
        instance, path = instances[sample.name], sample.files[0]
        first, last = _range(instance, path) if instance.end > 0 else (0, None)
        clips.append(Clip(sample.name, path, instance.gloss, first, last))
    if not clips:
        raise ValueError(f"{source}: {index.name} names {len(instances)} clips, and none is in videos/; download them")
    return clips


def _range(instance: Instance, path: Path) -> tuple[int, int | None]:
    try:
        timing = frame_times(path)
    except ValueError:
        return 0, None  # a broken file is for its reader to report
    first, last = frame_range(instance, timing.total, timing.fps)
    return first, last if last < timing.total else None


def _folder(source: Path) -> list[Clip]:
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        others = sum(path.is_file() for path in source.rglob("*"))
        raise ValueError(
            f"{source}: no video in it, among {others} files; expected some that end in {', '.join(SUFFIXES)}"
        )
    clips: dict[str, Clip] = {}
    for path in paths:
        clip = Clip(str(path.relative_to(source).with_suffix("")), path)
        if clip.name in clips:
            raise ValueError(f"{path} and {clips[clip.name].path.name} would get the same name; rename one of them")
        clips[clip.name] = clip
    return list(clips.values())
