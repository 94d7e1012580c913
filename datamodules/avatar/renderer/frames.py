"""Shaded frames of a whole signer from SLP-50 joints and a look alone, so that predicted poses can be drawn too."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.backdrop import backdrop
from datamodules.avatar.renderer.figure import figure, sleeve_end
from datamodules.avatar.renderer.hand_geometry import hand_flesh
from datamodules.avatar.renderer.raster import Canvas, draw_solids
from datamodules.avatar.renderer.shading import shade
from datamodules.avatar.renderer.skin import skin_tones
from datamodules.avatar.renderer.tracing import draw_hand
from datamodules.avatar.signer import Look
from datamodules.media.drawing_primitives import Image
from datamodules.poses import skeletons

_VIEW = 2.6  # shoulder widths across the picture
_CROWN = 1.17  # shoulder widths from its upper edge down to the neck
_HANDS = (
    (skeletons.RIGHT_HAND, skeletons.RIGHT_SHOULDER, 1),
    (skeletons.LEFT_HAND, skeletons.LEFT_SHOULDER, -1),
)
_SLEEVES = (0.55, 1.0, 1.65)


@dataclass(frozen=True)
class Camera:
    """A fixed camera: the picture's sides, pixels a shoulder width, and the pixel (x, y) at which the neck stands."""

    width: int
    height: int
    unit: float
    neck: tuple[float, float]

    @classmethod
    def square(cls, size: int) -> "Camera":
        """2.6 shoulder widths, from above the head to the lap."""
        unit = size / _VIEW
        return cls(size, size, unit, (0.5 * size, _CROWN * unit))

    def project(self, joints: NDArray[np.floating]) -> NDArray[np.float32]:
        """Pixels (..., 2), x right and y down, at which joints (..., 3) in SLP units are seen."""
        return (joints[..., :2] * (3 * self.unit) + self.neck).astype(np.float32)


def project(joints: NDArray[np.float32], size: int = 256) -> NDArray[np.float32]:
    """Pixels (..., 2), x right and y down, at which `render` shows joints (..., 3) in SLP units."""
    return Camera.square(size).project(joints)


def render(
    joints: NDArray[np.float32], look: Look, size: int = 256, seed: int = 0, face: NDArray[np.void] | None = None
) -> Image:
    """Draw every frame of a pose: (T, 50, 3) in SLP units to (T, size, size, 3) RGB.

    The camera is fixed: 2.6 shoulder widths, from above the head to the lap. `seed` chooses background, sleeves, hair
    and light; the same arguments give the same bytes. Bones of any length are drawn, none needed. `face` (T,) of dtype
    FACE is what the face shows; without it, it is neutral and turned as the nose tells.

    Raises ValueError when joints are not (T, 50, 3) or not finite, or the face has another number of frames.
    """
    frames = film(joints, look, Camera.square(size), seed, face=face)
    pictures = np.empty((len(joints), size, size, 3), np.uint8)
    for picture, frame in zip(pictures, frames, strict=True):
        picture[:] = frame
    return pictures


def film(
    joints: NDArray[np.float32],
    look: Look,
    camera: Camera,
    seed: int = 0,
    scene: Image | None = None,
    seated: bool = False,
    face: NDArray[np.void] | None = None,
) -> Iterator[Image]:
    """The frames of `render` one by one through any camera, (height, width, 3) RGB each.

    scene: what stands behind, of the camera's size; by default a backdrop that `seed` chooses.
    seated: add crossed legs, for cameras that look below the lap.
    face: as in `render`.

    Raises ValueError as `render` does.
    """
    if joints.ndim != 3 or joints.shape[1:] != (50, 3):
        raise ValueError(f"joints: found shape {joints.shape}, expected (frames, 50, 3)")
    if not np.isfinite(joints).all():
        raise ValueError("joints: found NaN or infinite coordinates, expected finite ones; interpolate first")
    if face is not None and len(face) != len(joints):
        raise ValueError(f"face: found {len(face)} frames, expected {len(joints)}, as many as of joints")
    return _film(joints, look, camera, seed, scene, seated, face)


def _film(
    joints: NDArray[np.float32],
    look: Look,
    camera: Camera,
    seed: int,
    scene: Image | None,
    seated: bool,
    face: NDArray[np.void] | None,
) -> Iterator[Image]:
    rng = np.random.default_rng(seed)
    width, height, unit = 2 * camera.width, 2 * camera.height, 2 * camera.unit
    bodies = joints.astype(np.float64) * (3.0, -3.0, 3.0)
    sleeve = _SLEEVES[rng.integers(3)]
    clothed = figure(bodies, look, sleeve, bool(rng.random() < 0.4), seated, face)
    cones, balls = clothed.cones * unit, clothed.balls * unit
    origin = np.array([2 * camera.neck[0], height - 2 * camera.neck[1], 0.0])
    for points in (cones[..., :3], cones[..., 3:6], balls[..., :3]):
        points += origin
    placed = bodies * unit + origin
    hands = []
    for part, shoulder, hand in _HANDS:
        cuff = sleeve_end(placed, shoulder, max(1.0, sleeve - 0.15))
        hands.append(hand_flesh(placed[:, part], cuff, hand))
    tones = skin_tones(look.skin)
    key = np.array([rng.uniform(-0.55, 0.55), rng.uniform(0.3, 0.7), 0.9])
    key /= np.linalg.norm(key, axis=-1)
    if scene is None:
        scene = backdrop(look.background, max(camera.width, camera.height), rng)[: camera.height, : camera.width]
    scene = cv2.resize(scene, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas, picture = Canvas.blank(width, height), np.empty((height, width, 3), np.uint8)
    for t in range(len(joints)):
        canvas.clear()
        surfaces = canvas.depth, canvas.normal, canvas.albedo
        draw_solids(*surfaces, cones[t], clothed.cone_colours, balls[t], clothed.ball_colours)
        for flesh in hands:
            draw_hand(
                *surfaces,
                canvas.open,
                flesh.cones[t],
                flesh.pulp[t],
                flesh.kind,
                flesh.finger,
                flesh.frame[t],
                flesh.scale,
                tones,
            )
        shade(*surfaces, canvas.open, scene, key, 0.95, 0.5, 0.22 * unit, 5, picture)
        yield cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
