"""Image to image by way of a latent: what `zoo.load("sd-starter-vae")` returns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.media.images import centre_square, read_image, resize, stack
from datamodules.media.skeleton_drawing import contact_sheet, write_png
from lightning_modules.networks.diffusion.autoencoder import reconstructed
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.diffusers_files import open_diffusers, save_diffusers
from zoo.loaders.inputs import given_path
from zoo.loaders.writing import refuse_unwritable

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

VAE: Final = "vae"
"""Where in an artefact it lies; `AutoencoderKL.from_pretrained("user/name", subfolder="vae")` opens it."""
VARIED: Final = (
    "sample_size",
    "block_out_channels",
    "down_block_types",
    "up_block_types",
    "layers_per_block",
    "norm_num_groups",
    "latent_channels",
)
"""Settings that a spec decides."""
BATCH: Final = 16
PREVIEWED: Final = 8

Pictures = npt.NDArray[np.uint8]


class Autoencoder:
    """An AutoencoderKL, and the size of the pictures that it was trained on."""

    task: ClassVar[str] = "image-to-image"
    architecture: ClassVar[str] = "autoencoder-kl"
    verb: ClassVar[str] = "reconstruct"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.signer import Signer

pictures = render(perform(["HELLO"]).joints[::10], Signer().look, model.size)  # or pictures of your own
left = model.reconstruct(pictures)  # uint8 RGB (N, S, S, 3)
latents = model.encode(pictures)  # (N, 4, S / 4, S / 4), scaled as diffusion wants them
"""
    native: ClassVar[str] = """\
import torch
from diffusers import AutoencoderKL

vae = AutoencoderKL.from_pretrained("ADDRESS", subfolder="vae")
pictures = torch.zeros(1, 3, vae.config.sample_size, vae.config.sample_size)  # in [-1, 1]
with torch.no_grad():
    latents = vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor
    left = vae.decode(latents / vae.config.scaling_factor).sample
"""
    library: ClassVar[str] = "diffusers"
    base_model: None = None

    def __init__(self, network: "AutoencoderKL") -> None:
        self.network = network.eval()
        self.size = int(network.config.sample_size)
        self.accepts, self.gives = Signal("image", size=self.size), Signal("image", size=self.size)

    def reconstruct(self, pictures: Pictures) -> Pictures:
        """What is left of pictures (N, H, W, 3) uint8 RGB behind the means of their latents, (N, S, S, 3).

        Of each, the middle square is taken and scaled. Raises ValueError for anything but such pictures.
        """
        parts = [self._decoded(batch) for batch in self._batches(pictures)]
        return np.concatenate(parts)

    @torch.inference_mode()
    def encode(self, pictures: Pictures) -> npt.NDArray[np.float32]:
        """The means of the latents of pictures, (N, C, S / f, S / f), times the scaling factor; see `reconstruct`."""
        scale = self.network.config.scaling_factor
        parts = [self.network.encode(batch).latent_dist.mode() * scale for batch in self._batches(pictures)]
        found: npt.NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        return found

    @torch.inference_mode()
    def _decoded(self, batch: Tensor) -> Pictures:
        left = ((reconstructed(self.network, batch).float() + 1) * 127.5).round().byte()
        return np.ascontiguousarray(left.cpu().numpy().transpose(0, 2, 3, 1))

    def _batches(self, pictures: Pictures) -> list[Tensor]:
        shape: tuple[int, ...] = getattr(pictures, "shape", ())
        kind = getattr(pictures, "dtype", type(pictures).__name__)
        if kind != np.uint8 or len(shape) != 4 or shape[-1] != 3 or 0 in shape:
            found = f"{kind} of shape {tuple(shape)}" if shape else kind
            raise ValueError(f"found {found}, expected uint8 RGB pictures (N, H, W, 3), at least one")
        device = next(self.network.parameters()).device
        squares = [self._square(picture) for picture in pictures]
        parts = (stack(squares[start : start + BATCH]) for start in range(0, len(squares), BATCH))
        return [torch.from_numpy(part).to(device).float() / 127.5 - 1 for part in parts]

    def _square(self, picture: Pictures) -> Pictures:
        top, left, side = centre_square(*picture.shape[:2])
        return resize(picture[top : top + side, left : left + side], self.size, self.size)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `SDStarterVAE`."""
        return cls(module.network)

    def inheritance(self) -> Inheritance:
        """All of the network, whatever the size of the pictures."""
        settings = {name: self.network.config[name] for name in VARIED if name != "sample_size"}
        listed = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        return Inheritance("names", (), (), listed)

    def save(self, folder: Path) -> None:
        """Write config.json, and vae/ as diffusers has it."""
        save_diffusers(self.network, folder / VAE)
        write_config(folder, self)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        from diffusers import AutoencoderKL

        config = read_config(folder)
        network = open_diffusers(folder / VAE, AutoencoderKL, VARIED, "Stable Diffusion's autoencoder")
        if config["gives"].get("size") != network.config.sample_size:
            raise ValueError(
                f"{folder / VAE / 'config.json'}: sample_size is {network.config.sample_size}, expected "
                f"{config['gives'].get('size')}, as config.json says"
            )
        return cls(network)

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """The latents of two pictures of noise."""
        noise = np.random.default_rng(0).integers(0, 256, (2, self.size, self.size, 3), np.uint8)
        return {"latents": self.encode(noise)}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Reconstruct the picture at the path `text` and write it to each of `outputs`: .png.

        Raises ValueError for a path that cannot be written, before it reads.
        """
        refuse_unwritable(outputs, (".png",))
        picture = read_image(given_path(text, "the path of a picture"))
        for output in outputs:
            write_png(output, self.reconstruct(picture[None])[0])
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of dev pictures into `folder`, each beside what is left of it."""
        dev = datamodule.examples("dev")
        places = np.linspace(0, len(dev) - 1, min(len(dev), PREVIEWED)).round().astype(int).tolist()
        pictures = np.stack([dev[place][2] for place in places])
        pairs = [of for pair in zip(pictures, self.reconstruct(pictures), strict=True) for of in pair]
        write_png(folder / "preview.png", contact_sheet(pairs, 4, ["picture", "reconstruction"] * len(places)))
        return [folder / "preview.png"]
