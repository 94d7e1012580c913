"""The truth of sentences in a twin: how the avatar performed what stands in the files, sign by sign."""

import re
import sys
from collections.abc import Iterable
from typing import Final

import numpy as np

from datamodules.avatar.perform import Performance, perform
from datamodules.samples import Split
from datamodules.text_pose import SOURCE_FPS, TextPoseDataModule
from datamodules.twins import Twin
from datamodules.twins.poses import FIRST, spoken
from datamodules.twins.signers import cast

DATASETS: Final = ("how2sign", "phoenix14t")
"""Those whose twins hold sentences."""
ROUNDING: Final = 1e-5
"""What a coordinate may differ by in a file of five decimals, SLP units."""

_NUMBERED = re.compile(r"(?:.*/)?avatar-?(\d+)(?:_.*)?")


def truths(dataset: str, twin: Twin, split: Split, names: Iterable[str], stride: int = 1) -> dict[str, Performance]:
    """The performances that sentences of a twin are, by their names in the files: every `stride`-th frame of 25 a
    second, of joints and truth alike.

    Raises:
        ValueError: a data set whose twin holds no sentences, or a name that this twin's split does not have.
    """
    if dataset not in DATASETS:
        raise ValueError(f"{dataset}: its twin holds no sentences with poses; those of {', '.join(DATASETS)} do")
    sentences, signers = spoken(split, twin), cast(twin)
    found = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        number = int(match[1]) - FIRST[split] if match else -1
        if not 0 <= number < len(sentences):
            raise ValueError(f"{name!r}: not one of the {len(sentences)} {split} sentences of {dataset}'s {twin}")
        signer, seed = signers[number % twin.signers], twin.seed + FIRST[split] + number
        whole = perform(sentences[number].glosses, signer, SOURCE_FPS, seed)
        found[name] = Performance(whole.joints[::stride], SOURCE_FPS / stride, whole.glosses, whole.truth[::stride])
    return found


def truths_of(data: TextPoseDataModule, split: Split) -> dict[str, Performance] | None:
    """The truth of all sentences of a split as the data module reads them, by name; None for data that has none.

    That is the real data, and a twin whose poses this avatar does not perform, being an earlier one's: of that a line
    on stderr tells.
    """
    mark = data.twin_mark()
    if mark is None or data.dataset not in DATASETS:
        return None
    twin = Twin(mark["size"], mark["seed"], mark["signers"])
    names, poses = [sample.name for sample, _ in data.pairs(split)], data.poses(split)
    found = truths(data.dataset, twin, split, names, data.stride)
    for name, joints in zip(names, poses, strict=True):
        written, performed = joints[:: data.stride], found[name].joints
        if len(written) != len(performed) or not np.allclose(written, performed, rtol=0, atol=ROUNDING):
            print(
                f"{data.root}: sentence {name} is not as this avatar performs it, so its truth is lost", file=sys.stderr
            )
            return None
    return found
