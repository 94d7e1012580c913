"""What of a model runs elsewhere, in a file of ONNX: loaders offer parts of themselves through this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from zoo.loaders.base import Loader


@dataclass(frozen=True)
class Input:
    """An input of a part.

    name: as the file has it. free: its axes that may have any length, each by a name that inputs share where they are
    equally long. made: what it is and how it is made, for who has nothing but the file.
    """

    name: str
    free: Mapping[int, str]
    made: str


@dataclass(frozen=True)
class Part:
    """A network that takes tensors and returns one, and what is to be known of it outside of the zoo.

    output: the name of what it returns. examples: its inputs, by what kind of input they are: the first, of two items,
    is what its graph is read from, and all of them are compared. about: what else stands in the file, by key: its
    classes, and the size and rate of what it is shown.
    """

    module: nn.Module
    inputs: Sequence[Input]
    output: str
    examples: Mapping[str, tuple[Tensor, ...]]
    about: Mapping[str, Any]


class Exportable(Loader, Protocol):
    """A loader of which parts can be exported; the first of them is what it is exported as unless one is named."""

    @classmethod
    def parts(cls, config: Mapping[str, Any]) -> Sequence[str]:
        """Names of the parts that an artefact has, by its config.json."""
        ...

    @classmethod
    def alone(cls, config: Mapping[str, Any]) -> str:
        """Python that runs the files with numpy, OpenCV and onnxruntime: NAME.onnx, and NAME-PART.onnx for each part
        but the first."""
        ...

    def part(self, name: str) -> Part:
        """The part of that name, in single precision, on the CPU."""
        ...


class Probabilities(nn.Module):
    """What a network makes of sequences (N, T, ...), of which the first `lengths` (N,) count, with its logits turned
    into probabilities (N, C)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        logits: Tensor = self.network(sequences, lengths)
        return logits.softmax(-1)


def lengths_input(name: str) -> Input:
    """The further input of `Probabilities`, beside sequences of this name."""
    return Input(
        "lengths", {0: "N"}, f"int64 (N), from 1 to T: so many of each of {name} are its own, the rest padding"
    )
