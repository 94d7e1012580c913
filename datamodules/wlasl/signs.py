"""Which signs of WLASL a training sees, whatever of their clips it reads."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from datamodules.base import SurveyedDataModule
from datamodules.files import user_path
from datamodules.twins import Twin
from datamodules.wlasl.glosses import choose_glosses
from datamodules.wlasl.index import INDEX, Instance, read_index
from datamodules.wlasl.survey import SplitBy


class WLASLSigns(SurveyedDataModule):
    """What an index of WLASL names, with glosses as labels; a subclass says what is read of each clip.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    index: WLASL_v0.3.json, another index of that form, or nslt_*.json beside wlasl_class_list.txt; relative to `root`.
    split: what never stands in two splits: the "source" video, the "signer", or as "official"; see `survey`.
    glosses: these alone, or WLASL's first so many classes, as WLASL100 to WLASL2000 are; None takes all of the index.
    """

    dataset = "wlasl"

    def __init__(
        self,
        root: str,
        index: str = INDEX,
        split: SplitBy = "source",
        glosses: int | list[str] | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.index, self.split, self.wanted = str(user_path(index)), split, glosses

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """The clips of the index by their ids, there or not."""
        return {clip.video: clip for clip in read_index(self.root / self.index)}

    @cached_property
    def glosses(self) -> list[str]:
        """The gloss of each label, in the order of WLASL's classes."""
        return choose_glosses(self.root / self.index, list(self.instances.values()), self.wanted)

    @property
    def labels(self) -> Mapping[str, int]:
        """By gloss."""
        return {gloss: label for label, gloss in enumerate(self.glosses)}

    def content(self) -> list[Path]:
        return [self.root / self.index, *super().content()]

    def test_on(self, other: SurveyedDataModule) -> None:
        """As of every data set; of clips whose gloss training did not have, there is nothing to test.

        Raises ValueError where that leaves none.
        """
        super().test_on(other)
        known = set(self.glosses)
        shared = [sample for sample in self.samples[self.tested] if sample.label in known]
        if not shared:
            raise ValueError(f"{other.root}: none of its clips is of a gloss that training had")
        self.samples[self.tested] = shared
