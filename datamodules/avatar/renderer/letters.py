"""Close-ups of one hand that shows a letter or digit, as in the ASL Alphabet photographs, with their landmarks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics.hand import Array, hand_joints, thumb_bones
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.backdrop import backdrop
from datamodules.avatar.renderer.hand_geometry import hand_flesh
from datamodules.avatar.renderer.raster import Canvas, Floats
from datamodules.avatar.renderer.shading import shade
from datamodules.avatar.renderer.skin import skin_tones
from datamodules.avatar.renderer.tracing import draw_hand
from datamodules.avatar.renderer.views import FORMS, GESTURES, VIEWS, View, view_of
from datamodules.avatar.signer import Colour, Look
from datamodules.media.drawing_primitives import Image

_FOREARM = 5.0


def letter_frame(symbol: str, rng: np.random.Generator, size: int = 256) -> Image:
    """A close-up (size, size, 3) RGB of a letter A-Z, a digit 0-9, "del" or "space": random signer, background,
    light, a few degrees of turn, noise and blur. The hand takes from a third (fists) to two thirds of the frame's
    width or height; the forearm leaves it.

    Raises ValueError for any other symbol.
    """
    _check(symbol)
    stance = Stance.draw(rng)
    return photograph(symbol, stance, Setting.draw(rng, size), rng)


def letter_landmarks(symbol: str, rng: np.random.Generator, size: int = 256) -> NDArray[np.float32]:
    """Where the 21 joints lie, (21, 2) pixels (x right, y down), in the frame that `letter_frame` draws with a
    generator in the same state. Raises ValueError as it does."""
    _check(symbol)
    joints, _ = _pose(symbol, Stance.draw(rng), float(size))
    return np.stack([joints[:, 0], size - joints[:, 1]], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Stance:
    """How a hand that shows a symbol differs from the table, and where it is held.

    bend (16,): degrees added to spreads and flexions. tilt (3,): degrees about x, y, z. elbow (3,): its shift, palm
    lengths. near: the camera's distance, palm lengths. zoom: frame widths a palm length. place (2,): where in the room
    that the hand leaves, -.75 to .75. form: in which of a letter's forms, where it has two (`views.SECOND_FORMS`).
    """

    bend: Floats
    tilt: Floats
    elbow: Floats
    near: float
    zoom: float
    place: Floats
    form: int

    @classmethod
    def draw(cls, rng: np.random.Generator, zoom: tuple[float, float] = (0.23, 0.33)) -> "Stance":
        """A random stance."""
        return cls(
            bend=np.concatenate([rng.normal(0, 1.5, 4), rng.normal(0, 2.5, 12)]),
            tilt=rng.normal(0, 6, 3).clip(-13, 13),
            elbow=rng.normal(0, 0.12, 3) * _FOREARM,
            near=rng.uniform(6, 12),
            zoom=rng.uniform(*zoom),
            place=rng.uniform(-0.75, 0.75, 2),
            form=int(rng.integers(FORMS)),
        )

    def toward(self, other: "Stance", share: float) -> "Stance":
        """The stance on the way to another, `share` 0 here, 1 there; the form stays."""
        here, there = vars(self), {**vars(other), "form": self.form}
        return Stance(**{name: here[name] + share * (there[name] - here[name]) for name in here})


@dataclass(frozen=True)
class Setting:
    """Who is photographed, before what, in which light, by which camera: what frames of one recording share.

    scene: the background, whose side is the picture's. key: unit vector to the light. blur: radius in 256ths of the
    picture, or None. gain (3,): of the colour channels. noise: standard deviation, grey levels.
    """

    look: Look
    scene: Image
    key: Floats
    strength: float
    ambient: float
    blur: float | None
    gain: Floats
    noise: float

    @classmethod
    def draw(cls, rng: np.random.Generator, size: int, look: Look | None = None) -> "Setting":
        """A random setting for pictures of this side, of somebody who looks like this or of anybody."""
        look = look or Look.random(rng)
        key = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.9), rng.uniform(0.6, 1.0)])
        return cls(
            look=look,
            key=key / np.linalg.norm(key),
            scene=backdrop(_muted(look.background, rng), size, rng),
            strength=rng.uniform(0.75, 1.1),
            ambient=rng.uniform(0.35, 0.6),
            blur=rng.uniform(0.3, 0.9) if rng.random() < 0.5 else None,
            gain=rng.uniform(0.85, 1.12) * rng.uniform(0.96, 1.04, 3),
            noise=rng.uniform(0.5, 5.0),
        )


def photograph(symbol: str | None, stance: Stance, setting: Setting, rng: np.random.Generator) -> Image:
    """The hand in the setting; without a symbol, the background alone. `rng` gives the noise."""
    hand = None if symbol is None else _pose(symbol, stance, 2.0 * len(setting.scene))
    return photograph_hand(hand, setting, rng)


def photograph_hand(hand: tuple[Floats, Floats] | None, setting: Setting, rng: np.random.Generator) -> Image:
    """A hand given by its joints (21, 3) and the end of its forearm (3,), in halves of the picture's pixels, y up and z
    to the viewer; without one, the background alone. `rng` gives the noise."""
    size = len(setting.scene)
    picture: Image = cv2.resize(setting.scene, (2 * size, 2 * size), interpolation=cv2.INTER_LINEAR)
    if hand is not None:
        picture = _hand(*hand, setting, picture)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if setting.blur is not None:
        cv2.GaussianBlur(small, (0, 0), setting.blur * size / 256, dst=small)
    small *= setting.gain
    small += rng.normal(0, setting.noise, small.shape)
    frame: Image = small.clip(0, 255).astype(np.uint8)
    return frame


def _hand(joints: Floats, elbow: Floats, setting: Setting, scene: Image) -> Image:
    canvas, picture = Canvas.blank(len(scene), len(scene)), np.empty_like(scene)
    surfaces = canvas.depth, canvas.normal, canvas.albedo
    flesh = hand_flesh(joints[None], elbow[None], 1)
    draw_hand(
        *surfaces,
        canvas.open,
        flesh.cones[0],
        flesh.pulp[0],
        flesh.kind,
        flesh.finger,
        flesh.frame[0],
        flesh.scale,
        skin_tones(setting.look.skin),
    )
    light = setting.key, setting.strength, setting.ambient, 0.5 * flesh.scale, 16
    shade(*surfaces, canvas.open, scene, *light, picture)
    return picture


def _check(symbol: str) -> None:
    if symbol not in VIEWS:
        raise ValueError(f"symbol: found {symbol!r}, expected a letter A-Z, a digit 0-9, 'del' or 'space'")


def _muted(colour: Colour, rng: np.random.Generator) -> Colour:
    """The colour as walls and furniture have it: nearer to grey."""
    grey = np.mean(colour)
    red, green, blue = (grey + rng.uniform(0.05, 0.6) * (np.array(colour) - grey)).astype(int).tolist()
    return red, green, blue


def _pose(symbol: str, stance: Stance, size: float) -> tuple[Floats, Floats]:
    """Joints (21, 3) and the forearm's end (3,) in scene pixels (y up), under weak perspective."""
    view = view_of(symbol, stance.form)
    joints, turn = hand_joints(_configuration(symbol, view, stance.bend)), view_turn(view)
    tilt, _ = cv2.Rodrigues(np.radians(stance.tilt))
    tips = np.array(view.elbow) / np.linalg.norm(view.elbow) * _FOREARM + stance.elbow
    cloud = np.vstack([joints @ turn.T, tips]) @ tilt.T
    scale = stance.near / np.maximum(stance.near - cloud[:, 2:], 0.5 * stance.near)
    cloud[:, :2] *= scale
    low, high = cloud[:21, :2].min(0) - 0.1, cloud[:21, :2].max(0) + 0.1
    extent = high - low
    zoom = size * min(stance.zoom, 0.66 / float(extent.max()))
    room = np.maximum((size - zoom * extent) / 2 - 0.04 * size, 0)
    centre = size / 2 + np.array([0.0, 0.06 * size]) + stance.place * room * np.array([1.0, 0.6])
    shift = np.append(centre - zoom * (low + high) / 2, 0)
    placed: Floats = cloud * zoom + shift
    return placed[:21], placed[21]


def view_turn(view: View) -> Array:
    """The rotation (3, 3) from the hand's frame to the viewer's: x right, y up, z to the viewer."""
    along = np.array(view.fingers) / np.linalg.norm(view.fingers)
    facing = np.array(view.palm) - along * (along @ np.array(view.palm))
    facing /= np.linalg.norm(facing)
    return np.stack([np.cross(along, facing), along, facing], axis=1)


def configuration(symbol: str) -> Array:
    """The symbol's hand configuration (25,) as photographs show it."""
    return _configuration(symbol, VIEWS[symbol], np.zeros(16))


def _configuration(symbol: str, view: View, bend: Floats) -> Array:
    """The symbol's hand configuration with the view's changes and a signer's own slackness."""
    tables = lexicon()
    shape = GESTURES[symbol] if symbol in GESTURES else tables.letters[symbol].handshape
    hand = tables.handshapes[shape].configuration.copy()
    for finger, spread in view.spread.items():
        hand[finger] = spread
    for finger, flexion in view.flexion.items():
        hand[4 + 3 * finger : 7 + 3 * finger] = flexion
    if view.thumb:
        hand[16:] = thumb_bones(*view.thumb).ravel()
    hand[:16] += bend
    return hand
