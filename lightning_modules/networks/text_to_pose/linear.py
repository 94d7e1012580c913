"""A linear layer that is quick for one row at a time, which is what decoding frame by frame asks for."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """`torch.nn.Linear`, but inside `one_row_at_a_time` a row meets the weight in parts, a part a core.

    One row is bound by reading the weight; PyTorch reads it with one core and against its layout.
    """

    parts: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.parts is None:
            return super().forward(x)
        rows = torch.bmm(x.reshape(1, 1, -1).expand(len(self.parts), -1, -1), self.parts)
        return rows.view(*x.shape[:-1], -1) + self.bias


@contextmanager
def one_row_at_a_time(network: nn.Module) -> Iterator[None]:
    """Within, every `Linear` of the network takes a single row; a copy of their weights is held meanwhile."""
    layers = [module for module in network.modules() if isinstance(module, Linear)]
    cores = torch.get_num_threads()
    try:
        for layer in layers:
            parts = next(number for number in range(cores, 0, -1) if layer.out_features % number == 0)
            layer.parts = torch.stack(layer.weight.t().chunk(parts, 1)).contiguous()
        yield
    finally:
        for layer in layers:
            layer.parts = None
