"""The twin of ASL Alphabet: 29 classes of 200 x 200 close-ups, numbered by their frame in a recording of 3,000.

A recording has stretches of 300 frames, each of one signer in one place and light, the same for all classes. The hand
drifts, so that neighbouring numbers are near-duplicates and a split at random leaks, as in the real set.
"""

from pathlib import Path

import numpy as np

from datamodules.avatar.renderer.letters import Setting, Stance, photograph
from datamodules.twins.folder import write_picture
from datamodules.twins.signers import Twin, cast, spread

CLASSES = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space")
NOTHING = "nothing"
FRAMES = 3000
STRETCH = 300
SIDE = 200
_WAY = 25  # frames from one stance to the next


def write(root: Path, twin: Twin) -> None:
    """`asl_alphabet_train/A/A123.jpg`, about `size` pictures, in each class at least one."""
    each = min(FRAMES, max(1, round(twin.size / len(CLASSES))))
    numbers = np.linspace(1, FRAMES, each).round().astype(int)
    tasks = []
    for name in CLASSES:
        folder = root / "asl_alphabet_train" / name
        folder.mkdir(parents=True)
        for stretch in range(FRAMES // STRETCH):
            inside = numbers[(numbers - 1) // STRETCH == stretch].tolist()
            if inside:
                tasks.append((folder, stretch, inside, twin))
    spread(write_stretch, tasks, "the avatar spells", worth=max(1, 4500 // twin.size))


def write_stretch(folder: Path, stretch: int, numbers: list[int], twin: Twin) -> None:
    """The pictures of a class with these numbers, all of one stretch."""
    kind = CLASSES.index(folder.name)
    look = cast(twin)[stretch % twin.signers].look
    setting = Setting.draw(np.random.default_rng([twin.seed, 0, stretch]), SIDE, look)
    for number in numbers:
        leg, step = divmod(number - 1, _WAY)
        here, there = (
            Stance.draw(np.random.default_rng([twin.seed, 1, kind, leg + k]), zoom=(0.16, 0.42)) for k in (0, 1)
        )
        symbol = None if folder.name == NOTHING else folder.name
        noise = np.random.default_rng([twin.seed, 2, kind, number])
        picture = photograph(symbol, here.toward(there, step / _WAY), setting, noise)
        write_picture(folder / f"{folder.name}{number}.jpg", picture)
