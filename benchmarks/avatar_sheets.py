"""Contact sheets of the avatar, to be looked at: every letter and digit close up, and some signs over their strokes.

    python benchmarks/avatar_sheets.py FOLDER

Writes FOLDER/hands.png and FOLDER/signs.png. The signs are those in which a wrong palm or place shows first.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.avatar.renderer.views import SYMBOLS
from datamodules.avatar.signer import Look
from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_drawing import contact_sheet

SIGNS = ["HELLO", "THANK-YOU", "MOTHER", "FATHER", "EAT", "DRINK", "WATER", "WHO", "FRIEND", "NAME", "LOVE", "TOMORROW"]
MOMENTS = 4


def hands() -> Image:
    """One close-up a symbol, each by another signer."""
    frames = [letter_frame(symbol, np.random.default_rng(n)) for n, symbol in enumerate(SYMBOLS)]
    return contact_sheet(frames, 9, list(SYMBOLS))


def signs() -> Image:
    """Two signs a row, each from the start of its stroke to the end of its hold."""
    frames, labels = [], []
    for gloss in SIGNS:
        performance = perform([gloss], fps=50)
        during = np.flatnonzero(np.isin(performance.truth["phase"], ["stroke", "hold"]))
        chosen = during[np.linspace(0, len(during) - 1, MOMENTS).round().astype(int)]
        frames += list(render(performance.joints[chosen], Look(), face=performance.face[chosen]))
        labels += [f"{gloss} {frame / performance.fps:.2f} s" for frame in chosen]
    return contact_sheet(frames, 2 * MOMENTS, labels)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in (("hands.png", hands()), ("signs.png", signs())):
        cv2.imwrite(str(folder / name), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        print(folder / name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/avatar_sheets.py FOLDER")
    main(Path(sys.argv[1]))
