"""Pose to text: what `zoo.load("back-translation")` returns."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self, overload

import numpy as np
import numpy.typing as npt
import torch
from pose_format import Pose
from torch import Tensor

from datamodules.avatar import perform
from datamodules.files import write_json, write_text
from datamodules.poses.formats.pose import FASTEST
from datamodules.poses.motions import filled, read_motions, resample, slp_joints
from datamodules.poses.sequences import FRAME_SHAPE, Joints
from datamodules.text import Tokenizer
from lightning_modules.networks.text_to_pose.pose_to_text import START, PoseToTextConfig, PoseToTextTransformer, read
from zoo.io_types import Signal
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.inputs import given_path, is_number
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.loaders.writing import refuse_unwritable

MAX_FRAMES: Final = 3000
"""Longest motion that is accepted, at training's frame rate."""
BATCH: Final = 32


class PoseToText:
    """A network that reads poses, with the tokenizer that writes its words and the frame rate of training."""

    task: ClassVar[str] = "pose-to-text"
    architecture: ClassVar[str] = "pose-transformer"
    verb: ClassVar[str] = "read"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform

pose = perform(["YOUR", "NAME", "WHAT"]).pose  # or a pose of your own: SLP-50, OpenPose or Holistic
print(model.read(pose))
"""
    base_model: None = None

    def __init__(
        self,
        network: PoseToTextTransformer,
        tokenizer: Tokenizer,
        fps: float,
        spoken: str | None,
        signed: str | None,
    ) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.fps = fps
        self.accepts = Signal("pose", language=signed, skeleton="slp-50", normalisation="slp")
        self.gives = Signal("text", language=spoken)

    @overload
    def read(self, pose: Pose) -> str: ...
    @overload
    def read(self, pose: Sequence[Pose]) -> list[str]: ...  # type: ignore[overload-cannot-match]  # Pose is untyped
    def read(self, pose: Pose | Sequence[Pose]) -> str | list[str]:
        """What a pose says, or what each of a list of poses says: one sentence each, lower-case.

        Layouts are SLP-50, OpenPose, which is lifted to 3D, MediaPipe Holistic, and parts of these; frame rates are
        any. Joints that are absent are filled in from the frames around, or rest where they usually do.

        Raises ValueError for anything but poses, and for one without shoulders or hands or of more than 3,000 frames.
        """
        if isinstance(pose, Pose):
            return self._texts([self._of_pose(pose)])[0]
        if not isinstance(pose, list | tuple) or not all(isinstance(one, Pose) for one in pose):
            raise ValueError(f"found {type(pose).__name__}, expected a pose_format.Pose or a list of them")
        return self._texts([self._of_pose(one) for one in pose])

    def read_joints(self, motions: Sequence[Joints], fps: float) -> list[str]:
        """What each motion (T, 50, 3) in SLP units at `fps` frames a second says; NaN joints are absent.

        Raises ValueError as `read`, for motions of another shape and for a rate that is none.
        """
        return self._texts(self._all_prepared(motions, fps))

    def features(self, motions: Sequence[Joints], fps: float) -> npt.NDArray[np.float32]:
        """What the encoder makes of each motion, averaged over time: (N, D), for distances between sets of motions.

        Raises ValueError as `read_joints`.
        """
        found = self._each(self._all_prepared(motions, fps), self.network.features)
        rows = [row.float().cpu().numpy() for row in found]
        return np.array(rows, np.float32).reshape(-1, self.network.config.width)

    def _of_pose(self, pose: Pose) -> Joints:
        return self._prepared(slp_joints(pose), float(pose.body.fps))

    def _texts(self, motions: Sequence[Joints]) -> list[str]:
        return [self.tokenizer.decode(ids) for ids in self._each(motions, lambda *batch: read(self.network, *batch))]

    @torch.inference_mode()
    def _each(self, motions: Sequence[Joints], call: Callable[[Tensor, Tensor], Iterable[Any]]) -> list[Any]:
        """What `call` makes of each motion, the network's way: joints and lengths, those of like lengths at once."""
        device = self.network.pose.mean.device
        found: dict[int, Any] = {}
        order = sorted(range(len(motions)), key=lambda index: len(motions[index]))
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            joints = [torch.from_numpy(np.array(motions[index], np.float32)) for index in chunk]
            lengths = torch.tensor([len(motion) for motion in joints], device=device)
            padded = torch.nn.utils.rnn.pad_sequence(joints, batch_first=True).to(device)
            found.update(zip(chunk, call(padded, lengths), strict=True))
        return [found[index] for index in range(len(motions))]

    def _all_prepared(self, motions: Sequence[Joints], fps: float) -> list[Joints]:
        if not isinstance(motions, list | tuple | np.ndarray):
            raise ValueError(f"found {type(motions).__name__}, expected a list of motions (T, 50, 3)")
        return [self._prepared(motion, fps) for motion in motions]

    def _prepared(self, joints: Joints, fps: float) -> Joints:
        """A motion as those of training are: without gaps, at their rate."""
        if not isinstance(joints, np.ndarray) or joints.dtype.kind not in "fiu":
            kind = getattr(joints, "dtype", type(joints).__name__)
            raise ValueError(f"found {kind}, expected joints (T, 50, 3), an array of numbers")
        if joints.ndim != 3 or joints.shape[1:] != FRAME_SHAPE or not len(joints):
            raise ValueError(f"found joints of shape {joints.shape}, expected (T, 50, 3) with T >= 1")
        if not is_number(fps) or not 0 < fps <= FASTEST:
            found = f"{fps:g}" if is_number(fps) else repr(fps)
            raise ValueError(f"found {found} frames a second, expected more than 0, up to {FASTEST}")
        frames = len(joints) * self.fps / fps
        if frames > MAX_FRAMES:
            raise ValueError(
                f"a motion of {len(joints) / fps:.0f} seconds: at most {MAX_FRAMES / self.fps:.0f} at once; "
                "read it sentence by sentence"
            )
        if not np.isfinite(joints).all(-1).any():
            raise ValueError("no joint is seen in any frame, so there is nothing to read")
        rest = self.network.pose.invert(torch.zeros_like(self.network.pose.mean)).float().cpu().numpy()
        return resample(filled(np.asarray(joints, np.float32), rest), fps, self.fps)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `BackTranslation` and its data."""
        return cls(module.network, module.tokenizer, datamodule.fps, *datamodule.languages)

    def inheritance(self) -> Inheritance:
        """Words and letters by their embeddings and by their scores."""
        rows = ("embedding.weight", "output.weight", "output.bias")
        return Inheritance("tokens", self.tokenizer.tokens, rows, sizes_of(self.network, ("vocabulary", "dropout")))

    def save(self, folder: Path) -> None:
        """Write config.json, tokens.json and model.safetensors."""
        save_network(folder, self, fps=self.fps)
        self.tokenizer.save(folder / "tokens.json")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        tokenizer, fps = Tokenizer.open(folder / "tokens.json"), config["fps"]
        if not isinstance(fps, int | float) or not 0 < fps <= FASTEST:
            raise ValueError(f"{folder / 'config.json'}: fps is {fps!r}, expected a number up to {FASTEST}")
        network = open_network(folder, lambda: PoseToTextTransformer(PoseToTextConfig(**config["network"])))
        if len(tokenizer) != network.config.vocabulary:
            raise ValueError(
                f"{folder}: tokens.json has {len(tokenizer)} tokens, config.json's network {network.config.vocabulary}"
            )
        accepts, gives = Signal.read(config["accepts"]), Signal.read(config["gives"])
        return cls(network, tokenizer, fps, gives.language, accepts.language)

    @torch.inference_mode()
    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Of the avatar's HELLO, what the encoder makes of it and the scores of its first word."""
        joints = self._prepared(perform(["HELLO"]).joints, 25.0)
        device = self.network.pose.mean.device
        batch = torch.from_numpy(joints)[None].to(device), torch.tensor([len(joints)], device=device)
        start = torch.tensor([[START]], device=device)
        found = {"features": self.network.features(*batch), "scores": self.network(*batch, start)}
        return {name: value.float().cpu().numpy() for name, value in found.items()}

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Read the .pose file, the .skels file or the folder of OpenPose JSON at the path `text` and write each of
        `outputs`: .txt, a line a motion, or .json. Each sequence of a .skels file is a motion.

        Raises ValueError for a path that cannot be written, before it reads.
        """
        refuse_unwritable(outputs, (".txt", ".json"))
        path = given_path(text, "the path of a .pose or .skels file or of a folder of OpenPose JSON")
        found = self._texts(list(self._of_file(Path(path))))
        for output in outputs:
            if output.suffix.lower() == ".txt":
                output.parent.mkdir(parents=True, exist_ok=True)
                write_text(output, "".join(f"{line}\n" for line in found))
            else:
                write_json(output, {"pose": path, "texts": found})
        return list(outputs)

    def _of_file(self, path: Path) -> Iterator[Joints]:
        for joints, fps in read_motions(path):
            try:
                yield self._prepared(joints, fps)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write what the first dev sentence says, and what is read, into `folder`."""
        example = datamodule.examples["dev"][0]
        read = self.read_joints([example.joints], datamodule.fps)[0]
        write_json(folder / "preview.json", {"text": example.text, "read": read})
        return [folder / "preview.json"]
