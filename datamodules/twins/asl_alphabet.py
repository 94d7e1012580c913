"""The twin of ASL Alphabet: 29 classes of 200 x 200 close-ups, numbered by their frame in a recording of 3,000.

A recording has stretches of half a second, 15 frames, each of one signer in one place and light, photographed by one
camera; no other stretch of any class shows them. So a reader learns hands and not a room. Within a stretch the hand
drifts, so that neighbouring numbers are near-duplicates and a split at random leaks, as in the real set; a twin of the
size that we train on has at most one picture of each.

With a number of signers, a recording has as many parts, each of one signer in one place, in every class: the real data
set is one signer in one room, and that is what a model that generates letters can learn. Their hands are near: in small
pictures farther ones have no fingers.
"""

from functools import cache
from pathlib import Path

import numpy as np

from datamodules.avatar.renderer.letters import Setting, Stance, photograph
from datamodules.media.drawing_primitives import Image
from datamodules.twins.folder import write_picture
from datamodules.twins.signers import Twin, spread

CLASSES = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space")
NOTHING = "nothing"
FRAMES = 3000
STRETCH = 15
"""Frames: fewer than the split of this data set leaves out between its blocks."""
SIDE = 200
PORTION = 20
"""Pictures that one task draws, in about half a second."""
ZOOM = (0.17, 0.44)
NEAR = (0.26, 0.36)
"""Frame widths a palm length, of anybody and of a few signers."""
_DRIFT = 0.15  # of the way to another stance


def write(root: Path, twin: Twin) -> None:
    """`asl_alphabet_train/A/A123.jpg`, about `size` pictures, in each class at least one."""
    each = min(FRAMES, max(1, round(twin.size / len(CLASSES))))
    numbers = np.linspace(1, FRAMES, each).round().astype(int).tolist()
    tasks = []
    for name in CLASSES:
        folder = root / "asl_alphabet_train" / name
        folder.mkdir(parents=True)
        tasks += [(folder, numbers[at : at + PORTION], twin) for at in range(0, each, PORTION)]
    spread(write_pictures, tasks, "the avatar spells", worth=max(1, 400 // PORTION))


def write_pictures(folder: Path, numbers: list[int], twin: Twin) -> None:
    """The pictures of the folder's class with these numbers."""
    for number in numbers:
        write_picture(folder / f"{folder.name}{number}.jpg", picture(folder.name, number, twin))


@cache
def _part(seed: int, part: int) -> Setting:
    """Who signs where in one part of a recording of a few signers, holding still in good light."""
    return Setting.draw(np.random.default_rng([seed, part]), SIDE)


def picture(name: str, number: int, twin: Twin) -> Image:
    """The picture (200, 200, 3) of a class with this number; all of it comes from these three."""
    kind, (stretch, step) = CLASSES.index(name), divmod(number - 1, STRETCH)
    rng = np.random.default_rng([twin.seed, kind, stretch])
    if twin.signers is None:
        setting = Setting.draw(rng, SIDE, careful=False)
    else:
        setting = _part(twin.seed, (number - 1) * twin.signers // FRAMES)
    few = twin.signers is not None
    here, there = (Stance.draw(rng, NEAR if few else ZOOM, careful=few) for _ in range(2))
    noise = np.random.default_rng([twin.seed, kind, stretch, step])
    stance = here.toward(there, _DRIFT * step / STRETCH)
    return photograph(None if name == NOTHING else name, stance, setting, noise)
