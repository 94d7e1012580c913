"""From glosses to units of signing, and from a unit's phonology to the track of a hand.

A track is computed for a right hand in its own mirror image: a non-dominant hand is a right hand in a mirrored world.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from datamodules.avatar.kinematics.body import MIRROR
from datamodules.avatar.kinematics.hand import Array, blend, hand_joints
from datamodules.avatar.kinematics.motion import Stroke, sample
from datamodules.avatar.kinematics.rotation import multiply, slerp, to_matrix, turn
from datamodules.avatar.phonology.lexicon import Lexicon
from datamodules.avatar.phonology.signs import Gesture, Part, Place, Sign
from datamodules.avatar.signer import Signer

SPELLED = "#"
LETTER_HOLD = 0.12
SIGN_HOLD = 0.07
DOUBLE_SLIDE = np.array([-0.15, 0.0, 0.0])
_UNDECOMPOSED = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "ẞ": "SS"})


@dataclass(frozen=True, eq=False)
class Unit:
    """One sign, or one letter of a fingerspelled word, at its place in the performance.

    `gloss` indexes the performance's glosses; `stroke` and `hold` are seconds; `shift` (3,) displaces both hands and
    `double` marks a letter that repeats the one before it.
    """

    gloss: int
    sign: Sign
    letter: str
    stroke: float
    hold: float
    shift: Array
    double: bool = False


@dataclass(eq=False)
class Track:
    """A hand over n moments: wrist (n, 3) in shoulder widths, orientation (n, 4), configuration (n, 25).

    `path` and `shape` (n,) are the shares of the way to the gesture's end place and end handshape.
    """

    wrist: Array
    hand: Array
    configuration: Array
    path: Array
    shape: Array

    def at(self, index: int) -> "Track":
        """The moment `index` alone."""
        part = slice(index, index + 1) if index >= 0 else slice(index, None)
        return Track(self.wrist[part], self.hand[part], self.configuration[part], self.path[part], self.shape[part])


def spell(word: str, lexicon: Lexicon) -> str:
    """The letters and digits that fingerspell a word: accents go, whatever the manual alphabet lacks is left out."""
    plain = unicodedata.normalize("NFKD", word.upper().translate(_UNDECOMPOSED))
    return "".join(symbol for symbol in plain if symbol in lexicon.letters)


def units(glosses: Sequence[str], lexicon: Lexicon, signer: Signer, rng: np.random.Generator) -> list[Unit]:
    """What is signed for the glosses, in order: signs for entries of the lexicon, letters for all else."""
    found: list[Unit] = []
    for index, gloss in enumerate(glosses):
        pace = rng.uniform(0.94, 1.06) / signer.speed
        shift = signer.style.offset * rng.standard_normal(3)
        sign = lexicon.signs.get(gloss)
        if sign is None:
            found.extend(_letters(index, gloss, lexicon, signer, shift))
            continue
        length = float(np.linalg.norm(sign.dominant.steps[1] - sign.dominant.steps[0], axis=-1))
        stroke = sign.movement.seconds * (0.9 + 0.5 * length * signer.amplitude) * pace
        if sign.role != "none":
            shift[0] = 0.0
        if sign.touch != "none":
            shift *= 0.4
        found.append(Unit(index, sign, "", stroke, SIGN_HOLD * signer.style.hold * pace, shift))
    return _coarticulate(found)


def _letters(index: int, word: str, lexicon: Lexicon, signer: Signer, shift: Array) -> list[Unit]:
    hold = max(LETTER_HOLD / signer.speed, 0.08)
    letters: list[Unit] = []
    slide = np.zeros(3)
    for symbol in spell(word, lexicon):
        letter = lexicon.letters[symbol]
        double = bool(letters) and letters[-1].letter == symbol
        if double and abs(slide[0]) < 0.29:
            slide = slide + DOUBLE_SLIDE
        stroke = 0.0 if letter.movement == "hold" else letter.sign.movement.seconds / signer.speed
        letters.append(Unit(index, letter.sign, symbol, stroke, hold, shift + slide, double))
    return letters


def _coarticulate(found: list[Unit]) -> list[Unit]:
    """Signs in free space lean toward where the hand comes from and goes to (at most 0.03 shoulder widths)."""
    leaning = list(found)
    for k, unit in enumerate(found):
        if unit.letter or unit.sign.touch != "none":
            continue
        pull = np.zeros(3)
        for neighbour, mine, theirs in ((k - 1, 0, 1), (k + 1, 1, 0)):
            if 0 <= neighbour < len(found):
                other = found[neighbour].sign.dominant
                here = unit.sign.dominant.place[mine].at + unit.sign.dominant.steps[mine]
                pull += 0.04 * (other.place[theirs].at + other.steps[theirs] - here)
        if unit.sign.role != "none":
            pull[0] = 0.0
        size = float(np.linalg.norm(pull, axis=-1))
        leaning[k] = replace(unit, shift=unit.shift + pull * min(1.0, 0.03 / max(size, 1e-9)))
    return leaning


def place(place: Place, steps: Array, shift: Array, signer: Signer, other: Track | None) -> Array:
    """The point (3,), or on the other hand (n, 3), of a place and the steps away from it, for a signer's build."""
    if place.part is not None:
        if other is None:
            raise ValueError(f"place {place.name} lies on the other hand, and there is none")
        lying: Array = contact(other, place.part, signer) * MIRROR + steps
        return lying
    build = signer.build
    reach = (build.upper_arm + build.forearm) / 1.5
    scales = {"head": np.full(3, build.head), "space": np.array([1, 1, reach]), "arm": np.array([1, reach, reach])}
    scale = scales.get(place.region, np.ones(3))
    point: Array = place.at * scale + steps * signer.amplitude + shift
    return point


def contact(track: Track, part: Part, signer: Signer) -> Array:
    """Where a part of the hand is, (n, 3) in shoulder widths."""
    local = np.einsum("j,nji->ni", part.weights, hand_joints(track.configuration)) + part.offset
    point: Array = track.wrist + signer.build.hand * np.einsum("nij,nj->ni", to_matrix(track.hand), local)
    return point


def follow(gesture: Gesture, stroke: Stroke, shift: Array, signer: Signer, other: Track | None = None) -> Track:
    """The track of a hand that makes a gesture with a stroke; `other` is the hand that its places may lie on."""
    start, end = gesture.handshape[0].configuration, gesture.handshape[1].configuration
    configuration = blend(start, end, stroke.shape)
    if stroke.wiggle is not None:
        configuration[:, 4:16:3] += stroke.wiggle
    hand = slerp(gesture.orientation[0].quaternion, gesture.orientation[1].quaternion, stroke.path)
    turned = hand if stroke.turn is None else multiply(hand, turn(stroke.about, stroke.turn))
    joints = hand_joints(configuration)
    first, last = gesture.part
    path = stroke.path[:, None]
    local = np.einsum("j,nji->ni", first.weights, joints) + first.offset
    if last is not first:
        local += path * (np.einsum("j,nji->ni", last.weights, joints) + last.offset - local)
    begin = place(gesture.place[0], gesture.steps[0], shift, signer, other)
    finish = place(gesture.place[1], gesture.steps[1], shift, signer, other)
    point = begin + path * (finish - begin) + signer.amplitude * stroke.offset
    frame = to_matrix(turned if stroke.at_contact else hand)
    wrist = point - signer.build.hand * np.einsum("nij,nj->ni", frame, local)
    return Track(wrist, turned, configuration, stroke.path, stroke.shape)


def unit_tracks(unit: Unit, time: Array, idle: Gesture, signer: Signer) -> tuple[Track, Track]:
    """The tracks of the dominant and the non-dominant hand at times (n,) in 0..1 of the unit's stroke.

    A hand that has nothing to do keeps to the gesture `idle`.
    """
    sign = unit.sign
    stroke = sample(sign.movement, time)
    if sign.other is None:
        other = follow(idle, _still(stroke), np.zeros(3), signer)
    elif sign.role == "base":
        other = follow(sign.other, _still(stroke), unit.shift, signer)
    elif sign.role == "alt":
        other = follow(sign.other, sample(sign.movement, time, 0.5), unit.shift, signer)
    else:
        other = follow(sign.other, stroke, unit.shift, signer)
    return follow(sign.dominant, stroke, unit.shift, signer, other), other


def _still(stroke: Stroke) -> Stroke:
    return Stroke(stroke.path, np.zeros_like(stroke.offset), stroke.shape)
