"""A training that does not fit into memory: one message that says what to change."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

CPU_ALLOCATOR: Final = "DefaultCPUAllocator"
"""What PyTorch's error of a CPU without memory begins with, which has no class of its own."""


@contextmanager
def said_when_out_of_memory(config: dict[str, Any]) -> Iterator[None]:
    """Raise ValueError, with the settings of a resolved spec that would help, where a device has no memory left."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        told = isinstance(error, torch.OutOfMemoryError | MemoryError) or CPU_ALLOCATOR in str(error)
        if not told:
            raise
        tried = re.search(r"allocate ([\d.]+ ?\w+)", str(error))
        wanted = f" (tried to allocate {tried[1]} more)" if tried else ""
        raise ValueError(f"out of memory{wanted}; {'; or '.join(_advice(config))}") from None


def _advice(config: dict[str, Any]) -> Iterator[str]:
    """What needs less memory, the least harmful first."""
    model, data, trainer = (config.get(section) or {} for section in ("model", "data", "trainer"))
    settings, batch = model.get("init_args") or {}, (data.get("init_args") or {}).get("batch_size")
    if isinstance(batch, int) and batch > 1:
        half, steps = batch // 2, 2 * int(trainer.get("accumulate_grad_batches") or 1)
        yield f"--data.batch_size={half} --trainer.accumulate_grad_batches={steps} takes as large steps with half of it"
    if settings.get("checkpointing") is False:
        yield "--model.checkpointing=true keeps fewer activations, and takes a third longer"
    if str(trainer.get("precision") or "32-true").startswith("32"):
        yield "--trainer.precision=bf16-mixed computes in half of it, on devices that can"
    yield "close what else uses the device, or take one with more memory"
