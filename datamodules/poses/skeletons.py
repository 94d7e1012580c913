"""Named joint layouts, and which joint of one is which of another.

Parts and joints bear the names that their files give them; pose-format's tools find them by these, those of SLP-50 as
they find COCO-WholeBody's. Left and right are
the signer's in all of them, provided that the video is not mirrored.

SLP-50 is the layout of `.skels` files (Saunders et al. 2020, Progressive Transformers): neck at the origin, y down,
z toward the viewer, one unit = three shoulder widths. The published code calls joints 2-4 and 29-49 "right"; in its
shipped data they lie at x > 0 of an unmirrored camera view and move less than the others: they are the signer's left.
The names here are anatomical.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

HAND_JOINTS = (
    "WRIST",
    *(
        f"{finger}_{joint}"
        for finger, joints in (
            ("THUMB", ("CMC", "MCP", "IP", "TIP")),
            *((finger, ("MCP", "PIP", "DIP", "TIP")) for finger in ("INDEX", "MIDDLE", "RING", "PINKY")),
        )
        for joint in joints
    ),
)
HAND_BONES = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)


@dataclass(frozen=True)
class Component:
    """A part of a skeleton: its joints' names and the bones between them, as indices within the part.

    anatomy: what each joint is, by a name that all layouts share ("RIGHT_WRIST", "RIGHT_HAND.WRIST").
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    anatomy: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """A joint layout: its parts in storage order."""

    name: str
    components: tuple[Component, ...]

    @property
    def joints(self) -> int:
        """Number of joints."""
        return sum(len(component.joints) for component in self.components)

    @cached_property
    def anatomy(self) -> tuple[str, ...]:
        """What every joint is, by names that all layouts share."""
        return tuple(name for component in self.components for name in component.anatomy)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Every bone as a pair of joint indices within the whole layout."""
        bones: list[tuple[int, int]] = []
        start = 0
        for component in self.components:
            bones.extend((start + a, start + b) for a, b in component.bones)
            start += len(component.joints)
        return tuple(bones)


_BODY = (
    "NOSE",
    "NECK",
    *(f"{side}_{joint}" for side in ("LEFT", "RIGHT") for joint in ("SHOULDER", "ELBOW", "WRIST")),
)


def _hand(name: str, side: str, joints: tuple[str, ...] = HAND_JOINTS) -> Component:
    return Component(name, joints, HAND_BONES, tuple(f"{side}_HAND.{joint}" for joint in HAND_JOINTS))


_COCO_BODY = tuple(map(str.lower, _BODY))
_COCO_HAND = tuple(f"hand_{number}" for number in range(len(HAND_JOINTS)))

SLP_50: Final = Skeleton(
    "slp-50",
    (
        Component("BODY", _COCO_BODY, ((1, 0), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7)), _BODY),
        _hand("RIGHT_HAND", "RIGHT", _COCO_HAND),
        _hand("LEFT_HAND", "LEFT", _COCO_HAND),
    ),
)

NOSE, NECK = 0, 1
LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST = 2, 3, 4
RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST = 5, 6, 7
BODY = slice(0, 8)
RIGHT_HAND = slice(8, 29)
LEFT_HAND = slice(29, 50)


_BODY_25 = (
    "NOSE",
    "NECK",
    *(f"{side}_{joint}" for side in ("RIGHT", "LEFT") for joint in ("SHOULDER", "ELBOW", "WRIST")),
    "MID_HIP",
    *(f"{side}_{joint}" for side in ("RIGHT", "LEFT") for joint in ("HIP", "KNEE", "ANKLE")),
    *("RIGHT_EYE", "LEFT_EYE", "RIGHT_EAR", "LEFT_EAR"),
    *(f"{side}_{joint}" for side in ("LEFT", "RIGHT") for joint in ("BIG_TOE", "SMALL_TOE", "HEEL")),
)
_BODY_25_BONES = (
    *((1, 0), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8)),
    *((8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14)),
    *((0, 15), (15, 17), (0, 16), (16, 18)),
    *((14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24)),
)
_FACE_70 = tuple(
    f"{prefix}_{number}"
    for prefix, first, last in (
        *(("FB", 0, 17), ("FEB", 17, 27), ("FN", 27, 36), ("FE", 36, 48)),
        *(("FLO", 48, 60), ("FLI", 60, 68), ("FP", 68, 70)),
    )
    for number in range(first, last)
)
_FACE_70_BONES = (
    *(
        (a, a + 1)
        for first, last in ((0, 16), (17, 21), (22, 26), (27, 30), (31, 35), (36, 41), (42, 47), (48, 59), (60, 67))
        for a in range(first, last)
    ),
    *((41, 36), (47, 42), (59, 48), (67, 60)),
)
_OPENPOSE_HAND = (
    *("BASE", "T_STT", "T_BCMC", "T_MCP", "T_IP"),
    *(f"{finger}_{joint}" for finger in "IMRP" for joint in ("CMC", "MCP", "PIP", "DIP")),
)  # so called in files, one joint nearer to the wrist than they are


def _openpose_name(anatomy: str) -> str:
    side, _, joint = anatomy.partition("_")
    side, joint = (side[0], joint) if side in ("LEFT", "RIGHT") else ("", anatomy)
    return side + "".join(word.capitalize() for word in joint.split("_"))


OPENPOSE_137: Final = Skeleton(
    "openpose-137",
    (
        Component("pose_keypoints_2d", tuple(map(_openpose_name, _BODY_25)), _BODY_25_BONES, _BODY_25),
        Component("face_keypoints_2d", _FACE_70, _FACE_70_BONES, tuple(f"FACE_70.{name}" for name in _FACE_70)),
        _hand("hand_left_keypoints_2d", "LEFT", _OPENPOSE_HAND),
        _hand("hand_right_keypoints_2d", "RIGHT", _OPENPOSE_HAND),
    ),
)


_BODY_33 = (
    "NOSE",
    *(f"{side}_EYE{part}" for side in ("LEFT", "RIGHT") for part in ("_INNER", "", "_OUTER")),
    *("LEFT_EAR", "RIGHT_EAR", "MOUTH_LEFT", "MOUTH_RIGHT"),
    *(
        f"{side}_{joint}"
        for joint in ("SHOULDER", "ELBOW", "WRIST", "PINKY", "INDEX", "THUMB", "HIP", "KNEE", "ANKLE", "HEEL")
        for side in ("LEFT", "RIGHT")
    ),
    *("LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX"),
)
_BODY_33_BONES = (
    *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 23), (12, 24), (23, 24)),
    *((joint + side, joint + side + 2) for joint in (11, 13, 23, 25, 27, 29) for side in (0, 1)),
    *((15, 17), (15, 19), (15, 21), (17, 19), (16, 18), (16, 20), (16, 22), (18, 20), (27, 31), (28, 32)),
)
_HOLISTIC_HAND = tuple(
    joint if joint.startswith(("WRIST", "THUMB", "PINKY")) else joint.replace("_", "_FINGER_") for joint in HAND_JOINTS
)


def holistic(face: Literal[0, 468, 478] = 468, world: bool = False) -> Skeleton:
    """MediaPipe Holistic as pose-format stores it: 33 body, face, 21 left and 21 right hand, 33 world landmarks.

    The mesh of the face has 468 points, 478 with irises; 0 leaves it out. It comes without bones.
    """
    mesh = tuple(map(str, range(face)))
    parts = [
        Component("POSE_LANDMARKS", _BODY_33, _BODY_33_BONES, _BODY_33),
        Component("FACE_LANDMARKS", mesh, (), tuple(f"FACE_MESH.{number}" for number in mesh)),
        _hand("LEFT_HAND_LANDMARKS", "LEFT", _HOLISTIC_HAND),
        _hand("RIGHT_HAND_LANDMARKS", "RIGHT", _HOLISTIC_HAND),
        Component("POSE_WORLD_LANDMARKS", _BODY_33, _BODY_33_BONES, tuple(f"WORLD.{name}" for name in _BODY_33)),
    ]
    kept = tuple(part for part in (parts if world else parts[:-1]) if part.joints)
    return Skeleton(f"holistic-{sum(len(part.joints) for part in kept)}", kept)


HOLISTIC_543: Final = holistic()
HOLISTIC_576: Final = holistic(world=True)
HOLISTIC_75: Final = holistic(face=0)
HOLISTIC_108: Final = holistic(face=0, world=True)
LAYOUTS: Final = (
    SLP_50,
    OPENPOSE_137,
    *(holistic(face, world) for face in (0, 468, 478) for world in (False, True)),
)
"""Every layout known by name."""


def joint_indices(source: Skeleton, target: Skeleton) -> npt.NDArray[np.intp]:
    """For every joint of `target`, where it stands in `source`: `x_target = x_source[..., indices, :]`.

    Raises:
        ValueError: joints that `source` does not have; the message names them.
    """
    places = {name: index for index, name in enumerate(source.anatomy)}
    missing = [name for name in target.anatomy if name not in places]
    if missing:
        named = ", ".join(missing[:6]) + f" and {len(missing) - 6} more" * (len(missing) > 6)
        raise ValueError(f"{source.name} lacks {len(missing)} of the {target.joints} joints of {target.name}: {named}")
    return np.array([places[name] for name in target.anatomy], np.intp)


SLP_50_IN_OPENPOSE_137: Final = joint_indices(OPENPOSE_137, SLP_50)
"""For every SLP-50 joint its OpenPose keypoint: `keypoints[:, SLP_50_IN_OPENPOSE_137]` is (T, 50, 3)."""
