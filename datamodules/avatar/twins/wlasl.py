"""The twin of WLASL: signs of the lexicon as short clips, listed in the files that the real set comes with."""

import json
from pathlib import Path

import numpy as np

from datamodules.avatar.lexicon import lexicon
from datamodules.avatar.perform import perform
from datamodules.avatar.render import Camera, film
from datamodules.avatar.signer import Signer
from datamodules.avatar.twins.cast import Twin, cast, spread
from datamodules.avatar.twins.poses import write_lines
from datamodules.video import write_video

CLIPS = 8
"""Training clips a gloss; one more for validation and one for test."""
STUDIOS = ((320, 240, 25.0), (288, 192, 30000 / 1001), (320, 180, 25.0))
"""Width, height and frames a second of a signer's clips."""


def write(root: Path, twin: Twin) -> None:
    """`size` training clips, an eighth each for val and test, of glosses that have ten clips each.

    The last two signers sign validation and test alone, so that no signer stands in two splits; there are at least
    three. As in the real set, `fps` says 25 and `frame_end` -1 whatever the file holds.
    """
    people = cast(Twin(twin.size, twin.seed, max(3, twin.signers)))
    rng = np.random.default_rng(twin.seed)
    names = sorted(lexicon().signs)
    glosses = [names[k] for k in rng.permutation(len(names))[: max(1, twin.size // CLIPS)]]
    train = [(n % len(glosses), (n // len(glosses) + n) % (len(people) - 2), "train") for n in range(twin.size)]
    held = max(len(glosses), twin.size // CLIPS)
    others = [
        (n % len(glosses), len(people) + signer, split)
        for split, signer in (("val", -2), ("test", -1))
        for n in range(held)
    ]
    numbers = rng.permutation(len(train) + len(others)) + 1
    clips = [(f"{number:05d}", *clip) for number, clip in sorted(zip(numbers.tolist(), train + others, strict=True))]
    tasks = [
        (root / "videos" / f"{name}.mp4", glosses[gloss], people[signer], signer, int(name), twin.seed)
        for name, gloss, signer, _ in clips
    ]
    counts = spread(write_clip, tasks, "the avatar shows signs", worth=15)
    _write_index(root, glosses, clips, counts)


def write_clip(path: Path, gloss: str, signer: Signer, studio: int, number: int, seed: int) -> int:
    """One sign, from rest to rest; returns its number of frames."""
    width, height, fps = STUDIOS[studio % len(STUDIOS)]
    camera = Camera(width, height, 0.36 * height, (0.5 * width, 0.40 * height))
    joints = perform([gloss], signer, fps, seed=1_000_000 * seed + number).joints
    write_video(path, film(joints, signer.look, camera, 1000 * seed + studio), fps, crf=23, threads=1)
    return len(joints)


def _write_index(root: Path, glosses: list[str], clips: list[tuple[str, int, int, str]], counts: list[int]) -> None:
    words = [gloss.lower().replace("-", " ") for gloss in glosses]
    entries: list[dict[str, object]] = []
    for index, word in enumerate(words):
        instances = [_instance(name, signer, split) for name, shown, signer, split in clips if shown == index]
        entries.append({"gloss": word, "instances": [{**one, "instance_id": k} for k, one in enumerate(instances)]})
    actions = {
        name: {"subset": split, "action": [index, 1, frames]}
        for (name, index, _, split), frames in zip(clips, counts, strict=True)
    }
    (root / "WLASL_v0.3.json").write_text(json.dumps(entries, indent=4, sort_keys=True) + "\n")
    (root / f"nslt_{len(words)}.json").write_text(json.dumps(actions))
    write_lines(root / "wlasl_class_list.txt", [f"{index}\t{word}" for index, word in enumerate(words)])


def _instance(name: str, signer: int, split: str) -> dict[str, object]:
    """An entry of WLASL_v0.3.json; the box around the signer is that of the camera, which is fixed."""
    width, height, _ = STUDIOS[signer % len(STUDIOS)]
    unit = 0.36 * height
    box = [round(0.5 * width - 1.1 * unit), round(0.05 * height), round(0.5 * width + 1.1 * unit), height]
    return {
        "bbox": box,
        "fps": 25,
        "frame_end": -1,
        "frame_start": 1,
        "signer_id": signer,
        "source": "avatar",
        "split": split,
        "url": f"avatar:{name}",
        "variation_id": 0,
        "video_id": name,
    }
