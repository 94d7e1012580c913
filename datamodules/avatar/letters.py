"""Close-ups of one hand that shows a letter or digit, as in the ASL Alphabet photographs, with their landmarks.

The views follow those photographs (and the landmarks found in them), not the signer's own table of orientations: a
right hand seen by the addressee, unmirrored, so that the thumb of a palm turned to the viewer points to the right.
G, H, J point to the viewer's left and up, P and Q to the left with the palm down, C, D and O show their profile, and
M and N droop over the thumb. J is the raised little finger before its hook, Z the index finger under way.
"""

from dataclasses import dataclass, field

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
from datamodules.avatar.skin import draw_hand, skin_tones

SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_FOREARM = 5.0


@dataclass(frozen=True)
class View:
    """How a photograph shows a symbol: where the palm faces, where the fingers and the elbow lie, x right, y up, z
    to the viewer; `flexion` gives fingers (0 index .. 3 little) other flexions than the handshape's, `spread` others
    spreads, in degrees."""

    palm: tuple[float, float, float] = (0.12, 0.0, 1.0)
    fingers: tuple[float, float, float] = (0.0, 1.0, 0.0)
    elbow: tuple[float, float, float] = (0.0, -1.0, -0.25)
    flexion: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    spread: dict[int, float] = field(default_factory=dict)
    thumb: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None


_SIDE = (0.75, -0.66, -0.2)
_PLAIN = View()
_BACK = View(palm=(-0.1, 0.0, -1.0))
_VIEWS = {
    "C": View(
        palm=(0.90, -0.15, 0.42),
        fingers=(0.25, 0.97, -0.1),
        flexion=dict.fromkeys(range(4), (24.0, 34.0, 22.0)),
    ),
    "D": View(palm=(0.92, 0.0, 0.40), fingers=(-0.08, 1.0, 0.0)),
    "E": View(flexion=dict.fromkeys(range(4), (58.0, 100.0, 42.0)), thumb=((-0.20, 0.60, 0.40), (1.0, 0.2, 0.4))),
    "F": View(palm=(0.45, 0.0, 0.89)),
    "G": View(palm=(0.20, 0.41, 0.89), fingers=(-0.87, 0.5, 0.0), elbow=_SIDE, flexion={0: (12.0, 5.0, 5.0)}),
    "H": View(
        palm=(0.10, 0.30, 0.95),
        fingers=(-0.86, 0.5, -0.1),
        elbow=_SIDE,
        flexion={0: (14.0, 5.0, 5.0), 1: (14.0, 5.0, 5.0)},
    ),
    "J": View(palm=(0.11, 0.2, 0.97), fingers=(-0.66, 0.75, -0.1), elbow=(0.35, -0.92, -0.2)),
    "K": View(palm=(-0.1, 0.1, 0.98), flexion={1: (24.0, 6.0, 5.0)}, spread={0: 8.0, 1: -8.0}),
    "M": View(
        palm=(0.12, -0.5, 0.85),
        fingers=(0.0, 0.87, 0.5),
        elbow=(0.0, -1.0, -0.5),
        flexion=dict.fromkeys((0, 1, 2), (80.0, 72.0, 30.0)),
        spread={0: 6.0, 2: -4.0, 3: -6.0},
    ),
    "N": View(
        palm=(0.12, -0.93, 0.37),
        fingers=(0.0, 0.37, 0.93),
        elbow=(0.0, -1.0, -0.6),
        flexion={
            0: (70.0, 20.0, 10.0),
            1: (70.0, 20.0, 10.0),
            2: (90.0, 110.0, 70.0),
            3: (90.0, 110.0, 70.0),
        },
    ),
    "O": View(palm=(0.90, 0.0, 0.40), fingers=(-0.05, 1.0, -0.1)),
    "P": View(palm=(-0.25, -0.93, 0.15), fingers=(-0.95, 0.2, 0.2), elbow=(0.85, -0.5, -0.15)),
    "Q": View(palm=(-0.15, -0.96, 0.15), fingers=(-0.93, 0.2, 0.3), elbow=(0.85, -0.5, -0.15)),
    "R": View(spread={0: -9.0, 1: 17.0}),
    "T": View(flexion={0: (45.0, 100.0, 35.0)}, thumb=((0.13, 1.08, 0.55), (1.0, -0.3, -0.2))),
    "S": View(fingers=(0.0, 1.0, -0.14), thumb=((-0.16, 0.74, 0.66), (1.0, 0.1, 0.4))),
    "X": View(palm=(0.45, 0.0, 0.9)),
    "Y": View(palm=(0.15, 0.0, 0.99), fingers=(-0.25, 0.97, 0.0)),
    "Z": View(fingers=(0.5, 0.86, 0.0), elbow=(-0.2, -0.95, -0.2)),
    "0": View(palm=(0.90, 0.0, 0.40), fingers=(-0.05, 1.0, -0.1)),
    **dict.fromkeys("12345", _BACK),
    "9": View(palm=(0.45, 0.0, 0.89)),
}


def letter_frame(symbol: str, rng: np.random.Generator, size: int = 256) -> Image:
    """A close-up (size, size, 3) RGB of a letter A-Z or digit 0-9: random signer, background, light, a few degrees
    of turn, noise and blur. The hand takes 40 to 70 % of the frame; the forearm leaves it.

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
    view = _VIEWS.get(symbol, _PLAIN)
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
    zoom = size * min(rng.uniform(0.27, 0.38), 0.74 / float(extent.max()))
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
