"""What a face shows: its state in every frame, and the neutral face."""

import numpy as np
from numpy.typing import NDArray

FACE = np.dtype(
    [
        ("brows", "f4"),
        ("lids", "f4"),
        ("corners", "f4"),
        ("mouth", "f4"),
        ("gaze", "f4", (2,)),
        ("head", "f4", (2,)),
    ]
)
"""One row a frame. `brows`: -1 lowered and drawn together, 0 neutral, 1 raised. `lids`: 0 closed, 1 open as usual, more
is wide open. `corners` of the mouth: -1 drawn down, 1 a smile. `mouth`: 0 closed, 1 wide open. `gaze` relative to the
head and `head` relative to the body: yaw toward the picture's right and pitch downward, in radians."""


def neutral(frames: int) -> NDArray[np.void]:
    """The face (frames,) of somebody who looks at the viewer and says nothing."""
    face = np.zeros(frames, FACE)
    face["lids"] = 1.0
    return face
