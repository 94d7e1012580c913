"""How well a reader of landmarks reads rendered clips of the avatar, through MediaPipe, beside its twin's landmarks.

    python benchmarks/landmark_reading.py FOLDER [clips, default 100] [MODEL, default gloss-landmarks]

Renders so many test clips of the twin that the model was trained on into FOLDER, of signers whom training never saw,
and reads the videos and, of the same clips, the landmarks that the twin has: what is lost between the two is what the
model of MediaPipe's errors does not have. Prints top-1 and top-5 of both with 95 % intervals (Wilson), and seconds a
clip. $ZOO_MODELS names a folder that has MediaPipe's models. What FOLDER has already is not rendered again.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import zoo
from datamodules.twins import Twin
from datamodules.twins.signers import cast
from datamodules.twins.wlasl import Clip, cut, write_clip, write_clip_landmarks

TWIN = Twin(2400, seed=0, signers=40)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, share = 1.96, right / count
    middle, width = share + z * z / (2 * count), z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - width) / (1 + z * z / count), (middle + width) / (1 + z * z / count)


def told(what: str, ranks: Sequence[int], seconds: float) -> None:
    """Print a line."""
    for most in (1, 5):
        right, count = sum(rank < most for rank in ranks), len(ranks)
        low, high = wilson(right, count)
        print(f"{what:28} top-{most} {right / count:.3f} [{low:.3f}, {high:.3f}], n = {count}, {seconds:.3f} s a clip")


def main(folder: Path, number: int, name: str) -> None:
    model = zoo.load(name)
    glosses, clips = cut(TWIN)
    people = cast(TWIN)
    unseen = [clip for clip in clips if clip.split == "test"]
    chosen: list[Clip] = [unseen[k] for k in np.random.default_rng(0).permutation(len(unseen))[:number]]
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[int]] = {".mp4": [], ".pose": []}
    spent = dict.fromkeys(found, 0.0)
    for clip in chosen:
        gloss = glosses[clip.gloss]
        for suffix, write in ((".mp4", write_clip), (".pose", write_clip_landmarks)):
            path = folder / f"{clip.name}{suffix}"
            if not path.is_file():
                write(folder, clip, gloss, people[clip.signer], TWIN.seed)
            start = time.process_time()
            ranked = [guess.gloss for guess in model.predict(path)]
            spent[suffix] += time.process_time() - start
            found[suffix].append(ranked.index(gloss.lower().replace("-", " ")))
    told("rendered, through MediaPipe", found[".mp4"], spent[".mp4"] / len(chosen))
    told("landmarks of the twin", found[".pose"], spent[".pose"] / len(chosen))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        raise SystemExit("usage: python benchmarks/landmark_reading.py FOLDER [clips] [MODEL]")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100, *sys.argv[3:] or ["gloss-landmarks"])
