"""What every model that names what a picture shows has: pictures in every form, ranked classes, an artefact."""

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image as Picture
from torch import nn

from datamodules.files import write_json
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import resize, stack
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.exportable import Input, Part
from zoo.loaders.inputs import given_path
from zoo.loaders.pictures import as_array
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.loaders.writing import refuse_unwritable

BATCH = 64

Pictures = npt.NDArray[np.uint8]
Reading = TypeVar("Reading")
"""A dataclass: a class that a picture may show, and how likely."""


class PictureClassifier(ABC, Generic[Reading]):
    """A network that names what a picture shows, with the classes it knows and the size it was trained at.

    named: what the classes are, in config.json and in what is written. lines: whether pictures are thin lines on black,
    which must not fade where they are made smaller.
    """

    named: ClassVar[Literal["letters", "glosses"]]
    lines: ClassVar[bool] = False
    task: ClassVar[str]
    architecture: ClassVar[str]
    verb: ClassVar[str] = "read"
    usage: ClassVar[str]
    base_model: None = None

    def __init__(self, network: LetterCNN, classes: Sequence[str], size: int, signed: str | None) -> None:
        self.network = network.eval()
        self.classes = list(classes)
        self.size = size
        self.accepts, self.gives = Signal("image", language=signed), Signal(self.named, language=signed)

    @staticmethod
    @abstractmethod
    def reading(name: str, probability: float) -> Reading:
        """A class and how likely it is, in [0, 1]."""

    @staticmethod
    def scaled(picture: Image, size: int) -> Image:
        """A picture (H, W, 3) as the network has seen its like, (size, size, 3)."""
        return resize(picture, size, size)

    @staticmethod
    @abstractmethod
    def example() -> Image:
        """A picture (H, W, 3) such as it reads, of the avatar."""

    @overload
    def read(self, images: str | os.PathLike[str] | Picture) -> list[Reading]: ...
    @overload
    def read(self, images: Pictures) -> list[Reading] | list[list[Reading]]: ...
    def read(self, images: str | os.PathLike[str] | Picture | Pictures) -> list[Reading] | list[list[Reading]]:
        """Every class, the likeliest first, for one picture; a list of such lists for an array of several.

        images: a file's path or a PIL image, which are turned upright; or uint8 RGB of shape (H, W, 3), or (N, H, W, 3)
            for several.

        Raises:
            ValueError: an array of another shape or type, or a file that is no picture.
            FileNotFoundError: no such file.
        """
        pixels = as_array(images)
        _check(pixels)
        if pixels.ndim == 3:
            return self._read(pixels[None])[0]
        return [
            ranked for start in range(0, len(pixels), BATCH) for ranked in self._read(pixels[start : start + BATCH])
        ]

    @torch.inference_mode()
    def probabilities(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, classes) of pictures (N, 3, size, size) in [-1, 1], in the order of `classes`."""
        device = next(self.network.parameters()).device
        logits: torch.Tensor = self.network(pictures.to(device))
        return logits.float().softmax(-1)

    def _read(self, images: Pictures) -> list[list[Reading]]:
        shares = self.probabilities(self._shown(images)).cpu()
        ranks = shares.argsort(dim=1, descending=True, stable=True)
        return [
            [self.reading(self.classes[index], float(share[index])) for index in order.tolist()]
            for share, order in zip(shares, ranks, strict=True)
        ]

    def _shown(self, images: Sequence[Image] | Pictures) -> torch.Tensor:
        """Pictures as the network takes them, (N, 3, size, size) in [-1, 1]."""
        return torch.from_numpy(stack([self.scaled(image, self.size) for image in images])).float() / 127.5 - 1

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `LetterJudge` and its data."""
        return cls(module.network, datamodule.classes, datamodule.image_size, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """Classes by their scores."""
        settings = sizes_of(self.network, ("classes", "dropout"))
        return Inheritance(self.named, self.classes, ("output.weight", "output.bias"), settings)

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors."""
        save_network(folder, self, **{self.named: self.classes}, size=self.size)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        network = open_network(folder, lambda: LetterCNN(LetterCNNConfig(**config["network"])))
        classes, size = config[cls.named], config["size"]
        if len(classes) != network.config.classes:
            raise ValueError(
                f"{folder / 'config.json'}: found {len(classes)} {cls.named} for a network of {network.config.classes}"
            )
        return cls(network, classes, size, config["gives"].get("language"))

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Probabilities for two pictures of noise."""
        noise = torch.rand(2, 3, self.size, self.size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        return {"probabilities": self.probabilities(noise).cpu().numpy()}

    @classmethod
    def parts(cls, config: Mapping[str, Any]) -> Sequence[str]:
        """All of it is one part."""
        return ("classifier",)

    @classmethod
    def alone(cls, config: Mapping[str, Any]) -> str:
        """Python that reads a picture with the exported file."""
        thickened = """
ratio = -(-len(picture) // size)
picture = cv2.dilate(picture, np.ones((ratio, ratio), np.uint8))  # or thin lines would fade"""
        return f"""\
import json
import cv2
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("NAME.onnx")
about = session.get_modelmeta().custom_metadata_map
size, {cls.named} = int(about["size"]), json.loads(about["{cls.named}"])
picture = cv2.cvtColor(cv2.imread("picture.png"), cv2.COLOR_BGR2RGB){thickened if cls.lines else ""}
picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
pictures = picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1  # (N, 3, size, size) in [-1, 1]
(probabilities,) = session.run(None, {{"pictures": pictures}})
best = probabilities[0].argmax()
print({cls.named}[best], probabilities[0, best])
"""

    def part(self, name: str) -> Part:
        """Pictures to probabilities."""
        noise = torch.rand(2, 3, self.size, self.size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        examples = {"random input": (noise,), "a picture": (self._shown([self.example()]),)}
        thickened = ", lines thickened by as much as shrinking thins them" if self.lines else ""
        made = f"float32 (N, 3, {self.size}, {self.size}), RGB in [-1, 1]: uint8 / 127.5 - 1{thickened}"
        about = {self.named: self.classes, "size": self.size}
        module = nn.Sequential(self.network, nn.Softmax(-1))
        return Part(module, [Input("pictures", {0: "N"}, made)], "probabilities", examples, about)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Read the picture at the path `text` and write each of `outputs`: .json, the ranked classes.

        Raises ValueError for a path that cannot be written, before it reads.
        """
        refuse_unwritable(outputs, (".json",))
        path = given_path(text, "the path of a picture")
        ranked = self.read(path)
        for output in outputs:
            self._write(output, path, ranked)
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write what is read in the first dev picture into `folder`, the way a user would get it."""
        name, *_, picture = datamodule.examples("dev")[0]
        self._write(folder / "preview.json", name, self.read(picture))
        return [folder / "preview.json"]

    def _write(self, output: Path, name: str, ranked: Sequence[Any]) -> None:
        write_json(output, {"image": name, self.named: [dataclasses.asdict(reading) for reading in ranked]})


def _check(images: object) -> None:
    shape: tuple[int, ...] = getattr(images, "shape", ())
    kind = getattr(images, "dtype", type(images).__name__)
    if kind != np.uint8 or len(shape) not in (3, 4) or shape[-1] != 3 or 0 in shape:
        found = f"{kind} of shape {tuple(shape)}" if shape else kind
        raise ValueError(
            f"found {found}, expected uint8 RGB pictures (H, W, 3) or (N, H, W, 3), a PIL image, or the path of one"
        )
