"""Who signs: build, handedness, tempo and manner, and the colours to draw them in."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Colour = tuple[int, int, int]

SKIN_TONES: tuple[Colour, ...] = (
    (246, 222, 204),
    (236, 200, 174),
    (222, 178, 145),
    (198, 148, 112),
    (166, 116, 82),
    (128, 86, 60),
    (96, 64, 46),
    (72, 48, 36),
)
HAIR: tuple[Colour, ...] = (
    (30, 24, 22),
    (58, 40, 28),
    (98, 68, 42),
    (150, 112, 66),
    (190, 160, 110),
    (150, 148, 146),
)


@dataclass(frozen=True)
class Look:
    """Colours, RGB 0-255, that a renderer paints a signer with."""

    skin: Colour = (222, 178, 145)
    clothing: Colour = (44, 52, 72)
    hair: Colour = (58, 40, 28)
    background: Colour = (176, 186, 196)

    @classmethod
    def random(cls, seed: int | np.random.Generator) -> "Look":
        """A look in which hands stand out: clothing and background keep away from the skin's lightness. Cloth is mostly
        muted, walls are more so."""
        rng = np.random.default_rng(seed)
        skin = _jitter(SKIN_TONES[rng.integers(len(SKIN_TONES))], 8, rng)
        hair = _jitter(HAIR[rng.integers(len(HAIR))], 10, rng)
        return cls(skin, _apart(skin, 60, 1.0, rng), hair, _apart(skin, 40, 0.8, rng))


@dataclass(frozen=True)
class Build:
    """Bone lengths in shoulder widths (the distance between the shoulder joints is 1) and relative sizes.

    `hand` is the palm length (wrist to middle knuckle); `head` is relative to 1.
    """

    upper_arm: float = 0.80
    forearm: float = 0.70
    hand: float = 0.27
    head: float = 1.0


@dataclass(frozen=True)
class Style:
    """Manner: `hold` scales how long sign ends are held, `curvature` how far transitions bow (share of their
    length); `tremor` is the amplitude of the hands' slow unrest and `offset` how far whole signs are misplaced, both in
    shoulder widths."""

    hold: float = 1.0
    curvature: float = 0.08
    tremor: float = 0.002
    offset: float = 0.008


@dataclass(frozen=True)
class Signer:
    """One signer. The default is neutral and right-handed; `Signer.random` draws a person.

    `speed` multiplies the tempo (0.85-1.15), `amplitude` the size of movements through space (the same range).
    """

    handedness: Literal["right", "left"] = "right"
    build: Build = field(default_factory=Build)
    speed: float = 1.0
    amplitude: float = 1.0
    style: Style = field(default_factory=Style)
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        if self.handedness not in ("right", "left"):
            raise ValueError(f"Signer.handedness: expected 'right' or 'left', found {self.handedness!r}")
        for name, value in (
            ("speed", self.speed),
            ("amplitude", self.amplitude),
            ("build.upper_arm", self.build.upper_arm),
            ("build.forearm", self.build.forearm),
            ("build.hand", self.build.hand),
            ("build.head", self.build.head),
        ):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"Signer.{name}: expected a positive number, found {value!r}")

    @classmethod
    def random(cls, seed: int | np.random.Generator) -> "Signer":
        """A person drawn with `seed`: one in ten is left-handed; the same seed gives the same person."""
        rng = np.random.default_rng(seed)
        arm = rng.uniform(0.94, 1.08)
        return cls(
            handedness="left" if rng.random() < 0.1 else "right",
            build=Build(
                upper_arm=float(0.80 * arm * rng.uniform(0.97, 1.03)),
                forearm=float(0.70 * arm * rng.uniform(0.97, 1.03)),
                hand=float(0.27 * rng.uniform(0.92, 1.10)),
                head=float(rng.uniform(0.93, 1.08)),
            ),
            speed=float(rng.uniform(0.85, 1.15)),
            amplitude=float(rng.uniform(0.85, 1.15)),
            style=Style(
                hold=float(rng.uniform(0.7, 1.4)),
                curvature=float(rng.uniform(0.02, 0.16)),
                tremor=float(rng.uniform(0.0005, 0.004)),
                offset=float(rng.uniform(0.0, 0.02)),
            ),
            look=Look.random(rng),
        )


def _jitter(colour: Colour, spread: int, rng: np.random.Generator) -> Colour:
    red, green, blue = (np.array(colour) + rng.integers(-spread, spread + 1, 3)).clip(0, 255).tolist()
    return red, green, blue


def _apart(skin: Colour, least: int, most: float, rng: np.random.Generator) -> Colour:
    """A colour whose lightness is so many grey levels from the skin's, with a saturation up to `most`."""
    lightness = np.array([0.299, 0.587, 0.114])
    while True:
        saturation, shares = most * rng.beta(1.2, 2.0), rng.permutation([0.0, rng.random(), 1.0])
        red, green, blue = (rng.integers(16, 240) * (1 - saturation * shares)).astype(int).tolist()
        if abs(float((lightness * (np.array([red, green, blue]) - np.array(skin))).sum())) >= least:
            return red, green, blue
