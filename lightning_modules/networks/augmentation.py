"""What training varies by lot in pictures, motions and landmarks, on their device.

Pictures and motions are never mirrored: a left hand is not a right one, and which hand signs belongs to what is shown.
Landmarks of one sign may be, sides and all: then they are what a left-handed signer shows.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from datamodules.features.signing_points import HANDS, MIRRORED, WRISTS

REACH: Final = 1 / 8
"""How far a picture is moved at most, for its side."""
TEMPO: Final = 0.2
"""Up to a factor of e^0.2 slower or faster."""
SIZE: Final = 0.1
"""Up to a tenth smaller or larger."""
HELD: Final = 0.05
"""Share of frames in whose place the frame before is seen again, as where a tracker or a camera drops one."""
NOISE: Final = 0.003
"""Deviation of each coordinate in SLP units: about 3 mm on a body whose shoulders are 36 cm apart."""
TURN: Final = math.radians(10)
"""Up to this angle a signer leans, or a camera."""
CUT: Final = 0.3
"""Up to this share of a clip is cut off at each end, as a window of a sentence may begin within a sign."""
PLACE: Final = 0.05
"""Shoulder widths: deviation of where a signer stands, and of where each hand is with its wrist."""
UNSTEADY: Final = 0.012
"""Shoulder widths: deviation of each point over the whole clip, and again in each frame."""
LOST: Final = 0.2
"""Up to this share of a clip's frames is lost, and of each hand's; a third of this share of hands is never found."""


@torch.no_grad()
def vary_pictures(images: Tensor, scale: float = 1.0) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], each turned, zoomed, moved and lit a little differently, softened and grained.

    At scale 1: within 12 degrees, a factor of 1.25, 12 % of the side, 1.35 in light and 1.05 in each colour; up to 0.7
    of the way to the mean of a tenth of the side around each pixel; fine and coarse noise, each with a deviation of up
    to 0.1. Letters that a model generates are seldom as crisp as photographs, and still letters.
    """
    if not scale:
        return images
    count, _, height, width = images.shape

    def lot(*shape: int) -> Tensor:
        return scale * (2 * torch.rand(count, *shape, device=images.device) - 1)

    def noise(coarser: int) -> Tensor:
        grain = torch.randn(count, 3, height // coarser, width // coarser, device=images.device)
        return 0.1 * lot(1, 1, 1) * functional.interpolate(grain, (height, width), mode="nearest")

    angle, zoom, shift = math.radians(12) * lot(), 1.25 ** lot(), 0.24 * lot(2, 1)
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    places = functional.affine_grid(torch.cat([turn, shift], dim=2), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images.float(), places, padding_mode="border", align_corners=False)
    reach = max(1, round(0.05 * height))
    soft = functional.avg_pool2d(moved, 2 * reach + 1, 1, reach, count_include_pad=False)
    softened = moved + 0.7 * lot(1, 1, 1).clamp(min=0) * (soft - moved)
    light = 1.35 ** lot(1, 1, 1) * 1.05 ** lot(3, 1, 1)
    return ((softened + 1) * light - 1 + noise(1) + noise(2)).clamp(-1, 1)


@torch.no_grad()
def vary_clips(frames: Tensor, points: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Windows (B, F, S, S, 3) in [0, 255], each zoomed, moved and lit a little differently, alike in all its frames,
    and where their points (B, F, N, 3) are then, in x and y from -1 to 1 between the edges.

    At scale 1: within a factor of 1.15, 8 % of the side, 1.35 in contrast, 40 of 255 in brightness, 1.1 in each colour
    and between grey and twice as colourful. Frames come back as floats.
    """
    if not scale:
        return frames.float(), points
    count, length, side = frames.shape[:3]

    def lot(*shape: int) -> Tensor:
        return scale * (2 * torch.rand(count, *shape, device=frames.device) - 1)

    zoom, shift = 1.15 ** lot(), 0.16 * lot(2)
    view = torch.zeros(count, 2, 3, device=frames.device)
    view[:, 0, 0] = view[:, 1, 1] = 1 / zoom
    view[:, :, 2] = shift
    grid = functional.affine_grid(view, [count, 3, side, side], align_corners=False)
    flat = frames.movedim(-1, 2).flatten(1, 2).float()  # all frames of a window are channels of one picture
    moved = functional.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    colours = moved.view(count, length, 3, side * side)
    colourful = 1 + lot(1, 1)
    mixed = colourful * torch.eye(3, device=frames.device) + (1 - colourful) / 3
    contrast, tint, brightness = 1.35 ** lot(1, 1), 1.1 ** lot(3, 1), 40 * lot(1, 1)
    middle = colours.mean((1, 2, 3))[:, None, None]
    gain = contrast * tint
    varied = torch.matmul((gain * mixed)[:, None], colours)  # all changes of colour at once, for speed
    varied += ((1 - gain) * middle + brightness)[:, None]
    places = (points[..., :2] - shift[:, None, None]) * zoom[:, None, None, None]
    seen = torch.cat([places, points[..., 2:]], dim=-1)
    return varied.clamp_(0, 255).view(count, length, 3, side, side).movedim(2, -1), seen


def vary_for_critic(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) in [-1, 1], each changed by lot of its own: `recolour`, then `translate`.

    What a critic that has few pictures to learn from is shown, real and generated alike, so that the generator gains
    nothing by generating what they look like afterwards. By operations that gradients pass, with the policy "color,
    translation" (Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738).
    """
    return translate(recolour(pictures))


def recolour(pictures: Tensor) -> Tensor:
    """Brightness plus -0.5 to 0.5, then saturation times 0 to 2, then contrast times 0.5 to 1.5; not clipped."""
    brightness, saturation, contrast = torch.rand(3, len(pictures), 1, 1, 1, device=pictures.device)
    pictures = pictures + brightness - 0.5
    grey = pictures.mean(1, keepdim=True)
    pictures = torch.lerp(grey, pictures, 2 * saturation)
    mean = pictures.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, pictures, contrast + 0.5)


def translate(pictures: Tensor) -> Tensor:
    """Moved by whole pixels, at most an eighth of the side each way. What comes into view is 0, a middle grey."""
    count, side = len(pictures), pictures.shape[-1]
    reach = round(side * REACH)
    padded = functional.pad(pictures, [reach] * 4)
    corners = torch.randint(2 * reach + 1, (2, count, 1), device=pictures.device)
    rows, columns = corners + torch.arange(side, device=pictures.device)
    own = torch.arange(count, device=pictures.device)[:, None, None]
    return padded[own, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def vary_motions(joints: Tensor, lengths: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Other tempo, body size, held frames and noise for each motion, as it might have been signed or tracked otherwise;
    `scale` 0 leaves all as it is, 1 is `TEMPO`, `SIZE`, `HELD` and `NOISE`.

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


def vary_landmarks(
    points: Tensor, lengths: Tensor, scale: float, missing: float, mirrored: float, neighbours: int
) -> tuple[Tensor, Tensor]:
    """Landmarks of clips as another signer, camera or detector would give them.

    Args:
        points: (B, T, 49, 3), see `datamodules.features.signing_points`. lengths: (B,) in frames.
        scale: of all that is varied in time and place; 0 leaves it as it is, 1 is as the constants here say.
        missing: scale of what is not found: whole frames, and hands in some frames or in all.
        mirrored: share of the clips that are mirrored, as a left-handed signer shows the same sign.
        neighbours: see `in_sentences`.

    Returns the same of the new lengths.
    """
    batch, device = len(points), points.device

    def even(*shape: int) -> Tensor:
        return scale * (2 * torch.rand(batch, *shape, device=device) - 1)

    def noise(*shape: int) -> Tensor:
        return scale * torch.randn(batch, *shape, device=device)

    if scale:
        points, lengths = _retimed(points, lengths, (1.25 * TEMPO * even()).exp(), CUT * even(2).abs())
    points, lengths = in_sentences(points, lengths, neighbours)
    frames = points.shape[1]
    flipped = torch.rand(batch, 1, 1, 1, device=device) < mirrored
    points = torch.where(flipped, points[:, :, list(MIRRORED)] * points.new_tensor([-1.0, 1.0, 1.0]), points)
    places, seen = points[..., :2], points[..., 2:]
    if scale:
        angle, sizes = TURN * even(), 1 + SIZE * even(1, 1, 2)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 1, 2, 2)
        places = places @ turn * sizes + PLACE * noise(1, 1, 2)
        for hand, wrist in zip(HANDS, WRISTS, strict=True):
            moved = PLACE * noise(1, 1, 2)
            places[:, :, hand] += moved
            places[:, :, [wrist]] += moved
        places = places + UNSTEADY * (noise(1, len(MIRRORED), 2) + noise(frames, len(MIRRORED), 2))
    if missing:
        seen = seen * _found(batch, frames, missing, device)
    return torch.cat([places * seen, seen], dim=-1), lengths


def in_sentences(clips: Tensor, lengths: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Clips (B, T, ...) as windows of sentences show them: the last frames of another clip before and the first of a
    third one after, of each up to so many as `neighbours` says; 0 leaves them alone. Padding is zero."""
    if not neighbours:
        return clips, lengths
    batch, device = len(clips), clips.device
    before, after = torch.randint(neighbours + 1, (2, batch), device=device)
    earlier, later = torch.randperm(batch, device=device), torch.randperm(batch, device=device)
    before, after = torch.minimum(before, lengths[earlier]), torch.minimum(after, lengths[later])
    longer = before + lengths + after
    places = torch.arange(int(longer.max()), device=device) - before[:, None]
    ended = places >= lengths[:, None]
    rows = torch.arange(batch, device=device)[:, None].expand_as(places)
    rows = torch.where(places < 0, earlier[:, None], torch.where(ended, later[:, None], rows))
    places = torch.where(places < 0, places + lengths[earlier, None], places - ended * lengths[:, None])
    found = clips[rows, places.clamp(max=clips.shape[1] - 1)]
    real = torch.arange(found.shape[1], device=device) < longer[:, None]
    return found * real.view(*real.shape, *[1] * (clips.ndim - 2)), longer


def _retimed(points: Tensor, lengths: Tensor, tempo: Tensor, cut: Tensor) -> tuple[Tensor, Tensor]:
    """Clips without shares `cut` (B, 2) at their ends, and what is left so many times as long; at new frames stands the
    nearest old one."""
    last = (lengths - 1)[:, None]
    first, end = (cut[:, :1] * last), (last * (1 - cut[:, 1:]))
    longer = ((end - first + 1).squeeze(1) * tempo).round().long().clamp(min=2)
    frames = torch.arange(int(longer.max()), device=points.device)
    share = (frames / (longer - 1)[:, None]).clamp(max=1)
    places = (first + share * (end - first)).round().long()
    real = frames < longer[:, None]
    rows = torch.arange(len(points), device=points.device)[:, None]
    return points[rows, places] * real[:, :, None, None], longer


def _found(batch: int, frames: int, scale: float, device: torch.device) -> Tensor:
    """Which points are still found, (B, T, 49, 1): 1 or 0."""

    def lost(share: Tensor | float, *shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=device) < share

    found = torch.ones(batch, frames, len(MIRRORED), 1, device=device)
    found[lost(scale * LOST * torch.rand(batch, 1, device=device), frames)] = 0
    for hand in HANDS:
        runs = lost(scale * LOST * torch.rand(batch, 1, device=device), frames)
        never = lost(scale * LOST / 3, 1)
        found[:, :, hand] *= ~(runs | runs.roll(1, 1) | never)[:, :, None, None]
    return found
