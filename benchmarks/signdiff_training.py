"""Training steps of signdiff a second, from cached latents and as diffusers' own script takes them, in one run.

    python benchmarks/signdiff_training.py [BASE]

BASE is what it stands on: a name, a folder or a repository (sd-starter). Both train a ControlNet of two pictures on
frames of How2Sign's twin, written on first use below build/, at 128 x 128 and in batches of 16, in turns. A step of the
zoo's goes through its data module, which draws its conditions, cache, objective and Lightning's trainer, with an
average of the weights and hands weighted: in single precision, then in mixed precision as its spec trains it, and then
with its repeated blocks compiled as well. One of train_controlnet.py is in single precision, that script's default; it
finds its frames and conditions as PNG files, which were written for it, and reads, encodes and tokenises them at every
step. Reading and drawing count; writing the files and encoding once do not.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import torch
from latent_training import BATCH, endless, in_turns
from plain_diffusers import controlnet_step
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import signed_pixels
from datamodules.how2sign.frames import How2SignFrames
from datamodules.kinds.paired_frames import unit_pixels
from datamodules.media.conditions.frame_reinforcement import POSE_ONLY, FRNet
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import read_image
from datamodules.media.skeleton_drawing import write_png
from datamodules.twins import Twin
from lightning_modules.networks.diffusion.latents import token_ids
from lightning_modules.signdiff import SignDiff
from zoo.artefacts.base_model import BaseModel
from zoo.training.log_filters import quiet

ROOT = Path("build") / "signdiff-training"
TWIN = Twin(size=4)
CAPTION = "signer {signer} in the studio"
KINDS = ("frame", "drawing", "reinforced")

VARIANTS: Final[tuple[tuple[Literal["32-true", "bf16-mixed"], bool], ...]] = (
    ("32-true", False),
    ("bf16-mixed", False),
    ("bf16-mixed", True),
)
"""Precision of the zoo's steps, and whether blocks are compiled."""

Item = tuple[list[Image], str]


class Files(Dataset[Item]):
    """Frames, drawings and FR-Net's pictures, each in a file, and captions."""

    def __init__(self, folder: Path, data: How2SignFrames) -> None:
        examples, described = data.examples("train"), data.described("train")
        self.captions = [caption for _, caption, _ in described]
        self.paths = [[folder / f"{number}-{kind}.png" for kind in KINDS] for number in range(len(described))]
        folder.mkdir(parents=True, exist_ok=True)
        for number, paths in enumerate(self.paths):
            if not paths[-1].is_file():
                item = examples[number]
                for path, picture in zip(paths, (item.frame, item.condition, item.further[POSE_ONLY]), strict=True):
                    write_png(path, picture)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Item:
        return [read_image(path) for path in self.paths[index]], self.captions[index]


def collate(items: list[Item]) -> tuple[Tensor, Tensor, list[str]]:
    """Frames in [-1, 1], conditions of six channels in [0, 1], captions."""
    pictures, captions = zip(*items, strict=True)
    frames, drawings, reinforced = zip(*pictures, strict=True)
    return signed_pixels(frames), torch.cat([unit_pixels(drawings), unit_pixels(reinforced)], dim=1), list(captions)


def main(address: str = "sd-starter") -> None:
    quiet()
    data = How2SignFrames(
        str(ROOT / "twin"),
        image_size=128,
        every=4,
        together=1,
        fr_net=FRNet(coloured_hands=True),
        caption=CAPTION,
        batch_size=BATCH,
        twin=TWIN,
    )
    data.prepare_data()
    data.setup("fit")
    base = BaseModel.used(address)
    plain = base.open()
    batches: Iterator[tuple[Tensor, Tensor, list[str]]] = endless(Files(ROOT / "pairs", data), collate)

    def read() -> tuple[Tensor, Tensor, Tensor]:
        frames, conditions, captions = next(batches)
        return frames, token_ids(plain.tokenizer, captions), conditions

    step = controlnet_step(plain, read, "cpu", torch.float32)
    for precision, compiled in VARIANTS:
        module = SignDiff(address, hand_weight=4.0, prompt_drop=0.1, ema_decay=0.999, compiled=compiled)
        module.stand_on(base.open())
        print("compiled" if compiled else "as it is", end=" ", flush=True)
        in_turns(module, data, step, precision)


if __name__ == "__main__":
    main(*sys.argv[1:])
