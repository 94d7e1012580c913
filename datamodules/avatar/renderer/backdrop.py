"""What stands behind a signer or a hand: walls and their light, rooms with straight edges, clutter, people."""

from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.signer import HAIR, SKIN_TONES
from datamodules.media.drawing_primitives import Image

Kind = Literal["black", "white", "plain", "lit", "room", "clutter", "person"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SHARES: Final = (0.06, 0.07, 0.12, 0.12, 0.33, 0.18, 0.12)
"""How common each is behind hands."""

Floats = NDArray[np.float32]


def backdrop(colour: tuple[int, int, int], size: int, rng: np.random.Generator) -> Image:
    """A background (size, size, 3) around an RGB colour: a wall, a gradient, a room with panels, or clutter."""
    base = np.broadcast_to(np.asarray(colour, np.float32), (size, size, 3)).copy()
    kind = rng.integers(4)
    if kind == 2:
        for _ in range(rng.integers(1, 4)):
            _half(base, base.mean((0, 1)) + rng.uniform(-55, 55) + rng.uniform(-12, 12, 3), rng)
        cv2.GaussianBlur(base, (0, 0), rng.uniform(0.6, 3) * size / 256, dst=base)
    elif kind == 3:
        for _ in range(rng.integers(4, 14)):
            _thing(base, base.mean((0, 1)) + rng.uniform(-70, 70, 3), rng)
        cv2.GaussianBlur(base, (0, 0), rng.uniform(2, 9) * size / 256, dst=base)
    return _lit(base, rng, rng.uniform(0.05, 0.3), spot=False)


def ground(kind: Kind, size: int, rng: np.random.Generator) -> Image:
    """A background (size, size, 3) of this kind for a hand seen from near, anywhere."""
    scene = np.empty((size, size, 3), np.float32)
    if kind in ("black", "white"):
        scene[:] = rng.uniform(0, 26) if kind == "black" else rng.uniform(222, 255)
        return _lit(scene, rng, rng.uniform(0, 0.1), spot=False)
    scene[:] = paint(rng)
    if kind == "room":
        for _ in range(rng.integers(1, 5)):
            _half(scene, paint(rng), rng)
        for _ in range(rng.integers(0, 4)):
            _beam(scene, rng)
        if rng.random() < 0.3:
            _window(scene, rng)
    elif kind == "clutter":
        for _ in range(rng.integers(4, 16)):
            _thing(scene, paint(rng), rng)
    elif kind == "person":
        if rng.random() < 0.5:
            _half(scene, paint(rng), rng)
        _person(scene, rng)
    if kind not in ("plain", "lit"):
        far = 7.0 if kind == "clutter" and rng.random() < 0.7 else 2.5
        cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.6, far) * size / 256, dst=scene)
    if rng.random() < 0.4:
        _texture(scene, rng)
    return _lit(scene, rng, rng.uniform(0.3, 0.9) if kind == "lit" else rng.uniform(0.0, 0.5), spot=kind == "lit")


def paint(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour (3,) as walls, furniture and cloth have them: of any lightness, mostly near to grey."""
    saturation = rng.beta(1.0, 6.0) if rng.random() < 0.88 else rng.uniform(0.2, 0.6)
    warm = rng.random() < 0.6  # wood, skin, lamps: more is warm than not
    shares = np.sort(rng.random(3))[::-1] if warm else rng.permutation([0.0, rng.random(), 1.0])
    shares = (shares - shares.min()) / np.ptp(shares)
    colour: NDArray[np.float64] = 255 * rng.beta(1.2, 0.95) * (1 - saturation * (1 - shares))
    return colour


def _lit(scene: Floats, rng: np.random.Generator, fall: float, spot: bool) -> Image:
    """The scene in light that falls off by this share from one side to the other, with the wall's own grain."""
    size = len(scene)
    y, x = np.mgrid[-0.5 : 0.5 : size * 1j, -0.5 : 0.5 : size * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + fall * (np.cos(angle) * x + np.sin(angle) * y) - rng.uniform(0, 0.4) * (x**2 + y**2)
    if spot:
        left, up = rng.uniform(-0.6, 0.6, 2)
        light += rng.uniform(0.2, 1.2) * np.exp(-((x - left) ** 2 + (y - up) ** 2) / rng.uniform(0.02, 0.3))
    grain = rng.normal(0, rng.uniform(0.2, 2), (size // 4 + 1, size // 4 + 1)).astype(np.float32)
    shaded = scene * light[..., None] + cv2.resize(grain, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]
    image: Image = shaded.clip(0, 255).astype(np.uint8)
    return image


def _half(scene: Floats, colour: NDArray[np.floating], rng: np.random.Generator) -> None:
    """A surface that begins at a straight edge through the picture: a wall's corner, a ceiling, a table."""
    size = len(scene)
    angle = rng.choice([0, 0.5, 1, 1.5]) * np.pi + (rng.normal(0, 0.25) if rng.random() < 0.7 else rng.uniform(-1, 1))
    along, out = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    foot = size / 2 + out * rng.uniform(-0.3, 0.5) * size
    corners = [foot - 2 * size * along, foot + 2 * size * along]
    corners += [corners[1] + 2 * size * out, corners[0] + 2 * size * out]
    cv2.fillPoly(scene, [np.round(corners).astype(np.int32)], np.asarray(colour, float).clip(0, 255).tolist())


def _beam(scene: Floats, rng: np.random.Generator) -> None:
    """A beam, a frame, a pole, a cable."""
    size = len(scene)
    middle, angle = rng.uniform(0, 1, 2) * size, rng.uniform(0, np.pi)
    way = 2 * size * np.array([np.cos(angle), np.sin(angle)])
    start, end = (np.round(middle + sign * way).astype(int).tolist() for sign in (-1, 1))
    cv2.line(scene, start, end, paint(rng).tolist(), max(1, round(size * rng.uniform(0.004, 0.1))), cv2.LINE_8)


def _window(scene: Floats, rng: np.random.Generator) -> None:
    """A bright opening with a dark frame."""
    size = len(scene)
    centre, extent = rng.uniform(0, 1, 2) * size, rng.uniform(0.3, 1.0, 2) * size
    box = cv2.boxPoints((centre.tolist(), extent.tolist(), float(rng.normal(0, 12)))).round().astype(np.int32)
    cv2.fillPoly(scene, [box], [float(rng.uniform(225, 255))] * 3)
    cv2.polylines(scene, [box], True, paint(rng).tolist(), max(1, round(size * rng.uniform(0.01, 0.06))))


def _thing(scene: Floats, colour: NDArray[np.floating], rng: np.random.Generator) -> None:
    """A box or something round."""
    size = len(scene)
    corner, extent = rng.uniform(-0.15, 1, 2) * size, rng.uniform(0.05, 0.5, 2) * size
    shade, tilt = np.asarray(colour, float).clip(0, 255).tolist(), float(rng.normal(0, 15))
    if rng.random() < 0.6:
        box = cv2.boxPoints((corner.tolist(), extent.tolist(), tilt)).round().astype(np.int32)
        cv2.fillPoly(scene, [box], shade)
    else:
        cv2.ellipse(scene, corner.astype(int).tolist(), (extent / 2).astype(int).tolist(), tilt, 0, 360, shade, -1)


def _person(scene: Floats, rng: np.random.Generator) -> None:
    """Somebody's shoulders, neck and head, of which the picture shows some."""
    size = len(scene)
    unit = size * rng.uniform(0.5, 1.3)  # shoulder width
    x, y = size * rng.uniform(0.1, 0.9), size * rng.uniform(0.1, 1.1)
    skin = np.array(SKIN_TONES[rng.integers(len(SKIN_TONES))]) * rng.uniform(0.5, 1.0)
    hair = np.array(HAIR[rng.integers(len(HAIR))]) * rng.uniform(0.5, 1.0)

    def oval(left: float, up: float, wide: float, high: float, colour: NDArray[np.floating]) -> None:
        centre, axes = (round(x + left * unit), round(y - up * unit)), (round(wide * unit), round(high * unit))
        cv2.ellipse(scene, centre, axes, 0, 0, 360, colour.tolist(), -1)

    cloth = paint(rng)
    oval(0, 0.72, 0.25, 0.31, hair)
    oval(0, -1.0, 0.52, 1.05, cloth)
    oval(0, 0.15, 0.13, 0.22, 0.85 * skin)
    oval(0, 0.62, 0.205, 0.29, skin)
    for left, up, wide, high, shade in ((-0.09, 0.66, 0.04, 0.02, 0.3), (0.09, 0.66, 0.04, 0.02, 0.3)):
        oval(left, up, wide, high, shade * skin)
    oval(0, 0.46, 0.06, 0.02, skin * (0.8, 0.5, 0.5))


def _texture(scene: Floats, rng: np.random.Generator) -> None:
    """Plaster, wood, cloth: unevenness of any fineness, drawn out along one side or not."""
    size = len(scene)
    fine = rng.uniform(2, 40, 2)
    rough = rng.standard_normal((max(2, int(size / fine[0])), max(2, int(size / fine[1]))), np.float32)
    rough = cv2.resize(rough, (size, size), interpolation=cv2.INTER_CUBIC)
    scene *= 1 + rng.uniform(0.01, 0.10) * rough[..., None]
