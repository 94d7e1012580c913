"""Poses and films of them into files: the suffix says which. What cannot be written is refused before it is made."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from pose_format import Pose

from datamodules.media.skeleton_drawing import contact_sheet, draw_frames, write_png
from datamodules.media.video import Frame, write_video
from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import write_pose, write_skels
from datamodules.poses.motions import read_motions
from datamodules.poses.sequences import Joints
from zoo.loaders.inputs import given_path

SHEET_FRAMES = 30


def write(pose: Pose, captions: Sequence[str], output: Path) -> None:
    """Write a pose as .pose, .skels, .mp4 or .png (a contact sheet); the folder is made. `captions` are one a frame."""
    WRITERS[output.suffix.lower()](pose, captions, output)


def _pose(pose: Pose, captions: Sequence[str], output: Path) -> None:
    write_pose(output, pose)


def _skels(pose: Pose, captions: Sequence[str], output: Path) -> None:
    write_skels(output, [to_joints(pose)])


def _mp4(pose: Pose, captions: Sequence[str], output: Path) -> None:
    write_video(output, draw_frames(to_joints(pose), captions=captions), pose.body.fps)


def _png(pose: Pose, captions: Sequence[str], output: Path) -> None:
    joints = to_joints(pose)
    picked = np.linspace(0, len(joints) - 1, min(len(joints), SHEET_FRAMES)).round().astype(int)
    frames = list(draw_frames(joints[picked], captions=[captions[index] for index in picked]))
    write_png(output, contact_sheet(np.stack(frames), columns=6))


WRITERS: dict[str, Callable[[Pose, Sequence[str], Path], None]] = {
    ".pose": _pose,
    ".skels": _skels,
    ".mp4": _mp4,
    ".png": _png,
}


FILMS = (".mp4", ".png")


def film(source: str, outputs: Sequence[Path], draw: Callable[[Joints], Iterator[Frame]]) -> list[Path]:
    """Write what `draw` makes of the joints (T, 50, 3) in a .pose or .skels file or a folder of OpenPose JSON, as each
    of `outputs`: .mp4, or .png (a sheet). The sequences of a .skels file follow one another.

    Raises ValueError, before anything is drawn, for a path that cannot be written and for another source.
    """
    refuse_unwritable(outputs, FILMS)
    path = given_path(source, "the path of a .pose or .skels file, or of a folder of OpenPose JSON")
    motions = list(read_motions(Path(path)))
    joints = np.concatenate([motion for motion, _ in motions])
    for output in outputs:
        if output.suffix.lower() == ".mp4":
            write_video(output, draw(joints), motions[0][1])
        else:
            picked = np.linspace(0, len(joints) - 1, min(len(joints), SHEET_FRAMES)).round().astype(int)
            write_png(output, contact_sheet(list(draw(joints[picked])), columns=6))
    return list(outputs)


def refuse_unwritable(outputs: Sequence[Path], suffixes: Collection[str] = tuple(WRITERS)) -> None:
    """Raise ValueError for the first path of a suffix that is not among `suffixes`, by default those of poses, or in a
    place where no file can be put, and for what is no list of paths.
    """
    if not isinstance(outputs, list | tuple):
        raise ValueError(f"outputs: found {type(outputs).__name__}, expected a list of paths (pathlib.Path)")
    for output in outputs:
        if not isinstance(output, Path):
            raise ValueError(f"outputs: found {output!r} in the list, expected paths (pathlib.Path)")
        if output.suffix.lower() not in suffixes:
            found = output.suffix or "a file without suffix"
            raise ValueError(f"-o {output}: cannot write {found}; use {', '.join(suffixes)}")
        if output.is_dir():
            raise ValueError(f"-o {output}: this is a folder; name a file in it")
        nearest = next(folder for folder in output.absolute().parents if folder.exists())
        if not nearest.is_dir():
            raise ValueError(f"-o {output}: {nearest} is a file, no folder to write into")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise ValueError(f"-o {output}: no permission to write into {nearest}")
