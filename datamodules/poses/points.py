"""Where each joint of a pose stands, by the names of its component and of its point and never by its place.

Files come reduced, in another order, without a hand, with more components than one knows: what a point is called says
what it is. A component's format says which of its numbers are x, y and z.
"""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader

from datamodules.poses.skeletons import HAND_JOINTS, OPENPOSE_137, SLP_50, Component, holistic

Floats = npt.NDArray[np.floating]
Array = npt.NDArray[np.float64]

_COCO_BODY: Final = {
    name.lower(): name
    for name in (
        "NOSE",
        "NECK",
        *(f"{side}_{joint}" for side in ("LEFT", "RIGHT") for joint in ("EYE", "EAR", "SHOULDER", "ELBOW", "WRIST")),
        *(f"{side}_{joint}" for side in ("LEFT", "RIGHT") for joint in ("HIP", "KNEE", "ANKLE")),
    )
}


def _own(component: Component) -> dict[str, str]:
    return dict(zip(component.joints, component.anatomy, strict=True))


def _hand(side: str) -> dict[str, str]:
    """By COCO's numbers, and by the names that SLP-50 files had before."""
    numbered = {f"hand_{number}": f"{side}_HAND.{joint}" for number, joint in enumerate(HAND_JOINTS)}
    return numbered | {joint: f"{side}_HAND.{joint}" for joint in HAND_JOINTS}


ANATOMY: Final[dict[str, dict[str, str]]] = {
    **{part.name: _own(part) for layout in (OPENPOSE_137, holistic(478, world=True)) for part in layout.components},
    "BODY": _COCO_BODY | {name: name for name in SLP_50.components[0].anatomy},
    "LEFT_HAND": _hand("LEFT"),
    "RIGHT_HAND": _hand("RIGHT"),
    **{
        f"{part}_{count}": names
        for count in (133, 136)
        for part, names in (("BODY", _COCO_BODY), ("LEFT_HAND", _hand("LEFT")), ("RIGHT_HAND", _hand("RIGHT")))
    },
}
"""What each point is, by component and point: SLP-50, OpenPose, Holistic, COCO-WholeBody and AlphaPose."""


def named(header: PoseHeader) -> Iterator[tuple[str, int, str, str]]:
    """Of every point that is known: what it is, its place in the array, its component's name and format."""
    start = 0
    for part in header.components:
        names = ANATOMY.get(part.name, {})
        for place, point in enumerate(part.points, start):
            if point in names:
                yield names[point], place, part.name, part.format
        start += len(part.points)


def component_of(header: PoseHeader, joint: str) -> tuple[str, str] | None:
    """Name and format of the first component that has a joint; None if there is none."""
    return next(((part, form) for name, _, part, form in named(header) if name == joint), None)


def coordinates(pose: Pose, anatomy: Sequence[str], row: int = 0) -> tuple[Array, Array]:
    """Where joints are: x, y and z (T, N, 3), NaN where absent, and their confidence (T, N).

    A joint is absent where its confidence is not above 0, where a coordinate is not finite or masked, and everywhere if
    the pose has no such point. z is 0 in components that have none.

    row: which of several people.

    Raises:
        ValueError: no pose, or one whose body is not in numpy.
    """
    refuse_other(pose)
    places: dict[str, tuple[int, str]] = {}
    for name, place, _, form in named(pose.header):
        places.setdefault(name, (place, form))
    frames = len(pose.body.data)
    found, confidence = np.full((frames, len(anatomy), 3), np.nan), np.zeros((frames, len(anatomy)))
    data, hidden = pose.body.data.data[:, row], np.ma.getmaskarray(pose.body.data)[:, row]
    trust = np.nan_to_num(np.asarray(pose.body.confidence, np.float64)[:, row])
    for joint, name in enumerate(anatomy):
        if name not in places:
            continue
        place, form = places[name]
        axes = [form.find(letter) for letter in "XYZ"]
        values = np.stack([data[:, place, axis] if axis >= 0 else np.zeros(frames) for axis in axes], axis=-1)
        seen = (trust[:, place] > 0) & np.isfinite(values).all(-1) & ~hidden[:, place].all(-1)
        found[seen, joint], confidence[seen, joint] = values[seen], trust[seen, place]
    return found, confidence


def refuse_other(pose: object) -> None:
    """Raise ValueError for anything but a pose in numpy."""
    if not isinstance(pose, Pose):
        hint = "; read_pose(path) of datamodules.poses.formats opens a file" if isinstance(pose, str | PathLike) else ""
        raise ValueError(f"found {type(pose).__name__}, expected a pose_format.Pose{hint}")
    if not isinstance(pose.body, NumPyPoseBody):
        raise ValueError(f"found a pose with a {type(pose.body).__name__}, expected one with a NumPyPoseBody")
    if not len(pose.body.data) or not pose.body.data.shape[1]:
        raise ValueError(f"found a pose of shape {pose.body.data.shape}, expected at least a frame and a person")


def described(header: PoseHeader) -> str:
    """A header's components in a few words."""
    return ", ".join(f"{part.name} ({len(part.points)} points)" for part in header.components) or "nothing"
