"""The twin of WLASL: signs of the lexicon as short clips, listed in the files that the real set comes with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.backdrop import Kind, ground
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.avatar.renderer.photography import Shot
from datamodules.avatar.signer import Signer
from datamodules.features.signing_points import RATE
from datamodules.media import skeleton_frames
from datamodules.media.resampling import resampled
from datamodules.media.video import write_video
from datamodules.poses.formats import write_pose
from datamodules.poses.layouts import make_pose
from datamodules.poses.skeletons import OPENPOSE_137, SLP_50
from datamodules.twins.landmarks import detected
from datamodules.twins.poses import write_lines
from datamodules.twins.signers import Twin, cast, spread

SKELETONS = ("HELLO", "PLEASE", "STOP", "YES", "GOOD", "NO", "SORRY", "THANK-YOU", "HELP", "NAME")
"""The glosses of the skeleton twin. They are few, so that a model sees each of them often."""
HOLDS = {"landmarks": 2, "joints": True}
"""What the mark of a twin says on top of what it holds; those of earlier ones, which had none of these, or landmarks
with errors of another kind, do not."""
CLIPS = 8
"""Training clips a gloss; one more for validation and one for test."""
STUDIOS = ((320, 240, 25.0), (288, 192, 30000 / 1001), (320, 180, 25.0))
"""Width, height and frames a second of a signer's clips."""
_WALLS: tuple[Kind | None, ...] = ("white", "black", None)
_WALL_SHARES = (0.25, 0.15, 0.6)
"""How common studios are, as a sheet of real clips shows them; None is a wall of the signer's own colour."""


@dataclass(frozen=True)
class Clip:
    """One clip: its number among all, the place of its gloss among the glosses, its signer's number, its split."""

    number: int
    gloss: int
    signer: int
    split: str

    @property
    def name(self) -> str:
        """Its video_id."""
        return f"{self.number:05d}"


def write(root: Path, twin: Twin) -> None:
    """`size` training clips, an eighth each for val and test, of glosses that have ten or more each.

    An eighth of the signers sign val alone and another eighth test alone, at least one each, so that no signer stands
    in two splits; there are at least three signers.
    As in the real set, `fps` says 25 and `frame_end` -1 whatever the file holds. The landmarks are those of
    `write_landmarks`; beside them, `joints/` has where the joints truly are, as no detector finds them.
    """
    write_landmarks(root, twin)
    glosses, clips = cut(twin)
    people = cast(replace(twin, signers=max(3, twin.people)))
    (root / "joints").mkdir()
    for folder, write_one, what, worth in (
        ("joints", write_clip_joints, "the avatar's joints are written", 100),
        ("videos", write_clip, "the avatar shows signs", 15),
    ):
        tasks = [(root / folder, clip, glosses[clip.gloss], people[clip.signer], twin.seed) for clip in clips]
        spread(write_one, tasks, what, worth=worth)


def write_skeletons(root: Path, twin: Twin) -> None:
    """The same with skeleton frames in place of the videos: what `python -m zoo data landmarks --skeletons` draws, but
    of the true joints. As many clips are of the glosses in `SKELETONS`, or of the first `size` of them."""
    glosses, clips = cut(twin, SKELETONS[: twin.size])
    people = cast(replace(twin, signers=max(3, twin.people)))
    folder = root / "landmarks" / "skeletons"
    tasks = [(folder, clip, glosses[clip.gloss], people[clip.signer], twin.seed) for clip in clips]
    frames = spread(write_clip_skeletons, tasks, "the avatar's skeleton is drawn", worth=15)
    _write_index(root, glosses, clips, frames)


def write_landmarks(root: Path, twin: Twin) -> None:
    """The clips of `write` with landmarks in place of the videos: what `python -m zoo data landmarks` would find."""
    glosses, clips = cut(twin)
    people = cast(replace(twin, signers=max(3, twin.people)))
    folder = root / "landmarks"
    folder.mkdir()
    tasks = [(folder, clip, glosses[clip.gloss], people[clip.signer], twin.seed) for clip in clips]
    frames = spread(write_clip_landmarks, tasks, "the avatar's landmarks are found", worth=100)
    _write_index(root, glosses, clips, frames)


def cut(twin: Twin, glosses: Sequence[str] | None = None) -> tuple[list[str], list[Clip]]:
    """The glosses of a twin, drawn by lot unless they are given, and its clips in the order of their numbers."""
    rng = np.random.default_rng(twin.seed)
    names, signers = sorted(lexicon().signs), max(3, twin.people)
    if glosses is None:
        glosses = [names[k] for k in rng.permutation(len(names))[: max(1, twin.size // CLIPS)]]
    rounds = (divmod(n, len(glosses)) for n in range(twin.size))
    held_out = max(1, signers // 8)
    known = signers - 2 * held_out
    parts = [(gloss, (turn + gloss) % known, "train") for turn, gloss in rounds]
    for split, first in (("val", known), ("test", known + held_out)):
        rounds = (divmod(n, len(glosses)) for n in range(max(len(glosses), twin.size // CLIPS)))
        parts += [(gloss, first + (turn + gloss) % held_out, split) for turn, gloss in rounds]
    order = rng.permutation(len(parts)).tolist()
    return list(glosses), [Clip(number, *parts[k]) for number, k in enumerate(order, 1)]


def write_clip(folder: Path, clip: Clip, gloss: str, signer: Signer, seed: int) -> None:
    """One sign, from rest to rest."""
    camera, fps = studio(clip.signer)
    width, height = camera.width, camera.height
    whole = performed(clip, gloss, signer, seed)
    joints = whole.joints
    own = 1000 * seed + clip.signer
    rng = np.random.default_rng([own, 0])
    kind, shot, scene = _WALLS[rng.choice(len(_WALLS), p=_WALL_SHARES)], Shot.studio(rng), None
    if kind is not None:
        scene = np.ascontiguousarray(ground(kind, max(width, height), rng)[:height, :width])
        shot = replace(shot, contrast=None)
    shown = film(joints, signer.look, camera, own, scene, face=whole.face)
    frames = recorded(shown, joints, camera, shot, np.random.default_rng([own, clip.number]))
    write_video(folder / f"{clip.name}.mp4", frames, fps, crf=23, threads=1)


def write_clip_skeletons(folder: Path, clip: Clip, gloss: str, signer: Signer, seed: int) -> int:
    """The skeleton frames of one sign; returns their number."""
    whole = performed(clip, gloss, signer, seed)
    camera, _ = studio(clip.signer)
    skeleton_frames.write_skeletons(folder / clip.name, seen_pose(whole, camera))
    return len(whole.joints)


def write_clip_landmarks(folder: Path, clip: Clip, gloss: str, signer: Signer, seed: int) -> int:
    """The landmarks of one sign; returns their number of frames."""
    whole = performed(clip, gloss, signer, seed)
    camera, fps = studio(clip.signer)
    rng = np.random.default_rng([seed, clip.number])
    write_pose(folder / f"{clip.name}.pose", detected(at_rate(whole.joints, fps), camera, RATE, rng))
    return len(whole.joints)


def at_rate(joints: npt.NDArray[np.float32], fps: float) -> npt.NDArray[np.float32]:
    """Of joints (T, 50, 3), `fps` a second, those of the frames that a reader of landmarks looks at, RATE a second."""
    numbers = (np.arange(resampled(len(joints), fps, RATE)) + 0.5) * (fps / RATE)
    picked: npt.NDArray[np.float32] = joints[np.minimum(numbers.astype(int), len(joints) - 1)]
    return picked


def write_clip_joints(folder: Path, clip: Clip, gloss: str, signer: Signer, seed: int) -> None:
    """The joints of one sign, in pixels of its picture, all of them seen."""
    whole = performed(clip, gloss, signer, seed)
    camera, fps = studio(clip.signer)
    places = camera.project(whole.joints)
    size = camera.width, camera.height
    write_pose(folder / f"{clip.name}.pose", make_pose(SLP_50, places, np.ones(places.shape[:2]), fps, size))


def performed(clip: Clip, gloss: str, signer: Signer, seed: int) -> Performance:
    """What a clip shows of its signer, at the frame rate of the studio."""
    _, fps = studio(clip.signer)
    return perform([gloss], signer, fps, seed=1_000_000 * seed + clip.number)


def studio(signer: int) -> tuple[Camera, float]:
    """The camera that a signer stands before, by number, and its frames a second."""
    width, height, fps = STUDIOS[signer % len(STUDIOS)]
    return Camera(width, height, 0.36 * height, (0.5 * width, 0.44 * height)), fps


def seen_pose(whole: Performance, camera: Camera, at: Sequence[int] | None = None) -> Pose:
    """What an errorless detector finds in the clip of a performance: OpenPose's points, in pixels of its picture; of
    some of its frames where `at` says so."""
    joints, face = whole.joints, whole.face
    if at is not None:
        joints, face = joints[list(at)], None if face is None else face[list(at)]
    keypoints = openpose_keypoints(joints, camera, face=face)
    return make_pose(OPENPOSE_137, keypoints[..., :2], keypoints[..., 2], whole.fps, (camera.width, camera.height))


def _write_index(root: Path, glosses: list[str], clips: list[Clip], frames: list[int]) -> None:
    words = [gloss.lower().replace("-", " ") for gloss in glosses]
    entries = []
    for index, word in enumerate(words):
        shown = [clip for clip in clips if clip.gloss == index]
        entries.append({"gloss": word, "instances": [_instance(clip, k) for k, clip in enumerate(shown)]})
    actions = {
        clip.name: {"subset": clip.split, "action": [clip.gloss, 1, count]}
        for clip, count in zip(clips, frames, strict=True)
    }
    (root / "WLASL_v0.3.json").write_text(json.dumps(entries, indent=4) + "\n")
    (root / f"nslt_{len(words)}.json").write_text(json.dumps(actions))
    write_lines(root / "wlasl_class_list.txt", [f"{index}\t{word}" for index, word in enumerate(words)])


def _instance(clip: Clip, number: int) -> dict[str, object]:
    """An entry of WLASL_v0.3.json; the box around the signer is that of the camera, which is fixed."""
    width, height, _ = STUDIOS[clip.signer % len(STUDIOS)]
    unit = 0.36 * height
    return {
        "bbox": [round(0.5 * width - 1.1 * unit), round(0.03 * height), round(0.5 * width + 1.1 * unit), height],
        "fps": 25,
        "frame_end": -1,
        "frame_start": 1,
        "instance_id": number,
        "signer_id": clip.signer,
        "source": "avatar",
        "split": clip.split,
        "url": f"avatar:{clip.name}",
        "variation_id": 0,
        "video_id": clip.name,
    }
