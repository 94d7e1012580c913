"""Pose to video: what `zoo.load("pix2pix")` returns."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from pose_format import Pose

from datamodules.avatar import perform
from datamodules.media.framing import RWTH_BOSTON50, RWTH_BOSTON50_WHOLE, Framing
from datamodules.media.images import stack
from datamodules.media.video import Frame
from datamodules.poses.motions import slp_joints
from datamodules.poses.sequences import Joints
from lightning_modules.networks.rendering.pix2pix import UNetConfig, UNetGenerator
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.rendering.drawings import PREVIEWED, Frames, framed, write_preview
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.loaders.writing import film

BATCH: Final = 16


class PoseToVideo:
    """A network that turns OpenPose drawings into frames, with the size and the framing of those it was trained on."""

    task: ClassVar[str] = "pose-to-video"
    architecture: ClassVar[str] = "pix2pix"
    verb: ClassVar[str] = "render"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform
from datamodules.media.video import write_video

pose = perform(["HELLO"]).pose  # or a pose of your own: SLP-50, OpenPose or Holistic
frames = model.render(pose)  # uint8 RGB (T, H, W, 3)
write_video("hello.mp4", frames, pose.body.fps)
"""
    base_model: None = None
    accepts = Signal("pose", skeleton="slp-50", normalisation="slp")

    def __init__(self, network: UNetGenerator, size: int, framing: Framing) -> None:
        self.network = network.eval()
        self.size, self.framing = size, framing
        self.gives = Signal("video", size=size)

    def render(self, pose: Pose) -> Frames:
        """Frames (T, S, S, 3) uint8 RGB of a signer who does what a pose does; see `stream` for long ones.

        A pose of any layout is rendered by its SLP-50 joints (`datamodules.poses.motions.slp_joints`). These have no
        eyes, ears, face, hips or legs; where the drawings in training have them, they are placed as a signer of the
        same posture has them. The same pose always gives the same frames: dropout is off.

        Raises ValueError for anything but a pose, and for one without shoulders or hands.
        """
        return np.stack(list(self.stream(pose)))

    def stream(self, pose: Pose) -> Iterator[Frame]:
        """The frames of `render` one by one. Raises ValueError as it does, before the first."""
        return self._stream(slp_joints(pose))

    def draw(self, joints: Joints) -> Frames:
        """The network's conditions (T, S, S, 3) uint8 RGB for joints (T, 50, 3) in SLP units: OpenPose drawings as in
        the training pairs. NaN joints are left out, with the limbs that end in them."""
        return framed(joints, self.framing, self.size)

    @torch.inference_mode()
    def paint(self, drawings: Frames) -> Frames:
        """Frames (N, S, S, 3) uint8 RGB for drawings of the same shape and type."""
        device = next(self.network.parameters()).device
        conditions = torch.from_numpy(stack(list(drawings))).to(device).float() / 127.5 - 1
        pixels = ((self.network(conditions).float() + 1) * 127.5).round().clamp(0, 255).byte()
        return np.ascontiguousarray(pixels.cpu().numpy().transpose(0, 2, 3, 1))

    def _stream(self, joints: Joints) -> Iterator[Frame]:
        for start in range(0, len(joints), BATCH):
            yield from self.paint(self.draw(joints[start : start + BATCH]))

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `Pix2Pix` and its data."""
        return cls(module.network, datamodule.image_size, datamodule.framing)

    def inheritance(self) -> Inheritance:
        """All of the generator, whatever the size of the pictures."""
        return Inheritance("names", (), (), sizes_of(self.network, ("dropout",)))

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors: the generator, not the discriminator."""
        save_network(folder, self, size=self.size, framing=asdict(self.framing))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        network = open_network(folder, lambda: UNetGenerator(UNetConfig(**config["network"])))
        if "framing" not in config:  # of before another data set than RWTH-BOSTON-50 could be trained on
            return cls(network, config["size"], RWTH_BOSTON50 if config["crop"] else RWTH_BOSTON50_WHOLE)
        return cls(network, config["size"], Framing(**config["framing"]))

    def probe(self) -> dict[str, Frames]:
        """Four frames of the avatar's HELLO."""
        return {"frames": self.paint(self.draw(perform(["HELLO"]).joints[:40:10]))}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Render the .pose or .skels file or the folder of OpenPose JSON at the path `text`; see `film`."""
        return film(text, outputs, self._stream)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of the first dev pairs into `folder`: drawing, what the network makes of it, frame."""
        dev = datamodule.examples("dev")
        pairs = [dev[index] for index in range(min(len(dev), PREVIEWED))]
        drawings = [pair.condition for pair in pairs]
        return write_preview(folder, drawings, self.paint(np.stack(drawings)), [pair.frame for pair in pairs])
