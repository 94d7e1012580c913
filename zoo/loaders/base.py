"""What every loader offers: the zoo knows models through this and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, Self

from zoo.io_types import Signal

if TYPE_CHECKING:
    import numpy.typing as npt

SCHEMA: Final = 3
"""Of config.json; raised when an older zoo could not read what a newer one writes."""


OPENING: Final = RLock()
"""Held while networks are built: what PyTorch, transformers and diffusers set meanwhile holds for all threads."""


class Loader(Protocol):
    """What `zoo.load` returns: a network with what reads its input and writes its output, and one verb.

    `task` says in config.json and in specs what flows, and `architecture` who opens it; `verb` names its method for
    users, and `usage` shows it: Python that runs as it stands once `model` is the loader. One whose files another
    library opens too has `library`, that one's name on the Hub, and `native`, Python that opens them with it: ADDRESS,
    BASE and REVISION in it stand for the artefact's repository and for its base model, GUIDANCE and STEPS for how it
    samples, and SOLVER for the name that `solvers` has for its sampler. One that can bring its base model along has
    `native_with_base` too, where FOLDER stands for the artefact's folder.
    """

    task: ClassVar[str]
    architecture: ClassVar[str]
    verb: ClassVar[str]
    usage: ClassVar[str]
    network: Any

    @property
    def accepts(self) -> Signal:
        """What the verb takes."""
        ...

    @property
    def gives(self) -> Signal:
        """What the verb gives."""
        ...

    @property
    def base_model(self) -> str | None:
        """The Hub id of the model that this one was made from or needs; None when it stands alone."""
        ...

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote: strict keys, no pickle. Raises ValueError when files do not belong together."""
        ...

    def save(self, folder: Path) -> None:
        """Write config.json (`schema`, `task`, `architecture` and the rest) and safetensors into an existing folder."""
        ...

    def probe(self) -> "dict[str, npt.NDArray[Any]]":
        """What the network makes of an input that is always the same: equal for equal weights and the same reading."""
        ...

    def run(self, text: str, outputs: Sequence[Path], /) -> list[Path]:
        """Call the verb once and write what the suffix of each output asks for.

        Raises ValueError, before the verb is called, when one of them cannot be written.
        """
        ...


class Inheritance(NamedTuple):
    """What a training has to know of a model whose weights it starts from, and of its own.

    kind: what its names are, in print. names: those that it knows, in order. rows: tensors of the network that have a
    row for each name. settings: of the network, under which alone its weights mean what they do.
    """

    kind: str
    names: Sequence[str]
    rows: Collection[str]
    settings: Mapping[str, Any]


class Trainable(Loader, Protocol):
    """A loader that a spec's training ends in; without these a loader only opens what was trained elsewhere."""

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained LightningModule and the data module it was trained with."""
        ...

    def inheritance(self) -> Inheritance:
        """What another training takes over of its weights."""
        ...

    def preview(self, datamodule: Any, folder: Path, /) -> list[Path]:
        """Write a sample for the data's first dev example into `folder` through the verb, as a user would see it."""
        ...


@dataclass(frozen=True)
class Told:
    """What a folder that another library saved does not say.

    base, revision: Hub id of the Stable Diffusion that it was trained on, and a commit, branch or tag of it.
    alpha: of a LoRA; None for what the folder says, or else its rank.
    prompt, size: of a ControlNet, the text of every training picture, and their height and width in pixels.
    """

    base: str
    revision: str | None = None
    alpha: float | None = None
    prompt: str | None = None
    size: int | None = None


class Importable(Loader, Protocol):
    """A loader of what other libraries train, and save without what an artefact's config.json says.

    subfolder: where in an artefact their own files lie.
    """

    subfolder: ClassVar[str]

    @classmethod
    def lay_out(cls, folder: Path, told: Told, into: Path) -> list[str]:
        """Write into an empty folder what an artefact has, of a folder in which no pickle and no code was seen; returns
        what a user should know of it. Opening the artefact judges the rest.

        Raises ValueError for another network, for files that are missing, and for those that contradict each other.
        """
        ...
