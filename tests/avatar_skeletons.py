"""Skeleton frames of the avatar for the tests that read them: of four glosses, two training clips each, one for
validation and one for test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datamodules.avatar import Performance
from datamodules.twins import Twin, ensure_twin, wlasl
from datamodules.twins.signers import cast

GLOSSES = wlasl.SKELETONS[:4]
TWIN = Twin(8, signers=4)


def write(folder: Path) -> None:
    """Write the twin into `twin` in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wlasl, "SKELETONS", GLOSSES)
        ensure_twin("wlasl", folder / "twin", TWIN, only="skeletons")


def performances() -> Iterator[tuple[wlasl.Clip, Performance]]:
    """Each of its clips with what the avatar knows of it."""
    glosses, clips = wlasl.cut(TWIN, GLOSSES)
    for clip in clips:
        yield clip, wlasl.performed(clip, glosses[clip.gloss], cast(TWIN)[clip.signer], TWIN.seed)
