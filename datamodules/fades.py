"""Still pictures as a video: each is held, then fades into the next."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from datamodules.canvas import Image

HELD: Final = 0.5
FADED: Final = 0.2


def faded(pictures: Iterable[tuple[Image, float]], fps: float, fade: float = FADED) -> Iterator[Image]:
    """Frames of a video of pictures (H, W, 3) uint8, each with the seconds that it is held.

    Between two, frame t of n weighs the later one by (1 - cos(pi (t + 1/2) / n)) / 2, which starts and ends gently.

    fps: frames a second. fade: seconds from one picture to the next.
    """
    before: Image | None = None
    count = round(fade * fps)
    for picture, seconds in pictures:
        if before is not None:
            for share in (np.arange(count) + 0.5) / count:
                weight = (1 - np.cos(np.pi * share)) / 2
                yield (before + weight * (picture.astype(np.float32) - before)).round().astype(np.uint8)
        for _ in range(round(seconds * fps)):
            yield picture
        before = picture
