"""Whether a reader of real hands reads the avatar's letters: nearest neighbours over MediaPipe landmarks.

    python benchmarks/letter_reading.py ../shared/models/hand_landmarker.task \
        ../shared/data/asl_alphabet/asl_alphabet_train [close-ups a letter, default 10] [SHEET.png]

The reader stores landmarks (centred, scaled, orientation kept) of the first three quarters of each letter's
photographs, in order of their numbers, which are frame numbers of one video; the last quarter is held out and its
accuracy printed beside the avatar's. Frames in which no hand is found count as unread in all figures of the avatar.
The photographs show one person whose T is unusual and whose G, H, P and Q point to the viewer's left, to which a
right-hander's cannot point. So the letters of the signing avatar, some of whose signers are left-handed, are read by
the photographs and their mirror images.

Close-ups are those of `letter_frame`. The signing avatar fingerspells each letter with 12 signers; the moment in the
middle of its hold is filmed by the renderer of whole signers, its camera near the hand. SHEET.png shows each letter's
clearest photograph beside two close-ups and two signers.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from datamodules.avatar import Signer, perform
from datamodules.avatar.kinematics.hand import hand_joints
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.features.hand_landmarks import Hand
from datamodules.features.letter_landmarks import shape_of
from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_drawing import contact_sheet
from datamodules.poses import skeletons

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOVING: Final = "JZ"
SIGNERS: Final = 12
SIZE: Final = 256
ACROSS: Final = 0.9
"""Shoulder widths across a near picture of the signing avatar: a palm is .3 of it, as in the close-ups."""

WRIST, THUMB, INDEX, MIDDLE, RING = 0, 4, 8, 12, 16
Features = NDArray[np.float64]
Samples = list[tuple[str, Features]]


def features(result: vision.HandLandmarkerResult) -> Features:
    """Landmarks of the one hand found: picture coordinates and metric ones, each centred and scaled."""
    flat = np.array([[point.x, point.y] for point in result.hand_landmarks[0]])
    deep = np.array([[point.x, point.y, point.z] for point in result.hand_world_landmarks[0]])
    return shape_of(Hand(flat, deep))


def mirrored(samples: Samples) -> Samples:
    """The samples as their pictures' mirror images have them."""
    sides = np.concatenate([np.tile([-1.0, 1.0], 21), np.tile([-1.0, 1.0, 1.0], 21)])
    return [(letter, sides * sample) for letter, sample in samples]


def seen(landmarker: vision.HandLandmarker, letter: str, images: Iterable[Image]) -> Samples:
    """Features of the images in which a hand is found, each with its letter."""
    results = (landmarker.detect(mp.Image(mp.ImageFormat.SRGB, image)) for image in images)
    return [(letter, features(result)) for result in results if result.hand_landmarks]


def read(known: Samples, samples: Samples) -> list[str]:
    """The letter most common among the five nearest known samples, for each sample."""
    stored = np.stack([sample for _, sample in known])
    answers = []
    for _, sample in samples:
        nearest = np.argsort(((stored - sample) ** 2).sum(1))[:5]
        answers.append(Counter(known[i][0] for i in nearest).most_common(1)[0][0])
    return answers


def photographs(folder: Path, letter: str) -> list[Image]:
    """The letter's photographs in the order of their frames."""
    paths = sorted((folder / letter).glob("*.jpg"), key=lambda path: int(path.stem[1:]))
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]


def close_ups(letter: str, count: int) -> Iterator[Image]:
    """Close-ups, each of another signer."""
    return (letter_frame(letter, np.random.default_rng([k, ord(letter)]), SIZE) for k in range(count))


def signed(letter: str, count: int = SIGNERS) -> Iterator[Image]:
    """The hand of so many signers who hold the letter."""
    for seed in range(count):
        signer = Signer.random(seed)
        performance = perform([f"#{letter}"], signer, seed=seed)
        held = np.flatnonzero(performance.truth["phase"] == "hold")
        joints = performance.joints[held[[len(held) // 2]]]
        part = skeletons.LEFT_HAND if signer.handedness == "left" else skeletons.RIGHT_HAND
        hand, unit = joints[0, part, :2], SIZE / ACROSS
        neck = SIZE / 2 - 3 * unit * (hand.min(0) + hand.max(0)) / 2
        yield next(film(joints, signer.look, Camera(SIZE, SIZE, unit, (float(neck[0]), float(neck[1]))), seed))


def report(name: str, known: Samples, drawn: Samples, count: int) -> None:
    """Print, of `count` pictures a letter, the shares in which a hand was found and which were read right."""
    found = Counter(letter for letter, _ in drawn)
    right: Counter[str] = Counter()
    answers = read(known, drawn)
    print(f"{name}\n   found   read")
    for letter in LETTERS:
        read_as = Counter(answer for answer, (asked, _) in zip(answers, drawn, strict=True) if asked == letter)
        right[letter] = read_as[letter]
        print(f"{letter}   {found[letter] / count:4.2f}   {right[letter] / count:4.2f}  {dict(read_as.most_common(4))}")
    still = [letter for letter in LETTERS if letter not in MOVING]
    print(
        f"hand found in {found.total() / (26 * count):.3f}; read {right.total() / (26 * count):.3f} of all pictures, "
        f"{sum(right[letter] for letter in still) / (len(still) * count):.3f} of those without J and Z"
    )


def relations() -> None:
    """Print what sets letters apart, in palm lengths of the table's own handshapes: x to the thumb's side, y to the
    fingers, z out of the palm."""
    hands = {letter: hand_joints(lexicon().handshapes[lexicon().letters[letter].handshape]) for letter in LETTERS}
    palm, finger = hands["B"][9], np.diff(hands["B"][9:13], axis=0)
    print(f"middle finger to palm: {np.linalg.norm(finger, axis=1).sum() / np.linalg.norm(palm):.2f}")
    for letter in "KUR":
        tips = hands[letter][INDEX] - hands[letter][MIDDLE]
        print(f"{letter}: index tip from middle tip: {tips[0]:5.2f} across, {np.linalg.norm(tips[:2]):4.2f} seen flat")
    for letter, joint, name in (("P", 11, "the middle finger's last joint"), ("E", RING, "the ring finger's tip")):
        print(f"{letter}: thumb tip from {name}: {np.linalg.norm(hands[letter][THUMB] - hands[letter][joint]):.2f}")
    thumb = {letter: hands[letter][THUMB] for letter in "STE"}
    print(f"S: thumb tip {thumb['S'][0] - hands['S'][10][0]:5.2f} across from the middle knuckle's side")
    print(f"T: thumb tip across {thumb['T'][0]:.2f}, index {hands['T'][6][0]:.2f}, middle {hands['T'][10][0]:.2f}")
    print(f"E: thumb tip {thumb['E'][1]:.2f} palm lengths above the wrist")
    for letter in "MN":
        flexion = lexicon().handshapes[lexicon().letters[letter].handshape].flexion[:2, 0]
        print(f"{letter}: knuckles of index and middle folded to {flexion.round().tolist()} degrees")


def main(model: str, folder: Path, frames: int, sheet: Path | None) -> None:
    options = vision.HandLandmarkerOptions(BaseOptions(model_asset_path=model), num_hands=1)
    known: Samples = []
    held: Samples = []
    near: Samples = []
    signing: Samples = []
    tiles: list[Image] = []
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        for letter in LETTERS:
            real, close, body = photographs(folder, letter), list(close_ups(letter, frames)), list(signed(letter))
            cut = len(real) * 3 // 4
            known += seen(landmarker, letter, real[:cut])
            held += seen(landmarker, letter, real[cut:])
            near += seen(landmarker, letter, close)
            signing += seen(landmarker, letter, body)
            clearest = max(real, key=lambda image: float(cv2.Laplacian(image, cv2.CV_64F).var()))
            tiles += [cv2.resize(clearest, (SIZE, SIZE)), *close[:2], *body[:2]]
    answers = read(known, held)
    right = np.mean([answer == letter for answer, (letter, _) in zip(answers, held, strict=True)])
    print(f"held-out photographs read: {right:.3f} of {len(held)} with a hand found")
    report("close-ups", known, near, frames)
    report(f"signing avatar, {SIGNERS} signers", known + mirrored(known), signing, SIGNERS)
    relations()
    if sheet:
        pictures = contact_sheet(tiles, 10, [name for letter in LETTERS for name in (letter, *"    ")])
        cv2.imwrite(str(sheet), cv2.cvtColor(pictures, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 5:
        raise SystemExit(
            "usage: python benchmarks/letter_reading.py hand_landmarker.task asl_alphabet_train"
            " [close-ups a letter] [SHEET.png]"
        )
    count, sheet = (sys.argv[3:] + [""] * 2)[:2]
    main(sys.argv[1], Path(sys.argv[2]), int(count or 10), Path(sheet) if sheet else None)
