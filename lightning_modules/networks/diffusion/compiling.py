"""Blocks of a denoiser, compiled: one program for each kind of block, which all of its like share."""

from typing import Any, Final

SHAPES: Final = 64
"""So many programs at most for one kind of block. Each width is one, frozen blocks and trained ones are others, and
PyTorch's own limit of 8 is less than a UNet with a ControlNet beside it has."""


def compile_blocks(network: Any, like: Any = None) -> None:
    """Compile the blocks that a network of diffusers repeats, the first time that each is computed.

    like: another network, whose repeated blocks this one has, where its class does not say which they are.
    """
    from torch._dynamo import config

    config.recompile_limit = max(config.recompile_limit, SHAPES)
    if like is not None:
        network._repeated_blocks = like._repeated_blocks
    network.compile_repeated_blocks(fullgraph=True)
