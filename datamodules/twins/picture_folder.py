"""The twin of a folder of pictures with captions: signers in a studio, and drawings of skeletons.

Half of its pictures are frames of the clips of How2Sign's twin, each signer in one place; the captions say who it is
and what is signed. The others are skeleton frames of the same sentences, as WLASL's twin frames its signers; their
captions do not say what is signed, so that a text-to-image model knows what such drawings look like and is still to
learn signs.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from datamodules.avatar.perform import Performance
from datamodules.avatar.phonology.grammar import SPELLED, Sentence
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.hand_boxes import keypoint_boxes
from datamodules.media.images import centre_square, resize
from datamodules.media.skeleton_frames import draw_skeletons, shrunk
from datamodules.samples import Split
from datamodules.twins.folder import write_picture
from datamodules.twins.how2sign import FILMED, FPS, filmed
from datamodules.twins.poses import FIRST, SPLITS, performed, spoken, write_lines
from datamodules.twins.signers import Twin, spread
from datamodules.twins.wlasl import STUDIOS, seen_pose, studio

SIDE = 128
STILLS = 12
"""Frames and drawings, each, of a sentence."""
UNTOLD = 0.15
"""Share of the frames whose captions do not say what is signed, beside those between two signs."""
DRAWING = "the skeleton of a signer"
FOLDERS: dict[Split, str] = {"train": "train", "dev": "validation", "test": "test"}

Entry = dict[str, object]


def write(root: Path, twin: Twin) -> None:
    """About `size` training pictures, and a tenth for validation and for test each, of other sentences."""
    clips = Twin(max(1, round(twin.size / (2 * STILLS))), twin.seed, twin.signers)
    for split in SPLITS:
        folder = root / FOLDERS[split]
        folder.mkdir(parents=True)
        tasks = [(folder, split, number, sentence, clips) for number, sentence in enumerate(spoken(split, clips))]
        entries = spread(write_stills, tasks, f"the avatar is photographed for {FOLDERS[split]}", worth=8)
        write_lines(folder / "metadata.jsonl", [json.dumps(entry) for of_clip in entries for entry in of_clip])


def studio_caption(signer: int, gloss: str | None) -> str:
    """The caption of a frame of a signer, counted from 1, and of the gloss signed in it; None leaves the gloss out."""
    if gloss is None:
        return f"signer {signer} in the studio"
    if gloss.startswith(SPELLED):
        return f"signer {signer} in the studio spells a name"
    return f"signer {signer} in the studio signs '{gloss.lower().replace('-', ' ')}'"


def write_stills(folder: Path, split: Split, number: int, sentence: Sentence, twin: Twin) -> list[Entry]:
    """Frames and drawings of one sentence, and their lines of metadata."""
    whole, rng = performed(split, number, sentence, twin, FPS), np.random.default_rng([twin.seed, FIRST[split], number])
    signer, source = number % twin.people, f"{FOLDERS[split]}-{number}"
    count = min(STILLS, len(whole.joints))
    at, drawn = (np.sort(rng.choice(len(whole.joints), count, replace=False)).tolist() for _ in range(2))
    entries = []
    hands = _hands(whole, FILMED, at)
    for index, frame, boxes in zip(at, filmed(whole, split, number, twin, at), hands, strict=True):
        name, (top, left, side) = f"{number:05d}-{index:03d}.jpg", centre_square(*frame.shape[:2])
        write_picture(folder / name, resize(frame[top : top + side, left : left + side], SIDE, SIDE))
        gloss = int(whole.truth["gloss"][index])
        told = gloss >= 0 and rng.random() >= UNTOLD
        text = studio_caption(signer + 1, sentence.glosses[gloss] if told else None)
        entries.append(_entry(name, text, source, (boxes - (left, top, left, top)) * (SIDE / side)))
    camera, _ = studio(int(rng.integers(len(STUDIOS))))
    drawings, hands = draw_skeletons(seen_pose(whole, camera, drawn)), _hands(whole, camera, drawn)
    for index, drawing, boxes in zip(drawn, drawings, hands, strict=True):
        name = f"{number:05d}-{index:03d}.png"
        cv2.imwrite(str(folder / name), shrunk(drawing, SIDE)[..., ::-1])
        scale = SIDE / max(camera.width, camera.height)
        margin = (SIDE - scale * np.array([camera.width, camera.height])) / 2
        entries.append(_entry(name, DRAWING, source, boxes * scale + [*margin, *margin]))
    return entries


def _entry(name: str, text: str, source: str, boxes: npt.NDArray[np.floating]) -> Entry:
    return {"file_name": name, "text": text, "source": source, "hands": boxes.round(1).tolist()}


def _hands(whole: Performance, camera: Camera, at: list[int]) -> list[npt.NDArray[np.float64]]:
    """Boxes (n, 4) around the hands of each of some frames, in the camera's pixels."""
    keypoints = openpose_keypoints(whole.joints[at], camera)
    found = [keypoint_boxes(points, camera.width, camera.height) for points in keypoints]
    return [np.array([box for box in boxes if box], float).reshape(-1, 4) for boxes in found]
