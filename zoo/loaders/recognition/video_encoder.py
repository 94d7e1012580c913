"""Video to embedding: what `zoo.load("vjepa-starter")` returns."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch

from datamodules.features.embedding_files import write_rows
from datamodules.features.vjepa import Encoder
from datamodules.files import write_json
from datamodules.media.resampling import check_rate
from datamodules.media.video import Frame, read_video
from datamodules.media.video_windows import FPS, windows
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.foreign import ENCODER
from zoo.loaders.inputs import given_path
from zoo.loaders.recognition.vjepa_files import VARIED, open_vjepa, save_vjepa
from zoo.loaders.writing import refuse_unwritable

if TYPE_CHECKING:
    from transformers import VJEPA2Model

TRAINED_AT: Final = ("crop_size", "frames_per_clip")
"""Those that change no weight."""


class VideoEncoder:
    """A V-JEPA 2 that turns a video into rows of numbers, one a tubelet, as `python -m zoo data embed` writes them."""

    task: ClassVar[str] = "video-to-embedding"
    architecture: ClassVar[str] = "vjepa2"
    verb: ClassVar[str] = "embed"
    usage: ClassVar[str] = """\
from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.frames import render

signer = Signer()
frames = render(perform(["HELLO"], signer).joints, signer.look)  # or the path of a video
print(model.embed(frames).shape)  # rows (T, D) float32
"""
    native: ClassVar[str] = """\
import torch
from transformers import VJEPA2Model

encoder = VJEPA2Model.from_pretrained("ADDRESS", subfolder="encoder", dtype=torch.float32)
size = encoder.config.crop_size
frames = torch.zeros(1, encoder.config.frames_per_clip, 3, size, size)  # 16 a second, standardised as ImageNet's
with torch.no_grad():
    tokens = encoder(frames, skip_predictor=True).last_hidden_state
"""
    library: ClassVar[str] = "transformers"
    base_model: None = None

    def __init__(self, network: "VJEPA2Model", signed: str | None) -> None:
        self.network = network.eval()
        self.encoder = Encoder(network)
        self.accepts, self.gives = Signal("video", language=signed), Signal("embedding")

    def embed(
        self, video: str | os.PathLike[str] | npt.NDArray[np.uint8], fps: float = 25.0
    ) -> npt.NDArray[np.float32]:
        """Rows (T, D) of a video, one a tubelet.

        Args:
            video: a file's path, or uint8 RGB frames (T, H, W, 3).
            fps: of the frames; a file knows its own.

        Raises:
            ValueError: frames of another shape or type, or a file that is no video.
            FileNotFoundError: no such file.
        """
        if isinstance(video, str | os.PathLike):
            return self._rows(*read_video(video))
        shape: tuple[int, ...] = getattr(video, "shape", ())
        kind = getattr(video, "dtype", type(video).__name__)
        if kind != np.uint8 or len(shape) != 4 or shape[-1] != 3 or 0 in shape:
            found = f"{kind} of shape {tuple(shape)}" if shape else kind
            raise ValueError(f"found {found}, expected uint8 RGB frames (T, H, W, 3), or the path of a video")
        check_rate(fps)
        return self._rows(iter(video), fps)

    @torch.inference_mode()
    def _rows(self, frames: Iterator[Frame], fps: float) -> npt.NDArray[np.float32]:
        config, device = self.network.config, next(self.network.parameters()).device
        rows = []
        for views, real in windows(frames, fps, config.frames_per_clip, config.crop_size):
            found = self.encoder.to(device)(torch.from_numpy(views[:1]).to(device))
            rows.append(found[0, : -(-real // config.tubelet_size)].cpu())
        embedding: npt.NDArray[np.float32] = torch.cat(rows).numpy()
        return embedding

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `VJEPAStarter` and its data."""
        return cls(module.network, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """All of the network, whatever the size of the pictures and the length of a window."""
        settings = {name: getattr(self.network.config, name) for name in VARIED if name not in TRAINED_AT}
        return Inheritance("names", (), (), settings)

    def save(self, folder: Path) -> None:
        """Write config.json, and encoder/ as transformers has it."""
        save_vjepa(self.network, folder / ENCODER)
        write_config(folder, self, fps=FPS)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        from transformers import VJEPA2Model

        config = read_config(folder)
        if config["fps"] != FPS:
            raise ValueError(f"{folder / 'config.json'}: fps is {config['fps']!r}, expected {FPS:g}")
        return cls(open_vjepa(folder / ENCODER, VJEPA2Model), config["accepts"].get("language"))

    @staticmethod
    def open_plain(folder: Path) -> "VJEPA2Model":
        """The network of a folder that transformers saved, in one file or several. Raises ValueError."""
        network: VJEPA2Model = Encoder.open(folder).network
        return network

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Rows of a window of noise."""
        size, length = self.network.config.crop_size, self.network.config.frames_per_clip
        noise = np.random.default_rng(0).integers(0, 256, (length, size, size, 3), np.uint8)
        return {"rows": self.embed(noise, FPS)}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Embed the video at the path `text` and write it to each of `outputs`: .npy, rows (T, D) float32.

        Raises ValueError for a path that cannot be written, before it decodes.
        """
        refuse_unwritable(outputs, (".npy",))
        rows = self.embed(given_path(text, "the path of a video"))
        for output in outputs:
            write_rows(output, rows)
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write the rows of the first dev clip into `folder`."""
        sample = datamodule.samples["dev"][0]
        write_json(folder / "preview.json", {"video": sample.name, "rows": self.embed(sample.files[0]).tolist()})
        return [folder / "preview.json"]
