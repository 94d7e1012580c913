"""Letter to image at one go: what `zoo.load("letter-vae")` and `zoo.load("letter-gan")` return."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from lightning_modules.networks.letters.letter_generator import LetterGenerator, LetterGeneratorConfig
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.letters.letter_sampler import LetterSampler
from zoo.loaders.storage import open_network, save_network, sizes_of


class LetterToImage(LetterSampler):
    """A VAE's decoder, or a GAN's generator, with the names of its classes."""

    task: ClassVar[str] = "letter-to-image"
    architecture: ClassVar[str] = "letter-generator"
    usage: ClassVar[str] = """\
from datamodules.media.skeleton_drawing import contact_sheet, write_png

print(model.classes)
pictures = model.sample(model.classes[0], n=4, seed=0)  # uint8 RGB (4, S, S, 3)
write_png("drawn.png", contact_sheet(list(pictures), columns=4))  # of letters, model.spell("hello") draws a word
"""

    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        pictures: Tensor = self.network.generate(labels, seeds)
        return pictures

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `LetterVAE` or `LetterGAN` and its data."""
        return cls(module.network, datamodule.classes, datamodule.image_size, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """Classes by their embeddings, and by their gains and biases in batch norms, which are embeddings too."""
        rows = [f"{name}.weight" for name, part in self.network.named_modules() if isinstance(part, nn.Embedding)]
        return Inheritance("classes", self.classes, rows, sizes_of(self.network, ("classes",)))

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors: what draws, neither an encoder nor a critic."""
        save_network(folder, self, classes=self.classes)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        network = open_network(folder, lambda: LetterGenerator(LetterGeneratorConfig(**config["network"])))
        classes = config["classes"]
        if len(classes) != network.config.classes:
            raise ValueError(
                f"{folder / 'config.json'}: found {len(classes)} classes for a network of {network.config.classes}"
            )
        return cls(network, classes, network.config.size, config["gives"].get("language"))
