"""How2Sign (Duarte et al. 2021): English instructional videos with American Sign Language."""

import csv
from pathlib import Path

from datamodules.formats import read_lines, read_skels
from datamodules.text_pose import TextPose, TextPoseDataModule, paired


class How2Sign(TextPoseDataModule):
    """The published realigned sentences beside their 3D poses.

    `how2sign_realigned_{train,val,test}.csv` (tab-separated, as published) holds the sentences;
    `{train,val,test}.skels` the poses, one sequence a line, and `{train,val,test}.files` their SENTENCE_NAMEs.
    Sentences without poses are left out, as in SignDiff, section 4.1.
    """

    layout = "how2sign"

    def files(self, split: str) -> list[Path]:
        name = {"dev": "val"}.get(split, split)
        return [
            self.root / f"how2sign_realigned_{name}.csv",
            self.root / f"{name}.skels",
            self.root / f"{name}.files",
        ]

    def read(self, split: str) -> list[TextPose]:
        table, skels, files = self.files(split)
        sentences = read_sentences(table)
        names, joints = read_lines(files), list(read_skels(skels))
        paired(self.root, names, {skels.name: joints})
        unknown = [name for name in names if name not in sentences]
        if unknown:
            raise ValueError(
                f"{files}: {len(unknown)} of {len(names)} names are not in {table.name}, the first is {unknown[0]!r}"
            )
        return [TextPose(name, sentences[name], pose) for name, pose in zip(names, joints, strict=True)]


def read_sentences(path: Path) -> dict[str, str]:
    """SENTENCE by SENTENCE_NAME from a realigned csv. Raises ValueError naming missing columns and cells."""
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = {"SENTENCE_NAME", "SENTENCE"} - set(table.fieldnames or ())
        if missing:
            raise ValueError(
                f"{path}: no column {', '.join(sorted(missing))}; expected the tab-separated realigned csv of How2Sign"
            )
        sentences = {}
        for row in table:
            if not row["SENTENCE_NAME"] or not row["SENTENCE"]:
                raise ValueError(f"{path}, line {table.line_num}: no SENTENCE_NAME or no SENTENCE; repair or remove it")
            sentences[row["SENTENCE_NAME"]] = row["SENTENCE"]
        return sentences
