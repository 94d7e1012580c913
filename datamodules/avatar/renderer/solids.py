"""Solids over time, gathered one by one: round cones and ellipsoids, as the rasteriser takes them."""

from dataclasses import dataclass

import numpy as np

from datamodules.avatar.renderer.raster import Floats
from datamodules.avatar.signer import Colour


@dataclass(frozen=True)
class Figure:
    """Solids over T frames as `draw_solids` takes them, in shoulder widths: `cones` (T, N, 9) and `balls`
    (T, M, 7) with their linear colours (N or M, 3)."""

    cones: Floats
    cone_colours: Floats
    balls: Floats
    ball_colours: Floats


class Solids:
    """Solids of a figure under way. Points are (T, 3); `melt` is how softly a solid runs into what it meets."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.cones: list[tuple[Floats, Floats]] = []
        self.balls: list[tuple[Floats, Floats]] = []

    def cone(self, a: Floats, b: Floats, ra: float, rb: float, colour: Floats, melt: float = 0.0) -> None:
        """A round cone between two points, of a radius at each."""
        sizes = np.broadcast_to(np.array([ra, rb, melt]), (self.frames, 3))
        self.cones.append((np.concatenate([a, b, sizes], axis=-1), colour))

    def ball(self, centre: Floats, radii: Floats, colour: Floats, melt: float = 0.0) -> None:
        """An ellipsoid with radii (T, 3) along the axes of the picture."""
        softness = np.full((self.frames, 1), melt)
        self.balls.append((np.concatenate([centre, radii, softness], axis=-1), colour))

    def figure(self) -> Figure:
        """All of them."""
        return Figure(
            np.stack([solid for solid, _ in self.cones], 1),
            np.stack([colour for _, colour in self.cones]),
            np.stack([solid for solid, _ in self.balls], 1),
            np.stack([colour for _, colour in self.balls]),
        )


def linear(colour: Colour) -> Floats:
    """Albedo (3,) of an sRGB colour, gamma taken as 2."""
    albedo: Floats = (0.94 * np.asarray(colour) / 255.0) ** 2
    return albedo


def off(points: Floats, x: float, y: float, z: float) -> Floats:
    """Points (T, 3) moved by a constant."""
    moved: Floats = points + np.array([x, y, z])
    return moved
