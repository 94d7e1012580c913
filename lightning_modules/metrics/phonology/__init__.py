"""Which parameters of its signs a motion gets right: handshape, location, movement and orientation.

These four are what signs are made of (Stokoe 1960; Battison 1978 for orientation). They can be judged because the
avatar knows the truth: which sign or letter every frame of its performance belongs to, and what the dominant hand then
shows. A motion of the same sentence is aligned with the performance (`signing.align`), and of each sign the frames that
belong to it are judged, one parameter at a time, by one rule:

    A frame is right if it is nearer to what is intended than to every rival, and within reach of it.

What is intended is what the performance shows in that frame, or the entry of the tables that its truth names, whichever
is nearer: signs are coarticulated, and either form is good. A rival is any other entry of the tables that differs from
both by more than a tolerance, for some differ by less than a hand does from itself (G and Q, mouth and chin). So every
performance is right throughout, whoever signs it, and a hand that does not move is right where it happens to be. A
reach is set where the entries do not close in their space: nothing is a place far in front of the mouth.

An item (a sign, a fingerspelled letter) is right if, for every entry that the truth names during it (the 5 and the Y of
WHY), more than half of the aligned pairs of frames are. It is wrong in everything if the motion passes over it in less
than half of its time, since exact DTW finds a single good frame among any number of wrong ones.

    handshape    distance: root mean square over the 15 joints beyond the palm, in the palm's own frame and lengths.
                 Items: signs and letters. Rivals: 51 handshapes, tolerance 0.1.
    orientation  distance: angle of the rotation between two palms, so of palm and fingers at once, in degrees.
                 Items: signs and letters. Rivals: 53 orientations, tolerance 30, reach 45.
    location     distance: of the points that the wrists bring to the place, in shoulder widths of the signer, from the
                 neck; for a place on the other hand, from that hand's wrist.
                 Items: signs (letters share one place). Rivals: 32 places, tolerance 0.15, reach 0.25.
    movement     distance: root mean square between two `signing.course`s, which hold the path of the wrist, the turns
                 of the hand and the play of the fingers, each from its mean; judged once for the whole item.
                 Items: signs, J and Z (other letters are held). Rivals: standing still, and what other signs do where
                 that differs by more than half of the movement's size.

Each accuracy is the share of items that are right, from 0 to 1. Only the dominant hand is judged. Definitions: ours.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from datamodules.avatar.perform import Performance
from lightning_modules.metrics.phonology.phonemes import Parameter, items
from lightning_modules.metrics.phonology.signing import Signing, align, observe
from lightning_modules.metrics.phonology.standards import Handshapes, Movements, Names, Orientations, Places, Standard
from lightning_modules.metrics.score import Array, Motion, Ratio

Counts = dict[Parameter, tuple[int, int]]
"""For each parameter how many items are right, and how many there are."""

PARAMETERS: Final[tuple[Parameter, ...]] = ("handshape", "location", "movement", "orientation")
LEAST_TIME: Final = 0.5
"""The share of its frames that an item must be given."""
PASSED_OVER: Final = "passed over"


class Judgement(NamedTuple):
    """One parameter of one item: the sign's gloss or the letter, what was intended, and what the motion shows."""

    item: str
    parameter: Parameter
    intended: str
    found: str
    right: bool


def phonology(hypothesis: Motion, reference: Performance) -> Counts:
    """How many items of a performance a motion (T, 50, 3) in SLP units shows rightly, for each parameter.

    The motion should have the performance's frame rate. The performances last asked for are kept ready, so what is
    compared with one of them had better come one after the other.

    Raises:
        ValueError: another shape, no frame, or a joint that is absent (NaN) or infinite.
    """
    judged = judge(hypothesis, reference)
    right = {parameter: [j.right for j in judged if j.parameter == parameter] for parameter in PARAMETERS}
    return {parameter: (sum(found), len(found)) for parameter, found in right.items()}


def judge(hypothesis: Motion, reference: Performance) -> list[Judgement]:
    """What `phonology` counts, one by one; those that are not right tell what went wrong. Raises as it does."""
    intended = _intended(reference)
    return intended.judge(observe(hypothesis, intended.left_handed))


class PhonologicalAccuracy(Ratio):
    """`handshape_acc`, `location_acc`, `movement_acc` or `orientation_acc`: the share of a test set's items, 0 to 1,
    that are right as the head of this module defines it. What is resampled is sentences."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self.parameter = parameter

    def measure(self, counts: Sequence[Counts]) -> Array:
        """Statistics (b, 2) of b sentences, from what `phonology` says of each."""
        return np.array([count[self.parameter] for count in counts], dtype=float).reshape(-1, 2)


class _Intended:
    """A performance made ready to be compared with: the N frames in which `items` are signed, and what they show."""

    def __init__(self, performance: Performance) -> None:
        self.items, self.signing, self.left_handed = items(performance), observe(performance.joints), False
        if not self.items:
            return
        self.frames = np.concatenate([item.frames for item in self.items])
        self.lengths = np.array([len(item.frames) for item in self.items])
        self.item = np.repeat(np.arange(len(self.items)), self.lengths)
        truth = performance.truth[self.frames]
        turns = np.char.add(np.char.add(truth["palm"], "/"), truth["fingers"])
        mirrored = observe(performance.joints, left_handed=True)
        hands = [
            (Handshapes(signing, self.frames, truth["dominant"]), Orientations(signing, self.frames, turns))
            for signing in (self.signing, mirrored)
        ]
        straying = [sum(standard.straying for standard in pair) for pair in hands]
        if straying[1] < straying[0] - 1e-6:  # what the truth says of the dominant hand is true of the left one
            self.left_handed, self.signing = True, mirrored
        shapes, orientations = hands[self.left_handed]
        self.standards: dict[Parameter, Standard] = {
            "handshape": shapes,
            "location": Places(self.signing, self.items, truth["location"]),
            "movement": Movements(self.signing, self.items),
            "orientation": orientations,
        }

    def judge(self, motion: Signing) -> list[Judgement]:
        """All parameters of all items."""
        if not self.items:
            return []
        h, r = align(motion, self.signing)
        among = np.isin(r, self.frames)
        h, moments = h[among], np.searchsorted(self.frames, r[among])
        item, all_moments = self.item[moments], np.arange(len(self.frames))
        first, last = (np.searchsorted(moments, all_moments, side) for side in ("left", "right"))
        tempo = min(1.0, len(motion.joints) / len(self.signing.joints))
        another = np.diff(h, prepend=-1) > 0
        missed = np.bincount(item, another, len(self.items)) < LEAST_TIME * tempo * self.lengths
        found: list[Judgement] = []
        for parameter, standard in self.standards.items():
            if parameter == "movement":
                of = at = np.arange(len(self.items))
                right, nearest = standard.judge(motion, h[(first + last - 1) // 2], of)
            else:
                of, at = item, moments
                right, nearest = standard.judge(motion, h, moments)
            names = np.array(standard.names)
            for number in range(len(self.items)):
                if self.items[number].has(parameter):
                    own = of == number
                    verdict = _verdict(names[standard.rows[at[own]]], right[own], names[nearest[own]])
                    if missed[number]:
                        verdict = (verdict[0], PASSED_OVER, False)
                    found.append(Judgement(self.items[number].name, parameter, *verdict))
        return found


def _verdict(intended: Names, right: npt.NDArray[np.bool_], nearest: Names) -> tuple[str, str, bool]:
    """What was intended and found, and whether it is right: more than half of the pairs for each name intended."""
    entries = list(dict.fromkeys(intended.tolist()))
    for entry in entries:
        own = intended == entry
        if 2 * right[own].sum() <= own.sum():
            seen = nearest[own & ~right].tolist()
            return entry, max(seen, key=seen.count), False
    return " > ".join(entries), " > ".join(entries), True


@lru_cache(maxsize=4)
def _intended(performance: Performance) -> _Intended:
    return _Intended(performance)
