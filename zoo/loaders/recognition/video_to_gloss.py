"""Video to gloss: what `zoo.load("gloss-classifier")` returns."""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from datamodules.features.embedding_files import EmbeddingSettings, embedded
from datamodules.features.vjepa import Encoder, model_folder, settings_of, weights_of
from datamodules.files import write_json
from datamodules.media.video import Frame
from datamodules.media.video_windows import FPS, Window, crop, filled, still, windows
from lightning_modules.networks.recognition.gloss_classifier import AttentionClassifier, AttentionClassifierConfig
from zoo.files import read_json
from zoo.loaders.base import OPENING, Inheritance
from zoo.loaders.config import read_config
from zoo.loaders.exportable import Input, Part, Probabilities, lengths_input
from zoo.loaders.foreign import ENCODER, VJEPA
from zoo.loaders.recognition.gloss_reader import GlossReader, write_ranking
from zoo.loaders.recognition.sightings import Judgement
from zoo.loaders.storage import open_network, save_network, sizes_of
from zoo.spec.hub_reference import REPO
from zoo.spec.registry import list_models, starters

INHERITED: Final = ("weights", "fps", "size", "frames", "tubelet")
"""What of the settings of embeddings a classifier was trained for."""


class VideoToGloss(GlossReader[Frame]):
    """A classifier of embeddings with its glosses, and the V-JEPA 2 that embeds a video as training's were.

    settings: how the embeddings of training were made; `settings.model` names the encoder.
    """

    task: ClassVar[str] = "video-to-gloss"
    architecture: ClassVar[str] = "attention-classifier"
    rate = FPS
    threshold = 0.7

    def __init__(
        self, network: AttentionClassifier, glosses: Sequence[str], settings: EmbeddingSettings, signed: str
    ) -> None:
        super().__init__(glosses, signed)
        self.network = network.eval()
        self.settings = settings
        self._encoder: Encoder | None = None

    @property
    def base_model(self) -> str | None:
        """The encoder, where it is one of the Hub."""
        return None if Path(self.settings.model).is_dir() else self.settings.model

    def observe(self, frame: Frame) -> Frame:
        return crop(frame, self.settings.size)

    def judge(self, observations: Iterable[Frame]) -> Judgement:
        counts: list[int] = []

        def counted() -> Iterator[Window]:
            for window, real in filled(observations, self.settings.frames):
                counts.append(real)
                yield window, real

        return self._judged(self._rows(counted()), sum(counts))

    def resting(self, observations: Sequence[Frame]) -> npt.NDArray[np.bool_]:
        return still(observations)

    def embed(self, frames: Iterator[Frame], fps: float) -> torch.Tensor:
        """Rows (T, D) of a video, one a tubelet, as `python -m zoo data embed` writes them of the original."""
        found = windows(frames, fps, self.settings.frames, self.settings.size)
        return self._rows((views[0], real) for views, real in found)

    @torch.inference_mode()
    def _rows(self, windows: Iterable[tuple[npt.NDArray[np.uint8], int]]) -> torch.Tensor:
        """Rows (T, D) of windows (frames, size, size, 3), of which so many frames are the video's."""
        rows = []
        for window, real in windows:
            frames = torch.from_numpy(window[None]).to(self.network.mean.device)
            rows.append(self.encoder(frames)[0, : -(-real // self.settings.tubelet)])
        return torch.cat(rows)

    @torch.inference_mode()
    def _judged(self, rows: torch.Tensor, frames: int) -> Judgement:
        """What the network makes of rows (T, D), one a tubelet of so many frames."""
        rows = rows.to(self.network.mean.device)
        lengths = torch.tensor([len(rows)], device=rows.device)
        shares = self.network(rows[None], lengths)[0].float().softmax(-1)
        standardised = (rows - self.network.mean) / self.network.deviation
        weights = self.network.weights(standardised[None], lengths)[0].float().cpu().numpy()
        attention = np.repeat(weights, self.settings.tubelet)[:frames]
        return Judgement(shares.cpu().numpy(), attention / attention.sum())

    @property
    def encoder(self) -> Encoder:
        """The encoder, opened when the first video comes, and seen to be the one that training's embeddings are of."""
        if self._encoder is None:
            with OPENING:
                self._encoder = self._encoder or self._opened()
        return self._encoder

    def _opened(self) -> Encoder:
        folder = model_folder(self.settings.model, download=False)
        found = weights_of(folder)
        if found != self.settings.weights:
            raise ValueError(
                f"{folder}: not the encoder that this classifier was trained with: its weights are {found}, expected "
                f"{self.settings.weights}; bring those back, or train the classifier on these"
            )
        made = settings_of(self.settings.model, folder, self.settings.batch_size)
        for key in ("fps", "size", "frames", "tubelet", "width"):
            if getattr(self.settings, key) != getattr(made, key):
                raise ValueError(
                    f"config.json: embeddings.{key}: found {getattr(self.settings, key)!r}, expected "
                    f"{getattr(made, key)!r}, as the encoder in {folder} embeds"
                )
        device = self.network.mean.device
        half = device.type == "cuda" and self.settings.precision == "bfloat16"
        return Encoder.open(folder, torch.bfloat16 if half else torch.float32).to(device)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `GlossClassifier` and its data."""
        return cls(module.network, datamodule.glosses, datamodule.settings, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """Glosses by their scores, of embeddings that the same encoder made of windows of the same kind."""
        *_, last = (f"head.{name}" for name, part in self.network.head.named_children() if isinstance(part, nn.Linear))
        encoder = {f"embeddings.{name}": getattr(self.settings, name) for name in INHERITED}
        standardised = {"standardised": bool((self.network.deviation != 1).any())}  # or these would be taken over too
        settings = {**sizes_of(self.network, ("classes",)), **encoder, **standardised}
        return Inheritance("glosses", self.glosses, (f"{last}.weight", f"{last}.bias"), settings)

    def save(self, folder: Path) -> None:
        """Write config.json and model.safetensors, and beside them the encoder, unless it is one of the Hub."""
        local = Path(self.settings.model)
        settings = self.settings
        if local.is_dir():
            (folder / ENCODER).mkdir(exist_ok=True)
            for path in (local / "config.json", *sorted(local.glob("*.safetensors"))):
                shutil.copyfile(path, folder / ENCODER / path.name)
            settings = dataclasses.replace(settings, model=ENCODER)
        embeddings = dataclasses.asdict(settings)
        save_network(folder, self, glosses=self.glosses, embeddings=embeddings)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config = read_config(folder)
        network = open_network(folder, lambda: AttentionClassifier(AttentionClassifierConfig(**config["network"])))
        settings, glosses = EmbeddingSettings(**config["embeddings"]), config["glosses"]
        if len(glosses) != network.config.classes or settings.width != network.config.width:
            raise ValueError(
                f"{folder / 'config.json'}: found {len(glosses)} glosses and embeddings {settings.width} wide, for a "
                f"network of {network.config.classes} and {network.config.width}"
            )
        if settings.model == ENCODER:
            settings = dataclasses.replace(settings, model=str(folder / ENCODER))
        elif settings.model in list_models():
            settings = dataclasses.replace(settings, model=str(starters() / settings.model / ENCODER))
        elif not (isinstance(settings.model, str) and REPO.fullmatch(settings.model)):
            raise ValueError(
                f"{folder / 'config.json'}: embeddings.model is {settings.model!r}, expected {ENCODER!r}, a "
                "model of this version of the zoo, or a repository as user/name"
            )
        return cls(network, glosses, settings, config["gives"]["language"])

    @torch.inference_mode()
    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Scores of rows of noise; of a video of noise too, where the artefact carries its encoder."""
        noise = torch.Generator().manual_seed(0)
        rows = torch.randn(8, self.settings.width, generator=noise).to(self.network.mean.device)
        found = {"of rows": self.network(rows[None], torch.tensor([8], device=rows.device))}
        if self.base_model is None:
            size = self.settings.size
            frames = torch.randint(0, 256, (self.settings.frames, size, size, 3), generator=noise, dtype=torch.uint8)
            found["rows"] = self.embed(iter(frames.numpy()), self.settings.fps)
        return {name: value.float().cpu().numpy() for name, value in found.items()}

    @classmethod
    def parts(cls, config: Mapping[str, Any]) -> Sequence[str]:
        """The encoder is one where it comes along; one of the Hub is exported by who made it."""
        of_the_hub = REPO.fullmatch(config["embeddings"]["model"])
        return ("classifier",) if of_the_hub else ("classifier", ENCODER)

    @classmethod
    def alone(cls, config: Mapping[str, Any]) -> str:
        """Python that names the gloss of embedded rows, and embeds them itself where it can."""
        made = EmbeddingSettings(**config["embeddings"])
        carried = ENCODER in cls.parts(config)
        opened = f'\nencoder = onnxruntime.InferenceSession("NAME-{ENCODER}.onnx")' if carried else ""
        shape = f"(T, {made.size}, {made.size}, 3), {made.fps:g} frames a second, cut as the encoder's metadata says"
        rows = f"""\
clip = np.load("clip.npy")  # uint8 RGB {shape}
padding = np.repeat(clip[-1:], -len(clip) % {made.frames}, axis=0)
(rows,) = encoder.run(None, {{"frames": np.concatenate([clip, padding]).reshape(-1, {made.frames}, *clip.shape[1:])}})
rows = rows.reshape(1, -1, rows.shape[-1])[:, : -(-len(clip) // {made.tubelet})]  # those of the clip's own frames"""
        stored = 'rows = np.load("clip_original_vjepa.npy")[None]  # as `python -m zoo data embed` writes them'
        return f"""\
import json
import numpy as np
import onnxruntime

classifier = onnxruntime.InferenceSession("NAME.onnx"){opened}
glosses = json.loads(classifier.get_modelmeta().custom_metadata_map["glosses"])
{rows if carried else stored}
(probabilities,) = classifier.run(None, {{"rows": rows, "lengths": np.array([rows.shape[1]])}})
best = probabilities[0].argmax()
print(glosses[best], probabilities[0, best])
"""

    def part(self, name: str) -> Part:
        """Rows to probabilities, or windows of frames to rows."""
        return self._encoder_part() if name == ENCODER else self._classifier_part()

    def _classifier_part(self) -> Part:
        made, noise = self.settings, torch.Generator().manual_seed(0)
        examples = {
            "random input": (torch.randn(2, 8, made.width, generator=noise), torch.tensor([8, 5])),
            "longer random input": (torch.randn(3, 21, made.width, generator=noise), torch.tensor([1, 21, 13])),
        }
        if self.base_model is None:
            rows = torch.cat([self._rows([(window, len(window))]) for window in self._example().numpy()])
            examples["a video"] = (rows[None], torch.tensor([len(rows)]))
        how = (
            f"float32 (N, T, {made.width}), embeddings of a video by V-JEPA 2, a row for each {made.tubelet} frames at "
            f"{made.fps:g} frames a second; weights by SHA-256: {json.dumps(made.weights)}"
        )
        inputs = [Input("rows", {0: "N", 1: "T"}, how), lengths_input("rows")]
        return Part(Probabilities(self.network), inputs, "probabilities", examples, {"glosses": self.glosses})

    def _encoder_part(self) -> Part:
        made, noise = self.settings, torch.Generator().manual_seed(0)
        shape = (made.frames, made.size, made.size, 3)
        frames = torch.randint(0, 256, (2, *shape), generator=noise, dtype=torch.uint8)
        how = (
            f"uint8 (N, {', '.join(map(str, shape))}), RGB at {made.fps:g} frames a second: of each the middle "
            f"square, after its shorter side was resized to {made.size * 256 // 224} pixels, bilinear with "
            f"antialiasing; the last window is filled with its last frame, and of what comes of it a row counts "
            f"for each {made.tubelet} frames"
        )
        about = {"size": made.size, "fps": made.fps, "frames": made.frames, "tubelet": made.tubelet}
        examples = {"random input": (frames,), "a video": (self._example(),)}
        return Part(self.encoder, [Input("frames", {0: "N"}, how)], "rows", examples, about)

    def _example(self) -> torch.Tensor:
        """Whole windows (N, frames, size, size, 3) of a video of the avatar."""
        from datamodules.avatar import Signer, perform
        from datamodules.avatar.renderer.frames import render

        signer = Signer()
        frames = render(perform(["HELLO"], signer).joints, signer.look)
        found = windows(iter(frames), 25.0, self.settings.frames, self.settings.size)
        return torch.from_numpy(np.stack([views[0] for views, _ in found]))

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write what the first dev clip is taken for into `folder`, from its embedding: the encoder's work is done."""
        sample = datamodule.samples["dev"][0]
        rows = torch.from_numpy(embedded(sample).read(self.settings.width))
        judged = self._judged(rows, len(rows) * self.settings.tubelet)
        return write_ranking(sample.name, self.rank(judged.probabilities), [folder / "preview.json"])


def leave_out(artefact: Path) -> None:
    """Take the copy of an encoder out of an artefact that the package brings along together with that encoder."""
    config = read_json(artefact / "config.json")
    embeddings = config.get("embeddings")
    if embeddings is None or embeddings["model"] != ENCODER:
        return
    for name in list_models():
        own = starters() / name
        encodes = (own / "config.json").is_file() and read_json(own / "config.json")["architecture"] == VJEPA
        if encodes and weights_of(own / ENCODER) == embeddings["weights"]:
            write_json(artefact / "config.json", {**config, "embeddings": {**embeddings, "model": name}})
            shutil.rmtree(artefact / ENCODER)
            return
