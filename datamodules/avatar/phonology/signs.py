"""What a sign is made of: parts of the hand, places, gestures, and the signs and letters composed of them."""

from dataclasses import dataclass
from typing import Literal

from datamodules.avatar.kinematics.hand import Array, Handshape
from datamodules.avatar.kinematics.motion import Movement
from datamodules.avatar.kinematics.rotation import Orientation

Region = Literal["head", "torso", "space", "arm", "hand"]
Role = Literal["none", "sym", "alt", "base"]
Head = Literal["none", "nod", "shake"]


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the hand: `weights` (21,) over its joints and an `offset` (3,) to the skin, in palm lengths."""

    name: str
    weights: Array
    offset: Array


@dataclass(frozen=True, eq=False)
class Place:
    """A place on the body, in space, or (region hand, `part`) on the other hand. `at` (3,) in shoulder widths."""

    name: str
    region: Region
    at: Array
    part: Part | None


@dataclass(frozen=True, eq=False)
class Gesture:
    """What one hand does, each entry at the start and at the end; `steps` (3,) lead away from the place."""

    handshape: tuple[Handshape, Handshape]
    place: tuple[Place, Place]
    steps: tuple[Array, Array]
    part: tuple[Part, Part]
    orientation: tuple[Orientation, Orientation]


@dataclass(frozen=True, eq=False)
class Sign:
    """A sign, or a letter of the manual alphabet, as phonology.

    `other` is what the non-dominant hand does, in its own mirror image; `touch` says when the hand touches its place
    and `head` what the head does meanwhile (none, nod, shake); `mouth` names an expression, or is empty.
    """

    gloss: str
    dominant: Gesture
    role: Role
    other: Gesture | None
    movement: Movement
    touch: str
    head: Head
    mouth: str


@dataclass(frozen=True, eq=False)
class Letter:
    """A letter or digit: shape, orientation at start and end, movement (hold, J or Z), and how the avatar signs it."""

    symbol: str
    handshape: str
    orientation: tuple[Orientation, Orientation]
    movement: str
    sign: Sign
