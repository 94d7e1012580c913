"""Close-ups of one hand that shows a letter or digit, as in the ASL Alphabet photographs, with their landmarks."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics.hand import Array, hand_joints, thumb_bones
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.backdrop import KINDS, SHARES, Kind, ground, paint
from datamodules.avatar.renderer.hand_geometry import hand_flesh
from datamodules.avatar.renderer.photography import Shot, smear
from datamodules.avatar.renderer.raster import FAR, Canvas, Floats
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
    lengths. build (2,): its breadth and length, for the average hand's. near: the camera's distance, palm lengths.
    zoom: frame widths a palm length. place (2,): where in the room that the hand leaves, -1 to 1. cut (2,): how far it
    is held beyond that, in frame widths. form: in which of a letter's forms, where it has two (`views.SECOND_FORMS`).
    """

    bend: Floats
    tilt: Floats
    elbow: Floats
    build: Floats
    near: float
    zoom: float
    place: Floats
    cut: Floats
    form: int

    @classmethod
    def draw(cls, rng: np.random.Generator, zoom: tuple[float, float] = (0.23, 0.33), careful: bool = True) -> "Stance":
        """A random stance. Who is careful keeps the whole hand in the picture, not far from its middle."""
        stance = cls(
            bend=np.concatenate([rng.normal(0, 1.5, 4), rng.normal(0, 2.5, 12)]),
            tilt=rng.normal(0, 6, 3).clip(-13, 13),
            elbow=rng.normal(0, 0.12, 3) * _FOREARM,
            build=np.ones(2),
            near=rng.uniform(6, 12),
            zoom=rng.uniform(*zoom),
            place=rng.uniform(-0.75, 0.75, 2) * (1.0, 0.6),
            form=int(rng.integers(FORMS)),
            cut=np.zeros(2),
        )
        return stance if careful else stance.careless(rng)

    def careless(self, rng: np.random.Generator) -> "Stance":
        """The stance of anybody anywhere in the picture, one in seven of them not wholly within."""
        far = rng.uniform(0.04, 0.2) if rng.random() < 1 / 7 else 0.0
        angle = rng.uniform(0, 2 * np.pi)
        return replace(
            self,
            bend=2.0 * self.bend,
            tilt=rng.normal(0, 9, 3).clip(-22, 22),
            build=rng.uniform((0.92, 0.88), (1.10, 1.04)),
            place=rng.uniform(-1, 1, 2),
            cut=far * np.array([np.cos(angle), np.sin(angle)]),
        )

    def toward(self, other: "Stance", share: float) -> "Stance":
        """The stance on the way to another, `share` 0 here, 1 there; the form stays."""
        here, there = vars(self), {**vars(other), "form": self.form}
        return Stance(**{name: here[name] + share * (there[name] - here[name]) for name in here})


@dataclass(frozen=True)
class Arm:
    """What is seen below the wrist: cloth of an RGB colour from so many palm lengths on, or nothing at all."""

    begins: float
    cloth: Colour | None

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Arm | None":
        """None, a bare one, for six in ten."""
        lot = rng.random()
        if lot < 0.6:
            return None
        red, green, blue = paint(rng).round().astype(int).tolist()
        return cls(rng.uniform(0.3, 2.0), (red, green, blue)) if lot < 0.93 else cls(rng.uniform(0.2, 0.6), None)


@dataclass(frozen=True)
class Setting:
    """Who is photographed, before what, in which light, by which camera: what frames of one recording share.

    scene: the background, whose side is the picture's. arm: None for a bare one. key: unit vector to the light.
    moved (2,): way of the hand while the shutter is open, in 256ths of the picture.
    """

    look: Look
    scene: Image
    arm: Arm | None
    key: Floats
    strength: float
    ambient: float
    moved: tuple[float, float]
    shot: Shot

    @classmethod
    def draw(cls, rng: np.random.Generator, size: int, look: Look | None = None, careful: bool = True) -> "Setting":
        """A random setting for pictures of this side, of somebody who looks like this or of anybody.

        Who is careful stands in good light with a bare arm and holds still; else anything goes.
        """
        look = look or Look.random(rng)
        key = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.9), rng.uniform(0.6, 1.0)])
        kind: Kind = KINDS[rng.choice(len(KINDS), p=SHARES)]
        shot = Shot.draw(rng)
        setting = cls(
            look=look,
            scene=ground(kind, size, rng),
            arm=None,
            key=key / np.linalg.norm(key, axis=-1),
            strength=rng.uniform(0.75, 1.1),
            ambient=rng.uniform(0.35, 0.6),
            moved=(0.0, 0.0),
            shot=replace(shot, contrast=None) if kind in ("black", "white") else shot,
        )
        return setting if careful else setting.careless(rng)

    def careless(self, rng: np.random.Generator) -> "Setting":
        """The setting of anybody: in hard light, against the light or in the shade, sleeved, moving."""
        key = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-0.2, 1.0), rng.uniform(0.25, 1.0)])
        dim = rng.uniform(0.25, 0.6) if rng.random() < 0.25 else 1.0
        angle, length = rng.uniform(0, 2 * np.pi), rng.exponential(3.0) if rng.random() < 0.4 else 0.0
        return replace(
            self,
            arm=Arm.draw(rng),
            key=key / np.linalg.norm(key, axis=-1),
            strength=dim * rng.uniform(0.55, 1.25),
            ambient=dim * rng.uniform(0.15, 0.6),
            moved=(min(length, 14.0) * float(np.cos(angle)), min(length, 14.0) * float(np.sin(angle))),
        )

    def calm(self) -> "Setting":
        """The same in good light, taken by a perfect camera: for pictures that somebody is to read."""
        return replace(self, arm=None, strength=0.95, ambient=0.5, moved=(0.0, 0.0), shot=Shot())


def photograph(symbol: str | None, stance: Stance, setting: Setting, rng: np.random.Generator) -> Image:
    """The hand in the setting; without a symbol, the background alone. `rng` gives the noise."""
    hand = None if symbol is None else _pose(symbol, stance, 2.0 * len(setting.scene))
    return photograph_hand(hand, setting, rng)


def photograph_hand(hand: tuple[Floats, Floats] | None, setting: Setting, rng: np.random.Generator) -> Image:
    """A hand given by its joints (21, 3) and the end of its forearm (3,), in halves of the picture's pixels, y up and z
    to the viewer; without one, the background alone. `rng` gives the noise."""
    scene: Floats = setting.scene.astype(np.float32)
    if hand is not None:
        size = len(scene)
        layer = cv2.resize(_hand(*hand, setting, 2 * size), (size, size), interpolation=cv2.INTER_AREA)
        layer = smear(layer, (setting.moved[0] * size / 256, setting.moved[1] * size / 256))
        scene = layer[..., :3] + scene * (1 - layer[..., 3:])
    return setting.shot.take(scene, rng)


def _hand(joints: Floats, elbow: Floats, setting: Setting, size: int) -> Floats:
    """The hand alone, (size, size, 4): its grey levels where it covers, 0 elsewhere, and how much it covers, 0 to 1."""
    canvas, picture = Canvas.blank(size, size), np.empty((size, size, 3), np.uint8)
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
    if setting.arm:
        _dress(canvas, setting.arm, joints[0], elbow, flesh.scale)
    light = setting.key, setting.strength, setting.ambient, 0.5 * flesh.scale, 16
    shade(*surfaces, canvas.open, np.zeros_like(picture), *light, picture)
    layer: Floats = np.dstack([picture, canvas.depth > FAR]).astype(np.float32)
    return layer


def _dress(canvas: Canvas, arm: Arm, wrist: Floats, elbow: Floats, scale: float) -> None:
    """Cover the forearm, or take it out of the picture."""
    rows, columns = np.nonzero(canvas.depth > FAR)
    points = np.stack([columns + 0.5, len(canvas.depth) - rows - 0.5, canvas.depth[rows, columns]], axis=1) - wrist
    along = (elbow - wrist) / np.linalg.norm(elbow - wrist, axis=-1)
    height = points @ along
    beside = np.linalg.norm(points - height[:, None] * along, axis=1)
    covered = (height > arm.begins * scale) & (beside < 0.5 * scale)
    place = rows[covered], columns[covered]
    if arm.cloth is None:
        canvas.depth[place] = FAR
    else:
        folds = 1 + 0.12 * np.sin(height[covered] / (0.09 * scale) + 2 * np.sin(0.05 * beside[covered]))
        canvas.albedo[place] = (np.asarray(arm.cloth) / 255.0) ** 2 * folds[:, None]


def _check(symbol: str) -> None:
    if symbol not in VIEWS:
        raise ValueError(f"symbol: found {symbol!r}, expected a letter A-Z, a digit 0-9, 'del' or 'space'")


def _pose(symbol: str, stance: Stance, size: float) -> tuple[Floats, Floats]:
    """Joints (21, 3) and the forearm's end (3,) in scene pixels (y up), under weak perspective."""
    view = view_of(symbol, stance.form)
    joints, turn = hand_joints(_configuration(symbol, view, stance.bend)), view_turn(view)
    tilt, _ = cv2.Rodrigues(np.radians(stance.tilt))
    tips = np.array(view.elbow) / np.linalg.norm(view.elbow, axis=-1) * _FOREARM + stance.elbow
    joints = joints * (*stance.build, stance.build.mean())
    cloud = np.vstack([joints @ turn.T, tips]) @ tilt.T
    scale = stance.near / np.maximum(stance.near - cloud[:, 2:], 0.5 * stance.near)
    cloud[:, :2] *= scale
    low, high = cloud[:21, :2].min(0) - 0.1, cloud[:21, :2].max(0) + 0.1
    extent = high - low
    zoom = size * min(stance.zoom, 0.75 / float(extent.max()))
    room = np.maximum((size - zoom * extent) / 2 - 0.04 * size, 0)
    centre = size / 2 + np.array([0.0, 0.06 * size]) + stance.place * room + stance.cut * size
    shift = np.append(centre - zoom * (low + high) / 2, 0)
    placed: Floats = cloud * zoom + shift
    return placed[:21], placed[21]


def view_turn(view: View) -> Array:
    """The rotation (3, 3) from the hand's frame to the viewer's: x right, y up, z to the viewer."""
    along = np.array(view.fingers) / np.linalg.norm(view.fingers, axis=-1)
    facing = np.array(view.palm) - along * (along * np.array(view.palm)).sum()
    facing /= np.linalg.norm(facing, axis=-1)
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
