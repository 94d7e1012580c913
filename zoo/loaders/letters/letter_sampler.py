"""Letter to image: what `zoo.load("letter-vae")` returns, and what every model that draws letters has."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.media.fades import HELD, faded, held, sideways
from datamodules.media.skeleton_drawing import contact_sheet, enlarged, write_png
from datamodules.media.video import Frame, write_video
from zoo.io_types import Signal
from zoo.loaders.inputs import given_text, given_whole, is_number
from zoo.loaders.writing import refuse_unwritable
from zoo.spec.problems import closest

BATCH: Final = 32
FPS: Final = 25.0
SHEET: Final = 16
"""Pictures of one class on a sheet."""
LETTERS: Final = 1000
"""On a sheet, at most."""
PREVIEWED: Final = 64
"""Pictures of all classes in a preview, about; every copy of an artefact brings them along."""
WIDE: Final = 16
"""Columns of a preview, at most."""
CELL: Final = 96
FILM: Final = 256
"""Sides of pictures on sheets and in videos, at least: a person looks at them."""
SEEDS: Final = 2**63
EXPECTED: Final = "a text: letters to spell, or the name of a class"
FEW: Final = 12
MOST: Final = 100_000
"""Pictures in one call: they are all in memory."""

Pictures = npt.NDArray[np.uint8]


class LetterSampler(ABC):
    """A network that draws pictures of the classes it was taught, with their names.

    A picture depends on its class and seed alone, not on what is drawn beside it. J and Z, which move, are stills.

    A subclass whose drawing has settings keeps them in an attribute that `draw` reads. Its `sample`, `spell` and
    `stream` take them as keywords, and call these here on a copy of itself (`copy.copy`) that has what was asked for.
    """

    verb: ClassVar[str] = "spell"
    base_model: None = None
    network: Any

    def __init__(self, network: Any, classes: Sequence[str], size: int, signed: str | None) -> None:
        self.network = network.eval()
        self.classes, self.size = list(classes), size
        self.accepts = Signal("letters", language=signed)
        self.gives = Signal("image", language=signed, size=size)
        exact = {name: label for label, name in enumerate(self.classes)}
        self._labels = {name.casefold(): label for name, label in exact.items()} | exact

    @abstractmethod
    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] of labels (N,), each from its own seed, of at least 0.

        labels are on the network's device.
        """

    def sample(self, letter: str, n: int = 1, seed: int = 0) -> Pictures:
        """Pictures (n, S, S, 3) uint8 RGB of a letter, or of another class by its name, in either case.

        Picture i is that of seed + i, whatever `n` is. Raises ValueError for what the model was not taught.
        """
        count = given_whole("n", n, 1, MOST)
        first = given_whole("seed", seed, 0, SEEDS - count)
        (label,) = self._taught([given_text(letter, EXPECTED)], letter)
        return np.stack(self._pictures([(label, first + index) for index in range(count)]))

    def spell(self, text: str, seed: int = 0) -> Pictures:
        """Pictures (L, S, S, 3) uint8 RGB of the L letters of a text, blanks left out; see `stream` for a video.

        All are of one seed, which keeps the hand and its surroundings for most letters. A letter after its like is the
        same picture moved sideways, as signers move the hand for a double letter. Raises ValueError for a text without
        a letter, and for letters that the model was not taught.
        """
        return np.stack(self._spelled(text, seed))

    def stream(self, text: str, fps: float = FPS, seed: int = 0) -> Iterator[Frame]:
        """Frames of a video that spells a text: each letter is held, the last of a word for longer, and fades into the
        next. They are enlarged a whole number of times, to 256 pixels or more.

        Raises ValueError as `spell` does, and for too few frames a second to show each letter, before the first.
        """
        if not is_number(fps) or not 1 / HELD <= fps < math.inf:
            raise ValueError(f"fps: found {fps!r}, expected at least {1 / HELD:g}: a letter stands for {HELD:g} s")
        return _film(self._spelled(text, seed), held(text), fps)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Spell a text, or draw the class of that name, and write each of `outputs`: .png (a sheet) or .mp4.

        Raises ValueError, before it draws, for a path that cannot be written and for what the model was not taught.
        """
        refuse_unwritable(outputs, (".png", ".mp4"))
        text = given_text(text, EXPECTED)
        labels = None if text.casefold() in self._labels else _letters(text)
        if labels and len(labels) > LETTERS and (sheets := [path for path in outputs if path.suffix.lower() == ".png"]):
            raise ValueError(f"-o {sheets[0]}: found {len(labels):,} letters, a sheet holds {LETTERS:,}; use .mp4")
        if labels is None:
            pictures, seconds, columns = list(self.sample(text, SHEET)), [HELD] * SHEET, 4
        else:
            pictures, seconds, columns = self._spelled(text, 0), held(text), 10
        for output in outputs:
            if output.suffix.lower() == ".mp4":
                write_video(output, _film(pictures, seconds, FPS), FPS)
            else:
                write_png(output, _sheet(pictures, columns, labels))
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of as many pictures of every class into `folder`."""
        each = min(max(PREVIEWED // len(self.classes), 1), WIDE // 2)
        asked = [(label, seed) for label in range(len(self.classes)) for seed in range(each)]
        names = [self.classes[label] for label, _ in asked]
        write_png(folder / "preview.png", _sheet(self._pictures(asked), WIDE // each * each, names))
        return [folder / "preview.png"]

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """A picture of the first class and one of the last, before they are rounded."""
        return {"pictures": self._drawn([(0, 0), (len(self.classes) - 1, 1)]).cpu().numpy()}

    def _spelled(self, text: str, seed: int) -> list[Frame]:
        """A picture for each letter, every other one of the same in a row moved sideways."""
        letters, seed = _letters(given_text(text, EXPECTED)), given_whole("seed", seed, 0, SEEDS - 1)
        if not letters:
            raise ValueError(f"nothing to spell in {text[:40]!r}: expected a letter")
        labels = self._taught(letters, text)
        distinct = list(dict.fromkeys(labels))
        pictures = self._pictures([(label, seed) for label in distinct])
        still = dict(zip(distinct, pictures, strict=True))
        moved = {label: sideways(picture) for label, picture in still.items()}
        return [(moved if turn % 2 else still)[label] for label, run in groupby(labels) for turn, _ in enumerate(run)]

    def _taught(self, names: Sequence[str], text: str) -> list[int]:
        """Labels of letters or names. Raises ValueError that lists all that have none."""
        found = [self._labels.get(name, self._labels.get(name.casefold())) for name in names]
        if unknown := [repr(name) for name, label in zip(names, found, strict=True) if label is None]:
            meant = closest(text.casefold(), (name for name in self._labels if len(name) > 1))
            raise ValueError(
                f"not taught: {_some(list(dict.fromkeys(unknown)))}; the model knows {_some(self.classes)}"
                + (f"; did you mean {meant!r}?" if meant else self._spellable(names))
            )
        return [label for label in found if label is not None]

    def _spellable(self, names: Sequence[str]) -> str:
        """A hint for who asks for a word as if it were a letter."""
        one_word = len(names) == 1 and all(letter.casefold() in self._labels for letter in names[0])
        return "; `spell` draws a picture for each letter" if one_word and names[0] else ""

    def _pictures(self, asked: Sequence[tuple[int, int]]) -> list[Frame]:
        """Pictures (S, S, 3) of labels and seeds."""
        pictures: list[Frame] = []
        for start in range(0, len(asked), BATCH):
            drawn = (self._drawn(asked[start : start + BATCH]) + 1) * 127.5
            pictures.extend(drawn.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy())
        return pictures

    @torch.inference_mode()
    def _drawn(self, asked: Sequence[tuple[int, int]]) -> Tensor:
        labels, seeds = zip(*asked, strict=True)
        device = next(self.network.parameters()).device
        return self.draw(torch.tensor(labels, device=device), seeds).float()

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write config.json and safetensors."""


def _letters(text: str) -> list[str]:
    return [letter for word in text.split() for letter in word]


def _some(names: Sequence[str]) -> str:
    """All of a few names; of many the first and the last."""
    return ", ".join(names if len(names) <= FEW else [*names[:4], "...", *names[-4:]])


def _film(pictures: Sequence[Frame], seconds: Sequence[float], fps: float) -> Iterator[Frame]:
    return faded(zip((enlarged(picture, FILM) for picture in pictures), seconds, strict=True), fps)


def _sheet(pictures: Sequence[Frame], columns: int, labels: Sequence[str] | None) -> Frame:
    return contact_sheet([enlarged(picture, CELL) for picture in pictures], columns, labels)
