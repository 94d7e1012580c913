"""A linear layer that is quick for one row at a time, which is what decoding frame by frame asks for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """`torch.nn.Linear`, but inside `one_row_at_a_time` a row meets the weight in parts, a part a core.

    One row is bound by reading the weight; PyTorch reads it with one core and against its layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        parts = _PARTS.get().get(self)
        if parts is None:
            return super().forward(x)
        rows = torch.bmm(x.reshape(1, 1, -1).expand(len(parts), -1, -1), parts)
        return rows.view(*x.shape[:-1], -1) + self.bias


_PARTS: ContextVar[Mapping[Linear, Tensor]] = ContextVar("parts", default=MappingProxyType({}))
"""The weights in parts, for the thread or task that decodes: others call the same layers meanwhile, with many rows."""


@contextmanager
def one_row_at_a_time(network: nn.Module) -> Iterator[None]:
    """Within, every `Linear` of the network takes a single row from whoever entered; a copy of their weights is held
    meanwhile."""
    cores, parts = torch.get_num_threads(), {}
    for layer in network.modules():
        if isinstance(layer, Linear):
            number = next(number for number in range(cores, 0, -1) if layer.out_features % number == 0)
            parts[layer] = torch.stack(layer.weight.t().chunk(number, 1)).contiguous()
    before = _PARTS.set({**_PARTS.get(), **parts})
    try:
        yield
    finally:
        _PARTS.reset(before)
