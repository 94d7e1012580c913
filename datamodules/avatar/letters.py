"""Close-ups of one hand that shows a letter or digit, as in the ASL Alphabet photographs, with their landmarks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.backdrop import Image, backdrop
from datamodules.avatar.flesh import hand_flesh
from datamodules.avatar.hand import hand_joints, thumb_bones
from datamodules.avatar.lexicon import lexicon
from datamodules.avatar.raster import Canvas, Floats
from datamodules.avatar.shading import shade
from datamodules.avatar.signer import Colour, Look
from datamodules.avatar.skin import skin_tones
from datamodules.avatar.tracing import draw_hand
from datamodules.avatar.views import SYMBOLS, VIEWS, View

_FOREARM = 5.0


def letter_frame(symbol: str, rng: np.random.Generator, size: int = 256) -> Image:
    """A close-up (size, size, 3) RGB of a letter A-Z or digit 0-9: random signer, background, light, a few degrees
    of turn, noise and blur. The hand takes from a third (fists) to two thirds of the frame's width
    or height; the forearm leaves it.

    Raises ValueError for any other symbol.
    """
    joints, elbow = _pose(symbol, rng, 2.0 * size)
    look = Look.random(rng)
    canvas = Canvas.blank(2 * size)
    flesh = hand_flesh(joints[None], elbow[None], 1)
    draw_hand(
        canvas.depth,
        canvas.normal,
        canvas.albedo,
        canvas.open,
        flesh.cones[0],
        flesh.pulp[0],
        flesh.kind,
        flesh.finger,
        flesh.frame[0],
        flesh.scale,
        skin_tones(look.skin),
    )
    key = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.9), rng.uniform(0.6, 1.0)])
    key /= np.linalg.norm(key)
    scene = backdrop(_muted(look.background, rng), size, rng)
    wide = cv2.resize(scene, (2 * size, 2 * size), interpolation=cv2.INTER_LINEAR)
    picture = np.empty_like(wide)
    shade(
        canvas.depth,
        canvas.normal,
        canvas.albedo,
        canvas.open,
        wide,
        key,
        rng.uniform(0.75, 1.1),
        rng.uniform(0.35, 0.6),
        0.5 * flesh.scale,
        16,
        picture,
    )
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 0.9) * size / 256, dst=small)
    small *= rng.uniform(0.85, 1.12) * rng.uniform(0.96, 1.04, 3)
    small += rng.normal(0, rng.uniform(0.5, 5.0), small.shape)
    frame: Image = small.clip(0, 255).astype(np.uint8)
    return frame


def letter_landmarks(symbol: str, rng: np.random.Generator, size: int = 256) -> NDArray[np.float32]:
    """Where the 21 joints lie, (21, 2) pixels (x right, y down), in the frame that `letter_frame` draws with a
    generator in the same state. Raises ValueError as it does."""
    joints, _ = _pose(symbol, rng, float(size))
    return np.stack([joints[:, 0], size - joints[:, 1]], axis=-1).astype(np.float32)


def _muted(colour: Colour, rng: np.random.Generator) -> Colour:
    """The colour as walls and furniture have it: nearer to grey."""
    grey = np.mean(colour)
    red, green, blue = (grey + rng.uniform(0.05, 0.6) * (np.array(colour) - grey)).astype(int).tolist()
    return red, green, blue


def _pose(symbol: str, rng: np.random.Generator, size: float) -> tuple[Floats, Floats]:
    """Joints (21, 3) and the forearm's end (3,) in scene pixels (y up), under weak perspective."""
    if len(symbol) != 1 or symbol not in SYMBOLS:
        raise ValueError(f"symbol: found {symbol!r}, expected a letter A-Z or a digit 0-9")
    view = VIEWS[symbol]
    joints = hand_joints(_configuration(symbol, view, rng))
    along = np.array(view.fingers) / np.linalg.norm(view.fingers)
    facing = np.array(view.palm) - along * (along @ np.array(view.palm))
    facing /= np.linalg.norm(facing)
    turn = np.stack([np.cross(along, facing), along, facing], axis=1)
    tilt, _ = cv2.Rodrigues(np.radians(rng.normal(0, 6, 3).clip(-13, 13)))
    tips = np.array(view.elbow) / np.linalg.norm(view.elbow) * _FOREARM + rng.normal(0, 0.12, 3) * _FOREARM
    cloud = np.vstack([joints @ turn.T, tips]) @ tilt.T
    near = rng.uniform(6, 12)
    scale = near / np.maximum(near - cloud[:, 2:], 0.5 * near)
    cloud[:, :2] *= scale
    low, high = cloud[:21, :2].min(0) - 0.1, cloud[:21, :2].max(0) + 0.1
    extent = high - low
    zoom = size * min(rng.uniform(0.23, 0.33), 0.66 / float(extent.max()))
    room = np.maximum((size - zoom * extent) / 2 - 0.04 * size, 0)
    centre = size / 2 + np.array([0.0, 0.06 * size]) + rng.uniform(-0.75, 0.75, 2) * room * np.array([1.0, 0.6])
    shift = np.append(centre - zoom * (low + high) / 2, 0)
    placed: Floats = cloud * zoom + shift
    return placed[:21], placed[21]


def _configuration(symbol: str, view: View, rng: np.random.Generator) -> Floats:
    """The symbol's hand configuration with the view's changes and a signer's own slackness."""
    tables = lexicon()
    hand = tables.handshapes[tables.letters[symbol].handshape].configuration.copy()
    for finger, spread in view.spread.items():
        hand[finger] = spread
    for finger, flexion in view.flexion.items():
        hand[4 + 3 * finger : 7 + 3 * finger] = flexion
    if view.thumb:
        hand[16:] = thumb_bones(*view.thumb).ravel()
    hand[:4] += rng.normal(0, 1.5, 4)
    hand[4:16] += rng.normal(0, 2.5, 12)
    return hand
