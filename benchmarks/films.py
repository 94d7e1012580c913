"""The films of "ASL Sequence Generation using Diffusion Model" (section 4.4), a command each, and how smooth they are.

    python benchmarks/films.py [MODEL [FOLDER]]

MODEL is a name, a run or a repository (skeleton-lora), FOLDER where the films go (build/films). Beside each film lies a
sheet of every tenth of its frames: words are to be told apart there. Printed are the seconds that the command took and
the largest difference of a pixel between neighbouring frames, of 255, beside that between the pictures of two words:
a cosine fade of 20 frames takes no step larger than a thirteenth of it, and what H.264 rounds.
"""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from datamodules.media.skeleton_drawing import contact_sheet, write_png
from datamodules.media.video import read_video
from zoo.loaders.diffusion.skeleton_signer import FADE, WORD

TEXTS = ("hello please stop", "yes good", "no sorry")
EVERY = 10


def main(model: str = "skeleton-lora", folder: str = "build/films") -> None:
    for text in TEXTS:
        film = Path(folder) / f"{text.replace(' ', '_')}.mp4"
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "zoo", "run", model, text, "-o", str(film)], check=True)
        seconds = time.perf_counter() - start
        frames = [frame.astype(np.int16) for frame in read_video(film)[0]]
        words = frames[(WORD - FADE) // 2 :: WORD][: len(text.split())]
        step = max(int(np.abs(after - before).max()) for before, after in pairwise(frames))
        apart = max(int(np.abs(after - before).max()) for before, after in pairwise(words))
        sheet = [frame.astype(np.uint8) for frame in frames[::EVERY]]
        write_png(film.with_suffix(".png"), contact_sheet(sheet, WORD // EVERY))
        print(
            f"{text:18}{len(frames):4} frames {seconds:6.1f} s   largest step {step:3}, between words {apart:3}: {film}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
