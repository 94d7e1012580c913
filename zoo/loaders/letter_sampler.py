"""Letter to image: what `zoo.load("letter-vae")` returns, and what every model that draws letters has."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.draw import contact_sheet, write_png
from datamodules.fades import HELD, faded
from datamodules.video import Frame, write_video
from zoo.loaders.writing import refuse_unwritable
from zoo.signals import Signal
from zoo.spec import nearest

BATCH: Final = 32
FPS: Final = 25.0
SHEET: Final = 16
"""Pictures of one class on a sheet."""
PREVIEWED: Final = 4
"""Pictures of each class in a preview."""

Pictures = npt.NDArray[np.uint8]


class LetterSampler(ABC):
    """A network that draws pictures of the classes it was taught, with their names."""

    verb: ClassVar[str] = "spell"
    base_model: None = None
    network: Any

    def __init__(self, network: Any, classes: Sequence[str], size: int, signed: str | None) -> None:
        self.network = network.eval()
        self.classes, self.size = list(classes), size
        self.accepts = Signal("letters", language=signed)
        self.gives = Signal("image", language=signed, size=size)

    @abstractmethod
    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] of labels (N,), each from its own seed."""

    def sample(self, letter: str, n: int = 1, seed: int = 0) -> Pictures:
        """Pictures (n, S, S, 3) uint8 RGB of a letter, or of another class by its name.

        Picture i is that of seed + i, whatever `n` is. Raises ValueError for what the model was not taught.
        """
        if n < 1:
            raise ValueError(f"n: found {n}, expected at least 1")
        return self._pictures([self._label(letter)] * n, [seed + index for index in range(n)])

    def spell(self, text: str, seed: int = 0) -> Pictures:
        """Pictures (L, S, S, 3) uint8 RGB of the L letters of a text, blanks left out; see `stream` for a video.

        All are of one seed, so that the hand and its surroundings change little. Raises ValueError for a text without a
        letter, and for a letter that the model was not taught.
        """
        letters = [letter for word in text.split() for letter in word]
        if not letters:
            raise ValueError(f"nothing to spell in {text!r}: expected a letter")
        return self._pictures([self._label(letter) for letter in letters], [seed] * len(letters))

    def stream(self, text: str, fps: float = FPS, seed: int = 0) -> Iterator[Frame]:
        """Frames of a video that spells a text: each letter is held, the last of a word for longer, and fades into the
        next. Raises ValueError as `spell` does, before the first."""
        pictures = self.spell(text, seed)
        last = np.cumsum([len(word) for word in text.split()]) - 1
        return faded(((picture, HELD * (2 if at in last else 1)) for at, picture in enumerate(pictures)), fps)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Spell a text, or draw the class of that name, and write each of `outputs`: .png (a sheet) or .mp4.

        Raises ValueError, before it draws, for a path that cannot be written and for what the model was not taught.
        """
        refuse_unwritable(outputs, (".png", ".mp4"))
        whole = text in self.classes
        for output in outputs:
            if output.suffix.lower() == ".mp4":
                write_video(output, self._shown(text) if whole else self.stream(text), FPS)
            elif whole:
                write_png(output, contact_sheet(list(self.sample(text, SHEET)), columns=4))
            else:
                labels = [letter for word in text.split() for letter in word]
                write_png(output, contact_sheet(list(self.spell(text)), columns=min(len(labels), 10), labels=labels))
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of some pictures of every class into `folder`."""
        labels = [label for label in range(len(self.classes)) for _ in range(PREVIEWED)]
        pictures = self._pictures(labels, [index % PREVIEWED for index in range(len(labels))])
        names = [self.classes[label] for label in labels]
        write_png(folder / "preview.png", contact_sheet(list(pictures), columns=4 * PREVIEWED, labels=names))
        return [folder / "preview.png"]

    def probe(self) -> dict[str, Pictures]:
        """A picture of each of the first two classes."""
        return {"pictures": self._pictures([0, 1], [0, 1])}

    def _label(self, name: str) -> int:
        """Of a class; letters in either case."""
        for spelled in (name, name.upper(), name.lower()):
            if spelled in self.classes:
                return self.classes.index(spelled)
        raise ValueError(f"{name!r}: the model was taught {', '.join(self.classes)}{nearest(name, self.classes)}")

    def _shown(self, name: str) -> Iterator[Frame]:
        return faded(((picture, HELD) for picture in self.sample(name, SHEET)), FPS)

    def _pictures(self, labels: Sequence[int], seeds: Sequence[int]) -> Pictures:
        parts = []
        for start in range(0, len(labels), BATCH):
            part = slice(start, start + BATCH)
            with torch.inference_mode():
                drawn = self.draw(torch.tensor(labels[part]), seeds[part])
            parts.append(((drawn.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy())
        return np.ascontiguousarray(np.concatenate(parts).transpose(0, 2, 3, 1))

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write config.json and safetensors."""
