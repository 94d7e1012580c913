"""The order in which a LightningDataModule's samples are read, shared among devices, from any batch on."""

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DistributedSampler, Sampler

Key = tuple[int, int]
"""An epoch and the index of a sample in it: together with the seed they decide how the sample is varied."""


class Shuffled(Sampler[Key]):
    """Every sample once an epoch, in an order that seed and epoch decide, whatever the number of workers."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed, self.epoch = size, seed, 0

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch; without it, epochs are counted."""
        self.epoch = epoch

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        """The epoch's order."""
        return rng.permutation(self.size).tolist()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Key]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        return iter([(epoch, index) for index in self.order(np.random.default_rng((self.seed, epoch)))])


class Share(DistributedSampler[Any]):
    """What one of several devices reads of an order, or the only one: every so-manieth batch.

    Lightning's own share takes single samples of the order and shuffles them once more; what an order keeps together,
    sentences of one length or frames of one video, would come apart. It leaves a DistributedSampler alone.

    All shares are equally long; the last batch begins again with the first samples where the order runs out.

    Args:
        order: the same on every device.
        batch_size: of one device.
        devices: how many there are.
        device: which one this is, from 0.
    """

    def __init__(self, order: Sampler[Any], batch_size: int, devices: int = 1, device: int = 0) -> None:
        assert isinstance(order, Sized)
        super().__init__(order, num_replicas=devices, rank=device, shuffle=False)  # type: ignore[arg-type]
        self.order, self.batch_size = order, batch_size
        self.begun, self.read = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch
        if hasattr(self.order, "set_epoch"):
            self.order.set_epoch(epoch)

    def go_on(self, epoch: int, read: int) -> None:
        """In an epoch of which so many batches were read before, by a process that has ended: the rest of it. What was
        prefetched meanwhile counts for nothing, since the order depends on seed and epoch alone."""
        self.begun, self.read = epoch, read
        self.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        read = self.read if self.epoch == self.begun else 0
        return islice(self._whole(), read * self.batch_size, None)

    def _whole(self) -> Iterator[Any]:
        order = list(self.order)
        whole = len(order) // (self.batch_size * self.num_replicas) * self.batch_size
        rest = self.num_samples - whole
        order += (order * self.num_replicas)[: self.total_size - len(order)]
        sizes = [self.batch_size] * (whole // self.batch_size) + [rest] * (rest > 0)
        start = 0
        for size in sizes:
            own = start + self.rank * size
            yield from order[own : own + size]
            start += size * self.num_replicas
