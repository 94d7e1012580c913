"""Letter to image by denoising diffusion: what `zoo.load("letter-ddpm")` returns."""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from torch import Tensor

from datamodules.media.video import Frame
from lightning_modules.networks.diffusion.schedule import Sampler, Sampling, Schedule, patch_of, sample
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.diffusers_files import open_diffusers, own_settings, save_diffusers
from zoo.loaders.letters.letter_sampler import FPS, LetterSampler, Pictures

if TYPE_CHECKING:
    from diffusers import UNet2DModel

UNET: Final = "unet"
SCHEDULER: Final = "scheduler"
"""Where in an artefact they lie; `UNet2DModel.from_pretrained("user/name", subfolder="unet")` opens the first."""
VARIED: Final = (
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
    "layers_per_block",
    "add_attention",
    "norm_num_groups",
    "num_class_embeds",
)
"""Settings that a spec decides."""
NO_CLASS: Final = ""
"""What the last embedding stands for."""


class LetterDiffusion(LetterSampler):
    """A U-Net that takes noise out of pictures of letters, its schedule, and how it draws unless it is told."""

    task: ClassVar[str] = "letter-to-image"
    architecture: ClassVar[str] = "letter-diffusion"
    usage: ClassVar[str] = """\
from datamodules.media.video import write_video

pictures = model.sample("A", n=4, steps=20, seed=0)  # uint8 RGB (4, S, S, 3)
letters = model.spell("hello")  # a picture for each letter
write_video("hello.mp4", model.stream("hello"), 25)
"""
    native: ClassVar[str] = """\
import torch
from diffusers import DDPMScheduler, UNet2DModel

unet = UNet2DModel.from_pretrained("ADDRESS", subfolder="unet")
scheduler = DDPMScheduler.from_pretrained("ADDRESS", subfolder="scheduler")
scheduler.set_timesteps(50)
letter, none = torch.tensor([0]), torch.tensor([unet.config.num_class_embeds - 1])  # 0 is A; the last is no class
pictures = torch.randn(1, unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
for timestep in scheduler.timesteps:
    with torch.no_grad():
        asked, free = (unet(pictures, timestep, class_labels=label).sample for label in (letter, none))
    found = free + GUIDANCE * (asked - free)  # 1 follows the letter as far as was learnt
    pictures = scheduler.step(found, timestep, pictures).prev_sample  # ends in [-1, 1]
patch = int((unet.config.in_channels // 3) ** 0.5)  # pixels a side of what the network sees as one
pictures = torch.nn.functional.pixel_shuffle(pictures, patch)  # (1, 3, S, S)
"""
    library: ClassVar[str] = "diffusers"

    def __init__(
        self, network: "UNet2DModel", classes: Sequence[str], signed: str | None, schedule: Schedule, sampling: Sampling
    ) -> None:
        """Raises ValueError for a network of another number of classes, and for more steps than the schedule has."""
        if network.config.num_class_embeds != len(classes) + 1:
            raise ValueError(
                f"found {len(classes)} classes for a network of {network.config.num_class_embeds}, expected one less, "
                "for its last stands for none"
            )
        schedule.refuse(sampling)
        super().__init__(network, classes, network.config.sample_size * patch_of(network), signed)
        self.schedule, self.sampling = schedule, sampling

    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        return sample(self.network, self.schedule, self.sampling, labels, seeds)

    def sample(
        self,
        letter: str,
        n: int = 1,
        seed: int = 0,
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance: float | None = None,
    ) -> Pictures:
        """Pictures (n, S, S, 3) uint8 RGB of a letter, or of another class by its name.

        Picture i is that of seed + i, whatever `n` is. steps: from noise to picture; 10 to 50 do for `dpm-solver++`,
        50 or more for `ddim`; as many as in training are the published way for `ancestral`. guidance: above 1, clearer
        letters that vary less. None is what the spec says.

        Raises ValueError for what the model was not taught, and for what is no way of sampling.
        """
        return super(LetterDiffusion, self._drawing(steps, sampler, guidance)).sample(letter, n, seed)

    def spell(
        self,
        text: str,
        seed: int = 0,
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance: float | None = None,
    ) -> Pictures:
        """Pictures (L, S, S, 3) uint8 RGB of the L letters of a text; see `LetterSampler.spell` and `sample`."""
        return super(LetterDiffusion, self._drawing(steps, sampler, guidance)).spell(text, seed)

    def stream(
        self,
        text: str,
        fps: float = FPS,
        seed: int = 0,
        *,
        steps: int | None = None,
        sampler: Sampler | None = None,
        guidance: float | None = None,
    ) -> Iterator[Frame]:
        """Frames of a video that spells a text; see `LetterSampler.stream` and `sample`."""
        return super(LetterDiffusion, self._drawing(steps, sampler, guidance)).stream(text, fps, seed)

    def _drawing(self, steps: int | None, sampler: Sampler | None, guidance: float | None) -> Self:
        """This loader, drawing in another way."""
        asked: dict[str, Any] = {"steps": steps, "sampler": sampler, "guidance": guidance}
        other = copy.copy(self)
        other.sampling = dataclasses.replace(
            self.sampling, **{name: value for name, value in asked.items() if value is not None}
        )
        return other

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `LetterDDPM` and its data."""
        return cls(module.network, datamodule.classes, datamodule.languages[1], module.schedule, module.sampling)

    def inheritance(self) -> Inheritance:
        """Classes by their embeddings, the last of which stands for none; any size of pictures, but the same schedule:
        at each of its timesteps the network knows how much noise there is."""
        free = ("sample_size", "num_class_embeds")
        sizes = {name: self.network.config[name] for name in VARIED if name not in free}
        settings = {name: list(value) if isinstance(value, tuple) else value for name, value in sizes.items()}
        settings |= dataclasses.asdict(self.schedule)
        return Inheritance("classes", (*self.classes, NO_CLASS), ("class_embedding.weight",), settings)

    def save(self, folder: Path) -> None:
        """Write config.json, and unet/ and scheduler/ as diffusers has them."""
        save_diffusers(self.network, folder / UNET)
        self.schedule.published().save_config(folder / SCHEDULER)
        write_config(folder, self, classes=self.classes, sampling=dataclasses.asdict(self.sampling))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        from diffusers import UNet2DModel

        config = read_config(folder)
        network = open_diffusers(folder / UNET, UNet2DModel, VARIED, "a U-Net of letters")
        gives = config["gives"]
        try:
            size = network.config.sample_size * patch_of(network)
        except ValueError as error:
            raise ValueError(f"{folder / UNET / 'config.json'}: {error}") from error
        if gives["size"] != size:
            raise ValueError(
                f"{folder / UNET / 'config.json'}: sample_size makes pictures of {size}, expected {gives['size']}"
            )
        schedule = _read_schedule(folder / SCHEDULER / "scheduler_config.json")
        return cls(network, config["classes"], gives.get("language"), schedule, Sampling(**config["sampling"]))


def _read_schedule(path: Path) -> Schedule:
    """Of a scheduler's configuration. Raises ValueError for one that `Schedule` does not make."""
    from diffusers import DDPMScheduler

    settings = own_settings(path, DDPMScheduler)
    names = ("num_train_timesteps", "beta_start", "beta_end", "prediction_type")
    schedule = Schedule(*(settings[name] for name in names))
    for name, value in schedule.published().config.items():
        if not name.startswith("_") and settings.get(name) != value:
            raise ValueError(f"{path}: {name} is {settings.get(name)!r}, expected {value!r}, as for a DDPM of letters")
    return schedule
