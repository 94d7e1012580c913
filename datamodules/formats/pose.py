"""`.pose` files, v0.1 and v0.2, of any layout: read and written by pose-format, checked here."""

import os
from pathlib import Path

from pose_format import Pose

from datamodules.formats.files import atomic


def read_pose(path: str | os.PathLike[str]) -> Pose:
    """A `.pose` file (v0.1 or v0.2) of any layout.

    Raises:
        ValueError: bytes that are not a pose, or a pose without a frame.
    """
    content = Path(path).read_bytes()
    try:
        pose = Pose.read(content)
    except Exception as error:
        raise ValueError(f"{path}: {len(content)} bytes that are no .pose ({error}); write it again") from error
    if not len(pose.body.data):
        raise ValueError(f"{path}: a .pose file without a frame; it was cut off: write it again")
    return pose


def write_pose(path: str | os.PathLike[str], pose: Pose) -> None:
    """Write a `.pose` file (v0.2); it appears whole or not at all."""
    with atomic(path) as temporary, open(temporary, "wb") as out:
        pose.write(out)
