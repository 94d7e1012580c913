"""The signer's head: skull, hair, and a face whose brows, eyes and mouth show its state.

Places are given on the average head, in shoulder widths from its centre: x to the left ear, y up, z forward.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics.face import neutral
from datamodules.avatar.renderer.raster import Floats
from datamodules.avatar.renderer.solids import Solids, off
from datamodules.poses import skeletons

Triple = tuple[float, float, float]

NOSE = (0.0, -0.105, 0.24)
EYE = (0.088, 0.010)
_NOSE_HEIGHT = 0.466  # neck to nose of the average signer, shoulder widths
_BROW = ((0.040, 0.076), (0.090, 0.085), (0.138, 0.070))  # inner end, arch, outer end
_RAISED = ((0.0, 0.032), (0.0, 0.036), (0.0, 0.026))
_LOWERED = ((-0.009, -0.026), (0.0, -0.020), (0.0, -0.004))
_LIP = -0.205
_DARK, _TEETH = np.array([0.05, 0.012, 0.012]), np.full(3, 0.62)


@dataclass(frozen=True)
class Skull:
    """The head over T frames: its centre (T, 3) in shoulder widths, y up, its size, yaw and pitch, (T, 1) each."""

    centre: Floats
    size: Floats
    yaw: Floats
    pitch: Floats

    @classmethod
    def of(cls, joints: Floats, face: NDArray[np.void] | None = None) -> "Skull":
        """The head of joints (T, >= 8, 3) in shoulder widths, y up, turned as `face` says.

        Without a face it is turned as far as the nose has left the middle, damped: predicted noses wander.
        """
        nose, neck = joints[:, skeletons.NOSE], joints[:, skeletons.NECK]
        size = np.clip(np.linalg.norm(nose - neck, axis=-1, keepdims=True) / _NOSE_HEIGHT, 0.85, 1.12)
        if face is None:
            yaw = 0.7 * np.arcsin(np.clip((nose - neck)[:, :1] / 0.3, -0.7, 0.7))
            pitch = np.zeros_like(yaw)
        else:
            yaw, pitch = face["head"][:, :1].astype(float), face["head"][:, 1:].astype(float)
        head = cls(np.zeros_like(nose), size, yaw, pitch)
        return cls(nose - head.at(*NOSE), size, yaw, pitch)

    def at(self, x: float | Floats, y: float | Floats, z: float | Floats) -> Floats:
        """Where (T, 3) a place of the average head is; each coordinate a number or (T, 1)."""
        up = y * np.cos(self.pitch) - z * np.sin(self.pitch)
        front = z * np.cos(self.pitch) + y * np.sin(self.pitch)
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        turned: Floats = np.concatenate([x * cos + front * sin, up, front * cos - x * sin], axis=-1)
        placed: Floats = self.centre + self.size * turned
        return placed

    def on_face(self, x: float | Floats, y: float | Floats, lift: float = 0.0) -> Floats:
        """Where (T, 3) a place of the face is, `lift` above its skin."""
        return self.at(x, y, face_depth(x, y) + lift)


def face_depth(x: float | Floats, y: float | Floats) -> Floats:
    """How far forward of the head's centre the skin lies at places of the face."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    skull = 0.245 * np.sqrt(np.maximum(1 - (x / 0.205) ** 2 - (y / 0.29) ** 2, 0.0))
    jaw = 0.035 + 0.19 * np.sqrt(np.maximum(1 - (x / 0.15) ** 2 - ((y + 0.15) / 0.19) ** 2, 0.0))
    depth: Floats = np.where(y < 0, np.maximum(skull, jaw), skull)
    return depth


def brow(face: NDArray[np.void], side: int) -> list[tuple[Floats, Floats]]:
    """The inner end, the arch and the outer end of a brow, x and y (T, 1) each; side 1 is the left one."""
    raised = np.maximum(face["brows"], 0).astype(float)[:, None]
    lowered = np.maximum(-face["brows"], 0).astype(float)[:, None]
    return [
        (side * (x + raised * up[0] + lowered * down[0]), y + raised * up[1] + lowered * down[1])
        for (x, y), up, down in zip(_BROW, _RAISED, _LOWERED, strict=True)
    ]


def eyelids(face: NDArray[np.void], side: int, angle: float | None) -> Floats:
    """The place (T, 2) on the rim of an eye at an angle, 0 toward the picture's right; None is the pupil."""
    lids, gaze = face["lids"].astype(float), face["gaze"].astype(float)
    x, y, half = EYE[0] * side, EYE[1] - 0.005 * (1 - np.minimum(lids, 1)), 0.022 * lids + 0.001
    if angle is None:
        return np.stack([x + 0.055 * np.sin(gaze[:, 0]), y + 0.002 - 0.04 * np.sin(gaze[:, 1])], axis=1)
    return np.stack([x + 0.044 * np.cos(angle) + 0 * lids, y + half * np.sin(angle)], axis=1)


def lips(face: NDArray[np.void]) -> dict[str, tuple[Floats, Floats]]:
    """Half the mouth's width and the height of its corners, and x = 0 and the height of upper and lower lip."""
    smile, gape = face["corners"].astype(float)[:, None], face["mouth"].astype(float)[:, None]
    width = 0.060 + 0.012 * smile - 0.010 * gape
    middle = np.zeros_like(width)
    return {
        "corner": (width, _LIP + 0.022 * smile - 0.015 * gape),
        "upper": (middle, _LIP + 0.007 - 0.004 * smile + 0.006 * gape),
        "lower": (middle, _LIP - 0.012 - 0.006 * smile - 0.062 * gape),
    }


def draw_head(
    parts: Solids, joints: Floats, face: NDArray[np.void] | None, long_hair: bool, skin: Floats, hair: Floats
) -> None:
    """Neck, skull, jaw, face and hair of joints as `Skull.of` takes them; without a face it is neutral."""
    skull = Skull.of(joints, face)
    _bones(parts, skull, joints[:, skeletons.NECK], skin)
    if face is None:
        face = neutral(len(joints))
    for side in (-1, 1):
        _eye(parts, skull, face, side, skin)
        inner, arch, outer = (skull.on_face(x, y, 0.002) for x, y in brow(face, side))
        parts.cone(inner, arch, 0.0105, 0.0105, 0.7 * hair)
        parts.cone(arch, outer, 0.0105, 0.0060, 0.7 * hair)
    _mouth(parts, skull, face, skin)
    _hair(parts, skull, long_hair, hair)


def _ball(parts: Solids, skull: Skull, centre: Triple, radii: Triple, colour: Floats, melt: float = 0.0) -> None:
    parts.ball(skull.at(*centre), skull.size * np.array(radii), colour, melt)


def _bones(parts: Solids, skull: Skull, neck: Floats, skin: Floats) -> None:
    parts.cone(off(neck, 0, -0.02, -0.10), skull.at(0, -0.16, -0.07), 0.135, 0.112, skin)
    _ball(parts, skull, (0, 0, 0), (0.205, 0.29, 0.245), skin)
    _ball(parts, skull, (0, -0.15, 0.035), (0.150, 0.190, 0.190), skin, 0.12)
    for side in (-1, 1):
        _ball(parts, skull, (0.205 * side, -0.02, -0.03), (0.032, 0.065, 0.04), 0.92 * skin)
    bridge = float(face_depth(0, -0.03)) - 0.004
    _ball(parts, skull, (0, -0.03, bridge), (0.024, 0.085, 0.026), skin, 0.03)
    _ball(parts, skull, (0, -0.105, float(face_depth(0, -0.105)) + 0.012), (0.029, 0.025, 0.036), 0.97 * skin, 0.03)
    for side in (-1, 1):
        nostril = float(face_depth(0.027, -0.117)) + 0.010
        _ball(parts, skull, (0.027 * side, -0.117, nostril), (0.016, 0.016, 0.022), 0.95 * skin, 0.02)


def _eye(parts: Solids, skull: Skull, face: NDArray[np.void], side: int, skin: Floats) -> None:
    x, y = EYE[0] * side, EYE[1]
    top = eyelids(face, side, np.pi / 2)[:, 1:]
    low = eyelids(face, side, 0.0)[:, 1:]
    half, flat = top - low, np.zeros_like(top)
    plane = float(face_depth(0.060, y))  # an eye faces forward where the skin already turns aside

    def disc(x: Floats, y: Floats, lift: float, wide: float, high: Floats, deep: float, colour: Floats) -> None:
        radii = skull.size * np.concatenate([flat + wide, high, flat + deep], axis=1)
        parts.ball(skull.at(x, y, plane + lift), radii, colour)

    disc(flat + x, low, -0.016, 0.044, half, 0.016, np.full(3, 0.66))
    across, down = np.split(eyelids(face, side, None), 2, axis=1)
    disc(across, down, -0.006, 0.0215, np.minimum(0.0215, half), 0.010, np.array([0.09, 0.05, 0.025]))
    disc(across, down, -0.001, 0.011, np.minimum(0.011, half), 0.008, np.full(3, 0.008))
    lash = skull.at(flat + x, top - 0.001, plane + 0.003)
    for end, drop in ((0.046, 0.2), (-0.046, 0.1)):
        parts.cone(lash, skull.at(x + end * side, low + drop * half, plane - 0.012), 0.0060, 0.003, 0.22 * skin)
    lid = skull.at(flat + x, low + half + 0.010, plane - 0.016)
    parts.ball(lid, skull.size * np.array([0.046, 0.013, 0.017]) + 0 * lid, 0.9 * skin, 0.01)


def _mouth(parts: Solids, skull: Skull, face: NDArray[np.void], skin: Floats) -> None:
    red = skin * np.array([0.80, 0.46, 0.46])
    places = lips(face)
    gape = face["mouth"].astype(float)[:, None]
    width, height = places["corner"]
    upper, lower = (places[name][1] for name in ("upper", "lower"))
    inside = np.concatenate([0.72 * width, np.maximum((upper - lower) / 2 - 0.004, 1e-4), 0 * width + 0.014], axis=1)
    parts.ball(skull.on_face(0 * width, (upper + lower) / 2), skull.size * inside, _DARK)
    teeth = np.concatenate([0.55 * width, 0.010 * np.minimum(3 * gape, 1) + 1e-4, 0 * width + 0.010], axis=1)
    parts.ball(skull.on_face(0 * width, upper - 0.014, 0.008), skull.size * teeth, _TEETH)
    for y, radius, colour in ((upper, 0.0095, red), (lower, 0.0125, 1.05 * red)):
        bends = tuple(skull.on_face(side * 0.42 * width, y, 0.008) for side in (-1, 1))
        parts.cone(bends[0], bends[1], radius, radius, colour)
        for side, bend in zip((-1, 1), bends, strict=True):
            parts.cone(bend, skull.on_face(side * width, height, 0.003), radius, 0.005, colour)


def _hair(parts: Solids, skull: Skull, long_hair: bool, hair: Floats) -> None:
    _ball(parts, skull, (0, 0.080, -0.062), (0.228, 0.272, 0.258), hair)
    if long_hair:
        for side in (-1, 1):
            _ball(parts, skull, (0.175 * side, -0.16, -0.08), (0.085, 0.30, 0.13), hair)
        _ball(parts, skull, (0, -0.2, -0.16), (0.21, 0.30, 0.12), hair)
