"""How2Sign's sentence clips and their OpenPose keypoints: what of its tables is on disk."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datamodules.how2sign.files import PUBLISHED, clip_path, has_frames, read_table, sentence_folders, table_path
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey


@dataclass(frozen=True)
class SentenceClip:
    """A sentence's video and, where they are there, the folder of its keypoints; `recording` is its VIDEO_ID."""

    name: str
    split: Split
    recording: str
    video: Path
    keypoints: Path | None


def tables(root: Path) -> dict[Split, Path]:
    """The realigned tables that are there, by split."""
    return {split: path for split in SPLITS if (path := table_path(root, split)).is_file()}


def sentence_clips(root: Path) -> Iterator[SentenceClip]:
    """The sentences of every table whose clip is there, in the order of the tables.

    Clips lie as in the official download (`sentence_level/val/rgb_front/raw_videos`), in a folder named after the
    split, in clips/, or beside the table; keypoints where `sentence_folders` looks for them.

    Raises ValueError for a broken table.
    """
    for split, table in tables(root).items():
        places = (clip_path(root, split, "x").parent, root / PUBLISHED[split], root / "clips", root)
        videos = {
            entry.name: Path(entry.path)
            for place in reversed(places)
            if place.is_dir()
            for entry in os.scandir(place)
            if entry.name.endswith(".mp4")
        }
        folders = sentence_folders(root, split)
        for name, sentence in read_table(table).items():
            if f"{name}.mp4" in videos:
                yield SentenceClip(name, split, sentence.video, videos[f"{name}.mp4"], folders.get(name))


def survey(root: Path) -> Survey:
    """The sentences that have both a clip and keypoints; a recording (VIDEO_ID) is a source.

    What a table names and the disk lacks is counted, a warning a split: few have all of it.

    Raises:
        ValueError: a broken table, or not one clip with keypoints.
        FileNotFoundError: no table.
    """
    there = tables(root)
    if not there:
        raise FileNotFoundError(
            f"{root}: no how2sign_realigned_{{train,val,test}}.csv, nor any where the official download has them"
        )
    clips, found = list(sentence_clips(root)), Survey()
    for split, table in there.items():
        mine = [clip for clip in clips if clip.split == split]
        lacking, bare = len(read_table(table)) - len(mine), list[str]()
        for clip in mine:
            if clip.keypoints is not None and has_frames(clip.keypoints):
                files = (clip.video, clip.keypoints)
                found.samples.append(Sample(clip.name, clip.split, clip.recording, files=files))
            else:
                bare.append(clip.name)
        if lacking:
            found.findings.append(Finding("missing", table.name, f"{lacking} of its sentences have no clip", "warning"))
        if bare:
            message = f"{len(bare)} clips have no folder of *_keypoints.json, such as {bare[0]}"
            found.findings.append(Finding("missing", table.name, message, "warning"))
    if not found.samples:
        what = "; ".join(f"{finding.where}: {finding.message}" for finding in found.findings)
        raise ValueError(
            f"{root}: no clip with OpenPose keypoints ({what}); put clips and folders of *_keypoints.json, both named "
            "by SENTENCE_NAME, where the official download has them, or run OpenPose on the clips"
        )
    return found
