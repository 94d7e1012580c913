"""A signer with red skin before green, whose hands can be found in a picture."""

import numpy as np

from datamodules.avatar.kinematics.hand import hand_joints
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.signer import Look
from datamodules.poses import skeletons

LOOK = Look(skin=(255, 0, 0), clothing=(0, 0, 255), hair=(0, 0, 120), background=(0, 200, 0))


def pose(right=(-0.35, -0.1, 0.5), left=(0.35, -0.5, 0.3)):
    """One frame in SLP units: two open hands, fingers up, palms to the viewer, wrists at these shoulder widths."""
    joints = np.zeros((1, 50, 3))
    joints[0, :8] = [
        (0, 0.6, 0.18), (0, 0, 0),
        (0.5, 0, 0), (0.7, -0.6, 0), left,
        (-0.5, 0, 0), (-0.7, -0.6, 0), right,
    ]  # fmt: skip
    hand = 0.27 * hand_joints(lexicon().handshapes["5"])
    joints[0, skeletons.RIGHT_HAND] = hand + right
    joints[0, skeletons.LEFT_HAND] = hand * (-1, 1, 1) + left
    return (joints * (1, -1, 1) / 3).astype(np.float32)


def is_skin(frame):
    red, green, blue = np.moveaxis(frame.astype(int), -1, 0)
    return (red > 60) & (red > 1.5 * green) & (red > 1.5 * blue)
