"""Small close-ups of hands by the thousand: what the twins of MNIST and CIFAR-10 have in common."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.letters import Setting, Stance, photograph
from datamodules.media.drawing_primitives import Image
from datamodules.twins.signers import Twin, cast, spread

PORTION = 100
"""Pictures that one task draws, in about half a second."""
ZOOM = (0.30, 0.42)
"""Frame widths a palm length: a hand as large as a picture of 28 pixels needs."""
AWAY = 0.3
"""How far from the middle it is held, by how far in ASL Alphabet's pictures: digits of MNIST are centred."""


def shuffled(sizes: Sequence[int], classes: int, seed: int) -> list[NDArray[np.uint8]]:
    """Labels from 0 up for files of these sizes: in each file all classes alike often, in an order of its own."""
    return [
        np.random.default_rng([seed, 0, file]).permutation(np.arange(size) % classes).astype(np.uint8)
        for file, size in enumerate(sizes)
    ]


def close_ups(symbols: Sequence[str], side: int, twin: Twin, black: bool = False) -> Image:
    """One picture a symbol, (N, side, side, 3) uint8 RGB: the signers take turns, each in a place and light of theirs.

    black: before black, in hard light and exposed so that every hand is light; grey.
    """
    tasks = [(symbols[at : at + PORTION], at, side, twin, black) for at in range(0, len(symbols), PORTION)]
    return np.concatenate(spread(_portion, tasks, "the avatar spells", worth=10))


def _portion(symbols: Sequence[str], first: int, side: int, twin: Twin, black: bool) -> Image:
    settings = [
        Setting.draw(np.random.default_rng([twin.seed, 1, k]), side, signer.look) for k, signer in enumerate(cast(twin))
    ]
    if black:
        settings = [replace(setting.calm(), scene=np.zeros_like(setting.scene)) for setting in settings]
    pictures = []
    for number, symbol in enumerate(symbols, first):
        rng = np.random.default_rng([twin.seed, 2, number])
        stance = Stance.draw(rng, ZOOM)
        stance = replace(stance, place=AWAY * stance.place)
        picture = photograph(symbol, stance, settings[number % twin.people], rng)
        pictures.append(_exposed(picture) if black else picture)
    return np.stack(pictures)


def _exposed(picture: Image) -> Image:
    """In grey, with the brightest hundredth of the pixels white."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = (grey * 255 / max(1.0, float(np.quantile(grey, 0.99)))).clip(0, 255)
    exposed: Image = np.repeat(light.astype(np.uint8)[..., None], 3, axis=2)
    return exposed
