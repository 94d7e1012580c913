"""The face and the head over a performance, by rule from the marks of its sentence, its signs and its spelled letters.

Everything is a function of time, so that the frame rate samples it and does not change it.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics.face import neutral
from datamodules.avatar.kinematics.hand import Array
from datamodules.avatar.kinematics.motion import ease
from datamodules.avatar.phonology.nonmanuals import Expression, Scope, nonmanuals
from datamodules.avatar.sign_units import Unit

ONSET, OFFSET = 0.22, 0.26
"""Seconds before the hands that a mark sets in, and after them that it fades."""
SHAKES = 1.8
"""Head shakes a second."""
BLINK = 0.1
"""Seconds that a lid takes to close, and again to open."""
_NOD = 0.14  # radians
_SHAKE = 13.0  # degrees, of a sign that has a head shake of its own
_VOWEL, _CONSONANT = 0.45, 0.15  # how far mouthing opens the mouth
_FIXATION = 0.85  # share of the head's turns that the eyes make up for


def express(
    units: Sequence[Unit], spans: Array, scopes: Iterable[Scope], time: Array, rng: np.random.Generator
) -> NDArray[np.void]:
    """The face (T,) of dtype FACE at `time` (T,) seconds, of somebody right-handed.

    spans: seconds (N, 2) at which each unit's stroke begins and its hold ends. scopes: what is marked, in glosses.
    The eyes stay on the addressee while the head moves, but for small wanderings; they blink where a marked stretch
    ends, and now and then. `rng` draws only these and the head's slight unrest.
    """
    face, tables = neutral(len(time)), nonmanuals()
    yaw, pitch = _unrest(time, rng)
    negated: set[int] = set()
    blinks = [] if not len(spans) else [float(spans[-1, 1]) + 0.1]
    for scope in scopes:
        inside = [k for k, unit in enumerate(units) if scope.first <= unit.gloss < scope.last]
        if not inside:
            continue
        begin, end = spans[inside[0], 0], spans[inside[-1], 1]
        expression = tables.marks[scope.mark]
        window = _window(time, begin, end)
        _add(face, expression, window)
        pitch += np.radians(expression.pitch) * window
        yaw += np.radians(expression.shake) * window * _swing(time - begin)
        negated.update(inside if scope.mark == "not" else ())
        blinks.append(float(end) + OFFSET / 2)
    for k, (unit, (begin, end)) in enumerate(zip(units, spans.tolist(), strict=True)):
        window = _window(time, begin, end)
        if unit.letter:
            face["mouth"] += window * (_VOWEL if unit.letter in "AEIOU" else _CONSONANT)
        elif unit.sign.mouth:
            _add(face, tables.mouths[unit.sign.mouth], window)
        if unit.sign.head == "shake" and k not in negated:
            yaw += np.radians(_SHAKE) * window * _swing(time - begin)
        elif unit.sign.head == "nod":
            share = np.clip((time - begin + 0.12) / (end - begin + 0.24), 0, 1)
            pitch += _NOD * np.sin(np.pi * share) * np.sin(2 * np.pi * share) ** 2
    for name, low, high in (("brows", -1, 1), ("corners", -1, 1), ("mouth", 0, 1), ("lids", 0, 1.5)):
        face[name] = np.clip(face[name], low, high)
    face["lids"] *= _open(time, blinks, rng)
    face["head"] = np.stack([yaw, pitch], axis=1)
    face["gaze"] = -_FIXATION * face["head"] + 0.04 * _waves(time, 0.7, rng)
    return face


def _add(face: NDArray[np.void], expression: Expression, window: Array) -> None:
    face["brows"] += expression.brows * window
    face["corners"] += expression.corners * window
    face["mouth"] += expression.mouth * window
    face["lids"] += (expression.lids - 1) * window


def _window(time: Array, begin: float, end: float) -> Array:
    """1 from `begin` to `end`, with a way up before and a way down after."""
    window: Array = ease((time - begin + ONSET) / ONSET) * (1 - ease((time - end) / OFFSET))
    return window


def _swing(time: Array) -> Array:
    swing: Array = np.sin(2 * np.pi * SHAKES * time)
    return swing


def _waves(time: Array, fastest: float, rng: np.random.Generator) -> Array:
    """Slow sines (T, 2) of random phase, between -1 and 1."""
    speed, phase = rng.uniform(0.15, fastest, (1, 2, 3)), rng.uniform(0, 2 * np.pi, (1, 2, 3))
    waves: Array = np.sin(2 * np.pi * speed * time[:, None, None] + phase).mean(axis=-1)
    return waves


def _unrest(time: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    yaw, pitch = (0.03 * _waves(time, 0.5, rng)).T
    return yaw, pitch


def _open(time: Array, blinks: Sequence[float], rng: np.random.Generator) -> Array:
    """The share (T,) that blinking leaves the eyes open: at the seconds given, and every two to five seconds."""
    last, moments = float(time[-1]) if len(time) else 0.0, list(blinks)
    moment = rng.uniform(0.5, 3.0)
    while moment < last:
        moments.append(moment)
        moment += rng.uniform(2.0, 5.0)
    share = np.ones(len(time))
    for moment in moments:
        share = np.minimum(share, ease(np.abs(time - moment) / BLINK))
    return share
