"""The clips of a WLASL folder: what of its index is on disk, split so that no source video leaks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from datamodules.files import user_path
from datamodules.samples import Finding, Sample, Survey
from datamodules.splits import assign, components, leaks
from datamodules.wlasl.index import Instance, find_index, read_index

SplitBy = Literal["source", "signer", "official"]
INDEX_FPS: Final = 25
"""The rate at which an index counts frames, whatever the rate of the file."""
YOUTUBE: Final = re.compile(r"(?:youtu\.be/|youtube\.com/(?:embed/|v/|shorts/|watch\?(?:[^#]*&)?v=))([\w-]{11})")


def survey(root: Path, index: str | None = None, split: SplitBy | None = None) -> Survey:
    """The clips `videos/<id>.mp4` that an index names and that are there, a gloss their label.

    Links died, so clips are missing from every copy: one warning counts them. Splits are assigned over the whole index:
    which clips are missing changes nobody's split.

    Args:
        root: the folder.
        index: its index, relative to `root`; None finds the v0.3 one, else the largest nslt one, in `root` or meta/.
        split: what stays together. "source": clips of one url. "signer": clips of one signer, and of one url, which is
            all that is known where no signer is. "official": the index's own splits, in which clips of one url do leak;
            that is a warning, and a clip its own source. None: "source" where the index tells, else "official".

    Raises:
        ValueError: a broken index, or an nslt one, which knows no sources, where they are needed.
        FileNotFoundError: no index.
    """
    path = root / user_path(index) if index else find_index(root)
    if path is None:
        raise FileNotFoundError(
            f"{root}: no index, neither WLASL_v0.3.json nor nslt_*.json, there or in meta/, and only an index tells "
            "what clips show; put WLASL's (start_kit/ of https://github.com/dxli94/WLASL) there, beside videos/"
        )
    instances, found = read_index(path), Survey()
    if split is None:
        split = "official" if any(clip.url is None for clip in instances) else "source"
    named: dict[str, Instance] = {}
    for instance in instances:
        if instance.video in named:
            glosses = f"{named[instance.video].gloss!r} and {instance.gloss!r}"
            found.findings.append(Finding("duplicate", instance.video, f"twice in {path.name}, as {glosses}"))
        named[instance.video] = instance
    samples = split_instances(path, list(named.values()), split)
    if split == "official":
        found.findings += _official_leaks(list(named.values()))
    sizes = {file.name: file.stat().st_size for file in (root / "videos").glob("*.mp4") if file.is_file()}
    there = [replace(s, files=(root / "videos" / f"{s.name}.mp4",)) for s in samples if sizes.get(f"{s.name}.mp4")]
    found.samples = there
    empty = sorted(name for name, size in sizes.items() if not size)
    unlisted = sorted(name for name in sizes if name.removesuffix(".mp4") not in named)
    gone = len(samples) - len(there)
    if not there:
        message = f"none of the {len(samples)} clips that {path.name} names is there; expected videos/<video_id>.mp4"
        found.findings.append(Finding("missing", "videos", message))
    elif gone:
        message = f"{gone} of the {len(samples)} clips that {path.name} names are not there: links die"
        found.findings.append(Finding("missing", "videos", message, "warning"))
    for kind, names, what in (
        ("unreadable", empty, "files of 0 bytes, to remove or to fetch"),
        ("unlisted", unlisted, f"files that {path.name} does not name"),
    ):
        if names:
            found.findings.append(Finding(kind, "videos", f"{len(names)} {what}, such as {names[0]}", "warning"))
    return found


def split_instances(path: Path, instances: Sequence[Instance], split: SplitBy) -> list[Sample]:
    """The clips of an index as samples without files; see `survey`."""
    if split == "official":
        return [Sample(clip.video, clip.split, clip.video, clip.gloss) for clip in instances]
    if any(clip.url is None for clip in instances):
        raise ValueError(
            f"{path}: an nslt index does not tell which clips share a source video, which split={split!r} needs; "
            "set data.init_args.index to a v0.3 index, or data.init_args.split to official"
        )
    sources = [source_video(str(clip.url)) for clip in instances]
    if split == "signer":
        together = components((_signer(clip, source), source) for clip, source in zip(instances, sources, strict=True))
        sources = [together[source] for source in sources]
    splits = assign(sources, [clip.gloss for clip in instances])
    return [Sample(c.video, s, source, c.gloss) for c, s, source in zip(instances, splits, sources, strict=True)]


def source_video(url: str) -> str:
    """The same for every address of a video: YouTube's have many forms, and an index mixes them."""
    video = YOUTUBE.search(url)
    return f"https://www.youtube.com/watch?v={video[1]}" if video else url


def _signer(clip: Instance, source: str) -> str:
    # "(" sorts before any url: what hangs together is named after its signer
    return source if clip.signer is None or clip.signer < 0 else f"(signer {clip.signer})"


def _official_leaks(instances: Sequence[Instance]) -> list[Finding]:
    found = leaks(
        Sample(clip.video, clip.split, source_video(clip.url or clip.video), clip.gloss) for clip in instances
    )
    if not found:
        return []
    clips = sum(map(len, found.values()))
    message = f"{clips} clips of {len(found)} source videos stand in more than one official split"
    return [Finding("leak", next(iter(found)), message, "warning")]


def frame_range(clip: Instance, frames: int, fps: float) -> tuple[int, int]:
    """First and last frame (exclusive, from 0) of a clip in its file of `frames` frames.

    An index counts frames of the source video at 25 a second; published clips are already cut to them (70212 is frames
    2150 to 2249 of its video, and a file of 100 frames). So a range applies only where the file is as long as the
    source must be: it reaches beyond the range's end, and is more than one and a half times as long as the range.
    """
    length = frames * INDEX_FPS / fps
    if not clip.start <= clip.end <= length or length <= 1.5 * (clip.end - clip.start + 1):
        return 0, frames
    return round((clip.start - 1) * fps / INDEX_FPS), min(frames, round(clip.end * fps / INDEX_FPS))
