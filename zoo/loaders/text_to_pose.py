"""Text to pose: what `zoo.load("asl-slp")` returns."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, overload

import numpy as np
import torch
from pose_format import Pose
from safetensors.torch import load_file, save_file

from datamodules.draw import contact_sheet, draw_frames, write_png
from datamodules.formats import write_pose, write_skels
from datamodules.poses import to_joints, to_pose
from datamodules.text import PUNCTUATION, Tokenizer
from datamodules.video import write_video
from lightning_modules.networks.decoding import decode
from lightning_modules.networks.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)

MAX_TOKENS = 1000
"""Longest sentence that is accepted, in words plus spelled letters."""
MAX_FRAMES = 6000
BATCH = 32
SHEET_FRAMES = 30


class TextToPose:
    """A network that turns sentences into SLP-50 poses, with the tokenizer that reads them."""

    task: ClassVar[str] = "text-to-pose"
    verb: ClassVar[str] = "translate"
    preview_text: ClassVar[str] = "Hello, my name is Anna."

    def __init__(self, network: ProgressiveTransformer, tokenizer: Tokenizer, fps: float) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.fps = fps

    @overload
    def translate(self, text: str) -> Pose: ...
    @overload
    def translate(self, text: Sequence[str]) -> list[Pose]: ...
    def translate(self, text: str | Sequence[str]) -> Pose | list[Pose]:
        """A sentence to a pose, or a list of sentences to a list of poses; words outside the vocabulary are spelled.

        Raises ValueError for a text without anything to sign and for one of more than 1,000 tokens.
        """
        if isinstance(text, str):
            return self.translate([text])[0]
        encoded = [self._encode(sentence) for sentence in text]
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
        return cls(module.network, datamodule.tokenizer, datamodule.fps)

    def save(self, folder: Path) -> None:
        """Write config.json, tokens.json and model.safetensors."""
        config = {
            "schema": 1,
            "task": self.task,
            "network": dataclasses.asdict(self.network.config),
            "skeleton": "slp-50",
            "fps": self.fps,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        self.tokenizer.save(folder / "tokens.json")
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        save_file(weights, folder / "model.safetensors")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = json.loads((folder / "config.json").read_text())
        tokenizer = Tokenizer.open(folder / "tokens.json")
        network = ProgressiveTransformer(ProgressiveTransformerConfig(**config["network"]))
        if len(tokenizer) != network.config.vocabulary:
            raise ValueError(
                f"{folder}: tokens.json has {len(tokenizer)} tokens, config.json's network {network.config.vocabulary}"
            )
        weights = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"{folder}/model.safetensors does not fit config.json: {error}") from None
        return cls(network, tokenizer, config["fps"])

    def run(self, text: str, output: Path) -> list[Path]:
        """Translate and write what the suffix of `output` asks for: .pose, .skels, .mp4 or .png (a contact sheet)."""
        writers = {
            ".pose": self._write_pose,
            ".skels": self._write_skels,
            ".mp4": self._write_mp4,
            ".png": self._write_png,
        }
        if output.suffix not in writers:
            raise ValueError(
                f"-o {output}: cannot write {output.suffix or 'a file without suffix'}; use {', '.join(writers)}"
            )
        pose = self.translate(text)
        output.parent.mkdir(parents=True, exist_ok=True)
        writers[output.suffix](pose, text, output)
        return [output]

    def preview(self, folder: Path) -> list[Path]:
        """Write one sentence's video into `folder`, the way a user would see it."""
        return self.run(self.preview_text, folder / "preview.mp4")

    def _write_pose(self, pose: Pose, text: str, output: Path) -> None:
        write_pose(output, pose)

    def _write_skels(self, pose: Pose, text: str, output: Path) -> None:
        write_skels(output, [to_joints(pose)])

    def _write_mp4(self, pose: Pose, text: str, output: Path) -> None:
        joints = to_joints(pose)
        write_video(output, draw_frames(joints, captions=self._captions(text, len(joints))), self.fps)

    def _write_png(self, pose: Pose, text: str, output: Path) -> None:
        joints = to_joints(pose)
        picked = np.linspace(0, len(joints) - 1, min(len(joints), SHEET_FRAMES)).round().astype(int)
        captions = self._captions(text, len(joints))
        frames = list(draw_frames(joints[picked], captions=[captions[index] for index in picked]))
        write_png(output, contact_sheet(np.stack(frames), columns=6))

    def _captions(self, text: str, frames: int) -> list[str]:
        """The sentence once a frame, the word or spelled letter that the frame falls on in brackets."""
        pieces = self.tokenizer.split_words(text)
        durations = self.network.encode(self._encode(text)[None]).durations
        if durations is None:
            return [_highlighted(pieces, -1)] * frames
        ends = durations[0].cumsum(0)
        times = (torch.arange(frames) + 0.5) * ends[-1] / frames
        return [_highlighted(pieces, int(index) - 1) for index in torch.searchsorted(ends, times)]


def _highlighted(words: Sequence[Sequence[str]], token: int) -> str:
    """The words of a sentence with the token at a place in brackets; spelled words in capitals."""
    shown: list[str] = []
    place = 0
    for word in words:
        letters = []
        for piece in word:
            visible = piece.removeprefix("#").upper() if piece.startswith("#") else piece
            letters.append(f"[{visible}]" if place == token else visible)
            place += 1
        joint = "" if word[0] in PUNCTUATION or not shown else " "
        shown.append(joint + "".join(letters))
    return "".join(shown)
