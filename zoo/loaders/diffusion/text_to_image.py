"""Text to image by a Stable Diffusion of our own: what `zoo.load("sd-starter")` returns."""

import copy
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch

from datamodules.media.skeleton_drawing import contact_sheet, write_png
from lightning_modules.networks.diffusion.schedule import Schedule
from lightning_modules.networks.diffusion.text_to_image import draw
from lightning_modules.networks.diffusion.text_to_latents import (
    Drawing,
    TextToLatents,
    pipeline_of,
    solver,
)
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.diffusers_files import (
    open_diffusers,
    open_text_encoder,
    open_tokenizer,
    own_settings,
    save_diffusers,
    save_text_encoder,
    save_tokenizer,
    write_index,
)
from zoo.loaders.diffusion.stable_diffusion import open_pipeline
from zoo.loaders.inputs import given_text, given_whole
from zoo.loaders.writing import refuse_unwritable

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline
    from transformers import CLIPTokenizer

VAE: Final = (
    "block_out_channels",
    "down_block_types",
    "up_block_types",
    "in_channels",
    "latent_channels",
    "layers_per_block",
    "norm_num_groups",
    "out_channels",
    "sample_size",
    "scaling_factor",
    "shift_factor",
    "mid_block_add_attention",
    "use_quant_conv",
    "use_post_quant_conv",
    "act_fn",
    "force_upcast",
)
UNET: Final = (
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
    "layers_per_block",
    "norm_num_groups",
    "cross_attention_dim",
    "attention_head_dim",
)
"""Settings of the networks that a spec decides."""
SHEET: Final = 4
PREVIEWED: Final = 8
MOST: Final = 10_000
"""Pictures of a sheet; captions of a preview; pictures in one call."""
SEEDS: Final = 2**63
EXPECTED: Final = "a text to draw, the prompt"

Pictures = npt.NDArray[np.uint8]


class TextToImage:
    """A UNet and a text encoder, the autoencoder and tokenizer that they were trained with, and how they draw.

    The folder of its artefact is that of a Stable Diffusion in diffusers' own layout, with our records beside it.
    """

    task: ClassVar[str] = "text-to-image"
    architecture: ClassVar[str] = "stable-diffusion"
    verb: ClassVar[str] = "draw"
    usage: ClassVar[str] = """\
pictures = model.draw("signer 1 in the studio", n=4, seed=0)  # uint8 RGB (4, S, S, 3)
pictures = model.draw("the skeleton of a signer", steps=10, guidance=2.0)  # faster, and less true to the prompt
pipeline = model.pipeline  # the StableDiffusionPipeline, for whatever else diffusers does with one
"""
    native: ClassVar[str] = """\
import torch
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("ADDRESS", safety_checker=None)
asked = {"num_inference_steps": 20, "guidance_scale": GUIDANCE, "generator": torch.Generator().manual_seed(0)}
picture = pipeline("signer 1 in the studio", **asked).images[0]
"""
    library: ClassVar[str] = "diffusers"
    base_model: None = None
    accepts = Signal("text", language="en")

    def __init__(
        self,
        network: TextToLatents,
        vae: "AutoencoderKL",
        tokenizer: "CLIPTokenizer",
        schedule: Schedule,
        drawing: Drawing,
    ) -> None:
        """Raises ValueError for networks that do not fit each other."""
        unet, text = network.unet.config, network.text_encoder.config
        if unet.in_channels != vae.config.latent_channels or unet.cross_attention_dim != text.hidden_size:
            raise ValueError(
                f"found a UNet of {unet.in_channels} latent channels for texts {unet.cross_attention_dim} wide, "
                f"expected {vae.config.latent_channels} and {text.hidden_size}, as the other networks have them"
            )
        if len(tokenizer) != text.vocab_size:
            raise ValueError(f"found {len(tokenizer)} tokens, expected {text.vocab_size}, as the text encoder has them")
        self.network, self.vae = network.eval(), vae.eval()
        vae.register_to_config(scaling_factor=float(network.scaling))
        self.tokenizer, self.schedule, self.drawing = tokenizer, schedule, drawing
        self.size = unet.sample_size * 2 ** (len(vae.config.block_out_channels) - 1)
        self.gives = Signal("image", size=self.size)

    @property
    def pipeline(self) -> "StableDiffusionPipeline":
        """A StableDiffusionPipeline of these networks, which it shares, with a scheduler of its own."""
        return pipeline_of(self.network, self.vae, self.tokenizer, self.schedule)

    def draw(
        self, prompt: str, n: int = 1, seed: int = 0, *, steps: int | None = None, guidance: float | None = None
    ) -> Pictures:
        """Pictures (n, S, S, 3) uint8 RGB of a prompt.

        Picture i is that of seed + i, whatever `n` is. steps: from noise to picture; 10 to 30 do. guidance: how much
        further than was learnt the prompt is followed; 1 is not at all. None is what the spec says.

        Raises ValueError for what is no prompt, and for what is no way of drawing.
        """
        count = given_whole("n", n, 1, MOST)
        first = given_whole("seed", seed, 0, SEEDS - count)
        asked: dict[str, Any] = {"steps": steps, "guidance": guidance}
        drawing = dataclasses.replace(self.drawing, **{key: value for key, value in asked.items() if value is not None})
        return self._drawn([given_text(prompt, EXPECTED)] * count, range(first, first + count), drawing)

    def _drawn(self, prompts: Sequence[str], seeds: Sequence[int], drawing: Drawing) -> Pictures:
        found = draw(self.pipeline, prompts, seeds, **dataclasses.asdict(drawing), size=self.size)
        pictures: Pictures = (found * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
        return pictures

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Draw four pictures of the prompt `text` and write each of `outputs`: .png, a sheet of them.

        Raises ValueError, before it draws, for a path that cannot be written.
        """
        refuse_unwritable(outputs, (".png",))
        pictures = self.draw(text, SHEET)
        for output in outputs:
            write_png(output, contact_sheet(list(pictures), SHEET, None))
        return list(outputs)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `SDStarter`, with the average of its weights."""
        with module.averaged():
            network = copy.deepcopy(module.network)
        return cls(network, module.vae, module.tokenizer, module.schedule, module.drawing)

    def inheritance(self) -> Inheritance:
        """All weights, of networks of the same sizes under the same schedule."""
        settings = {name: _listed(self.network.unet.config[name]) for name in UNET}
        settings |= {"hidden_size": self.network.text_encoder.config.hidden_size}
        return Inheritance("", (), (), settings | dataclasses.asdict(self.schedule))

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of pictures of captions of the dev split into `folder`."""
        captions = list(dict.fromkeys(caption for _, caption, _ in datamodule.described("dev")))
        places = np.linspace(0, len(captions) - 1, min(len(captions), PREVIEWED)).round().astype(int)
        asked = [captions[place] for place in places]
        pictures = self._drawn(asked, range(len(asked)), self.drawing)
        write_png(folder / "preview.png", contact_sheet(list(pictures), SHEET, None))
        return [folder / "preview.png"]

    @torch.inference_mode()
    def probe(self) -> dict[str, npt.NDArray[Any]]:
        """What the UNet finds in noise under a caption, and what the autoencoder makes of that."""
        config, noise = self.network.unet.config, torch.Generator().manual_seed(0)
        latents = torch.randn(1, config.in_channels, config.sample_size, config.sample_size, generator=noise)
        ids = torch.arange(8)[None] % self.network.text_encoder.config.vocab_size
        context = self.network.text_encoder(ids).last_hidden_state
        found = self.network.unet(latents, 500, encoder_hidden_states=context).sample
        return {"found": found.numpy(), "pictures": self.vae.decode(found).sample.numpy()}

    def save(self, folder: Path) -> None:
        """Write config.json, and the components as diffusers and transformers have them."""
        save_diffusers(self.network.unet, folder / "unet")
        save_diffusers(self.vae, folder / "vae")
        save_text_encoder(self.network.text_encoder, folder / "text_encoder")
        save_tokenizer(self.tokenizer, folder / "tokenizer")
        solver(self.schedule).save_config(folder / "scheduler")
        write_index(folder)
        write_config(folder, self, sampling=dataclasses.asdict(self.drawing))

    @staticmethod
    def open_plain(folder: Path) -> "StableDiffusionPipeline":
        """The pipeline of a Stable Diffusion that has no records of ours beside it. Raises ValueError for any other."""
        return open_pipeline(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        from diffusers import AutoencoderKL, UNet2DConditionModel

        config = read_config(folder)
        unet = open_diffusers(folder / "unet", UNet2DConditionModel, UNET, "Stable Diffusion")
        vae = open_diffusers(folder / "vae", AutoencoderKL, VAE, "Stable Diffusion")
        tokenizer = open_tokenizer(folder / "tokenizer")
        network = TextToLatents(unet, open_text_encoder(folder / "text_encoder"))
        network.scaling.fill_(vae.config.scaling_factor)
        schedule = _read_schedule(folder / "scheduler" / "scheduler_config.json")
        found = cls(network, vae, tokenizer, schedule, Drawing(**config["sampling"]))
        if config["gives"]["size"] != found.size:
            raise ValueError(f"{folder / 'unet'}: makes pictures of {found.size}, expected {config['gives']['size']}")
        return found


def _read_schedule(path: Path) -> Schedule:
    """Of a scheduler's configuration. Raises ValueError for one that `solver` does not make."""
    from diffusers import DPMSolverMultistepScheduler

    settings = own_settings(path, DPMSolverMultistepScheduler)
    schedule = Schedule.of(settings)
    for name, value in solver(schedule).config.items():
        if not name.startswith("_") and settings.get(name) != json.loads(json.dumps(value)):
            raise ValueError(f"{path}: {name} is {settings.get(name)!r}, expected {value!r}, as for a starter base")
    return schedule


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
