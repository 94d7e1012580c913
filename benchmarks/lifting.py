"""How near lifted joints come to the avatar's true ones, beside two baselines, and how fast.

    python -m benchmarks.lifting [--sentences 40]

The avatar's joints are projected to pixels (shoulders some 200 apart) and damaged as detections are; errors are in
shoulder widths. Baselines: `flat` has no depth; `median` takes each bone to be as long as the median of what is seen of
it, and to point to the viewer.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.avatar.perform import perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.avatar.renderer.frames import project
from datamodules.avatar.signer import Signer
from datamodules.poses.anatomy import BONES
from datamodules.poses.lifting import lift
from datamodules.poses.lifting.cleaning import clean
from datamodules.poses.skeletons import LEFT_HAND, OPENPOSE_137, RIGHT_HAND, SLP_50_IN_OPENPOSE_137

Joints = npt.NDArray[np.float32]

SIZE: Final = 512
CONDITIONS: Final = {  # noise in pixels, joints dropped, hands dropped for some frames, joints misplaced
    "clean": (0.0, 0.0, 0.0, 0.0),
    "usual": (1.0, 0.02, 0.01, 0.002),
    "poor": (2.0, 0.05, 0.03, 0.01),
}
PARTS: Final = {"elbows": [3, 6], "wrists": [4, 7], "hands": [*range(8, 50)]}


def detect(
    joints: Joints, rng: np.random.Generator, noise: float, dropped: float, hidden: float, misplaced: float
) -> Joints:
    """OpenPose keypoints (T, 137, 3) of joints (T, 50, 3), as a detector of some quality would find them."""
    pixels = project(joints, SIZE) + rng.normal(0, noise, (*joints.shape[:2], 2))
    wrong = rng.random(joints.shape[:2]) < misplaced
    pixels += wrong[..., None] * rng.uniform(-150, 150, pixels.shape)
    confidence = np.where(wrong, rng.uniform(0.1, 0.5), rng.uniform(0.5, 1))
    confidence[rng.random(joints.shape[:2]) < dropped] = 0
    for hand in (RIGHT_HAND, LEFT_HAND):
        for start in np.flatnonzero(rng.random(len(joints)) < hidden):
            confidence[start : start + rng.integers(1, 8), hand] = 0
    keypoints = np.zeros((len(joints), OPENPOSE_137.joints, 3), np.float32)
    keypoints[:, SLP_50_IN_OPENPOSE_137] = np.dstack([pixels, confidence]) * (confidence > 0)[..., None]
    return keypoints


def flat(keypoints: Joints) -> Joints:
    """The keypoints cleaned, without depth."""
    xy, _ = clean(keypoints)
    return (np.dstack([xy, np.zeros(xy.shape[:2])]) / 3).astype(np.float32)


def median(keypoints: Joints) -> Joints:
    """Every bone as long as its median in the picture, and pointing to the viewer."""
    joints = 3 * flat(keypoints)
    for child, parent in BONES:
        seen = np.linalg.norm(joints[:, child, :2] - joints[:, parent, :2], axis=-1)
        joints[:, child, 2] = joints[:, parent, 2] + np.sqrt(np.maximum(np.median(seen) ** 2 - seen**2, 0))
    return (joints / 3).astype(np.float32)


def errors(found: Joints, truth: Joints) -> dict[str, float]:
    """Mean distances in shoulder widths; `in hands` are hands laid wrist upon wrist."""
    off = 3 * np.linalg.norm(found - truth, axis=-1)
    table = {part: float(off[:, joints].mean()) for part, joints in PARTS.items()}
    local = [
        3
        * np.linalg.norm((found[:, hand] - found[:, [hand.start]]) - (truth[:, hand] - truth[:, [hand.start]]), axis=-1)
        for hand in (RIGHT_HAND, LEFT_HAND)
    ]
    table["in hands"] = float(np.mean(local))
    table["in picture"] = float(3 * np.linalg.norm((found - truth)[..., :2], axis=-1).mean())
    return table


def drift(found: Joints) -> float:
    """The most that a bone's length changes within the sequence, relative to it."""
    lengths = np.stack([np.linalg.norm(found[:, child] - found[:, parent], axis=-1) for child, parent in BONES])
    return float((np.ptp(lengths, axis=1) / np.maximum(lengths.mean(1), 1e-3)).max())


def main() -> None:
    """Print a row a condition and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=40)
    count = parser.parse_args().sentences
    truths = [
        perform(sentence.glosses, Signer.random(number), seed=number).joints
        for number, sentence in enumerate(sentences("train", count, seed=3))
    ]
    methods: Sequence[tuple[str, Callable[[Joints], Joints]]] = (("lift", lift), ("median", median), ("flat", flat))
    for condition, damage in CONDITIONS.items():
        rng = np.random.default_rng(0)
        clips = [detect(truth, rng, *damage) for truth in truths]
        for name, method in methods:
            method(clips[0])
            start = time.process_time()
            found = [method(clip) for clip in clips]
            seconds = time.process_time() - start
            each = [errors(one, truth) for one, truth in zip(found, truths, strict=True)]
            table = {key: np.mean([row[key] for row in each]) for key in each[0]}
            print(
                f"{condition:<6} {name:<7}",
                *(f"{key} {value:.3f}" for key, value in table.items()),
                f"drift {max(map(drift, found)):.1e}  {sum(map(len, clips)) / seconds:.0f} frames/s",
            )


if __name__ == "__main__":
    main()
