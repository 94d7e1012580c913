"""How2Sign (Duarte et al. 2021): English instructional videos with American Sign Language."""

import hashlib
import sys
from functools import cache
from pathlib import Path

from datamodules.files import read_lines
from datamodules.how2sign.files import PUBLISHED, Sentence, read_table, sentence_folders, table_path
from datamodules.poses.formats import iterate_skels
from datamodules.poses.sequences import Sequences, cached, file_identity
from datamodules.samples import SPLITS, Sample, Split
from datamodules.text_pose import TextPoseDataModule


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
            _say(f"{self.root}: the poses of {', '.join(splits)} are OpenPose keypoints lifted to 3D")

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
        from datamodules.how2sign.openpose import lifted

        sentences = read_table(table)
        there = self._with_keypoints(split, sentences)
        return lifted(self.root, split, {name: sentences[name] for name in there})

    def _with_keypoints(self, split: Split, sentences: dict[str, Sentence]) -> list[str]:
        there = sentence_folders(self.root, split)
        return [name for name in sentences if name in there]


@cache
def _say(line: str) -> None:
    """Once, however often the data is prepared."""
    print(line, file=sys.stderr)
