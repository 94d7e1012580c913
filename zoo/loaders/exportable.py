"""What of a model runs elsewhere, in a file of ONNX: loaders offer parts of themselves through this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zoo.loaders.base import Loader

if TYPE_CHECKING:
    from torch import Tensor, nn


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

    module: "nn.Module"
    inputs: Sequence[Input]
    output: str
    examples: "Mapping[str, tuple[Tensor, ...]]"
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
