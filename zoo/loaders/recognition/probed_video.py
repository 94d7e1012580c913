"""Video to gloss by all tokens of a video encoder: what `zoo.load("gloss-probe")` returns."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch

from datamodules.media.clip_frames import evenly
from datamodules.media.video import Frame
from datamodules.media.video_windows import FPS, crop, still
from lightning_modules.networks.recognition.attentive_probe import HEAD, attention_over_time
from lightning_modules.networks.recognition.vjepa import standardised
from zoo.loaders.base import Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.recognition.gloss_reader import GlossReader, write_ranking
from zoo.loaders.recognition.sightings import Judgement
from zoo.loaders.recognition.vjepa_files import VARIED, open_vjepa, save_vjepa

if TYPE_CHECKING:
    from transformers import VJEPA2ForVideoClassification

CLASSIFIER: Final = "classifier"
"""Where in an artefact it lies; `VJEPA2ForVideoClassification.from_pretrained("user/name", subfolder="classifier")`
opens it."""


class ProbedVideo(GlossReader[Frame]):
    """A V-JEPA 2 with an attentive probe on all of its tokens, and the glosses that it knows.

    A clip is shown to it as training's were: `frames` of it, evenly spread, whatever its length.
    """

    task: ClassVar[str] = "video-to-gloss"
    architecture: ClassVar[str] = "attentive-probe"
    native: ClassVar[str] = """\
import torch
from transformers import VJEPA2ForVideoClassification

model = VJEPA2ForVideoClassification.from_pretrained("ADDRESS", subfolder="classifier", dtype=torch.float32)
size = model.config.crop_size
frames = torch.zeros(1, model.config.frames_per_clip, 3, size, size)  # spread over a clip, standardised as ImageNet's
with torch.no_grad():
    probabilities = model(frames).logits.softmax(-1)[0]
print(model.config.id2label[int(probabilities.argmax())])
"""
    library: ClassVar[str] = "transformers"
    base_model: None = None
    rate = FPS
    threshold = 0.7

    def __init__(self, network: "VJEPA2ForVideoClassification", glosses: Sequence[str], signed: str | None) -> None:
        super().__init__(glosses, signed)
        self.network: Any = network.eval()
        self.size, self.frames = int(network.config.crop_size), int(network.config.frames_per_clip)

    def observe(self, frame: Frame) -> Frame:
        return crop(frame, self.size)

    @torch.inference_mode()
    def judge(self, observations: Iterable[Frame]) -> Judgement:
        clip = list(observations)
        chosen = evenly(self.frames, len(clip))
        device = self.network.classifier.weight.device
        frames = torch.from_numpy(np.stack([clip[number] for number in chosen])).to(device)
        tokens = self.network.vjepa2(standardised(frames[None]), skip_predictor=True).last_hidden_state
        shares = self.network.classifier(self.network.pooler(tokens))[0].float().softmax(-1)
        tubelets = self.frames // self.network.config.tubelet_size
        looked = attention_over_time(self.network, tokens, tubelets)[0].float().cpu().numpy()
        weights = np.repeat(looked, len(chosen) // tubelets)
        nearest = np.abs(np.arange(len(clip))[:, None] - np.asarray(chosen)).argmin(1)  # also of those it did not see
        attention = weights[nearest]
        return Judgement(shares.cpu().numpy(), attention / attention.sum())

    def resting(self, observations: Sequence[Frame]) -> npt.NDArray[np.bool_]:
        return still(observations)

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `GlossProbe` and its data."""
        network = module.published()
        network.config.frames_per_clip = datamodule.frames
        return cls(network, datamodule.glosses, datamodule.languages[1])

    def inheritance(self) -> Inheritance:
        """Glosses by their scores, of clips that an encoder of the same sizes sees."""
        settings = {name: getattr(self.network.config, name) for name in VARIED}
        return Inheritance("glosses", self.glosses, (f"{HEAD[1]}.weight", f"{HEAD[1]}.bias"), settings)

    def save(self, folder: Path) -> None:
        """Write config.json, and classifier/ as transformers has it."""
        save_vjepa(self.network, folder / CLASSIFIER, self.glosses)
        write_config(folder, self, glosses=self.glosses)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        from transformers import VJEPA2ForVideoClassification

        config = read_config(folder)
        network = open_vjepa(folder / CLASSIFIER, VJEPA2ForVideoClassification, config["glosses"])
        return cls(network, config["glosses"], config["gives"].get("language"))

    def probe(self) -> dict[str, npt.NDArray[np.float32]]:
        """Probabilities of a clip of noise."""
        shape = (self.frames, self.size, self.size, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        return {"probabilities": np.asarray(self.judge(noise).probabilities, np.float32)}

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write what the first dev clip is taken for into `folder`."""
        name, _, clip = datamodule.examples("dev")[0]
        return write_ranking(name, self.rank(self.judge(clip).probabilities), [folder / "preview.json"])
