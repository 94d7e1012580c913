"""Text to pose: what `zoo.load("asl-slp")` returns."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, overload

import numpy as np
import numpy.typing as npt
import torch
from pose_format import Pose

from datamodules.poses.conversion import to_joints, to_pose
from datamodules.text import PUNCTUATION, UNKNOWN, Tokenizer
from datamodules.text_repair import remarks
from lightning_modules.networks.text_to_pose.decoding import decode
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.inputs import given_text
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.loaders.writing import refuse_unwritable, write


def captions(words: Sequence[Sequence[str]], durations: npt.NDArray[np.floating] | None, frames: int) -> list[str]:
    """One caption a frame.

    words: the tokens of each word, as `Tokenizer.split_words` gives them.
    durations: of every token with the start and end token around them, in any unit; they are stretched over the
        frames. None, for a network that knows none, puts no bracket anywhere.
    """
    if durations is None:
        return [highlighted(words, None)] * frames
    ends = np.cumsum(durations)
    times = (np.arange(frames) + 0.5) * ends[-1] / frames
    return [highlighted(words, int(index) - 1) for index in np.searchsorted(ends, times)]


def highlighted(words: Sequence[Sequence[str]], token: int | None) -> str:
    """The words of a sentence with one token in brackets; spelled words in capitals, unknown characters as `?`."""
    shown: list[str] = []
    place = 0
    for word in words:
        letters = []
        for piece in word:
            visible = piece.removeprefix("#").upper() if piece.startswith("#") else piece
            visible = "?" if piece == UNKNOWN else visible
            letters.append(f"[{visible}]" if place == token else visible)
            place += 1
        joint = "" if word[0] in PUNCTUATION or not shown else " "
        shown.append(joint + "".join(letters))
    return "".join(shown)


MAX_TOKENS = 1000
"""Longest sentence that is accepted, in words plus spelled letters."""
MAX_FRAMES = 6000
BATCH = 32


class TextToPose:
    """A network that turns sentences into SLP-50 poses, with the tokenizer that reads them."""

    task: ClassVar[str] = "text-to-pose"
    architecture: ClassVar[str] = "progressive-transformer"
    verb: ClassVar[str] = "translate"
    usage: ClassVar[str] = """\
pose = model.translate("What is your name?")  # pose_format.Pose
with open("name.pose", "wb") as file:
    pose.write(file)
"""
    base_model: None = None

    def __init__(
        self, network: ProgressiveTransformer, tokenizer: Tokenizer, fps: float, spoken: str | None, signed: str | None
    ) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.fps = fps
        self.accepts = Signal("text", language=spoken)
        self.gives = Signal("pose", language=signed, skeleton="slp-50", normalisation="slp", fps=fps)

    @overload
    def translate(self, text: str) -> Pose: ...
    @overload
    def translate(self, text: Sequence[str]) -> list[Pose]: ...
    def translate(self, text: str | Sequence[str]) -> Pose | list[Pose]:
        """A sentence to a pose, or a list of sentences to a list of poses; words outside the vocabulary are spelled.

        A character that no sign or letter stands for is named on stderr. Raises ValueError for a text without anything
        to sign and for one of more than 1,000 tokens.
        """
        if isinstance(text, str):
            return self.translate([text])[0]
        if not isinstance(text, list | tuple) or not all(isinstance(sentence, str) for sentence in text):
            raise ValueError(f"found {type(text).__name__}, expected a text or a list of texts")
        encoded = [self._encode(sentence) for sentence in text]
        for _, _, remark in remarks(text):
            print(f"zoo: {remark}", file=sys.stderr)
        if unknown := dict.fromkeys(character for sentence in text for character in self.tokenizer.unknown(sentence)):
            print(f"zoo: no letter is known for {' '.join(unknown)}; its place says nothing", file=sys.stderr)
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        poses: dict[int, Pose] = {}
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            tokens = torch.nn.utils.rnn.pad_sequence([encoded[index] for index in chunk], batch_first=True)
            sequences = decode(self.network, tokens.to(self.network.features.mean.device), MAX_FRAMES)
            for index, joints in zip(chunk, sequences, strict=True):
                poses[index] = to_pose(joints.float().cpu().numpy(), self.fps)
        return [poses[index] for index in range(len(encoded))]

    def _encode(self, text: str) -> torch.Tensor:
        tokens = self.tokenizer.encode(text)
        if len(tokens) > MAX_TOKENS:
            raise ValueError(
                f"text of {len(tokens)} tokens starting {text[:40]!r}: at most {MAX_TOKENS} at once; "
                "translate it sentence by sentence"
            )
        return torch.tensor(tokens)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `ASLSLP` and its data."""
        return cls(module.network, datamodule.tokenizer, datamodule.fps, *datamodule.languages)

    def inheritance(self) -> Inheritance:
        """Words and letters by their embeddings; how many frames are predicted at once is up to the last layer."""
        free = ("vocabulary", "dropout", "future_prediction", "just_counter")
        return Inheritance("tokens", self.tokenizer.tokens, ("embedding.weight",), sizes_of(self.network, free))

    def save(self, folder: Path) -> None:
        """Write config.json, tokens.json and model.safetensors."""
        save_network(folder, self)
        self.tokenizer.save(folder / "tokens.json")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        tokenizer = Tokenizer.open(folder / "tokens.json")
        network = open_network(
            folder, lambda: ProgressiveTransformer(ProgressiveTransformerConfig(**config["network"]))
        )
        if len(tokenizer) != network.config.vocabulary:
            raise ValueError(
                f"{folder}: tokens.json has {len(tokenizer)} tokens, config.json's network {network.config.vocabulary}"
            )
        accepts, gives = Signal.read(config["accepts"]), Signal.read(config["gives"])
        return cls(network, tokenizer, config["gives"]["fps"], accepts.language, gives.language)

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """The joints of a word that every vocabulary can sign or spell."""
        return {"joints": to_joints(self.translate("hello"))}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Translate and write each of `outputs`: .pose, .skels, .mp4 or .png (a contact sheet).

        Raises ValueError for a path that cannot be written, before it translates.
        """
        refuse_unwritable(outputs)
        pose = self.translate(given_text(text))
        shown = captions(self.tokenizer.split_words(text), self._durations(text), len(pose.body.data))
        for output in outputs:
            write(pose, shown, output)
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write the video of the first dev sentence into `folder`, the way a user would see it."""
        return self.run(datamodule.examples["dev"][0].text, [folder / "preview.mp4"])

    @torch.inference_mode()
    def _durations(self, text: str) -> npt.NDArray[np.float32] | None:
        tokens = self._encode(text)[None].to(self.network.features.mean.device)
        durations = self.network.encode(tokens).durations
        return None if durations is None else durations[0].float().cpu().numpy()
