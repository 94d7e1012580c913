"""What MediaPipe sees of the avatar: where its joints are in the picture, with the errors that the detector makes.

The errors are measured. `benchmarks/landmark_noise.py` renders clips of the twin, has MediaPipe find their landmarks,
holds them against the true joints, and writes the constants below and `landmark_errors.npz`, and how well the model
repeats what was measured.

What a hand looks like decides half of where its joints are taken to be: a shape that is taken for another one is so
whenever it is shown. Two small networks have learnt that, and how likely a hand is found. What they leave is what was
left of some hand in a clip that was looked at, moment by moment: joints err together, for a while, and some hands much.
The body's errors depend on time, since neighbouring frames err alike, and on the clip, since a signer, a wall or a sign
can be hard throughout. On what else a detector's failures depend is left to chance, and so is that of several in one
frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.avatar.renderer.frames import Camera
from datamodules.poses.layouts import make_pose
from datamodules.poses.skeletons import HAND_JOINTS, HOLISTIC_108, SLP_50, Component, Skeleton, joint_indices

Floats = npt.NDArray[np.floating]

JOINTS: Final = ("NOSE", *(f"{side}_{joint}" for joint in ("SHOULDER", "ELBOW", "WRIST") for side in ("LEFT", "RIGHT")))
HANDS: Final = tuple(tuple(f"{side}_HAND.{joint}" for joint in HAND_JOINTS) for side in ("LEFT", "RIGHT"))


def _places(layout: Skeleton, anatomy: Sequence[str]) -> npt.NDArray[np.intp]:
    return joint_indices(layout, Skeleton("", (Component("", tuple(anatomy), (), tuple(anatomy)),)))


BODY_OF, HANDS_OF = _places(SLP_50, JOINTS), [_places(SLP_50, hand) for hand in HANDS]
"""Where the avatar has the joints of the body, and those of the left and right hand."""
BODY_IN, HANDS_IN = _places(HOLISTIC_108, JOINTS), [_places(HOLISTIC_108, hand) for hand in HANDS]
"""Where MediaPipe has them."""
OTHER_SIDE: Final = (0, 2, 1, 4, 3, 6, 5)
"""Of each joint of the body, the one of the other side."""
STEP: Final = 0.004
"""Shoulder widths: errors are kept as so many of it, in a byte."""


@dataclass(frozen=True)
class Wander:
    """An error that differs from clip to clip by a deviation of `between`, and within one by `within`, of which each
    frame keeps the share `memory`."""

    between: float
    within: float
    memory: float

    def draw(self, rng: np.random.Generator, frames: int, *shape: int) -> Floats:
        """Errors (frames, *shape)."""
        fresh = rng.standard_normal((frames, *shape)) * np.sqrt(1 - self.memory**2)
        errors = np.empty_like(fresh)
        errors[0] = rng.standard_normal(shape)
        for frame in range(1, frames):
            errors[frame] = self.memory * errors[frame - 1] + fresh[frame]
        drawn: Floats = self.between * rng.standard_normal(shape) + self.within * errors
        return drawn


@dataclass(frozen=True)
class Spells:
    """What befalls some `clips`, a share of them, and of these for `frames`, a share, which come `run` at a time."""

    clips: float
    frames: float
    run: float

    def draw(self, rng: np.random.Generator, frames: int) -> npt.NDArray[np.bool_]:
        """In which frames (frames,) it is so."""
        chances, there = rng.random(frames), np.zeros(frames, bool)
        if rng.random() >= self.clips:
            return there
        begin = self.frames / (1 - self.frames) / self.run
        now = bool(rng.random() < self.frames)
        for frame, chance in enumerate(chances):
            now = bool(chance >= 1 / self.run) if now else bool(chance < begin)
            there[frame] = now
        return there


# What `python benchmarks/landmark_noise.py` printed of 685 clips; shoulder widths, x to the right and y down; frames
# are a sixteenth of a second apart.
BODY: Final = {
    "NOSE": (
        [-0.006, -0.104],
        Wander(between=0.019, within=0.018, memory=0.587),
        6.81,
        Wander(between=0.096, within=0.115, memory=0.529),
    ),
    "LEFT_SHOULDER": (
        [-0.053, 0.015],
        Wander(between=0.012, within=0.016, memory=0.774),
        6.81,
        Wander(between=0.136, within=0.134, memory=0.524),
    ),
    "RIGHT_SHOULDER": (
        [0.074, 0.018],
        Wander(between=0.015, within=0.022, memory=0.789),
        6.66,
        Wander(between=0.268, within=0.328, memory=0.81),
    ),
    "LEFT_ELBOW": (
        [-0.008, -0.033],
        Wander(between=0.026, within=0.024, memory=0.711),
        5.01,
        Wander(between=0.826, within=0.73, memory=0.622),
    ),
    "RIGHT_ELBOW": (
        [0.009, -0.018],
        Wander(between=0.02, within=0.035, memory=0.771),
        5.0,
        Wander(between=1.015, within=0.886, memory=0.648),
    ),
    "LEFT_WRIST": (
        [0.003, -0.051],
        Wander(between=0.047, within=0.04, memory=0.724),
        3.08,
        Wander(between=1.338, within=1.373, memory=0.802),
    ),
    "RIGHT_WRIST": (
        [-0.016, -0.011],
        Wander(between=0.036, within=0.056, memory=0.751),
        3.51,
        Wander(between=1.391, within=1.807, memory=0.837),
    ),
}
"""Of each joint its bias, its error, and of its confidence the logit's mean and what that differs by."""
FOUND_OFTEN: Final = -0.94
FOUND_BY: Final = 1.16
FOUND_BEFORE: Final = 1.27
FOUND_BETWEEN: Final = 1.14
"""The logit of finding a hand is FOUND_OFTEN, plus FOUND_BY times the one that its looks give, plus FOUND_BEFORE where
it was found in the frame before, plus what hands of clips differ by, of the deviation FOUND_BETWEEN."""
NOBODY: Final = Spells(clips=0.091, frames=0.104, run=1.69)
"""No body is found."""
TURNED: Final = Spells(clips=0.117, frames=0.198, run=2.349)
"""Left and right are exchanged, as if the back was seen; of hands too, which follow the wrists."""
SHRUNK: Final = Spells(clips=0.241, frames=0.173, run=2.011)
SHRUNK_TO: Final = [0.25, 0.94]
"""A body is found that is smaller, from the nose on by one of the factors from SHRUNK_TO's first to its last."""
SWAPPED: Final = 0.0089
"""Share of the frames in which the hands alone are exchanged."""
NEAR: Final = 0.3
"""Shoulder widths within which a hand is near the face or the other hand."""
SIZE: Final = 0.2
"""Shoulder widths: mean distance of a large hand's joints from their middle."""


def detected(joints: Floats, camera: Camera, fps: float, rng: np.random.Generator) -> Pose:
    """The joints (T, 50, 3) in SLP units of a clip, as MediaPipe would find them in its picture; in the layout of
    `python -m zoo data landmarks`, of the body the JOINTS alone, and without depth."""
    true = camera.project(joints).astype(np.float64)
    points = np.zeros((len(joints), HOLISTIC_108.joints, 3))
    shown = points[:, BODY_IN]
    places, shown[..., 2] = _body(true[:, BODY_OF] / camera.unit, rng)
    shrunk = SHRUNK.draw(rng, len(joints))[:, None, None] * (
        1 - rng.uniform(SHRUNK_TO[0], SHRUNK_TO[1], (len(joints), 1, 1))
    )
    shown[..., :2] = places - shrunk * (places - places[:, :1])
    hands = [_hand(joints, true, camera, fps, side, rng) for side in (0, 1)]
    turned, swapped = TURNED.draw(rng, len(joints)), rng.random(len(joints)) < SWAPPED
    shown[turned] = shown[turned][:, OTHER_SIDE]
    shown[NOBODY.draw(rng, len(joints)), :, 2] = 0
    shown[..., :2] *= camera.unit
    points[:, BODY_IN] = shown
    crossed = (turned ^ swapped)[:, None, None]
    for side in (0, 1):
        points[:, HANDS_IN[side]] = np.where(crossed, hands[1 - side], hands[side])
    return make_pose(HOLISTIC_108, points[..., :2], points[..., 2], fps, (camera.width, camera.height))


def _body(true: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Joints (T, 7, 2) and their confidence (T, 7)."""
    places, confidence = np.empty_like(true), np.empty(true.shape[:2])
    for joint, (bias, error, trust, doubt) in enumerate(BODY.values()):
        places[:, joint] = true[:, joint] + bias + error.draw(rng, len(true), 2)
        confidence[:, joint] = 1 / (1 + np.exp(-trust - doubt.draw(rng, len(true))))
    return places, confidence


def _hand(joints: Floats, true: Floats, camera: Camera, fps: float, side: int, rng: np.random.Generator) -> Floats:
    """The 21 joints (T, 21, 3) of a hand in pixels and their confidence, 0 where it is not found."""
    frames = len(true)
    shown = looks(joints, true, camera, fps, side)
    errors = usual_errors(shown, side) + _rest(frames, rng) * (1 if side else -1, 1)
    seen = _found(answer("found", shown)[:, 0], rng)
    return np.dstack([true[:, HANDS_OF[side]] + camera.unit * errors, np.broadcast_to(seen[:, None], (frames, 21))])


def looks(joints: Floats, true: Floats, camera: Camera, fps: float, side: int) -> Floats:
    """What decides how a hand is taken, (T, 71), of the joints (T, 50, 3) and where they are in pixels (T, 50, 2): its
    shape and where it is from the nose and from the other hand, as of a right hand, in SLP units; and its
    `circumstances`."""
    own, other = joints[:, HANDS_OF[side]], joints[:, HANDS_OF[1 - side][:1]]
    parts = np.concatenate([own[:, 1:] - own[:, :1], own[:, :1] - joints[:, :1], own[:, :1] - other], axis=1)
    parts = parts * (1 if side else -1, 1, 1)
    return np.hstack([parts.reshape(len(parts), -1), circumstances(true, camera, fps, side)])


def usual_errors(shown: Floats, side: int) -> Floats:
    """The errors (T, 21, 2) in shoulder widths that are usual of a hand of these looks."""
    errors: Floats = answer("errors", shown).reshape(-1, 21, 2) * (1 if side else -1, 1)
    return errors


def _rest(frames: int, rng: np.random.Generator) -> Floats:
    """What is left of the errors (frames, 21, 2) of some right hand that was looked at, from some moment on, and
    backwards from its end and from its beginning where it is too short."""
    measured = _measured()
    hand = rng.integers(len(measured["frames"]))
    length = int(measured["frames"][hand])
    first = int(measured["frames"][:hand].sum())
    numbers = (np.arange(frames) + rng.integers(length)) % (2 * length)
    numbers = np.minimum(numbers, 2 * length - 1 - numbers)
    rest: Floats = measured["rest"][first + numbers] * STEP
    return rest


def answer(network: str, shown: Floats) -> Floats:
    """What a network of `landmark_errors.npz` gives for each row: "errors", of a right hand, or "found", a logit."""
    weights = _measured()
    layers = sum(name.startswith(f"{network}.weight") for name in weights)
    for layer in range(layers):
        shown = shown @ weights[f"{network}.weight{layer}"] + weights[f"{network}.bias{layer}"]
        if layer < layers - 1:
            shown = np.maximum(shown, 0)
    return shown


@cache
def _measured() -> Mapping[str, npt.NDArray[Any]]:
    """The networks; and of one hand after another what they left, "rest" in STEPs, and how many "frames" it has."""
    with np.load(Path(__file__).with_name("landmark_errors.npz"), allow_pickle=False) as file:
        return dict(file)


def circumstances(true: Floats, camera: Camera, fps: float, side: int) -> Floats:
    """What makes a hand hard to find, (T, 5), of the true joints (T, 50, 2) in pixels: its speed in shoulder
    widths a second, the share of its joints that is outside the picture, how near the face and the other hand are, in
    [0, 1], and how large it looks."""
    own, other = (true[:, HANDS_OF[hand]] / camera.unit for hand in (side, 1 - side))
    palm = own.mean(1)
    steps = np.gradient(palm, axis=0) if len(palm) > 1 else np.zeros_like(palm)
    inside = ((own >= 0) & (own < np.array([camera.width, camera.height]) / camera.unit)).all(-1)
    distances = [np.linalg.norm(palm - place, axis=-1) for place in (true[:, 0] / camera.unit, other.mean(1))]
    near = [np.exp(-np.square(distance / NEAR)) for distance in distances]
    size = np.linalg.norm(own - palm[:, None], axis=-1).mean(1)
    return np.column_stack([np.linalg.norm(steps, axis=-1) * fps, 1 - inside.mean(1), *near, size / SIZE])


def _found(logits: Floats, rng: np.random.Generator) -> Floats:
    """1 in the frames in which a hand is found, else 0; (T,)."""
    level = FOUND_OFTEN + FOUND_BETWEEN * rng.standard_normal() + FOUND_BY * logits
    chances, seen, before = rng.random(len(logits)), np.zeros(len(logits)), 0.5
    for frame, chance in enumerate(chances):
        before = seen[frame] = chance < 1 / (1 + np.exp(-level[frame] - FOUND_BEFORE * before))
    return seen
