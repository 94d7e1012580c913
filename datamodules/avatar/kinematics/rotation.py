"""Rotations as unit quaternions (w, x, y, z), and hand orientations written in letters.

The signer frame: x + = contralateral, y + = up, z + = forward. Everything is batched over leading axes.
"""

from dataclasses import dataclass

import numpy as np

from datamodules.avatar.kinematics.hand import Array

DIRECTIONS = {
    "F": (0, 0, 1),
    "B": (0, 0, -1),
    "U": (0, 1, 0),
    "D": (0, -1, 0),
    "L": (1, 0, 0),
    "R": (-1, 0, 0),
}
"""Unit vectors in the signer frame; L is contralateral and R ipsilateral to the hand in question."""

_AMBIGUOUS = np.cos(np.radians(155) / 2)


@dataclass(frozen=True, eq=False)
class Orientation:
    """Where a palm faces and where the fingers point, as letters ("F-L") and as a rotation.

    `matrix` (3, 3) has the hand frame's X, Y, Z in the signer frame as columns; `quaternion` (4,) is the same rotation.
    """

    palm: str
    fingers: str
    matrix: Array
    quaternion: Array


def direction(text: str) -> Array:
    """The sum (3,) of the letters of "F-L", not normalised. Raises ValueError for anything else."""
    letters = text.split("-")
    if not all(letter in DIRECTIONS for letter in letters):
        raise ValueError("letters F, B, U, D, L, R joined by hyphens, like F-L")
    total: Array = np.sum([DIRECTIONS[letter] for letter in letters], axis=0, dtype=float)
    return total


def orientation(palm: str, fingers: str) -> Orientation:
    """The rotation whose Y is `fingers` and whose Z is as near to `palm` as it then can be.

    Raises ValueError when the two are parallel, for then they fix no rotation.
    """
    along, facing = direction(fingers), direction(palm)
    along /= max(float(np.linalg.norm(along, axis=-1)), 1e-9)
    facing = facing - along * (along * facing).sum()
    if np.linalg.norm(facing, axis=-1) < 1e-6 or np.linalg.norm(along, axis=-1) < 0.5:
        raise ValueError("a palm direction that is not parallel to the fingers")
    facing /= np.linalg.norm(facing, axis=-1)
    matrix = np.stack([np.cross(along, facing), along, facing], axis=1)
    return Orientation(palm, fingers, matrix, from_matrix(matrix))


def from_matrix(matrix: Array) -> Array:
    """The quaternion (4,) of a rotation matrix (3, 3)."""
    x, y, z = matrix.T
    squares = np.array([x[0] + y[1] + z[2], x[0] - y[1] - z[2], y[1] - x[0] - z[2], z[2] - x[0] - y[1]])
    size = np.sqrt(np.maximum(1 + squares, 0)) / 2
    w = size[0]
    if w > 0.3:
        rest = np.array([y[2] - z[1], z[0] - x[2], x[1] - y[0]]) / (4 * w)
        return np.array([w, *rest])
    lead = int(np.argmax(size[1:]))
    other = (x[1] + y[0], x[2] + z[0], y[2] + z[1])
    full = 4 * size[1 + lead]
    skew = (y[2] - z[1], z[0] - x[2], x[1] - y[0])[lead] / full
    vector = (
        (size[1], other[0] / full, other[1] / full),
        (other[0] / full, size[2], other[2] / full),
        (other[1] / full, other[2] / full, size[3]),
    )[lead]
    return np.array([skew, *vector])


def to_matrix(quaternion: Array) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    matrix = np.empty((*quaternion.shape[:-1], 3, 3))
    matrix[..., 0, 0] = 1 - 2 * (y * y + z * z)
    matrix[..., 0, 1] = 2 * (x * y - w * z)
    matrix[..., 0, 2] = 2 * (x * z + w * y)
    matrix[..., 1, 0] = 2 * (x * y + w * z)
    matrix[..., 1, 1] = 1 - 2 * (x * x + z * z)
    matrix[..., 1, 2] = 2 * (y * z - w * x)
    matrix[..., 2, 0] = 2 * (x * z - w * y)
    matrix[..., 2, 1] = 2 * (y * z + w * x)
    matrix[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return matrix


def multiply(first: Array, second: Array) -> Array:
    """The Hamilton product (..., 4): `second` is applied first."""
    a, b, c, d = np.moveaxis(first, -1, 0)
    e, f, g, h = np.moveaxis(second, -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def turn(axis: int, angle: Array) -> Array:
    """Quaternions (..., 4) of turns by `angle` (...,) radians about a coordinate axis."""
    quaternion = np.zeros((*angle.shape, 4))
    quaternion[..., 0] = np.cos(angle / 2)
    quaternion[..., 1 + axis] = np.sin(angle / 2)
    return quaternion


def slerp(start: Array, end: Array, share: Array) -> Array:
    """Quaternions (T, 4) on the way from `start` (4,) to `end` (4,) at shares (T,).

    The short way, except that a turn of more than 155 degrees, whose short way is a matter of rounding, goes the way a
    forearm can: through the orientation whose palm and fingers point less to the ipsilateral side.
    """
    dot = float((start * end).sum())
    if dot < 0:
        end, dot = -end, -dot
    if dot < _AMBIGUOUS and _strain(start - end) < _strain(start + end):
        end, dot = -end, -dot
    angle = np.arccos(np.clip(dot, -1, 1))
    if angle < 1e-4:
        return np.repeat(end[None], len(share), axis=0)
    if np.pi - angle < 1e-4:
        raise ValueError("slerp between opposite quaternions")
    weights: Array = np.sin(angle * np.stack([1 - share, share], axis=-1)) / np.sin(angle)
    return weights @ np.stack([start, end])


def _strain(middle: Array) -> float:
    """How hard an orientation (an unnormalised quaternion) is on a right arm.

    Hard are a palm or fingers to the ipsilateral side, fingers backward, and a forward palm under fingers across.
    """
    size = np.linalg.norm(middle, axis=-1)
    if size < 1e-6:
        return np.inf
    _, along, facing = to_matrix(middle / size).T
    return float(-facing[0] + 0.5 * facing[2] * abs(along[0]) - 0.2 * along[0] - 0.5 * along[2])
