"""How2Sign (Duarte et al. 2021): English instructional videos with American Sign Language."""

import hashlib
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import joblib
import numpy as np

from datamodules.files import atomic, locked, read_lines
from datamodules.how2sign.files import PUBLISHED, Sentence, clip_path, read_table, sentence_folders, table_path
from datamodules.media.clip_frames import video_format
from datamodules.poses.formats import iterate_skels, read_openpose
from datamodules.poses.lifting import lift
from datamodules.poses.motions import FPS, resample
from datamodules.poses.sequences import FRAME_SHAPE, Joints, Sequences, cache_path, cached, file_identity, writable
from datamodules.progress import progress
from datamodules.samples import SPLITS, Sample, Split
from datamodules.text_pose.pairs import TextPoseDataModule, say

RATES: Final = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
WORTH: Final = 50
"""Clips that are worth starting a process for: one takes some hundredths of a second."""
VERSION: Final = 2
"""Of what becomes of keypoints here; a cache of another version is made anew."""


def lifted(root: Path, split: Split, sentences: Mapping[str, Sentence]) -> Sequences:
    """The 3D poses of sentences that have a folder of keypoints, in their order, at 25 frames a second.

    A clip whose keypoints cannot be read or lifted has no frames. What was lifted before an interruption is kept.
    Of several processes that want the same poses, one lifts them and the others wait.
    """
    folders = sentence_folders(root, split)
    source = root / f"{split}.openpose"
    parts = cache_path(source).with_suffix(".parts")
    stamps = {name: folders[name].stat().st_mtime_ns for name in sentences}
    made_from = [(name, stamps[name], sentence.video, sentence.seconds) for name, sentence in sentences.items()]
    identity = hashlib.sha256(repr((VERSION, made_from)).encode()).digest()
    files = {name: parts / f"{name}-{stamp}.npy" for name, stamp in stamps.items()}

    def lift_all() -> Generator[Joints, None, None]:
        writable(parts)
        todo = [name for name, file in files.items() if not file.is_file()]
        rates = _rates(root, split, sentences, folders) if todo else {}
        work = [joblib.delayed(_lift_clip)(folders[name], rates[name], files[name]) for name in todo]
        cores = max(1, min(joblib.cpu_count(), len(work) // WORTH))
        done = joblib.Parallel(n_jobs=cores, return_as="generator_unordered")(work)
        failures = [why for why in progress(done, f"lifting {split}", len(work)) if why]
        if failures:
            print(f"{root}: {len(failures)} clips of {split} are left out; the first: {failures[0]}", file=sys.stderr)
        for file in files.values():
            yield np.load(file)

    with suppress(OSError, ValueError):
        return Sequences(cache_path(source), identity)
    writable(parts.parent)
    with locked(parts.with_suffix(".lock")), closing(lift_all()) as clips:
        poses = cached(source, identity, clips)  # unless somebody else did it meanwhile
        shutil.rmtree(parts, ignore_errors=True)
    return poses


def _lift_clip(folder: Path, fps: float, out: Path) -> str | None:
    """Keep the lifted clip in `out`, without a frame where that cannot be done; returns why."""
    why = None
    try:
        joints = resample(lift(read_openpose(folder)), fps)
    except (ValueError, FileNotFoundError) as error:
        joints, why = np.empty((0, *FRAME_SHAPE), np.float32), str(error)
    with atomic(out) as temporary:
        np.save(temporary, joints)
    return why


def _rates(
    root: Path, split: Split, sentences: Mapping[str, Sentence], folders: Mapping[str, Path]
) -> dict[str, float]:
    """Frames a second of each clip: those of a video of its recording, else what the recording's clips come to.

    Keypoints carry no rate, and a single clip is too short to tell 24 from 25; all clips of a recording are not. One
    video of a recording tells for all: to open each takes minutes.
    """
    frames: dict[str, int] = {}
    seconds: dict[str, float] = {}
    stated: dict[str, float] = {}
    for name, sentence in sentences.items():
        frames[sentence.video] = frames.get(sentence.video, 0) + sum(1 for _ in folders[name].glob("*_keypoints.json"))
        seconds[sentence.video] = seconds.get(sentence.video, 0.0) + sentence.seconds
        if sentence.video not in stated:
            with suppress(ValueError, OSError):  # not there, or not whole
                stated[sentence.video] = video_format(clip_path(root, split, name))[2]
    return {
        name: stated.get(sentence.video) or _nearest(frames[sentence.video], seconds[sentence.video])
        for name, sentence in sentences.items()
    }


def _nearest(frames: int, seconds: float) -> float:
    """The common frame rate nearest to frames in so many seconds; 25 where nothing can be said."""
    measured = frames / seconds if frames and seconds > 0 else FPS
    return min(RATES, key=lambda rate: abs(rate - measured))


class How2Sign(TextPoseDataModule):
    """The published realigned sentences beside their 3D poses, in the official split.

    `how2sign_realigned_{train,val,test}.csv` (tab-separated, as published) holds the sentences, in `root` or where the
    official download has it. The poses of a split are

    - `{train,val,test}.skels`, one sequence a line, and `{train,val,test}.files`, their SENTENCE_NAMEs; else
    - the 2D keypoints of the official download (`sentence_folders`), lifted to 3D once, into the cache.

    Sentences without poses are left out, as in SignDiff, section 4.1.
    """

    dataset = "how2sign"

    def files(self, split: Split) -> list[Path]:
        name = PUBLISHED[split]
        prepared = [self.root / f"{name}.skels", self.root / f"{name}.files"]
        table = table_path(self.root, split)
        return [table] if self.lifts(split) else [table, *prepared]

    def lifts(self, split: Split) -> bool:
        """Whether its poses come from OpenPose keypoints, as there are some and no prepared file."""
        return not (self.root / f"{PUBLISHED[split]}.skels").exists() and bool(sentence_folders(self.root, split))

    def prepare_data(self) -> None:
        super().prepare_data()
        splits = [split for split in SPLITS if self.lifts(split)]
        if splits:
            say(f"{self.root}: the poses of {', '.join(splits)} are OpenPose keypoints lifted to 3D")

    def fingerprint(self) -> str:
        """As for every data set; of keypoints, what they were lifted to."""
        digest = hashlib.sha256(super().fingerprint().encode())
        for split in filter(self.lifts, SPLITS):
            with self.poses(split).path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def pairs(self, split: Split) -> list[tuple[Sample, str]]:
        table, *prepared = self.files(split)
        sentences = read_table(table)
        names = read_lines(prepared[1]) if prepared else self._with_keypoints(split, sentences)
        unknown = [name for name in names if name not in sentences]
        if unknown:
            raise ValueError(
                f"{prepared[1]}: {len(unknown)} of {len(names)} names are not in {table.name}, "
                f"the first is {unknown[0]!r}"
            )
        return [(Sample(name, split, sentences[name].video), sentences[name].text) for name in names]

    def poses(self, split: Split) -> Sequences:
        table, *prepared = self.files(split)
        if prepared:
            return cached(prepared[0], file_identity(prepared[0]), iterate_skels(prepared[0]))
        sentences = read_table(table)
        there = self._with_keypoints(split, sentences)
        return lifted(self.root, split, {name: sentences[name] for name in there})

    def _with_keypoints(self, split: Split, sentences: dict[str, Sentence]) -> list[str]:
        there = sentence_folders(self.root, split)
        return [name for name in sentences if name in there]
