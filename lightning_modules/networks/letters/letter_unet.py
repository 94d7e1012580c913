"""The conditional U-Net that denoises letters: diffusers' own, so that plain diffusers opens what is published."""

from collections.abc import Sequence

from diffusers import UNet2DModel


def letter_unet(
    classes: int,
    size: int,
    channels: Sequence[int] = (64, 128, 256, 512),
    layers: int = 2,
    attention: Sequence[int] = (2,),
    groups: int = 32,
    patch: int = 1,
) -> UNet2DModel:
    """Noisy pictures (B, 3, S, S), timesteps (B,) and labels (B,) to the noise in them; label `classes` means no class.

    Residual blocks of group norm, SiLU and convolution, a learnt embedding of the label added to the sinusoidal one of
    the timestep (source document, 4.1).

    channels: of each level; each but the first halves the picture. layers: residual blocks a level. attention: the
    levels, from 0, that have it. groups: of the norms, a divisor of every level's channels. patch: pixels a side of the
    squares that the network sees as one position each, in 3 patch^2 channels: as `pixel_unshuffle` has them. 2 takes as
    long for a picture as 1 for one of half the size (Luhman and Luhman 2022, arXiv 2207.04316).

    Raises ValueError for sizes that make no network.
    """
    if not channels or min(channels) < 1 or layers < 1 or classes < 1:
        raise ValueError(
            f"channels, layers and classes: found {list(channels)}, {layers} and {classes}, expected at least 1"
        )
    if unfit := [number for number in channels if groups < 1 or number % groups]:
        raise ValueError(f"channels: found {unfit[0]}, expected multiples of groups, {groups}")
    step = 2 ** (len(channels) - 1)
    if patch < 1:
        raise ValueError(f"patch: found {patch}, expected at least 1")
    if size < step * patch or size % (step * patch):
        raise ValueError(
            f"image_size: found {size}, expected a multiple of {step * patch}, which {len(channels)} levels of patches "
            f"of {patch} halve"
        )
    if unknown := [level for level in attention if not 0 <= level < len(channels)]:
        raise ValueError(f"attention: found level {unknown[0]}, expected 0 to {len(channels) - 1}")
    kinds = ["Attn" if level in attention else "" for level in range(len(channels))]
    return UNet2DModel(
        sample_size=size // patch,
        in_channels=3 * patch**2,
        out_channels=3 * patch**2,
        block_out_channels=tuple(channels),
        layers_per_block=layers,
        down_block_types=tuple(f"{kind}DownBlock2D" for kind in kinds),
        up_block_types=tuple(f"{kind}UpBlock2D" for kind in reversed(kinds)),
        add_attention=bool(attention),
        norm_num_groups=groups,
        num_class_embeds=classes + 1,
    )
