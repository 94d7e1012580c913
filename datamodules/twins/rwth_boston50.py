"""The twin of RWTH-BOSTON-50 pairs: a grey camera picture with its time stamp, and its OpenPose drawing beside it.

As in the real pictures: 672 x 312, two halves of 336; the camera's picture fills rows 0-240 and columns 6-329 of the
left one, date, clock and counters stand below, the counter once more as a row of white marks from row 305 on.
Consecutive numbers are consecutive frames of a sentence, of which a second is kept. Hands are missing from the drawing
while the detector is taken to have lost them.
"""

from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.perform import perform
from datamodules.avatar.phonology.grammar import Sentence, sentences
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.avatar.renderer.photography import Shot
from datamodules.media.conditions.openpose_drawing import HANDS, draw_openpose
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Split
from datamodules.twins.folder import write_picture
from datamodules.twins.signers import Twin, cast, spread

FIRST = 65  # the lowest number among the real pictures
FPS = 30.0
STRETCH = 30
"""Frames kept of a sentence, at most."""
SIGNERS = 3
WIDTH, HEIGHT, LEFT = 336, 312, 6
CAMERA = Camera(324, 241, 72.0, (162.0, 102.0))
_DRAWN = Camera(WIDTH, HEIGHT, CAMERA.unit, (CAMERA.neck[0] + LEFT, CAMERA.neck[1]))
_LOST = 0.35  # share of half seconds without a hand
_TAPE = datetime(1999, 12, 17, 17, 20)


def write(root: Path, twin: Twin) -> None:
    """`train/image65.jpg` and on, then `val/`, a quarter as many, of other sentences."""
    tasks, number, tape = [], FIRST, 0
    parts: tuple[tuple[str, Split, int], ...] = (("train", "train", twin.size), ("val", "dev", max(2, twin.size // 4)))
    for folder, split, size in parts:
        (root / folder).mkdir()
        count = -(-size // STRETCH)
        for k, sentence in enumerate(sentences(split, count, seed=twin.seed)):
            kept = min(STRETCH, size - k * STRETCH)
            tasks.append((root / folder, number, kept, sentence, tape, twin))
            number, tape = number + kept, tape + 1
    spread(write_sentence, tasks, "the avatar is recorded", worth=3)


def write_sentence(folder: Path, first: int, count: int, sentence: Sentence, tape: int, twin: Twin) -> None:
    """`count` pairs from the middle of a sentence, the `tape`-th recorded."""
    people = cast(twin)[:SIGNERS]
    signer, seed = tape % len(people), 1_000_000 * twin.seed + tape
    whole = perform(sentence, people[signer], FPS, seed)
    order = np.arange(len(whole.joints))
    while len(order) < count:
        order = np.concatenate([order, order[::-1]])
    begin = (len(order) - count) // 2
    kept = order[begin : begin + count]
    joints, face = whole.joints[kept], None if whole.face is None else whole.face[kept]
    rng = np.random.default_rng([twin.seed, tape])
    keypoints = openpose_keypoints(joints, _DRAWN, seated=True, face=face)
    for hand in HANDS:
        lost = np.repeat(rng.random(-(-count // 15)) < _LOST, 15)[:count]
        keypoints[lost, hand] = 0
    scene = _curtain(np.random.default_rng(signer))
    shown = film(joints, people[signer].look, CAMERA, 1000 * twin.seed + signer, scene, seated=True, face=face)
    frames = recorded(shown, joints, CAMERA, Shot(blur=0.5), rng)
    for k, (frame, points) in enumerate(zip(frames, keypoints, strict=True)):
        pair = np.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None] + rng.normal(0, 2, (*frame.shape[:2], 1))
        pair[: CAMERA.height, LEFT : LEFT + CAMERA.width] = grey.clip(0, 255)
        _stamp(pair, 60 * tape + (begin + k) / FPS, begin + k)
        pair[:, WIDTH:] = draw_openpose(points, WIDTH, HEIGHT)
        write_picture(folder / f"image{first + k}.jpg", pair)


def _curtain(rng: np.random.Generator) -> Image:
    """Dark folds."""
    x = np.linspace(0, 1, CAMERA.width)
    folds = np.zeros_like(x)
    for _ in range(6):
        folds += rng.uniform(1, 3) * np.sin(2 * np.pi * (rng.uniform(2, 16) * x + rng.random()))
    curtain: Image = np.broadcast_to((38 + folds)[None, :, None], (CAMERA.height, CAMERA.width, 3)).astype(np.uint8)
    return curtain


def _stamp(pair: NDArray[np.uint8], seconds: float, frame: int) -> None:
    """Burn in date and clock, the half-frame in its sentence, milliseconds on the tape, and the tape's counter."""
    ticks = round(2 * FPS * seconds)
    clock = (_TAPE + timedelta(seconds=seconds)).strftime("%m/%d/%Y %H:%M:%S")
    lines = (clock, f"{2 * frame:8d}{round(1000 * seconds):10d}", f"{40_000 + ticks}")
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            place = (12 + 12 * column, 261 + 16 * row)
            cv2.putText(pair, letter, place, cv2.FONT_HERSHEY_COMPLEX_SMALL, 0.66, (255, 255, 255), 1)
    for bit in range(16):
        if ticks >> bit & 1:
            pair[305:, 118 + 7 * bit : 125 + 7 * bit] = 255
