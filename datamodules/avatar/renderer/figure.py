"""The signer but for the hands: torso, neck, head, face, hair and sleeved arms as solids on the eight body joints.

Everything but the arms has fixed sizes in shoulder widths, so that poses of any origin, with bones of any length,
can be clothed.
"""

from dataclasses import dataclass

import numpy as np

from datamodules.avatar.renderer.raster import Floats
from datamodules.avatar.signer import Colour, Look
from datamodules.poses import skeletons

_NOSE_HEIGHT = 0.63  # neck to nose of the average signer, shoulder widths

Triple = tuple[float, float, float]

RIGHT_LEG = ((-0.30, -1.42, -0.05), (0.18, -1.20, 0.75), (0.50, -2.30, 0.60))
LEFT_LEG = ((0.32, -1.38, -0.05), (-0.05, -1.66, 0.60), (-0.03, -2.75, 0.45))
"""Hip, knee and ankle of somebody who sits with the right leg over the left: from the neck, in shoulder widths, y up.
Poses hold no legs; these are read from RWTH-BOSTON-50 pictures."""


@dataclass(frozen=True)
class Figure:
    """Solids over T frames as `draw_solids` takes them, in shoulder widths: `cones` (T, N, 9) and `balls`
    (T, M, 7) with their linear colours (N or M, 3)."""

    cones: Floats
    cone_colours: Floats
    balls: Floats
    ball_colours: Floats


def sleeve_end(joints: Floats, shoulder: int, reach: float) -> Floats:
    """Where a sleeve ends (T, 3): `reach` 0 at the shoulder, 1 at the elbow, 2 at the wrist."""
    a, b, c = joints[:, shoulder], joints[:, shoulder + 1], joints[:, shoulder + 2]
    end: Floats = a + reach * (b - a) if reach <= 1 else b + (reach - 1) * (c - b)
    return end


def figure(joints: Floats, look: Look, sleeve: float, long_hair: bool, seated: bool = False) -> Figure:
    """Clothe joints (T, >= 8, 3) of an SLP-50 pose, in shoulder widths, y up; `sleeve` as in `sleeve_end`.

    `seated` adds crossed legs and the chair's seat.
    """
    parts = _Parts(len(joints))
    _torso(parts, joints, linear(look.clothing))
    if seated:
        _legs(parts, joints)
    _arms(parts, joints, sleeve, linear(look.clothing), linear(look.skin))
    _head(parts, joints, long_hair, linear(look.skin), linear(look.hair))
    return parts.figure()


def linear(colour: Colour) -> Floats:
    """Albedo (3,) of an sRGB colour, gamma taken as 2."""
    albedo: Floats = (0.94 * np.asarray(colour) / 255.0) ** 2
    return albedo


class _Parts:
    """Solids gathered one by one."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.cones: list[tuple[Floats, Floats]] = []
        self.balls: list[tuple[Floats, Floats]] = []

    def cone(self, a: Floats, b: Floats, ra: float, rb: float, colour: Floats, melt: float = 0.0) -> None:
        sizes = np.broadcast_to(np.array([ra, rb, melt]), (self.frames, 3))
        self.cones.append((np.concatenate([a, b, sizes], axis=-1), colour))

    def ball(self, centre: Floats, sizes: Floats, colour: Floats) -> None:
        self.balls.append((np.concatenate([centre, sizes], axis=-1), colour))

    def figure(self) -> Figure:
        return Figure(
            np.stack([solid for solid, _ in self.cones], 1),
            np.stack([colour for _, colour in self.cones]),
            np.stack([solid for solid, _ in self.balls], 1),
            np.stack([colour for _, colour in self.balls]),
        )


def _torso(parts: _Parts, joints: Floats, cloth: Floats) -> None:
    neck = joints[:, skeletons.NECK]
    parts.cone(_off(neck, 0, -0.15, -0.13), _off(neck, 0, -1.7, -0.13), 0.25, 0.27, cloth, 0.15)
    for sign, shoulder in ((1, skeletons.LEFT_SHOULDER), (-1, skeletons.RIGHT_SHOULDER)):
        top, bottom = _off(neck, sign * 0.20, -0.13, -0.13), _off(neck, sign * 0.16, -1.7, -0.13)
        parts.cone(top, bottom, 0.24, 0.24, cloth, 0.25)
        yoke = _off(joints[:, shoulder], -0.05 * sign, -0.04, -0.06)
        parts.cone(_off(neck, 0, 0.07, -0.10), yoke, 0.125, 0.115, cloth, 0.12)


def _arms(parts: _Parts, joints: Floats, sleeve: float, cloth: Floats, skin: Floats) -> None:
    for shoulder in (skeletons.LEFT_SHOULDER, skeletons.RIGHT_SHOULDER):
        a, b, end = joints[:, shoulder], joints[:, shoulder + 1], sleeve_end(joints, shoulder, sleeve)
        if sleeve <= 1:
            parts.cone(a, end, 0.122, 0.130, cloth, 0.08)
        else:
            parts.cone(a, b, 0.122, 0.120, cloth, 0.08)
            parts.cone(b, end, 0.120, 0.100, cloth, 0.02)
        if sleeve < 1:
            parts.cone(end, b, 0.105, 0.102, skin)


def _legs(parts: _Parts, joints: Floats) -> None:
    neck, trousers = joints[:, skeletons.NECK], np.full(3, 0.45)
    for leg in (LEFT_LEG, RIGHT_LEG):
        hip, knee, ankle = (_off(neck, *place) for place in leg)
        parts.cone(hip, knee, 0.24, 0.19, trousers, 0.05)
        parts.cone(knee, ankle, 0.18, 0.13, trousers, 0.05)
    parts.cone(_off(neck, -0.55, -1.9, 0), _off(neck, 0.55, -1.9, 0), 0.22, 0.22, np.full(3, 0.05))


@dataclass(frozen=True)
class Skull:
    """The head over T frames: its centre (T, 3) in shoulder widths, y up, its size (T, 1) and its yaw (T, 1)."""

    centre: Floats
    size: Floats
    yaw: Floats

    @classmethod
    def of(cls, joints: Floats) -> "Skull":
        """The head of joints as `figure` takes them: turned as far as the nose has left the middle."""
        nose, neck = joints[:, skeletons.NOSE], joints[:, skeletons.NECK]
        size = np.clip(np.linalg.norm(nose - neck, axis=-1, keepdims=True) / _NOSE_HEIGHT, 0.85, 1.12)
        yaw = 0.7 * np.arcsin(np.clip((nose - neck)[:, :1] / 0.3, -0.7, 0.7))
        cos, sin = np.cos(yaw), np.sin(yaw)
        return cls(nose - size * np.concatenate([0.24 * sin, -0.05 + 0 * cos, 0.24 * cos], axis=-1), size, yaw)

    def at(self, x: float, y: float, z: float) -> Floats:
        """Where (T, 3) a place of the average head is, given from its centre: x to the left ear, y up, z forward."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        turned: Floats = np.concatenate([x * cos + z * sin, y + 0 * cos, z * cos - x * sin], axis=-1)
        placed: Floats = self.centre + self.size * turned
        return placed


def _head(parts: _Parts, joints: Floats, long_hair: bool, skin: Floats, hair: Floats) -> None:
    """Skull, jaw, face and hair, turned about the vertical as far as the nose has left the middle."""
    neck, skull = joints[:, skeletons.NECK], Skull.of(joints)
    size, at = skull.size, skull.at

    def ball(x: float, y: float, z: float, radii: Triple, colour: Floats, melt: float = 0.0) -> None:
        parts.ball(at(x, y, z), size * np.array([*radii, melt]), colour)

    red = skin * np.array([0.78, 0.42, 0.42])
    parts.cone(_off(neck, 0, 0.05, -0.09), at(0, -0.16, -0.06), 0.122, 0.112, skin)
    ball(0, 0, 0, (0.205, 0.29, 0.245), skin)
    ball(0, -0.15, 0.035, (0.150, 0.190, 0.190), skin, 0.12)
    for sign in (-1, 1):
        ball(0.205 * sign, -0.02, -0.03, (0.035, 0.065, 0.04), 0.92 * skin)
        ball(0.088 * sign, 0.035, face_depth(0.088, 0.035) - 0.012, (0.043, 0.023, 0.020), np.full(3, 0.75))
        ball(0.088 * sign, 0.035, face_depth(0.088, 0.035) - 0.001, (0.020, 0.021, 0.014), np.full(3, 0.02))
        ball(0.090 * sign, 0.092, face_depth(0.090, 0.092) - 0.012, (0.055, 0.013, 0.020), 0.8 * hair)
    ball(0, -0.155, face_depth(0, -0.155) + 0.016, (0.062, 0.014, 0.025), red)
    ball(0, -0.175, face_depth(0, -0.175) + 0.016, (0.048, 0.014, 0.025), red)
    ball(0, 0.0, face_depth(0, 0) - 0.002, (0.024, 0.065, 0.026), skin, 0.03)
    ball(0, -0.05, face_depth(0, -0.05) + 0.010, (0.036, 0.028, 0.036), 0.97 * skin, 0.03)
    ball(0, 0.075, -0.055, (0.228, 0.275, 0.262), hair)
    if long_hair:
        for sign in (-1, 1):
            ball(0.175 * sign, -0.16, -0.08, (0.085, 0.30, 0.13), hair)
        ball(0, -0.2, -0.16, (0.21, 0.30, 0.12), hair)


def _off(points: Floats, x: float, y: float, z: float) -> Floats:
    moved: Floats = points + np.array([x, y, z])
    return moved


def face_depth(x: float, y: float) -> float:
    """How far forward of the head's centre the skin lies at a place of the face."""
    skull = 0.245 * np.sqrt(max(1 - (x / 0.205) ** 2 - (y / 0.29) ** 2, 0.0))
    jaw = 0.035 + 0.19 * np.sqrt(max(1 - (x / 0.15) ** 2 - ((y + 0.15) / 0.19) ** 2, 0.0))
    return float(max(skull, jaw)) if y < 0 else float(skull)
