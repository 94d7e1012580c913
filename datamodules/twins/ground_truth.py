"""The truth of sentences in a twin: how the avatar performed what stands in the files, sign by sign."""

import re
from collections.abc import Iterable

from datamodules.avatar.perform import Performance, perform
from datamodules.catalogue import CATALOGUE
from datamodules.samples import Split
from datamodules.twins import Twin
from datamodules.twins.poses import FIRST, FPS, spoken
from datamodules.twins.signers import cast

_NUMBERED = re.compile(r"(?:.*/)?avatar-?(\d+)(?:_.*)?")


def truths(dataset: str, twin: Twin, split: Split, names: Iterable[str], stride: int = 1) -> dict[str, Performance]:
    """The performances that sentences of a twin are, by their names in the files: every `stride`-th frame of 25 a
    second, of joints and truth alike.

    Raises:
        ValueError: a data set whose twin holds no sentences, or a name that this twin's split does not have.
    """
    if CATALOGUE[dataset].spoken is None:
        known = ", ".join(name for name, of in CATALOGUE.items() if of.spoken)
        raise ValueError(f"{dataset}: its twin holds no sentences with poses; those of {known} do")
    sentences, signers = spoken(split, twin), cast(twin)
    found = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        number = int(match[1]) - FIRST[split] if match else -1
        if not 0 <= number < len(sentences):
            raise ValueError(f"{name!r}: not one of the {len(sentences)} {split} sentences of {dataset}'s {twin}")
        signer, seed = signers[number % twin.signers], twin.seed + FIRST[split] + number
        whole = perform(sentences[number].glosses, signer, FPS, seed)
        found[name] = Performance(whole.joints[::stride], FPS / stride, whole.glosses, whole.truth[::stride])
    return found
