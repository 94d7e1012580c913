"""RWTH-PHOENIX-Weather-2014T as Progressive Transformers prepares it (Saunders et al. 2020)."""

from pathlib import Path

from datamodules.formats import read_lines, read_skels
from datamodules.text_pose import TextPose, TextPoseDataModule, paired


class Phoenix14T(TextPoseDataModule):
    """German weather forecasts: `{train,dev,test}.{skels,text,files}`, one sequence a line in each."""

    layout = "phoenix14t"

    def files(self, split: str) -> list[Path]:
        return [self.root / f"{split}.{kind}" for kind in ("skels", "text", "files")]

    def read(self, split: str) -> list[TextPose]:
        skels, text, files = self.files(split)
        names, texts, joints = read_lines(files), read_lines(text), list(read_skels(skels))
        paired(self.root, names, {text.name: texts, skels.name: joints})
        return [TextPose(*pair) for pair in zip(names, texts, joints, strict=True)]
