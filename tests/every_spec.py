"""How each shipped spec is trained within seconds and its verb called, for the tests that run over all of them.

A new spec needs a line in TINY, a new task one in CALLS.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.avatar.signer import Signer
from datamodules.files import locked, replacing
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.skeleton_drawing import draw_frames, write_png
from datamodules.media.skeleton_frames import draw_skeletons
from datamodules.media.video import write_video
from datamodules.poses.formats import write_pose

TEXT_TO_POSE = ("--model.width=16", "--model.heads=2", "--model.feedforward=16", "--data.twin.size=30")
LETTERS = ("--data.image_size=32", "--data.batch_size=16", "--data.twin.size=87")
VAE = ("--model.width=4", "--model.latent=4")
STUDIO = ("--data.image_size=32", "--data.batch_size=16", "--data.twin.size=24", "--data.twin.signers=1")
GAN = (*VAE, "--model.critic_width=4")

TINY: dict[str, tuple[str, ...]] = {
    "asl-slp": (*TEXT_TO_POSE, "--data.batch_size=4"),
    "asl-slp-phoenix14t": (*TEXT_TO_POSE, "--data.batch_size=4"),
    "back-translation": (
        "--model.width=16",
        "--model.heads=2",
        "--model.feedforward=16",
        "--data.batch_size=4",
        "--data.twin.size=30",
    ),
    **{
        f"first-experiments/{data}-{model}": (*sizes, "--data.batch_size=16", "--data.twin.size=60")
        for data in ("cifar10", "mnist")
        for model, sizes in (("gan", GAN), ("vae", VAE))
    },
    "gloss-classifier": (
        "--model.hidden=8",
        "--data.batch_size=4",
        "--data.twin.size=16",
        "--data.twin.signers=3",
    ),
    "gloss-landmarks": (
        "--model.width=16",
        "--model.stages=1",
        "--model.heads=2",
        "--data.twin.size=16",
        "--data.twin.signers=8",
        "--data.batch_size=4",
    ),
    "gloss-probe": (
        "--model.learning_rates=[0.001]",
        "--data.image_size=16",
        "--data.frames=4",
        "--data.batch_size=4",
        "--data.twin.size=16",
        "--data.twin.signers=3",
    ),
    "letter-ddpm": (
        "--model.channels=[8,8]",
        "--model.groups=4",
        "--model.attention=[]",
        "--model.steps=2",
        "--data.image_size=16",
        "--data.batch_size=16",
        "--data.twin.size=87",
    ),
    "letter-gan": (*GAN, *LETTERS),
    "letter-judge": ("--model.width=4", "--data.image_size=32", "--data.batch_size=16", "--data.twin.size=87"),
    "letter-vae": (*VAE, *LETTERS),
    "sd-starter": (
        "--model.channels=[32,32]",
        "--model.attention=[0]",
        "--model.heads=2",
        "--model.text_width=8",
        "--model.text_layers=1",
        "--model.steps=2",
        *STUDIO,
    ),
    "sd-starter-decoder": STUDIO,
    "sd-starter-vae": ("--model.channels=[8,8,8]", *STUDIO),
    "signdiff": (
        "--model.steps=2",
        "--data.image_size=32",
        "--data.every=20",
        "--data.batch_size=4",
        "--data.twin.size=3",
        "--data.twin.signers=2",
    ),
    "signdiff-fast": (
        "--model.steps=2",
        "--data.image_size=32",
        "--data.every=20",
        "--data.batch_size=4",
        "--data.twin.size=3",
        "--data.twin.signers=2",
    ),
    "skeleton-judge": ("--model.width=4", "--data.image_size=32", "--data.batch_size=16", "--data.twin.size=3"),
    "skeleton-lora": (
        "--model.rank=4",
        "--model.alpha=2",
        "--model.steps=2",
        "--data.image_size=32",
        "--data.batch_size=8",
        "--data.twin.size=3",
    ),
    "vjepa-starter": (
        "--model.patch=8",
        "--model.width=16",
        "--model.layers=1",
        "--model.heads=2",
        "--model.predictor_width=16",
        "--model.predictor_layers=1",
        "--data.frames=8",
        "--data.image_size=32",
        "--data.batch_size=2",
        "--data.twin.size=16",
        "--data.twin.signers=3",
    ),
    "pix2pix": (
        "--model.width=4",
        "--model.depth=4",
        "--model.discriminator_width=4",
        "--data.image_size=32",
        "--data.batch_size=8",
        "--data.twin.size=64",
    ),
}
"""Overrides of a starter that make it as small as its code allows."""


def starter(name: str, root: Path) -> list[str]:
    """The command line of a tiny starter of a spec; its twin goes to `root`, and beside it what it stands on."""
    made = [f"--{argument}={_made(root, argument, make)}" for argument, make in STANDS_ON.get(name, {}).items()]
    return ["--starter", *TINY[name], *made, f"--data.root={root}", "--trainer.max_epochs=2"]


def _made(root: Path, argument: str, make: Callable[[Path], object]) -> Path:
    folder = root.with_name(f"{root.name}-{argument.rpartition('.')[2]}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            with replacing(folder) as part:
                make(part)
    return folder


def _stable_diffusion(folder: Path) -> None:
    from tiny_diffusion import tiny_pipeline

    tiny_pipeline().save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


def _autoencoder(folder: Path) -> None:
    from lightning_modules.networks.diffusion.autoencoder import autoencoder
    from zoo.loaders.diffusion.autoencoder import Autoencoder

    Autoencoder(autoencoder(32, (8, 8, 8), layers=1, groups=8)).save(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


def _signdiff(folder: Path) -> None:
    from tiny_diffusion import tiny_renderer

    with TemporaryDirectory() as base:
        _stable_diffusion(Path(base))
        tiny_renderer(folder=Path(base), fr_net=FRNet(coloured_hands=True)).save(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


def _encoder(folder: Path) -> None:
    from tiny_encoder import tiny_encoder

    from zoo.loaders.recognition.video_encoder import VideoEncoder

    VideoEncoder(tiny_encoder(), "ase").save(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")


STANDS_ON: dict[str, dict[str, Callable[[Path], object]]] = {
    "gloss-classifier": {"data.encoder": _encoder},
    "gloss-probe": {"model.encoder": _encoder},
    "sd-starter": {"model.autoencoder": _autoencoder},
    "sd-starter-decoder": {"model.autoencoder": _autoencoder},
    "signdiff": {"model.base": _stable_diffusion},
    "signdiff-fast": {"model.teacher": _signdiff},
    "skeleton-lora": {"model.base": _stable_diffusion},
}
"""By the argument of the module or the data that names it, what makes a tiny one of what a spec's module stands on."""


def ended_from(stop: tuple[int, int]) -> Callable[..., None]:
    """What `LastCheckpoint._save` is replaced by to end a training, as Ctrl-C does, after its first checkpoint from an
    epoch and batch on."""
    from zoo.training.resuming import LastCheckpoint

    save = LastCheckpoint._save

    def saved(callback: LastCheckpoint, trainer: Any) -> None:
        save(callback, trainer)
        if (trainer.current_epoch, trainer.fit_loop.batch_idx) >= stop:
            raise KeyboardInterrupt

    return saved


def _sentence(folder: Path) -> str:
    return "hello"


def _pose(folder: Path) -> str:
    write_pose(folder / "hello.pose", perform(["HELLO"]).pose)
    return str(folder / "hello.pose")


def _video(folder: Path) -> str:
    write_video(folder / "hello.mp4", draw_frames(perform(["HELLO"]).joints, 64), 25)
    return str(folder / "hello.mp4")


def _letter(folder: Path) -> str:
    write_png(folder / "a.png", letter_frame("A", np.random.default_rng(0)))
    return str(folder / "a.png")


def _skeleton(folder: Path) -> str:
    write_png(folder / "hello.png", next(draw_skeletons(perform(["HELLO"]).pose)))
    return str(folder / "hello.png")


def _picture(folder: Path) -> str:
    write_png(folder / "signer.png", render(perform(["HELLO"]).joints[:1], Signer().look, 64)[0])
    return str(folder / "signer.png")


CALLS: dict[str, tuple[Callable[[Path], str], str]] = {
    "text-to-pose": (_sentence, ".pose"),
    "pose-to-text": (_pose, ".json"),
    "pose-to-video": (_pose, ".mp4"),
    "image-to-letter": (_letter, ".json"),
    "image-to-gloss": (_skeleton, ".json"),
    "image-to-image": (_picture, ".png"),
    "letter-to-image": (_sentence, ".mp4"),
    "text-to-image": (_sentence, ".png"),
    "video-to-embedding": (_video, ".npy"),
    "video-to-gloss": (_video, ".json"),
    "landmark-transformer": (_pose, ".json"),
}
"""Task, or architecture where one differs, to what makes an input of its verb in a folder, and the suffix of an output;
MediaPipe, which a reader of landmarks asks about a video, is not everywhere."""
