"""Frames of a camera at an even rate, however long whoever takes them needs for each."""

import threading
import time
from collections.abc import Iterator
from typing import Final

import cv2

from datamodules.media.video import Frame

FPS: Final = 16.0
"""Frames a second, as the video models here look at video."""
BEHIND: Final = 1.0
"""Seconds that who takes the frames may lag behind; more of the past is left out."""
PATIENCE: Final = 10.0
"""Seconds to wait for a camera's next frame."""


def watch(index: int, fps: float = FPS) -> Iterator[Frame]:
    """Frames (H, W, 3) uint8 RGB, so many for each second that goes by: who was busy gets the newest repeatedly.

    One frame is kept at a time. The camera is let go of when the iterator is closed; it ends when the camera does.

    Raises ValueError where there is no such camera; from the iterator, when its first picture does not come.
    """
    logging = cv2.utils.logging  # what OpenCV has to say on the way to an answer is of no use to anybody
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    camera = cv2.VideoCapture(index)
    logging.setLogLevel(level)
    if not camera.isOpened():
        camera.release()
        raise ValueError(f"camera {index} cannot be opened; is it connected, and free?")
    return _ticks(camera, index, fps)


def _ticks(camera: cv2.VideoCapture, index: int, fps: float) -> Iterator[Frame]:
    newest: list[Frame] = []
    came = time.monotonic()
    arrived, stop = threading.Event(), threading.Event()

    def read() -> None:
        nonlocal came
        while not stop.is_set():
            good, picture = camera.read()
            if not good:
                return
            newest[:], came = [picture[..., ::-1].copy()], time.monotonic()
            arrived.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if not arrived.wait(PATIENCE):
            raise ValueError(f"camera {index} gave no picture within {PATIENCE:g} seconds")
        start, number = time.monotonic(), 0
        while reader.is_alive() and time.monotonic() - came < PATIENCE:
            ahead = start + number / fps - time.monotonic()
            if ahead < -BEHIND:
                start -= ahead
            time.sleep(max(0.0, ahead))
            yield newest[0]
            number += 1
    finally:
        stop.set()
        reader.join(PATIENCE)
        camera.release()
