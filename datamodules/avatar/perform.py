"""From glosses to 3D poses: the avatar signs a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pose_format import Pose

from datamodules.avatar.expression import express
from datamodules.avatar.phonology.grammar import Sentence
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.phonology.nonmanuals import scopes
from datamodules.avatar.sign_units import units
from datamodules.avatar.signer import Signer
from datamodules.avatar.timeline import Stage
from datamodules.poses.conversion import to_pose


@dataclass(frozen=True, eq=False)
class Performance:
    """A signed sentence: `joints` (T, 50, 3) float32 in SLP units, `truth` (T,) of dtype `timeline.TRUTH`.

    `face` (T,) of dtype `kinematics.face.FACE` is what joints cannot say; None where only they are known.
    """

    joints: NDArray[np.float32]
    fps: float
    glosses: list[str]
    truth: NDArray[np.void]
    face: NDArray[np.void] | None = None

    def every(self, stride: int) -> "Performance":
        """Every `stride`-th frame of it."""
        face = None if self.face is None else self.face[::stride]
        return Performance(self.joints[::stride], self.fps / stride, self.glosses, self.truth[::stride], face)

    @property
    def pose(self) -> Pose:
        """The joints as a pose in pixels, for files, viewers and whatever else takes what a model makes."""
        return to_pose(self.joints, self.fps)


def perform(
    glosses: Sequence[str] | Sentence, signer: Signer | None = None, fps: float = 25.0, seed: int = 0
) -> Performance:
    """Sign the glosses in order, from rest to rest; the same arguments give the same bytes.

    A gloss of the lexicon ("THANK-YOU") is signed, one that begins with "#" or is no sign is fingerspelled ("#ANNA");
    characters that the manual alphabet lacks are left out. Face and head mark WH questions and negation, which glosses
    tell by themselves, and of a `Sentence` also yes/no questions and where clauses end, which only its text tells.

    Raises ValueError for a string instead of a sequence of glosses and for an fps that is not from 1 to 1000.
    """
    if isinstance(glosses, str):
        raise ValueError(f"glosses: expected a list such as ['HELLO'], found the text {glosses!r}; split it first")
    if not 1 <= fps <= 1000:
        raise ValueError(f"fps: expected a number from 1 to 1000, found {fps!r}")
    sentence = glosses if isinstance(glosses, Sentence) else Sentence("", tuple(glosses))
    signer = signer or Signer()
    rng = np.random.default_rng(seed)
    sequence = units(sentence.glosses, lexicon(), signer, rng)
    stage = Stage(sequence, signer, fps, rng)
    face = express(sequence, stage.spans, scopes(sentence), stage.time, rng.spawn(1)[0])
    joints, truth = stage.act(face["head"].astype(float))
    if signer.handedness == "left":
        face["head"][:, 0] *= -1
        face["gaze"][:, 0] *= -1
    return Performance(joints, fps, list(sentence.glosses), truth, face)
