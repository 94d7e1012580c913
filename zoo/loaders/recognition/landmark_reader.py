"""Landmarks to gloss: what `zoo.load("gloss-landmarks")` returns."""

import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from pose_format import Pose

from datamodules.features.bundles import HAND, POSE, find_bundle
from datamodules.features.landmarks import Landmarker, holistic_pose
from datamodules.features.signing_points import HANDS, POINTS, RATE, WRISTS, Points, has_hands, signing_points
from datamodules.media.video import Frame, check_frame
from datamodules.poses.formats import read_pose
from lightning_modules.networks.recognition.landmark_transformer import LandmarkTransformer, LandmarkTransformerConfig
from zoo.loaders.base import OPENING, Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.exportable import Input, Part, Probabilities, lengths_input
from zoo.loaders.inputs import given_path
from zoo.loaders.recognition.gloss_reader import GlossReader, Guess, write_ranking
from zoo.loaders.recognition.sightings import Judgement
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.loaders.writing import refuse_unwritable

Landmarks = npt.NDArray[np.float32]

RESTING: Final = 1.1
"""Shoulder widths below the shoulders from which on a hand is at rest, in the lap or at the side."""


class LandmarkReader(GlossReader[tuple[Landmarks, int, int]]):
    """A landmark transformer with its glosses, and MediaPipe, which finds the landmarks of a video.

    An observation is the landmarks (108, 4) of a frame with its width and height. MediaPipe and its bundles are opened
    when the first video comes; poses need neither.
    """

    task: ClassVar[str] = "video-to-gloss"
    architecture: ClassVar[str] = "landmark-transformer"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform

pose = perform(["HELLO"]).pose  # or the path of a video or of a .pose file, or frames: MediaPipe finds their landmarks
print(model.predict(pose)[:3])  # the likeliest glosses first, each with its probability
"""
    base_model = None
    rate = RATE

    def __init__(self, network: LandmarkTransformer, glosses: Sequence[str], signed: str | None) -> None:
        super().__init__(glosses, signed)
        self.network = network.eval()
        self._landmarker: Landmarker | None = None

    def predict(self, video: str | os.PathLike[str] | npt.NDArray[np.uint8] | Pose, fps: float = 25.0) -> list[Guess]:
        """Every gloss, the likeliest first, for a video or a pose of one sign.

        Args:
            video: the path of a video or of a .pose file, uint8 RGB frames (T, H, W, 3), or a pose of any layout that
                has shoulders and hands.
            fps: of the frames; files and poses know their own.

        Raises:
            ValueError: what is none of these, a video without a signer, or MediaPipe or one of its bundles is missing.
            FileNotFoundError: no such file.
        """
        if isinstance(video, str | os.PathLike) and _is_pose(video):
            return self.rank(self.weigh(_points_of(video)).probabilities)
        if isinstance(video, Pose):
            return self.rank(self.weigh(signing_points(video)).probabilities)
        return super().predict(video, fps)

    def observe(self, frame: Frame) -> tuple[Landmarks, int, int]:
        check_frame(frame)
        return self.landmarker(frame), frame.shape[1], frame.shape[0]

    def judge(self, observations: Iterable[tuple[Landmarks, int, int]]) -> Judgement:
        seen = list(observations)  # what goes wrong on the way to them is another matter
        try:
            points = _located(seen)
        except ValueError as error:
            raise ValueError(f"MediaPipe finds no signer: {error}") from None
        return self.weigh(points)

    def resting(self, observations: Sequence[tuple[Landmarks, int, int]]) -> npt.NDArray[np.bool_]:
        try:
            points = _located(observations)
        except ValueError:  # nobody is there
            return np.ones(len(observations), bool)
        raised = np.zeros(len(points), bool)
        for hand, wrist in zip(HANDS, WRISTS, strict=True):
            place = np.where(points[:, hand.start, 2:] > 0, points[:, hand.start], points[:, wrist])
            raised |= (place[:, 2] > 0) & (place[:, 1] < RESTING)
        return ~raised if has_hands(points) else np.ones_like(raised)  # a body alone is often guessed

    @torch.inference_mode()
    def weigh(self, points: Points) -> Judgement:
        """How likely each gloss is for the points (T, 49, 3) of a clip of one sign; see `signing_points`."""
        device = self.network.head.weight.device
        lengths = torch.tensor([len(points)], device=device)
        logits, weights = self.network.explained(torch.from_numpy(points[None]).to(device), lengths)
        return Judgement(logits[0].float().softmax(-1).cpu().numpy(), weights[0].cpu().numpy())

    @property
    def landmarker(self) -> Landmarker:
        """MediaPipe, opened when it is first needed. Raises ValueError where it or a bundle is missing."""
        if self._landmarker is None:
            with OPENING:
                if self._landmarker is None:
                    self._landmarker = _opened()
                    weakref.finalize(self, self._landmarker.close)  # MediaPipe's own comes too late when Python ends
        return self._landmarker

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `GlossLandmarks` and its data."""
        return cls(module.network, datamodule.glosses, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """Glosses by their scores, of points at the same rate."""
        settings = {**sizes_of(self.network, ("classes", "dropout")), "rate": RATE}
        return Inheritance("glosses", self.glosses, ("head.weight", "head.bias"), settings)

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors."""
        save_network(folder, self, glosses=self.glosses)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        try:
            sizes = LandmarkTransformerConfig(**config["network"])
        except ValueError as error:
            raise ValueError(f"{folder / 'config.json'}: network: {error}") from None
        network = open_network(folder, lambda: LandmarkTransformer(sizes))
        glosses = config["glosses"]
        if len(glosses) != network.config.classes:
            raise ValueError(
                f"{folder / 'config.json'}: found {len(glosses)} glosses, for a network of {network.config.classes}"
            )
        return cls(network, glosses, config["gives"]["language"])

    @torch.inference_mode()
    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Scores of points of noise."""
        noise = torch.Generator().manual_seed(0)
        points = torch.randn(1, 24, len(POINTS), 3, generator=noise)
        points[..., 2] = 1
        points = points.to(self.network.head.weight.device)
        return {"of points": self.network(points, torch.tensor([24], device=points.device)).float().cpu().numpy()}

    @classmethod
    def parts(cls, config: Mapping[str, Any]) -> Sequence[str]:
        """All but MediaPipe is one part."""
        return ("classifier",)

    @classmethod
    def alone(cls, config: Mapping[str, Any]) -> str:
        """Python that names the gloss of points."""
        return f"""\
import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("NAME.onnx")
about = session.get_modelmeta().custom_metadata_map
glosses = json.loads(about["glosses"])
print(about["input.points"])  # how they are made of landmarks, and about["points"] is which they are
points = np.load("points.npy")  # float32 (T, {len(POINTS)}, 3), {RATE:g} frames a second
feed = {{"points": points[None], "lengths": np.array([len(points)])}}
(probabilities,) = session.run(None, feed)
best = probabilities[0].argmax()
print(glosses[best], probabilities[0, best])
"""

    def part(self, name: str) -> Part:
        """Points to probabilities."""
        from datamodules.avatar import perform

        noise = torch.Generator().manual_seed(0)
        points, longer = (torch.randn(*shape, len(POINTS), 3, generator=noise) for shape in ((2, 9), (3, 30)))
        for random in (points, longer):
            random[..., 2] = (random[..., 2] > -1).float()
            random[..., :2] *= random[..., 2:]
        signed = torch.from_numpy(signing_points(perform(["HELLO"]).pose))
        examples = {
            "random input": (points, torch.tensor([9, 5])),
            "longer random input": (longer, torch.tensor([1, 30, 13])),
            "a sign": (signed[None], torch.tensor([len(signed)])),
        }
        how = (
            f"float32 (N, T, {len(POINTS)}, 3), {RATE:g} frames a second: of each point x to the right and y down in "
            "the picture, and 1 where it is seen, else all three 0. The origin is the middle of the shoulders, the "
            "unit their distance, medians over the clip. The points are MediaPipe's; those of the body are seen from a "
            "visibility of .2 on, those of a hand where it is found"
        )
        about = {"glosses": self.glosses, "points": POINTS, "fps": RATE}
        inputs = [Input("points", {0: "N", 1: "T"}, how), lengths_input("points")]
        return Part(Probabilities(self.network), inputs, "probabilities", examples, about)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """As any reader of glosses does with a video; of a .pose file write .json, the ranked glosses."""
        path = given_path(text, "the path of a video or of a .pose file")
        if not _is_pose(path):
            return super().run(path, outputs)
        refuse_unwritable(outputs, (".json",))
        return write_ranking(path, self.predict(path), outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write what the first dev clip is taken for into `folder`."""
        sample = datamodule.samples["dev"][0]
        ranked = self.rank(self.weigh(datamodule.points[sample.files[0]]).probabilities)
        return write_ranking(sample.name, ranked, [folder / "preview.json"])


def _located(observations: Iterable[tuple[Landmarks, int, int]]) -> Points:
    """The points of frames in a row. Raises ValueError where nobody is in them."""
    landmarks, widths, heights = zip(*observations, strict=True)
    return signing_points(holistic_pose(np.stack(landmarks), RATE, widths[0], heights[0]))


def _is_pose(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).lower().endswith(".pose")


def _points_of(path: str | os.PathLike[str]) -> Points:
    pose = read_pose(path)
    try:
        return signing_points(pose)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _opened() -> Landmarker:
    """Raises ValueError where MediaPipe is missing, or a bundle is and cannot be had."""
    try:
        return Landmarker(find_bundle(POSE), find_bundle(HAND))
    except OSError as error:
        raise ValueError(f"a video is read by its landmarks, which need MediaPipe's models: {error}") from error
