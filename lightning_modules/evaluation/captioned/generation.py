"""What a test of a model that generates pictures of captions says: are they like the data, and of their captions?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation.distances import Fid
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import as_images, strips
from lightning_modules.evaluation.training_pictures import AREAS, PixelFeatures, as_seen, pixel_features
from lightning_modules.metrics.classification import TopK

Generate = Callable[[Sequence[str], Sequence[int]], Tensor]
"""A model under test: captions and as many seeds to pictures (N, 3, S, S) in [0, 1]."""

MOST: Final = 96
"""Pictures that are generated, evenly spaced over the split: each is twenty steps of a network."""
EACH: Final = 12
"""Training pictures of a caption that are read for its mean."""
OTHERS: Final = 9
"""Captions beside its own that a picture may be taken to be of."""
SHOWN: Final = 8
WIDE: Final = 4
"""Captions on the sheet, and pictures that are generated of each."""
MEAN, TRAIN, OTHER = "mean_caption_picture", "train_caption_picture", "other_caption"


class EncoderFeatures(nn.Module):
    """Pictures (N, 3, S, S) in [0, 1] to what an autoencoder's encoder makes of them before its latents, means of all
    places: (N, num_features). Reconstructing a picture takes edges and textures as well as colours."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.encoder = vae.encoder
        self.num_features = int(vae.config.block_out_channels[-1])

    def forward(self, pictures: Tensor) -> Tensor:
        found: Tensor = self.encoder.conv_in(2 * pictures - 1)
        for block in self.encoder.down_blocks:
            found = block(found)
        pooled: Tensor = self.encoder.mid_block(found).mean(dim=(2, 3))
        return pooled


class CaptionedGeneration:
    """Has a model generate pictures of the captions of a split, and scores them at the end.

    It is handed captions and seeds, and nothing of the pictures. What it generates is held against the true pictures
    of the same captions, of whose sources training saw none. What stands beside: `train_caption_picture`, a training
    picture of the caption, as far as one can get without generating; `mean_caption_picture`, the mean of some; and,
    where captions are told apart, `other_caption`, the model's own pictures of other captions.

    data: whose captions are generated. vae: the autoencoder that the model stands on, whose encoder sees the pictures.
    """

    def __init__(self, data: CaptionedPictures, vae: Any) -> None:
        self.train, self.collate = data.examples("train"), data.collate
        count = len(data.described(data.tested))
        self.chosen = set(np.linspace(0, count - 1, min(count, MOST)).round().astype(int).tolist())
        self.places: dict[str, list[int]] = {}
        for place, (_, caption, _) in enumerate(data.described("train")):
            self.places.setdefault(caption, []).append(place)
        self.means: dict[str, Tensor] = {}
        contenders = (MODEL, MEAN, TRAIN)
        features = {"autoencoder": EncoderFeatures(vae), "pixels": PixelFeatures()}
        self.apart = [Fid(of, name, contenders, "true pictures") for name, of in features.items()]
        self.matched = Comparison(partial(TopK, 1), (MODEL, GROUND_TRUTH, TRAIN, OTHER))
        self.seen = 0
        self.found: list[tuple[str, Tensor, Tensor, Tensor]] = []
        """Caption, and pictures: true, generated, and of training."""
        self.shown: dict[str, list[Tensor]] = {}

    @torch.no_grad()
    def update(self, batch: CaptionedBatch, generate: Generate) -> None:
        """Have pictures of those of a batch's captions generated that were chosen. Raises ValueError for pictures that
        are not finite."""
        numbers = range(self.seen, self.seen + len(batch.captions))
        self.seen += len(batch.captions)
        here = [(number, place) for place, number in enumerate(numbers) if number in self.chosen]
        here = [(number, place) for number, place in here if batch.captions[place] in self.places]
        if not here:
            return
        seeds, rows = zip(*here, strict=True)
        captions = [batch.captions[row] for row in rows]
        true, device = as_seen(batch.images[list(rows)]), batch.images.device
        generated = generate(captions, seeds)
        if not generated.isfinite().all():
            raise ValueError("the model generates pictures that are not finite; did its training diverge?")
        generated = as_seen(2 * generated - 1).to(device)
        known = torch.stack([self._of_training(caption, turn) for turn, caption in zip(seeds, captions, strict=True)])
        means = torch.stack([self._mean(caption) for caption in captions])
        for distance in self.apart:
            distance.refer(true)
            distance.update({MODEL: generated, MEAN: means.to(device), TRAIN: known.to(device)})
        self.found += zip(captions, true.cpu(), generated.cpu(), known, strict=True)
        self._show(captions, generate)

    def _of_training(self, caption: str, turn: int) -> Tensor:
        """A training picture (3, S, S) of a caption in [0, 1]."""
        places = self.places[caption]
        return as_seen(self.collate([self.train[places[turn % len(places)]]]).images)[0]

    def _mean(self, caption: str) -> Tensor:
        """The mean (3, S, S) of evenly spaced training pictures of a caption."""
        if caption not in self.means:
            places = self.places[caption]
            picked = np.linspace(0, len(places) - 1, min(len(places), EACH)).round().astype(int)
            pictures = self.collate([self.train[places[place]] for place in picked]).images
            self.means[caption] = as_seen(pictures).mean(0)
        return self.means[caption]

    def _show(self, captions: Sequence[str], generate: Generate) -> None:
        """Have several pictures generated of the first captions that are unlike those before."""
        for caption in captions:
            if len(self.shown) < SHOWN and caption not in self.shown:
                self.shown[caption] = list(generate([caption] * WIDE, range(WIDE)))

    def _match(self) -> None:
        """Of which caption each picture is taken to be: of its own or of others, by the nearest mean of training
        pictures."""
        captions = list(dict.fromkeys(caption for caption, *_ in self.found))
        if len(captions) <= OTHERS:
            return
        means = pixel_features(torch.stack([self._mean(caption) for caption in captions]))
        rng = np.random.default_rng(0)
        for turn, (caption, true, generated, known) in enumerate(self.found):
            own = captions.index(caption)
            rest = [place for place in range(len(captions)) if place != own]
            candidates = means[[*rng.choice(rest, OTHERS, replace=False).tolist(), own]]  # of equal ones the first wins
            behind = [*self.found[turn:], *self.found[:turn]]
            other = next(picture for of, _, picture, _ in behind if of != caption)
            answers = {MODEL: generated, GROUND_TRUTH: true, TRAIN: known, OTHER: other}
            scores = {
                name: -(pixel_features(picture[None]) - candidates).square().sum(1)[None]
                for name, picture in answers.items()
            }
            self.matched.update(scores, torch.tensor([OTHERS]))

    def results(self) -> Results:
        """`fid_autoencoder` and `fid_pixels`; `caption_match` where there are ten captions or more."""
        found: Results = {distance.key: {**distance.row(), GROUND_TRUTH: 0.0} for distance in self.apart}
        if not self.matched.scores[MODEL].items:
            self._match()
        if self.matched.scores[MODEL].items:
            protocol = (
                f"{OTHERS + 1} captions each; means of training pictures, mean colours of {AREAS} x {AREAS} areas"
            )
            found["caption_match"] = self.matched.row(protocol)
        return found

    def plots(self) -> dict[str, Image]:
        """`generated`: pictures of some captions, each beside a true one."""
        first = {caption: true for caption, true, *_ in reversed(self.found)}
        rows = []
        for caption, pictures in self.shown.items():
            true, *drawn = as_images(torch.stack([first[caption], *(picture.cpu() for picture in pictures)]))
            rows.append((caption, [("true", true), *((f"seed {seed}", image) for seed, image in enumerate(drawn))]))
        return {"generated": strips(rows)}
