"""Frames per second of the avatar's renderer on one core: whole signers and letter close-ups at 256 x 256.

    python benchmarks/avatar_frames.py

Compiles and warms up first. Prints, for each kind of sleeve, wall-clock and processor-time rates: on a machine that is
shared, the second is the one to compare.
"""

import time
from collections.abc import Callable

import cv2
import numpy as np

from datamodules.avatar.perform import perform
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.avatar.renderer.views import SYMBOLS
from datamodules.avatar.signer import Look


def rates(work: Callable[[], int]) -> str:
    wall, processor = time.perf_counter(), time.process_time()
    count = work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return f"{count / wall:6.1f} frames/s wall, {count / processor:6.1f} frames/s of processor time"


def main() -> None:
    cv2.setNumThreads(1)
    joints = perform(["HELLO", "#ANNA", "NAME"]).joints
    render(joints[:2], Look())
    for seed in range(4):
        look = Look.random(seed)
        print(f"signer, seed {seed}: {rates(lambda s=seed, k=look: len(render(joints, k, seed=s)))}")  # type: ignore[misc]
    print(
        "letters:        ",
        rates(lambda: len([letter_frame(symbol, np.random.default_rng(0)) for symbol in SYMBOLS])),
    )


if __name__ == "__main__":
    main()
