"""A hand, seen from near, that fingerspells: it holds each letter, travels to the next, and moves for J and Z.

Letters look as photographs of the manual alphabet show them (`views.py`). J and Z are drawn in the air by the little
finger and the index; the second of two equal letters is held a little to the side. Before the first word, between
words and after the last, the hand sinks. No signer has reviewed it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from datamodules.avatar.kinematics.hand import Array, blend, hand_joints
from datamodules.avatar.kinematics.motion import PALM, ease, sample
from datamodules.avatar.kinematics.rotation import from_matrix, slerp, to_matrix
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.letters import Setting, configuration, photograph_hand, view_turn
from datamodules.avatar.renderer.views import SYMBOLS, VIEWS
from datamodules.avatar.signer import Look
from datamodules.media.drawing_primitives import Image

HOLD: Final = 0.44
"""Seconds that a letter is held; with the way to the next, three letters in two seconds: a reader can follow."""
TRAVEL: Final = 0.24
DRAWN: Final = 0.9
"""Seconds that J and Z move."""
SUNK: Final = 0.28

_NEAR = 9.0  # the camera's distance, palm lengths
_ZOOM = 0.27  # pictures a palm length
_FOREARM = 5.0
_ASIDE = np.array([-0.45, 0.0])
_DOWN = np.array([0.0, -1.3])
_DRAWING = {"J": 20, "Z": 8}  # the joints whose way it is


@dataclass(frozen=True, eq=False)
class Hand:
    """A right hand at n moments, as the viewer sees it: x right, y up, z to the viewer.

    configuration: (n, 25). orientation: quaternions (n, 4). forearm: its direction, (n, 3).
    wrist: where it is, (n, 2) palm lengths from the middle of the picture.
    """

    configuration: Array
    orientation: Array
    forearm: Array
    wrist: Array

    def at(self, index: int) -> "Hand":
        """One of the moments, as the only one."""
        return Hand(*(array[[index]] for array in vars(self).values()))

    def joints(self) -> Array:
        """The 21 joints and the forearm's end, (n, 22, 3) palm lengths, before the camera's perspective."""
        turned = np.einsum("nij,nkj->nki", to_matrix(self.orientation), hand_joints(self.configuration))
        cloud = np.concatenate([turned, _FOREARM * self.forearm[:, None]], axis=1)
        cloud[..., :2] += self.wrist[:, None]
        return cloud


Way = Callable[[Array], Hand]
"""A stretch of time: the hand at shares (n,) of it, 0 to 1."""


def spell(letters: str, fps: float = 25.0, size: int = 256, seed: int = 0) -> Iterator[Image]:
    """Frames (size, size, 3) RGB of a hand that spells A-Z and digits, blanks between words, one by one.

    `seed` chooses background and light; the same arguments give the same bytes. Raises ValueError for other characters,
    for nothing to spell, and for an fps that is not from 1 to 1000.
    """
    moments = spelled(letters, fps)
    rng = np.random.default_rng(seed)
    setting = Setting.draw(rng, size, Look()).calm()
    return _photographed(moments, setting, rng)


def spelled(letters: str, fps: float = 25.0) -> Iterator[tuple[str, Hand]]:
    """For each frame the letter that is shown ("" on the way), and the hand. Raises ValueError as `spell` does."""
    words = letters.split()
    if strange := sorted(set("".join(words)) - set(SYMBOLS)):
        raise ValueError(f"cannot spell {''.join(strange[:10])!r}: expected A-Z, digits and blanks")
    if not words:
        raise ValueError("nothing to spell: expected a letter or digit")
    if not 1 <= fps <= 1000:
        raise ValueError(f"fps: expected a number from 1 to 1000, found {fps!r}")
    return _sampled(_stretches(words), fps)


def _photographed(moments: Iterator[tuple[str, Hand]], setting: Setting, rng: np.random.Generator) -> Iterator[Image]:
    """A picture a moment; while the hand keeps still, the same one."""
    shown = picture = None
    for _, hand in moments:
        seen = _seen(hand, 2.0 * len(setting.scene))
        if picture is None or shown is None or not np.array_equal(seen[0], shown):
            shown, picture = seen[0], photograph_hand(seen, setting, rng)
        yield picture.copy()


def _sampled(stretches: Iterator[tuple[str, float, Way]], fps: float) -> Iterator[tuple[str, Hand]]:
    clock, number = 0.0, 0
    for letter, seconds, way in stretches:
        end = int(np.ceil((clock + seconds) * fps - 1e-6))
        if end > number:
            hands = way((np.arange(number, end) / fps - clock) / seconds)
            yield from ((letter, hands.at(index)) for index in range(end - number))
        clock, number = clock + seconds, end


def _stretches(words: list[str]) -> Iterator[tuple[str, float, Way]]:
    """Letters with the ways between them: what is shown, for how many seconds, and how."""
    sunk = _still(_sunk())
    yield "", SUNK / 2, sunk
    here = _sunk()
    for word in words:
        aside = False
        for before, letter in zip(f" {word}", word, strict=False):
            aside = letter == before and not aside
            seconds, way = _letter(letter, _ASIDE if aside else np.zeros(2))
            yield "", TRAVEL, _between(here, way(np.zeros(1)))
            yield letter, seconds, way
            here = way(np.ones(1))
        yield "", TRAVEL, _between(here, _sunk())
        yield "", SUNK, sunk
        here = _sunk()


def _letter(symbol: str, shift: Array) -> tuple[float, Way]:
    """How long a letter takes, and the hand meanwhile, its way centred in the picture."""
    view = VIEWS[symbol]
    start = from_matrix(view_turn(VIEWS["I"] if symbol == "J" else view))
    held = Hand(configuration(symbol)[None], start[None], _unit(view.elbow)[None], np.zeros((1, 2)))
    if symbol not in _DRAWING:
        return HOLD, _still(_centred(held, held, shift))
    sign, tip = lexicon().letters[symbol].sign, _DRAWING[symbol]
    finish = sign.dominant.orientation[1].quaternion if symbol == "J" else start
    seconds = DRAWN + HOLD / 2

    def drawn(shares: Array) -> Hand:
        stroke = sample(sign.movement, np.minimum(shares * seconds / DRAWN, 1))
        hand = Hand(
            np.repeat(held.configuration, len(shares), axis=0),
            slerp(start, finish, stroke.path),
            np.repeat(held.forearm, len(shares), axis=0),
            np.zeros((len(shares), 2)),
        )
        way = held.joints()[:, tip, :2] + stroke.offset[:, :2] / PALM
        return replace(hand, wrist=way - hand.joints()[:, tip, :2])

    whole = drawn(np.linspace(0, 1, 25))
    return seconds, lambda shares: _centred(drawn(shares), whole, shift)


def _centred(hand: Hand, whole: Hand, shift: Array) -> Hand:
    """The hand moved as puts all of `whole` into the middle of the picture."""
    joints = whole.joints()[:, :21, :2].reshape(-1, 2)
    return replace(hand, wrist=hand.wrist - (joints.min(0) + joints.max(0)) / 2 + shift)


def _sunk() -> Hand:
    view = VIEWS["B"]
    relaxed = lexicon().handshapes["relaxed"].configuration
    hand = Hand(relaxed[None], from_matrix(view_turn(view))[None], _unit(view.elbow)[None], np.zeros((1, 2)))
    return _centred(hand, hand, _DOWN)


def _still(hand: Hand) -> Way:
    return lambda shares: Hand(*(np.repeat(array, len(shares), axis=0) for array in vars(hand).values()))


def _between(here: Hand, there: Hand) -> Way:
    def way(shares: Array) -> Hand:
        share = ease(shares)
        forearm = here.forearm + share[:, None] * (there.forearm - here.forearm)
        return Hand(
            blend(here.configuration[0], there.configuration[0], share),
            slerp(here.orientation[0], there.orientation[0], share),
            forearm / np.linalg.norm(forearm, axis=1, keepdims=True),
            here.wrist + share[:, None] * (there.wrist - here.wrist),
        )

    return way


def _unit(vector: tuple[float, float, float]) -> Array:
    unit: Array = np.array(vector) / np.linalg.norm(vector, axis=-1)
    return unit


def _seen(hand: Hand, size: float) -> tuple[Array, Array]:
    """Joints (21, 3) and the forearm's end (3,) in pixels of a picture of this side, y up, under weak perspective."""
    cloud = hand.joints()[0]
    cloud[:, :2] *= _NEAR / np.maximum(_NEAR - cloud[:, 2:], 0.5 * _NEAR)
    cloud *= _ZOOM * size
    cloud[:, :2] += size / 2
    return cloud[:21], cloud[21]
