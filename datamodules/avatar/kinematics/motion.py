"""How hands travel: the movement types of signs, sampled over the time of a stroke.

A movement is a function of time alone; where it happens, with which hand and how large the signer is, others decide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datamodules.avatar.kinematics.hand import Array

PALM = 0.27
"""Shoulder widths in a palm length of the neutral build; J and Z are specified in palm lengths."""


@dataclass(frozen=True, eq=False)
class Movement:
    """A movement: its kind, `size` (shoulder widths, degrees for turns), unit `axis` (3,), strokes, seconds in all."""

    kind: str
    size: float
    axis: Array
    repeat: int
    seconds: float


@dataclass(eq=False)
class Stroke:
    """A movement sampled at n times, each array (n,) or (n, 3).

    `path` is the share of the way from start to end place and orientation, `shape` that from start to end handshape;
    `offset` adds to the place (shoulder widths); `turn` (radians) is about axis `about` of the hand frame, and pivots
    at the wrist or, with `at_contact`, where the hand touches; `wiggle` (degrees) flexes fingers in turn.
    """

    path: Array
    offset: Array
    shape: Array
    turn: Array | None = None
    about: int = 0
    at_contact: bool = False
    wiggle: Array | None = None


def ease(share: Array) -> Array:
    """The minimum-jerk course from 0 to 1 (Flash and Hogan 1985); clips outside."""
    x = np.clip(share, 0.0, 1.0)
    return x * x * x * (10 - 15 * x + 6 * x * x)


def repeated(time: Array, strokes: int) -> tuple[Array, Array]:
    """Strokes from 0 to 1 with quicker ways back between: the share, and 1 where the hand is on a way back."""
    back = 0.7
    moment = np.clip(time, 0.0, 1.0) * (strokes + (strokes - 1) * back)
    index = np.minimum(np.floor(moment / (1 + back)), strokes - 1)
    rest = moment - index * (1 + back)
    returning = rest > 1
    return np.where(returning, 1 - ease((rest - 1) / back), ease(rest)), returning.astype(float)


def sample(movement: Movement, time: Array, delay: float = 0.0) -> Stroke:
    """The movement at times (n,) in 0..1; `delay` (cycles) shifts what is periodic, for alternating hands."""
    return MOVEMENTS[movement.kind].sample(movement, time, delay)


def _travel(movement: Movement, time: Array, delay: float) -> Stroke:
    share, _ = repeated(time, movement.repeat)
    return Stroke(share, np.zeros((len(time), 3)), share)


def _arc(movement: Movement, time: Array, delay: float) -> Stroke:
    share, _ = repeated(time, movement.repeat)
    return Stroke(share, np.outer(np.sin(np.pi * share), movement.size * movement.axis), share)


def _circle(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease(time)
    angle = 2 * np.pi * (movement.repeat * (0.5 * time + 0.5 * share) + delay)
    return Stroke(share, movement.size * _round(movement.axis, angle), share)


def _circle_in(movement: Movement, time: Array, delay: float) -> Stroke:
    share, landing = ease(time), ease((time - 0.6) / 0.4)
    angle = 2 * np.pi * (movement.repeat * time + delay)
    circle = movement.size * (1 - landing)[:, None] * _round(movement.axis, angle)
    return Stroke(share, circle + np.outer(0.04 * (1 - landing), movement.axis), share)


def _round(normal: Array, angle: Array) -> Array:
    up = np.array([0.0, 1.0, 0.0]) if abs(normal[1]) < 0.7 else np.array([0.0, 0.0, 1.0])
    up = up - normal * (normal * up).sum()
    up /= np.linalg.norm(up, axis=-1)
    circle: Array = np.outer(np.cos(angle), up) + np.outer(np.sin(angle), np.cross(normal, up))
    return circle


def _tap(movement: Movement, time: Array, delay: float) -> Stroke:
    away = (1 + np.cos(2 * np.pi * (movement.repeat - 0.5) * time)) / 2
    share = ease(time)
    return Stroke(share, np.outer(away, movement.size * movement.axis), share)


def _press(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease(time / 0.45)
    return Stroke(share, np.outer(1 - share, movement.size * movement.axis), share)


def _swing(movement: Movement, time: Array, delay: float) -> Array:
    window = ease(4 * time) * ease(4 * (1 - time))
    swing: Array = np.sin(2 * np.pi * (movement.repeat * time + delay)) * window
    return swing


def _shake(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease(time)
    return Stroke(share, np.outer(_swing(movement, time, delay), movement.size * movement.axis), share)


def _turning(about: int) -> "Sampler":
    def turning(movement: Movement, time: Array, delay: float) -> Stroke:
        share = ease(time)
        angle = np.radians(movement.size) * _swing(movement, time, delay)
        return Stroke(share, np.zeros((len(time), 3)), share, angle, about)

    return turning


def _nod(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease(time)
    angle = np.radians(movement.size) * (1 - np.cos(2 * np.pi * movement.repeat * time)) / 2
    return Stroke(share, np.zeros((len(time), 3)), share, angle)


def _hinge(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease(time)
    angle = -np.radians(movement.size) * (1 + np.cos(2 * np.pi * (movement.repeat - 0.5) * time)) / 2
    return Stroke(share, np.zeros((len(time), 3)), share, angle, at_contact=True)


def _brush(movement: Movement, time: Array, delay: float) -> Stroke:
    share, returning = repeated(time, movement.repeat)
    lift = 0.35 * movement.size * returning * np.sin(np.pi * share)
    along = np.outer(movement.size * (share - 0.5), movement.axis)
    return Stroke(ease(time), along + np.outer(lift, (0.0, 0.0, 1.0)), ease(time))


def _flick(movement: Movement, time: Array, delay: float) -> Stroke:
    snap = ease((time - 0.25) / 0.4)
    return Stroke(ease(time), np.outer(snap, movement.size * movement.axis), snap)


def _swap(movement: Movement, time: Array, delay: float) -> Stroke:
    share = ease((time - 0.25) / 0.5)
    side = -1.0 if delay else 1.0
    return Stroke(share, np.outer(side * np.sin(np.pi * share), movement.size * movement.axis), share)


def _wiggle(movement: Movement, time: Array, delay: float) -> Stroke:
    leave = ease((time - 0.5) / 0.5)
    phase = 2 * np.pi * (movement.repeat * time[:, None] + np.array([0.0, 0.15, 0.3, 0.0]))
    bend = movement.size * (1 - np.cos(phase)) / 2 * (1 - leave)[:, None] * np.array([0.0, 1.0, 1.0, 0.5])
    return Stroke(leave, np.zeros((len(time), 3)), leave, wiggle=bend)


def _drawn(points: Array, turn_from: float) -> "Sampler":
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    knots = lengths / lengths[-1]

    def drawn(movement: Movement, time: Array, delay: float) -> Stroke:
        way = 0.5 * ease(time) + 0.5 * np.clip(time, 0, 1)
        offset = np.stack([np.interp(way, knots, points[:, k]) for k in range(3)], axis=1)
        return Stroke(ease((time - turn_from) / (1 - turn_from)), offset, ease(time))

    return drawn


def _hook() -> Array:
    """The letter J in palm lengths as the signer sees it: down 0.9, a bow of radius 0.3 to the left, up 0.3."""
    bow = np.linspace(np.pi, 2 * np.pi, 13)
    xy = [(0.0, 0.0), *zip(0.3 + 0.3 * np.cos(bow), -0.6 + 0.3 * np.sin(bow), strict=True)]
    return PALM * np.array([(x, y, 0.0) for x, y in xy])


_ZIGZAG = 0.9 * PALM * np.array([[0.0, 0, 0], [-1, 0, 0], [0, -1, 0], [-1, -1, 0]])

Sampler = Callable[[Movement, Array, float], Stroke]


@dataclass(frozen=True)
class Kind:
    """A movement type: its sampler, the seconds of its first stroke and those of each further one."""

    sample: Sampler
    first: float
    further: float


MOVEMENTS = {
    "hold": Kind(_travel, 0.12, 0.0),
    "straight": Kind(_travel, 0.32, 0.34),
    "uncross": Kind(_travel, 0.32, 0.34),
    "close": Kind(_travel, 0.24, 0.32),
    "open": Kind(_travel, 0.38, 0.4),
    "bend": Kind(_travel, 0.22, 0.3),
    "roll": Kind(_travel, 0.42, 0.4),
    "tilt": Kind(_travel, 0.4, 0.4),
    "twist-out": Kind(_travel, 0.28, 0.35),
    "arc": Kind(_arc, 0.36, 0.36),
    "circle": Kind(_circle, 0.42, 0.4),
    "circle-in": Kind(_circle_in, 0.6, 0.4),
    "tap": Kind(_tap, 0.18, 0.24),
    "press": Kind(_press, 0.6, 0.0),
    "shake": Kind(_shake, 0.24, 0.18),
    "twist": Kind(_turning(1), 0.24, 0.18),
    "wag": Kind(_turning(2), 0.24, 0.18),
    "nod": Kind(_nod, 0.28, 0.26),
    "hinge": Kind(_hinge, 0.2, 0.26),
    "brush": Kind(_brush, 0.3, 0.34),
    "flick": Kind(_flick, 0.34, 0.3),
    "swap": Kind(_swap, 0.8, 0.6),
    "wiggle": Kind(_wiggle, 0.5, 0.1),
    "J": Kind(_drawn(_hook(), 0.3), 0.6, 0.0),
    "Z": Kind(_drawn(_ZIGZAG, 0.0), 0.7, 0.0),
}
