"""What a test of an autoencoder says: how much of pictures, and of the hands in them, is left behind its latents."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import stack
from lightning_modules.evaluation.rendering.contenders import as_share
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import ScoredStrips, as_images
from lightning_modules.metrics.images import IMAGE_SCORES, VARIANTS, WINDOW, HandSsim

Reconstruct = Callable[[Tensor], Tensor]
"""A model under test: pictures (B, 3, S, S) in [-1, 1] to what is left of them."""

QUALITIES: Final = (2, 5, 10, 20, 30, 50, 65, 75, 85, 90, 95)
"""Of JPEGs, of which the first that is as like the pictures as the model's stands beside it."""
ROUNDING: Final = 1e-6
MEAN, JPEG = "mean_of_training", "jpeg"


class ReconstructionEvaluation:
    """Has pictures reconstructed, and scores them at the end beside `mean_of_training`, the mean training picture, and
    `jpeg`, the same pictures as JPEGs of the lowest quality whose SSIM is not below the model's.

    data: what the model was trained on. latent: numbers of a picture's latent. beside: other autoencoders, by name.
    """

    def __init__(self, data: CaptionedPictures, latent: int, beside: Mapping[str, Reconstruct] | None = None) -> None:
        self.data, self.latent, self.mean, self.beside = data, latent, mean_picture(data), beside or {}
        self.names = {quality: f"{JPEG} {quality}" for quality in QUALITIES}
        contenders = (MODEL, GROUND_TRUTH, MEAN, *self.beside, *self.names.values())
        self.compared = {key: Comparison(make, contenders) for key, make in IMAGE_SCORES.items()}
        self.hand_ssim = Comparison(HandSsim, contenders)
        self.kept, self.bytes = ScoredStrips("SSIM"), dict.fromkeys(QUALITIES, 0)

    @torch.no_grad()
    def update(self, batch: CaptionedBatch, reconstruct: Reconstruct) -> None:
        """Have a batch reconstructed. Raises ValueError for pictures that are not finite."""
        pictures = as_share(reconstruct(batch.images))
        if not pictures.isfinite().all():
            raise ValueError("the model returns pictures that are not finite; did its training diverge?")
        references = as_share(batch.images)
        images = as_images(references)
        compressed = {
            name: self._compressed(images, quality).to(references) / 255 for quality, name in self.names.items()
        }
        mean = self.mean.to(references).expand_as(references)
        others = {name: as_share(reconstruct(batch.images)) for name, reconstruct in self.beside.items()}
        answers = {MODEL: pictures, GROUND_TRUTH: references, MEAN: mean, **others, **compressed}
        for comparison in self.compared.values():
            comparison.update(answers, references)
        scores = self.compared["ssim"].scores[MODEL].items[-1][:, 0].tolist()
        self.kept.add(batch.names, scores, {"picture": references, "reconstruction": pictures})
        boxes = self.data.hands(batch.names)
        handed = [at for at, hands in enumerate(boxes) if hands]
        if handed:
            answers = {name: of[handed] for name, of in answers.items()}
            self.hand_ssim.update(answers, references[handed], [boxes[at] for at in handed])

    def _compressed(self, images: Sequence[Image], quality: int) -> Tensor:
        """What JPEG leaves of pictures (S, S, 3), as bytes (B, 3, S, S); counts those of the files."""
        left: list[Image] = []
        for image in images:
            _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            self.bytes[quality] += len(encoded)
            decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
            assert decoded is not None
            left.append(decoded[..., ::-1])
        return torch.from_numpy(stack(left))

    def results(self) -> Results:
        """`ssim`, `psnr` and `l1`, and `hand_ssim` where the data knows where hands are."""
        scores = self.compared["ssim"].scores
        own = float(scores[MODEL].compute())
        alike = (quality for quality, name in self.names.items() if float(scores[name].compute()) >= own - ROUNDING)
        quality = next(alike, QUALITIES[-1])
        count = len(self.kept.scores)
        size = round(self.bytes[quality] / count)
        protocol = f"{self.latent} numbers a picture; JPEG of quality {quality}, {size} bytes a picture"

        def row(comparison: Comparison, variant: str) -> dict[str, object]:
            found = comparison.row(protocol, beside=(GROUND_TRUTH, MEAN, *self.beside), variant=variant)
            return {**found, JPEG: float(comparison.scores[self.names[quality]].compute())}

        found = {key: row(comparison, VARIANTS[key]) for key, comparison in self.compared.items()}
        if self.hand_ssim.scores[MODEL].items:
            found["hand_ssim"] = row(self.hand_ssim, f"SSIM of the box around a hand, at least {WINDOW} pixels a side")
        return found

    def plots(self) -> dict[str, Image]:
        """`samples`: the best, the median and the worst reconstruction by SSIM beside its picture."""
        return {"samples": self.kept.best_median_worst()}


def mean_picture(data: CaptionedPictures) -> Tensor:
    """The mean (3, S, S) of training pictures, in [0, 1]: of all, or of 1,024 evenly spread ones."""
    examples = data.examples("train")
    places: Sequence[int] = np.linspace(0, len(examples) - 1, min(len(examples), 1024)).round().astype(int).tolist()  # type: ignore[arg-type]
    total = np.zeros((data.image_size, data.image_size, 3))
    for place in places:
        total += examples[place][2]
    mean: Tensor = torch.from_numpy(total.transpose(2, 0, 1) / len(places) / 255).float()
    return mean
