"""A LoRA of Stable Diffusion's UNet, as peft and diffusers have it: what a folder of one opens as."""

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from datamodules.files import write_json
from zoo.files import read_json
from zoo.io_types import Signal
from zoo.loaders.base import Told
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.foreign_lora import DIFFUSERS, METADATA, PEFT, PREFIXES, read_lora
from zoo.loaders.diffusion.low_rank import LowRank
from zoo.loaders.diffusion.stable_diffusion import check_revision, open_base, write_picture
from zoo.loaders.foreign import ADAPTER
from zoo.loaders.inputs import given_pipeline, given_text, is_number
from zoo.loaders.storage import load_single
from zoo.loaders.writing import refuse_unwritable

FOLDER: Final = "lora"
"""Where in an artefact it lies, the `subfolder` of peft and diffusers."""
FILES: Final = dict(zip((PEFT, DIFFUSERS), PREFIXES, strict=True))
"""The file of peft and that of diffusers, and what stands before each name in it: neither takes the other's names."""


class LoRA:
    """A LoRA and the base model it is for."""

    task: ClassVar[str] = "text-to-image"
    architecture: ClassVar[str] = "lora"
    subfolder: ClassVar[str] = FOLDER
    verb: ClassVar[str] = "attach"
    usage: ClassVar[str] = """\
pipeline = model.attach(model.base(), strength=0.8)  # or any StableDiffusionPipeline of that base
picture = pipeline("a person signing", num_inference_steps=8).images[0]  # more steps, better pictures
pipeline.delete_adapters("lora")  # as it was before
"""
    native: ClassVar[str] = """\
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import PeftModel

base = {"revision": "REVISION", "use_safetensors": True}
pipeline = StableDiffusionPipeline.from_pretrained("BASE", safety_checker=None, **base)
pipeline.load_lora_weights("ADDRESS", subfolder="lora", weight_name="pytorch_lora_weights.safetensors")

unet = UNet2DConditionModel.from_pretrained("BASE", subfolder="unet", **base)  # or with peft alone
unet = PeftModel.from_pretrained(unet, "ADDRESS", subfolder="lora")
"""
    library: ClassVar[str] = "diffusers"
    accepts = Signal("text", language="en")
    gives = Signal("image")

    def __init__(self, network: LowRank, base_model: str | None = None, base_revision: str | None = None) -> None:
        """base_model and base_revision: Hub id and commit of the Stable Diffusion that it was trained on.

        Raises ValueError for what is no revision.
        """
        check_revision(base_revision)
        self.network = network
        self.base_model, self.base_revision = base_model, base_revision

    @classmethod
    def of(
        cls, unet: Any, base_model: str | None = None, base_revision: str | None = None, name: str = "default"
    ) -> Self:
        """The adapter of a UNet that was trained after `unet.add_adapter(LoraConfig(...), name)`.

        Raises ValueError for a variant of LoRA, such as DoRA, and for layers that are neither linear nor convolutions.
        """
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(unet, adapter_name=name)
        own = {key: value.detach().cpu().clone() for key, value in weights.items()}
        network = LowRank.read(own, _json(unet.peft_config[name].to_dict()))
        return cls(network, base_model, base_revision)

    def attach(self, pipeline: Any, name: str = "lora", strength: float = 1.0) -> Any:
        """The pipeline, its UNet now with this LoRA as its one active adapter.

        `pipeline.set_adapters` changes the strength or combines several, `pipeline.delete_adapters(name)` removes it.

        Raises ValueError for what is no pipeline, for a name in use, and for a UNet whose layers are not those of this
        LoRA.
        """
        unet = given_pipeline(pipeline).unet
        if not isinstance(name, str) or not name.isidentifier() or name in getattr(unet, "peft_config", {}):
            raise ValueError(f"name={name!r} is in use in this pipeline, or no plain word; choose another")
        if not is_number(strength) or not math.isfinite(strength):
            raise ValueError(f"strength={strength!r}: expected a number, 1 for the strength of training")
        self._check_layers(unet)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config` attribute", module="peft")
            unet.load_lora_adapter(self.network.state_dict(), prefix=None, adapter_name=name, metadata=self._settings())
        unet.set_adapters([name], [strength])
        return pipeline

    def base(self) -> Any:
        """The StableDiffusionPipeline it was trained on, from the Hub's cache. Raises ValueError if it is absent."""
        return open_base(self.base_model, self.base_revision)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote, both files. Raises ValueError when files do not belong together."""
        config, below = read_config(folder), folder / FOLDER
        settings = read_json(below / ADAPTER)
        found = {file: _stripped(load_single(below / file), prefix, below / file) for file, prefix in FILES.items()}
        if not _equal(found[PEFT], found[DIFFUSERS]):
            raise ValueError(f"{below}: {PEFT} and {DIFFUSERS} differ, expected the same weights")
        if _metadata(below / DIFFUSERS) != _named(settings):
            raise ValueError(f"{below / DIFFUSERS}: its metadata differ from {ADAPTER}, expected the same settings")
        try:
            network = LowRank.read(found[PEFT], settings)
        except ValueError as error:
            raise ValueError(f"{below / ADAPTER}, {PEFT}: {error}") from None
        return cls(network, config["base_model"], config["base_revision"])

    @classmethod
    def lay_out(cls, folder: Path, told: Told, into: Path) -> list[str]:
        """Write as an artefact what peft or diffusers saved; see `Importable`."""
        found = read_lora(folder, told.alpha)
        cls(found.network, told.base, told.revision).save(into)
        notes = []
        if not found.stated and told.alpha is None:
            rank = found.network.rank
            notes.append(f"no alpha is recorded, so the rank, {rank}, is used, as in diffusers; --alpha sets another")
        if found.base not in (None, told.base):
            notes.append(f"its settings name {found.base} as its base model; recorded is {told.base}, as --base says")
        return notes

    def save(self, folder: Path) -> None:
        """Write config.json, and what `save_weights` writes."""
        self.save_weights(folder)
        write_config(folder, self, base_revision=self.base_revision)

    def save_weights(self, folder: Path) -> None:
        """Write lora/ for peft and diffusers: the weights twice, since each takes its own names.

        diffusers reads alpha in the metadata of its file, and would take the rank for it where there are none.
        """
        below, settings, weights = folder / FOLDER, self._settings(), self.network.state_dict()
        below.mkdir(exist_ok=True)
        write_json(below / ADAPTER, settings)
        notes = {PEFT: {"format": "pt"}, DIFFUSERS: {METADATA: json.dumps(_named(settings), indent=2)}}
        for file, prefix in FILES.items():
            named = {f"{prefix}{name}": value for name, value in weights.items()}
            save_file(named, below / file, metadata=notes[file])  # one note a file: their order would be chance

    def probe(self) -> dict[str, npt.NDArray[Any]]:
        """What each layer gains for an input of noise; a convolution, in one place."""
        noise, gains = torch.Generator().manual_seed(0), {}
        for name, (first, second) in self.network.layers.items():
            states = torch.randn(first[0].numel(), generator=noise)
            gain = second.float().flatten(1) @ (first.float().flatten(1) @ states)
            gains[name] = (self.network.scaling * gain).numpy()
        return gains

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Draw one picture for the prompt `text` and write each of `outputs`: .png.

        Raises ValueError, before it draws, for a path that cannot be written and a base model that is not in the cache.
        """
        refuse_unwritable(outputs, (".png",))
        prompt = given_text(text, "a text to draw, the prompt")
        return write_picture(self.attach(self.base()), outputs, prompt=prompt)

    def _settings(self) -> dict[str, Any]:
        """What peft keeps in adapter_config.json."""
        from peft import LoraConfig

        config = LoraConfig(
            r=self.network.rank,
            lora_alpha=self.network.alpha,
            target_modules=list(self.network.targets),
            base_model_name_or_path=self.base_model,
            revision=self.base_revision,
            inference_mode=True,
        )
        return _json(config.to_dict())

    def _check_layers(self, unet: nn.Module) -> None:
        """Raise ValueError unless the layers of the UNet that the targets mean are those of this LoRA, size by size."""
        found: dict[str, tuple[int, ...] | str] = {}
        for name, module in unet.named_modules():
            layer = getattr(module, "base_layer", module)  # one that another adapter wraps
            adapted = isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)
            found[name] = tuple(layer.weight.shape) if adapted else type(layer).__name__
        misfit = f"this LoRA does not fit the pipeline's UNet, it is for {self.base_model or 'another one'}"
        for name, (first, second) in self.network.layers.items():
            wanted = (second.shape[0], *first.shape[1:])
            if found.get(name) != wanted:
                kind = "linear" if len(wanted) == 2 else "a convolution"
                raise ValueError(f"{misfit}: {name} is {found.get(name, 'missing')}, expected {kind} {wanted}")
        if more := self.network.meant(found) - set(self.network.layers):
            raise ValueError(f"{misfit}: its targets also mean {min(more)}, for which it has no weights")


def _json(settings: dict[str, Any]) -> dict[str, Any]:
    """peft's settings as JSON has them, always in the same order."""
    listed = {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}
    content: dict[str, Any] = json.loads(json.dumps(listed, sort_keys=True))
    return content


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings by the names that diffusers gives them in its file."""
    return {f"{FILES[DIFFUSERS]}{key}": value for key, value in settings.items()}


def _metadata(path: Path) -> Any:
    with safe_open(path, "pt") as file:
        raw = (file.metadata() or {}).get(METADATA, "null")
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _stripped(weights: dict[str, Tensor], prefix: str, path: Path) -> dict[str, Tensor]:
    for name in weights:
        if not name.startswith(prefix):
            raise ValueError(f"{path}: found {name}, expected names that start with {prefix}")
    return {name.removeprefix(prefix): value for name, value in weights.items()}


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
