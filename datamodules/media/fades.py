"""Still pictures as a video: each is held, then fades into the next."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from datamodules.media.drawing_primitives import Image

HELD: Final = 0.5
"""Seconds that the picture of a letter stands."""
FADED: Final = 0.2
"""Seconds from one to the next."""


def held(text: str) -> list[float]:
    """Seconds for the picture of each letter of a text, blanks left out: the last of a word stands twice as long."""
    neighbours = pairwise(" ".join(text.split()) + " ")
    return [HELD * (2 if follower == " " else 1) for letter, follower in neighbours if letter != " "]


def sideways(picture: Image) -> Image:
    """The same picture, moved to the right by an eighth; what comes into view is mirrored."""
    reach = picture.shape[1] // 8
    return np.pad(picture, ((0, 0), (reach, 0), (0, 0)), mode="reflect")[:, : picture.shape[1]]


def faded(pictures: Iterable[tuple[Image, float]], fps: float, fade: float = FADED) -> Iterator[Image]:
    """Frames of a video of pictures (H, W, 3) uint8, each with the seconds that it is held.

    Between two, the later one weighs alpha = 0.5 - 0.5 cos(pi t / n), which starts and ends gently; of n frames t is
    1/2, 3/2, ..., n - 1/2, so that both pictures are left and reached alike. What is shown at a moment is what these
    seconds say, to half a frame, however many pictures there are.

    fps: frames a second. fade: seconds from one picture to the next.
    """
    before: Image | None = None
    shown, clock = 0, 0.0
    for picture, seconds in pictures:
        if before is not None:
            clock += fade
            count = round(clock * fps) - shown
            for share in (np.arange(count) + 0.5) / count:
                alpha = 0.5 - 0.5 * np.cos(np.pi * share)
                yield (before + alpha * (picture.astype(np.float32) - before)).round().astype(np.uint8)
            shown += count
        clock += seconds
        count = round(clock * fps) - shown
        for _ in range(count):
            yield picture
        shown += count
        before = picture
