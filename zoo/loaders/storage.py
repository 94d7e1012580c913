"""A network in an artefact: what config.json says of it, and weights in safetensors."""

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from zoo.loaders.base import Loader
from zoo.loaders.config import write_config

Network = TypeVar("Network", bound=nn.Module)


def save_network(folder: Path, loader: Loader, **content: Any) -> None:
    """Write config.json and model.safetensors. The network's `config` is a dataclass; `content` is what else its loader
    must know."""
    write_config(folder, loader, network=dataclasses.asdict(loader.network.config), **content)
    weights = {name: value.contiguous() for name, value in loader.network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def open_network(folder: Path, build: Callable[[], Network], file: str = "model.safetensors") -> Network:
    """The network that `build` makes, with the weights of a file in a folder, in single precision.

    Nothing is allocated for a network before its weights are seen to fit, so a forged config.json costs no memory.
    Raises ValueError unless every key and shape matches.
    """
    with torch.device("meta"), _Unfilled():
        network = build()
    try:
        network.load_state_dict(load_single(folder / file), assign=True)
    except RuntimeError as error:
        raise ValueError(f"{folder / file} does not fit config.json: {_one_line(error)}") from None
    return network


class _Unfilled(TorchFunctionMode):
    """Leaves new weights as they are: others take their place, and filling these would bring PyTorch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        values = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__ and "tensor" in values:
            return values["tensor"]
        return func(*args, **values)


def load_single(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, those of floats in single precision, copied out of it: its alignment can change sums.

    Raises FileNotFoundError, and ValueError for a number that is none: attention can pass over it, so that what the
    network makes looks like something.
    """
    path.stat()  # safetensors' own error does not say which file is missing
    weights = load_file(path)
    single = {name: v.to(torch.float32 if v.is_floating_point() else v.dtype, copy=True) for name, v in weights.items()}
    for name, values in single.items():
        if not values.isfinite().all():
            raise ValueError(f"{path}: {name} is not finite everywhere: its training diverged, or the file is damaged")
    return single


def _one_line(error: RuntimeError) -> str:
    """The first of what PyTorch found, and how much more there is."""
    first, *more = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
    first = first if len(first) < 240 else f"{first[:240]} ..."
    return f"{first} (and {len(more)} more)" if more else first


def sizes_of(network: Any, free: Collection[str] = ()) -> dict[str, Any]:
    """The sizes of a network of ours, but for those in which it may differ from one that it takes its weights from."""
    return {name: value for name, value in dataclasses.asdict(network.config).items() if name not in free}
