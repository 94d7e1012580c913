"""How well a reader of landmarks reads rendered clips of the avatar, through MediaPipe, beside its twin's landmarks.

    python benchmarks/landmark_reading.py FOLDER [clips, default 100] [MODEL, default gloss-landmarks]

Renders so many test clips of the twin that the model was trained on into FOLDER, of signers whom training never saw,
has MediaPipe find their landmarks ($ZOO_MODELS may name the folder of its models), and reads these and, of the same
clips, the landmarks that the twin has: what is lost between the two is what the model of MediaPipe's errors lacks.
Prints top-1 and top-5 of both with 95 % intervals (Wilson), and the processor's milliseconds a clip without MediaPipe.
What FOLDER has already is not made again.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from landmark_noise import TWIN, looked_at

import zoo
from datamodules.features.bundles import HAND, POSE, find_bundle
from datamodules.features.landmarks import Landmarker
from datamodules.poses.formats import read_pose, write_pose
from datamodules.twins.signers import cast
from datamodules.twins.wlasl import cut, write_clip, write_clip_landmarks


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, share = 1.96, right / count
    middle, width = share + z * z / (2 * count), z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - width) / (1 + z * z / count), (middle + width) / (1 + z * z / count)


def prepare(folder: Path, number: int) -> dict[str, str]:
    """Write of each clip the video, what MediaPipe finds in it and what the twin has; returns the glosses by clip."""
    glosses, clips = cut(TWIN)
    people = cast(TWIN)
    unseen = [clip for clip in clips if clip.split == "test"]
    shown = {}
    for part in ("rendered", "twin"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with Landmarker(find_bundle(POSE), find_bundle(HAND)) as landmarker:
        for clip in [unseen[k] for k in np.random.default_rng(0).permutation(len(unseen))[:number]]:
            gloss, signer = glosses[clip.gloss], people[clip.signer]
            shown[clip.name] = gloss.lower().replace("-", " ")
            if not (folder / "twin" / f"{clip.name}.pose").is_file():
                write_clip_landmarks(folder / "twin", clip, gloss, signer, TWIN.seed)
            if not (folder / "rendered" / f"{clip.name}.pose").is_file():
                write_clip(folder / "rendered", clip, gloss, signer, TWIN.seed)
                found = looked_at(folder / "rendered" / f"{clip.name}.mp4", landmarker)
                write_pose(folder / "rendered" / f"{clip.name}.pose", found)
    return shown


def told(what: str, ranks: Sequence[int], seconds: float) -> None:
    """Print a line for top-1 and one for top-5."""
    for most in (1, 5):
        right, count = sum(rank < most for rank in ranks), len(ranks)
        low, high = wilson(right, count)
        print(f"{what:28} top-{most} {right / count:.3f} [{low:.3f}, {high:.3f}], n = {count}")
    print(f"{what:28} {1000 * seconds / len(ranks):.1f} ms a clip")


def main(folder: Path, number: int, name: str) -> None:
    shown, model = prepare(folder, number), zoo.load(name)
    for part, what in (("rendered", "rendered, through MediaPipe"), ("twin", "landmarks of the twin")):
        ranks = []
        poses = [read_pose(folder / part / f"{clip}.pose") for clip in shown]
        start = time.process_time()
        for pose, gloss in zip(poses, shown.values(), strict=True):
            ranks.append([guess.gloss for guess in model.predict(pose)].index(gloss))
        told(what, ranks, time.process_time() - start)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        raise SystemExit("usage: python benchmarks/landmark_reading.py FOLDER [clips] [MODEL]")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100, *sys.argv[3:] or ["gloss-landmarks"])
