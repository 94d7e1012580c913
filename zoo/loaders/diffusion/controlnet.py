"""A ControlNet as diffusers has it: what a folder of one opens as."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from datamodules.files import write_json
from datamodules.media.images import read_image, resize
from zoo.files import read_json
from zoo.io_types import Signal
from zoo.loaders.base import SCHEMA, Told
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.diffusers_files import (
    OPENED_FROM,
    gather_weights,
    open_diffusers,
    own_settings,
    save_diffusers,
)
from zoo.loaders.diffusion.stable_diffusion import check_revision, open_base, write_picture
from zoo.loaders.inputs import given_path, given_pipeline
from zoo.loaders.writing import refuse_unwritable

if TYPE_CHECKING:
    from diffusers import ControlNetModel

FOLDER: Final = "controlnet"
"""Where in an artefact it lies; `ControlNetModel.from_pretrained("user/name", subfolder="controlnet")` opens it."""
SIZE: Final = 512
"""Pixels a side that diffusers' script trains on, and `run` draws in, unless it is told."""
SHARED: Final = ("in_channels", "block_out_channels", "down_block_types", "layers_per_block", "cross_attention_dim")
"""What a ControlNet has in common with the UNet that it steers."""
VARIED: Final = (
    *SHARED,
    "attention_head_dim",
    "conditioning_channels",
    "conditioning_embedding_out_channels",
    "norm_num_groups",
    "num_attention_heads",
    "only_cross_attention",
    "transformer_layers_per_block",
    "upcast_attention",
    "use_linear_projection",
)
"""Settings in which ControlNets of Stable Diffusion 1 and 2 differ; the others are as diffusers presets them."""


class ControlNet:
    """A ControlNet (Zhang et al. 2023, arXiv 2302.05543), the base model it steers, and the prompt of its training."""

    task: ClassVar[str] = "image-to-image"
    architecture: ClassVar[str] = "controlnet"
    subfolder: ClassVar[str] = FOLDER
    verb: ClassVar[str] = "attach"
    usage: ClassVar[str] = """\
from PIL import Image
from datamodules.avatar import perform
from datamodules.media.skeleton_drawing import draw_frames

pipeline = model.attach(model.base())  # or any StableDiffusionPipeline of that base
condition = Image.fromarray(next(draw_frames(perform(["HELLO"]).joints, model.size)))
picture = pipeline(model.prompt, image=condition, num_inference_steps=8).images[0]  # more steps, better pictures
"""
    native: ClassVar[str] = """\
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

controlnet = ControlNetModel.from_pretrained("ADDRESS", subfolder="controlnet")
base = {"revision": "REVISION", "safety_checker": None, "use_safetensors": True}
pipeline = StableDiffusionControlNetPipeline.from_pretrained("BASE", controlnet=controlnet, **base)
"""
    library: ClassVar[str] = "diffusers"
    accepts = Signal("image")

    def __init__(
        self,
        network: "ControlNetModel",
        base_model: str | None = None,
        base_revision: str | None = None,
        prompt: str = "",
        size: int = SIZE,
    ) -> None:
        """
        Args:
            network: a ControlNet of Stable Diffusion 1 or 2.
            base_model: Hub id of the Stable Diffusion that it was trained for.
            base_revision: which commit of it.
            prompt: the text of every training picture; `run` draws with it.
            size: height and width of the training pictures.

        Raises ValueError for what is no revision.
        """
        check_revision(base_revision)
        self.network: Any = network.eval()
        self.base_model, self.base_revision = base_model, base_revision
        self.prompt, self.size = prompt, size
        self.gives = Signal("image", size=size)

    @property
    def factor(self) -> int:
        """Pixels a side of its conditions for each of the latents that it is shown them with."""
        return int(2 ** (len(self.network.config.conditioning_embedding_out_channels) - 1))

    def attach(self, pipeline: Any) -> Any:
        """A StableDiffusionControlNetPipeline of this ControlNet and the parts of a StableDiffusionPipeline, which both
        then share. The ControlNet is moved to its device and type.

        Raises ValueError for what is no pipeline, and for one whose UNet or autoencoder it does not fit.
        """
        from diffusers import StableDiffusionControlNetPipeline

        ours, theirs = self.network.config, given_pipeline(pipeline).unet.config
        for name in SHARED:
            if listed(ours[name]) != listed(theirs[name]):
                raise ValueError(
                    f"this ControlNet does not fit the pipeline's UNet, it is for {self.base_model or 'another one'}: "
                    f"{name} is {theirs[name]}, expected {ours[name]}"
                )
        if (factor := 2 ** (len(pipeline.vae.config.block_out_channels) - 1)) != self.factor:
            raise ValueError(
                f"this ControlNet does not fit the pipeline's autoencoder, it is for "
                f"{self.base_model or 'another one'}: a latent is of {factor} pixels a side, expected {self.factor}"
            )
        # diffusers' own `to` warns of modules to keep in single precision, of which there are none
        network = nn.Module.to(self.network, pipeline.unet.device, pipeline.unet.dtype)
        attached = StableDiffusionControlNetPipeline(
            **pipeline.components,
            controlnet=network,
            requires_safety_checker=pipeline.config.requires_safety_checker,
        )
        attached.set_progress_bar_config(**getattr(pipeline, "_progress_bar_config", {}))
        return attached

    def base(self) -> Any:
        """The StableDiffusionPipeline it was trained for, from the Hub's cache. Raises ValueError if it is absent."""
        return open_base(self.base_model, self.base_revision)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        network, size = open_weights(folder), config["gives"]["size"]
        return cls(network, config["base_model"], config["base_revision"], config["prompt"], size)

    @classmethod
    def lay_out(cls, folder: Path, told: Told, into: Path) -> list[str]:
        """Put what `ControlNetModel.save_pretrained` wrote where an artefact has it; see `Importable`."""
        from diffusers import ControlNetModel

        own_settings(folder / "config.json", ControlNetModel)
        settings = read_json(folder / "config.json")
        (into / FOLDER).mkdir()
        write_json(into / FOLDER / "config.json", {name: settings[name] for name in settings if name != OPENED_FROM})
        gather_weights(folder, into / FOLDER)
        content = {
            "schema": SCHEMA,
            "task": cls.task,
            "architecture": cls.architecture,
            "accepts": cls.accepts.content(),
            "gives": Signal("image", size=told.size or SIZE).content(),
            "base_model": told.base,
            "base_revision": told.revision,
            "prompt": told.prompt or "",
        }
        write_json(into / "config.json", content)
        notes = [] if told.prompt else ["no --prompt was given, so `run` draws without one"]
        return notes if told.size else [*notes, f"no --size was given, so {SIZE} pixels are taken"]

    def save(self, folder: Path) -> None:
        """Write config.json, and what `save_weights` writes."""
        self.save_weights(folder)
        write_config(folder, self, base_revision=self.base_revision, prompt=self.prompt)

    def save_weights(self, folder: Path) -> None:
        """Write controlnet/ as diffusers has it."""
        save_diffusers(self.network, folder / FOLDER)

    @torch.inference_mode()
    def probe(self) -> dict[str, npt.NDArray[Any]]:
        """What it adds to the UNet's blocks for noise under a condition of noise."""
        config, noise = self.network.config, torch.Generator().manual_seed(0)
        side = 2 ** len(config.block_out_channels)
        inputs = (
            torch.randn(1, config.in_channels, side, side, generator=noise),
            torch.randn(1, 4, config.cross_attention_dim, generator=noise),
            torch.rand(1, config.conditioning_channels, side * self.factor, side * self.factor, generator=noise),
        )
        sample, states, condition = (value.to(self.network.device, self.network.dtype) for value in inputs)
        down, mid = self.network(sample, 500, states, condition, return_dict=False)
        return {str(index): value.float().cpu().numpy() for index, value in enumerate((*down, mid))}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Draw one picture with the prompt of training, under the condition in the picture at the path `text`, and
        write each of `outputs`: .png. The condition is scaled to the size of training.

        Raises ValueError, before it draws, for a path that cannot be written, another input, and a base model that is
        not in the cache.
        """
        refuse_unwritable(outputs, (".png",))
        path = given_path(text, "the path of a picture, the condition")
        condition = Image.fromarray(resize(read_image(path), self.size, self.size))
        return write_picture(self.attach(self.base()), outputs, prompt=self.prompt, image=condition)


def open_weights(folder: Path) -> "ControlNetModel":
    """What `save_weights` wrote into an artefact. Raises ValueError for another network, and where it is not whole."""
    from diffusers import ControlNetModel

    return open_diffusers(folder / FOLDER, ControlNetModel, VARIED, "Stable Diffusion 1 and 2")


def listed(value: Any) -> list[Any]:
    """A setting of diffusers as a list, of one item where it is none."""
    return list(value) if isinstance(value, tuple | list) else [value]
