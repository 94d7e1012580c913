"""Motions as they might have been signed or tracked otherwise: what a reader of poses must not be misled by.

None is mirrored: which hand signs belongs to what is signed.
"""

from typing import Final

import torch
from torch import Tensor

TEMPO: Final = 0.2
"""Up to a factor of e^0.2 slower or faster."""
SIZE: Final = 0.1
"""Up to a tenth smaller or larger."""
HELD: Final = 0.05
"""Share of frames in whose place the frame before is seen again, as where a tracker or a camera drops one."""
NOISE: Final = 0.003
"""Deviation of each coordinate in SLP units: about 3 mm on a body whose shoulders are 36 cm apart."""


def augmented(joints: Tensor, lengths: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Other tempo, body size, held frames and noise for each motion; `scale` 0 leaves all as it is, 1 is the above.

    joints: (B, T, 50, 3), lengths: (B,) in frames. Returns the same of the new lengths.
    """
    if not scale:
        return joints, lengths
    batch, device = len(joints), joints.device
    tempo = torch.empty(batch, device=device).uniform_(-TEMPO * scale, TEMPO * scale).exp()
    longer = (lengths * tempo).round().long().clamp(min=1)
    frames = torch.arange(int(longer.max()), device=device)
    last = (lengths - 1)[:, None]
    places = torch.minimum(frames * last / (longer - 1).clamp(min=1)[:, None], last)
    before = places.long()
    share = (places - before).masked_fill(torch.rand(places.shape, device=device) < HELD * scale, 0)[..., None, None]
    rows = torch.arange(batch, device=device)[:, None]
    moved = joints[rows, before] * (1 - share) + joints[rows, torch.minimum(before + 1, last)] * share
    size = 1 + torch.empty(batch, 1, 1, 1, device=device).uniform_(-SIZE * scale, SIZE * scale)
    return moved * size + torch.randn_like(moved) * NOISE * scale, longer
