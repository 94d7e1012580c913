"""Frames of a camera, each with the time at which it came, however long whoever takes them needs for each."""

import threading
import time
from collections.abc import Iterator
from typing import Final

import cv2

from datamodules.media.resampling import Timed
from datamodules.media.video import Frame

MOST: Final = 100
"""Numbers from here on name backends of OpenCV; below 0 it ends the process."""
BEHIND: Final = 1.0
"""Seconds that who takes the frames may lag behind; more of the past is left out."""
PATIENCE: Final = 10.0
"""Seconds to wait for a camera's next frame."""


def watch(index: int) -> Iterator[Timed]:
    """Seconds since the first frame, and a frame (H, W, 3) uint8 RGB: who was busy gets the newest next.

    One frame is kept at a time, and no more than a second is told to lie between two. The camera is let go of when the
    iterator is closed; it ends when the camera does.

    Raises ValueError where there is no such camera, or can be none of this number; from the iterator, when its first
    picture does not come.
    """
    if not 0 <= index < MOST:
        raise ValueError(f"found {index}, expected the number of a camera, from 0 on")
    logging = cv2.utils.logging  # what OpenCV has to say on the way to an answer is of no use to anybody
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    camera = cv2.VideoCapture(index)
    logging.setLogLevel(level)
    if not camera.isOpened():
        camera.release()
        raise ValueError(f"camera {index} cannot be opened; is it connected, and free?")
    return _timed(camera, index)


def _timed(camera: cv2.VideoCapture, index: int) -> Iterator[Timed]:
    newest: list[tuple[float, Frame]] = []
    arrived, stop = threading.Event(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            good, picture = camera.read()
            if not good:
                break
            newest[:] = [(time.monotonic(), picture[..., ::-1].copy())]
            arrived.set()
        stop.set()
        arrived.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    before: float | None = None
    seconds = 0.0
    try:
        while arrived.wait(PATIENCE):
            arrived.clear()
            for came, frame in newest[:]:
                if came != before:
                    seconds += 0.0 if before is None else min(came - before, BEHIND)
                    before = came
                    yield seconds, frame
            if stop.is_set():
                break
        if before is None:
            raise ValueError(f"camera {index} gave no picture within {PATIENCE:g} seconds")
    finally:
        stop.set()
        reader.join(PATIENCE)
        camera.release()
