"""The twin of How2Sign: realigned tables and poses, and with videos the sentence clips and their OpenPose keypoints.

Frames are 1280 x 720, filmed at 640 x 360 and enlarged: the real ones are no sharper once compressed, and filming takes
a quarter of the time.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from datamodules.avatar.perform import Performance
from datamodules.avatar.phonology.grammar import Sentence
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.avatar.renderer.photography import Shot
from datamodules.media.drawing_primitives import Image
from datamodules.media.video import write_video
from datamodules.poses.formats import write_openpose, write_skels
from datamodules.samples import Split
from datamodules.twins.poses import FIRST, SPLITS, all_signed, performed, spoken, write_lines
from datamodules.twins.signers import Twin, cast, spread

FPS = 24.0  # of the clips; poses have 25
CAMERA = Camera(1280, 720, 240.0, (640.0, 350.0))
FILMED = Camera(640, 360, 120.0, (320.0, 175.0))
"""Half of it."""
_HEADER = "VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE"
_GREEN = (140, 182, 138)


def write(root: Path, twin: Twin) -> None:
    """Tables, poses, clips and keypoints."""
    write_poses(root, twin)
    tasks = []
    for split in SPLITS:
        place = root / "sentence_level" / _published(split)
        table = f"how2sign_realigned_{_published(split)}.csv"
        write_lines(
            place / "text" / "en" / "raw_text" / "re_aligned" / table, (root / table).read_text("utf-8").splitlines()
        )
        listed = enumerate(spoken(split, twin))
        tasks += [(place / "rgb_front", split, number, sentence, twin) for number, sentence in listed]
    spread(write_clip, tasks, "the avatar is filmed", worth=3)


def write_poses(root: Path, twin: Twin) -> None:
    """`how2sign_realigned_{split}.csv`, `{split}.skels`, `{split}.files`."""
    for split in SPLITS:
        joints = all_signed(split, twin)
        rows, names = [_HEADER], []
        for number, (sentence, pose) in enumerate(zip(spoken(split, twin), joints, strict=True)):
            video, signer = _video(split, number), number % twin.people
            names.append(_name(split, number, twin))
            end = f"{len(pose) / 25:.2f}"
            rows.append(f"{video}\t{video}-{signer}-rgb_front\t{video}_0\t{names[-1]}\t0.0\t{end}\t{sentence.text}")
        write_lines(root / f"how2sign_realigned_{_published(split)}.csv", rows)
        write_lines(root / f"{_published(split)}.files", names)
        write_skels(root / f"{_published(split)}.skels", joints)


def write_clip(folder: Path, split: Split, number: int, sentence: Sentence, twin: Twin) -> None:
    """One sentence's video and keypoints in the folder of its split's front view."""
    whole, name = performed(split, number, sentence, twin, FPS), _name(split, number, twin)
    size = (CAMERA.width, CAMERA.height)
    frames = filmed(whole, split, number, twin)
    large = (cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) for frame in frames)
    write_video(folder / "raw_videos" / f"{name}.mp4", large, FPS, crf=23, threads=1)
    keypoints = openpose_keypoints(whole.joints, CAMERA, face=whole.face)
    write_openpose(folder / "features" / "openpose_output" / "json" / name, name, keypoints)


def filmed(
    whole: Performance, split: Split, number: int, twin: Twin, at: Sequence[int] | None = None
) -> Iterator[Image]:
    """The frames (360, 640, 3) of a split's sentence, as `FILMED` sees them; `at` chooses some. Each signer keeps
    clothes, light and curtain."""
    signer = number % twin.people
    seed = 1000 * twin.seed + signer
    rng = np.random.default_rng(seed)
    curtain, shot = green_screen(FILMED.width, FILMED.height, rng), Shot.studio(rng)
    shown = whole.joints if at is None else whole.joints[list(at)]
    face = whole.face if at is None or whole.face is None else whole.face[list(at)]
    frames = film(shown, cast(twin)[signer].look, FILMED, seed, curtain, face=face)
    noise = np.random.default_rng([seed, FIRST[split] + number])
    return recorded(frames, whole.joints, FILMED, shot, noise, at)


def green_screen(width: int, height: int, rng: np.random.Generator) -> Image:
    """A green curtain (height, width, 3) RGB with soft folds, darker to the sides."""
    x = np.linspace(0, 1, width, dtype=np.float32)
    folds = np.zeros_like(x)
    for _ in range(8):
        folds += rng.uniform(0.6, 3) * np.sin(2 * np.pi * (rng.uniform(1, 14) * x + rng.random()))
    light = folds - 30 * (x - rng.uniform(0.45, 0.6)) ** 2
    grain = cv2.resize(rng.normal(0, 3, (12, 24)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    curtain: Image = (np.array(_GREEN) + (light + grain)[..., None]).clip(0, 255).astype(np.uint8)
    return curtain


def _published(split: Split) -> str:
    return {"dev": "val"}.get(split, split)


def _video(split: Split, number: int) -> str:
    """Its VIDEO_ID: each sentence is a recording of its own."""
    return f"avatar{FIRST[split] + number:06d}"


def _name(split: Split, number: int, twin: Twin) -> str:
    """Its SENTENCE_NAME."""
    return f"{_video(split, number)}_0-{number % twin.people}-rgb_front"
