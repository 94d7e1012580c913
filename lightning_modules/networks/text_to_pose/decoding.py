"""Free-running decoding: own first frame, own counter, own stop."""

from contextlib import nullcontext

import torch
from torch import Tensor

from lightning_modules.networks.text_to_pose.linear import one_row_at_a_time
from lightning_modules.networks.text_to_pose.progressive_transformer import ProgressiveTransformer, Source
from lightning_modules.networks.text_to_pose.transformer import PAD

FRAMES_PER_TOKEN = 40
"""A sentence never lasts longer than this many frames a token, whatever the network says."""

BLOCK = 256
"""Frames whose places are worked out at once: few calls, and memory that does not grow with the sentence."""


def frame_limits(tokens: Tensor, most: int) -> Tensor:
    """The longest that sentences (B, N) may become, (B,), in frames."""
    return ((tokens != PAD).sum(-1) * FRAMES_PER_TOKEN).clamp(1, most)


def planned_frames(source: Source, limits: Tensor) -> Tensor | None:
    """Lengths (B,) that the token durations ask for; None where the network has none."""
    if source.durations is None:
        return None
    return torch.minimum(source.durations.sum(-1).round().long().clamp(min=1), limits)


@torch.inference_mode()
def decode(
    network: ProgressiveTransformer, tokens: Tensor, max_frames: int = 3000, frames: Tensor | None = None
) -> list[Tensor]:
    """Sentences (B, N) of token ids to joints, a (T, 50, 3) tensor in SLP units each; T between 1 and `max_frames`.

    One step a frame, for all sentences at once; keys and values of earlier frames are kept.
    frames: lengths (B,) to decode to, for scores of protocol `oracle-length`; without them decoding is free.
    """
    source = network.encode(tokens)
    limits = frame_limits(tokens, max_frames)
    planned = frames if frames is not None else planned_frames(source, limits)
    if planned is not None:
        source, limits = source.paced(planned), planned
    batch, most = len(tokens), int(limits.max())
    caches = network.new_caches(batch, most)
    pose = network.features.mean.new_zeros(batch, 1, len(network.features.mean))
    counter = pose.new_zeros(batch, 1)
    stop = limits.clone()
    features: list[Tensor] = []
    with one_row_at_a_time(network.decoder) if batch == 1 and pose.device.type == "cpu" else nullcontext():
        for frame in range(most):
            place = frame % BLOCK
            if place == 0:
                places = network.places(torch.arange(frame, min(frame + BLOCK, most), device=pose.device), source)
            predicted, own_counter = network.decode(pose, counter, places[:, place : place + 1], source, caches)
            pose = predicted[:, :, 0]
            features.append(pose[:, 0])
            counter = advance(counter, own_counter, frame, source, planned)
            if planned is None:
                stop[(counter[:, 0] >= 1.0) & (stop > frame + 1)] = frame + 1
                if bool((stop <= frame + 1).all()):
                    break
    joints = network.features.invert(torch.stack(features, 1))
    return [sequence[:length] for sequence, length in zip(joints, stop.tolist(), strict=True)]


def advance(counter: Tensor, own_counter: Tensor, frame: int, source: Source, planned: Tensor | None) -> Tensor:
    """The counter (B, 1) after frame `frame`: the tokens' pace, else the network's own, which never runs backwards."""
    if planned is not None and source.durations is not None:
        return (frame + 1) / planned[:, None].to(counter.dtype)
    return torch.maximum(counter, own_counter)


@torch.inference_mode()
def decode_whole_prefix(network: ProgressiveTransformer, tokens: Tensor, frames: int) -> Tensor:
    """The published way, kept as the reference for `decode`: every frame recomputes all before it.

    One sentence (1, N) to exactly `frames` frames: joints (frames, 50, 3).
    """
    planned = tokens.new_full((1,), frames)
    source = network.encode(tokens).paced(planned)
    poses = network.features.mean.new_zeros(1, 1, len(network.features.mean))
    counters = poses.new_zeros(1, 1)
    for frame in range(frames):
        places = network.places(torch.arange(frame + 1, device=poses.device), source)
        predicted, own_counters = network.decode(poses, counters, places, source)
        poses = torch.cat((poses, predicted[:, -1:, 0]), 1)
        following = advance(counters[:, -1:], own_counters[:, -1:], frame, source, planned)
        counters = torch.cat((counters, following), 1)
    return network.features.invert(poses[0, 1:])
