"""`.pose` files of any layout, through pose-format, which trusts what it reads: here every count is checked first.

The header's counts decide how many bytes follow. pose-format takes them on trust: it runs on past a cut file or reads a
confidence out of the middle of the coordinates (v0.1), and it hands one header object to every pose that it reads.
"""

import math
import os
import struct
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions
from pose_format.utils.reader import BufferReader

from datamodules.files import atomic

FASTEST: Final = 1000  # frames a second
_EMPTY_FRAMES: Final = 64 << 20  # floats that frames without a person may take in v0.0, where they take 2 bytes


def read_pose(path: str | os.PathLike[str]) -> Pose:
    """A `.pose` file (v0.0, v0.1 or v0.2) of any layout.

    A point that is not finite is absent, though its confidence may be above 0, as trackers write it: it is read as
    zeros with confidence 0.

    Raises:
        ValueError: bytes that are not a whole pose, or a pose without a frame or a person, or without a rate.
    """
    content = Path(path).read_bytes()
    try:
        return _parsed(content)
    except _Damage as damage:
        raise ValueError(f"{path}: {len(content)} bytes that are no .pose ({damage}); write it again") from None


def _parsed(content: bytes) -> Pose:
    cursor = _Cursor(content)
    header = _header(cursor)
    start = cursor.offset
    _check_length(header, cursor)
    reader = BufferReader(content)
    reader.read_offset = start
    return Pose(header, _finite(NumPyPoseBody.read(header, reader)))


class _Damage(Exception):
    pass


class _Cursor:
    """Reads on through bytes and never past their end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.offset = 0

    def take(self, size: int, what: str) -> int:
        """Step over `size` bytes; returns where they start."""
        start, left = self.offset, len(self.content) - self.offset
        if size > left:
            raise _Damage(f"it ends in {what}: {size} bytes expected, {left} there")
        self.offset += size
        return start

    def unpack(self, form: str, what: str) -> Any:
        values = struct.unpack_from(form, self.content, self.take(struct.calcsize(form), what))
        return values[0] if len(values) == 1 else values

    def text(self, what: str) -> str:
        size = self.unpack("<H", what)
        start = self.take(size, what)
        try:
            return self.content[start : start + size].decode("utf-8")
        except UnicodeDecodeError:
            raise _Damage(f"{what} is no UTF-8 text") from None


def _header(cursor: _Cursor) -> PoseHeader:
    version = cursor.unpack("<f", "the version")
    if not any(abs(version - known) < 1e-4 for known in (0.0, 0.1, 0.2)):
        raise _Damage(f"version {version:.6g}, expected 0.1 or 0.2")
    dimensions = PoseHeaderDimensions(*cursor.unpack("<HHH", "width, height and depth"))
    components = [_component(cursor, number) for number in range(cursor.unpack("<H", "the number of components"))]
    if not sum(len(component.points) for component in components):
        raise _Damage("a header without a point")
    return PoseHeader(version, dimensions, components)


def _component(cursor: _Cursor, number: int) -> PoseHeaderComponent:
    name = cursor.text(f"the name of component {number}")
    what = f"component {number} ({name[:40]!r})"
    form = cursor.text(f"the format of {what}")
    if not 2 <= len(form) <= 8 or not form.endswith("C"):
        raise _Damage(f"{what} has format {form[:40]!r}, expected one such as 'XYZC'")
    points, limbs, colours = cursor.unpack("<HHH", f"the counts of {what}")
    names = [cursor.text(f"a point of {what}") for _ in range(points)]
    pairs = np.frombuffer(cursor.content, "<u2", 2 * limbs, cursor.take(4 * limbs, f"the limbs of {what}"))
    if limbs and pairs.max() >= points:
        raise _Damage(f"{what} has {points} points and a limb to point {pairs.max()}")
    shades = np.frombuffer(cursor.content, "<u2", 3 * colours, cursor.take(6 * colours, f"the colours of {what}"))
    ends = [(a, b) for a, b in pairs.reshape(-1, 2).tolist()]
    return PoseHeaderComponent(name, names, ends, shades.reshape(-1, 3).copy(), form)


def _check_length(header: PoseHeader, cursor: _Cursor) -> None:
    version = round(header.version, 3)
    fps, frames = cursor.unpack("<fI" if version == 0.2 else "<HH", "fps and frames")
    if not 0 < fps <= FASTEST:
        raise _Damage(f"{fps} frames a second, expected more than 0, up to {FASTEST}")
    if version == 0:
        _check_frames_0_0(header, cursor, frames)
        return
    people = cursor.unpack("<H", "the number of people")
    if not people:
        raise _Damage("a pose without a person")
    left = len(cursor.content) - cursor.offset
    frame = 4 * people * header.total_points() * (header.num_dims() + 1)
    fits = left == frames * frame if version == 0.2 else left % frame == 0 and (left // frame) % 65536 == frames
    if not fits:  # in v0.1, the count of a long video has wrapped round
        raise _Damage(f"{frames} frames of {frame} bytes in the header, then {left} bytes, that is {left / frame:.2f}")
    if not left:
        raise _Damage("a pose without a frame")


def _check_frames_0_0(header: PoseHeader, cursor: _Cursor, frames: int) -> None:
    person = 2 + sum(4 * len(part.points) * len(part.format) for part in header.components)
    if len({len(part.format) for part in header.components}) > 1:
        raise _Damage("components of several formats in version 0.0")
    if not frames:
        raise _Damage("a pose without a frame")
    if frames * header.total_points() * header.num_dims() > max(_EMPTY_FRAMES, len(cursor.content)):
        raise _Damage(f"{frames} frames of {header.total_points()} points in {len(cursor.content)} bytes")
    for number in range(frames):
        cursor.take(person * cursor.unpack("<H", f"frame {number}"), f"frame {number} of {frames}")


def _finite(body: NumPyPoseBody) -> NumPyPoseBody:
    """The body, with points that are not finite absent."""
    data, confidence = np.asarray(body.data.data), np.asarray(body.confidence)
    broken = (confidence != 0) & ~(np.isfinite(confidence) & np.isfinite(data).all(-1))
    if not broken.any():
        return body
    shown = np.where(broken[..., None], np.float32(0), data)
    return NumPyPoseBody(body.fps, shown, np.where(broken, np.float32(0), confidence))


def write_pose(path: str | os.PathLike[str], pose: Pose) -> None:
    """Write a `.pose` file (v0.2), which `read_pose` reads; it appears whole or not at all.

    Points that are not finite are written as absent, with confidence 0.

    Raises:
        ValueError: no pose, a rate that is not positive, or what no file can hold, such as a pose without a frame.
    """
    if not isinstance(pose, Pose):
        raise ValueError(f"{path}: found {type(pose).__name__}, expected a pose_format.Pose")
    if not (math.isfinite(pose.body.fps) and 0 < pose.body.fps <= FASTEST):
        raise ValueError(f"{path}: found {pose.body.fps} frames a second, expected more than 0, up to {FASTEST}")
    content = BytesIO()
    try:
        if not pose.header.components:
            raise _Damage("a header without a point")
        Pose(pose.header, _finite(pose.body)).write(content)
        _parsed(content.getvalue())
    except (_Damage, ValueError, struct.error) as error:
        raise ValueError(f"{path}: a pose that no .pose file can hold ({error})") from None
    with atomic(path) as temporary:
        temporary.write_bytes(content.getbuffer())
