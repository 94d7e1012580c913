"""Who makes frames of a test's conditions: a model under each of its protocols, and what stands beside it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from datamodules.kinds.paired_frames import PairedFrames, PairedFramesBatch
from lightning_modules.evaluation.distances import Fid
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Row

Shown = Literal["paper", "pose-only"]
"""Protocols, by what a model is shown: conditions that are made of the true frame, which leak its appearance, or such
as are made of the pose alone."""
Beside = Callable[[PairedFramesBatch], Tensor]
"""What stands beside a model and may look at all of a batch, the true frames too: frames (B, 3, S, S) in [-1, 1]."""

COPY, MEAN = "copy_condition", "mean_frame"
MEANT: Final = 4096
"""Training frames whose mean is a baseline, at most: more would hardly change it, and videos take hours to decode."""


class Renderer(Protocol):
    """A model under test: conditions (B, C, S, S) in [0, 1], the further one of the protocol by its name, where the
    data has it, and B captions, to frames (B, 3, S, S) in [-1, 1].

    It is handed nothing of the true frames but what a protocol makes of them. Where it begins with noise, that is the
    same for every frame, so that frames of a sequence differ by what they are made of alone.
    """

    def __call__(self, conditions: Tensor, further: Mapping[str, Tensor], captions: Sequence[str], /) -> Tensor: ...


@dataclass(frozen=True)
class Rival:
    """Another model under the same protocols; `evaluations` is how often its networks are computed for a frame."""

    render: Renderer
    evaluations: int


class Contenders:
    """A model under each of its protocols, its rivals under the same, the truth, and the baselines: `copy_condition`,
    the drawing itself; `mean_frame`, the mean of the training frames; and those that a model brings with it, by name.

    data: what the model was trained on. protocols: what it is shown; of the first, keys are as they are. rivals: by
    name, which is that of their column.
    """

    def __init__(
        self,
        data: PairedFrames,
        protocols: Sequence[Shown],
        beside: Mapping[str, Beside],
        rivals: Mapping[str, Rival] | None = None,
    ) -> None:
        self.models: dict[Shown, str] = {
            protocol: protocol if number else MODEL for number, protocol in enumerate(protocols)
        }
        self.rivals = rivals or {}
        self.rivalling: dict[Shown, dict[str, str]] = {
            protocol: {f"{name}@{protocol}" if number else name: name for name in self.rivals}
            for number, protocol in enumerate(protocols)
        }
        self.mean, self.beside = mean_frame(data), beside
        self.baselines = (COPY, MEAN, *beside)
        self.others = (GROUND_TRUTH, *self.baselines)
        self.rendered = (*self.models.values(), *(name for of in self.rivalling.values() for name in of))
        self.names = (*self.rendered, *self.others)
        self.seconds, self.frames = dict.fromkeys((MODEL, *self.rivals), 0.0), 0

    def answers(self, batch: PairedFramesBatch, render: Renderer) -> dict[str, Tensor]:
        """What each makes of a batch, (B, 3, S, S) in [0, 1]. Raises ValueError for frames that are not finite."""
        found: dict[str, Tensor] = {}
        for protocol, name in self.models.items():
            found[name] = self._rendered(MODEL, render, protocol, batch)
            for column, rival in self.rivalling[protocol].items():
                found[column] = self._rendered(rival, self.rivals[rival].render, protocol, batch)
            self.frames += len(batch.names)
        references = as_share(batch.frames)
        found |= {GROUND_TRUTH: references, COPY: batch.conditions.float()}
        found[MEAN] = self.mean.to(references).expand_as(references)
        return found | {name: as_share(make(batch)) for name, make in self.beside.items()}

    def _rendered(self, name: str, render: Renderer, protocol: Shown, batch: PairedFramesBatch) -> Tensor:
        further: dict[str, Tensor] = {known: of for known, of in batch.further.items() if known == protocol}
        began = time.perf_counter()
        rendered = render(batch.conditions, further, batch.captions)
        self.seconds[name] += time.perf_counter() - began
        if not rendered.isfinite().all():
            who = "the model" if name == MODEL else name
            raise ValueError(f"{who} renders frames that are not finite; did its training diverge?")
        return as_share(rendered)

    def rows(
        self, key: str, compared: Comparison | Fid, beside: Sequence[str] | None = None, **more: object
    ) -> dict[str, Row]:
        """A row for each protocol, with the values of others (`beside`; else the truth and all baselines) and what else
        there is to say; keys of all but the first end in "@<protocol>". A rival's value is that under the protocol of
        the row."""
        found = {}
        for protocol, name in self.models.items():
            columns = self.rivalling[protocol]
            row = compared.row(protocol, name, (*(beside or self.others), *columns), **more)
            found[key if name == MODEL else f"{key}@{name}"] = {columns.get(of, of): to for of, to in row.items()}
        return found

    def speeds(self) -> Iterator[str]:
        """What each that renders took for a frame, in print: it differs from run to run, so that no row has it."""
        for name, seconds in self.seconds.items():
            yield f"{'the model' if name == MODEL else name} takes {seconds / self.frames:.3f} seconds a frame"


def mean_frame(data: PairedFrames) -> Tensor:
    """The mean (3, S, S), in [0, 1], of training frames that nothing varies: of all, or of `MEANT` evenly spread."""
    examples = data.examples("train")
    count = len(examples)  # type: ignore[arg-type]
    if count > MEANT:
        examples = Subset(examples, np.linspace(0, count - 1, MEANT).round().astype(int).tolist())
    total, frames = torch.zeros(()), 0
    for batch in data.loader(examples, collate=data.collate):
        total, frames = total + batch.frames.sum(0), frames + len(batch.frames)
    return as_share(total / frames)


def as_share(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as such in [0, 1], single precision."""
    return (pictures.float() + 1) / 2


def some(batch: PairedFramesBatch, items: Sequence[int], device: torch.device) -> PairedFramesBatch:
    """A few items of a batch, on a device."""

    def of(values: Any) -> Any:
        if isinstance(values, Tensor):
            return values[list(items)].to(device)
        if isinstance(values, dict):
            return {name: of(value) for name, value in values.items()}
        return [values[item] for item in items]

    return replace(batch, **{field.name: of(getattr(batch, field.name)) for field in fields(batch)})
