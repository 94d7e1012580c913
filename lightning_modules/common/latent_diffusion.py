"""Latent diffusion: what models that take noise out of an autoencoder's latents have in common (Rombach et al. 2022,
"High-Resolution Image Synthesis with Latent Diffusion Models")."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from datamodules.features.cached_tensors import CachedTensors, Rows, content_keys
from datamodules.files import cache_folder
from datamodules.kinds.captioned import CachedBatch, CaptionedBatch, CaptionedPictures
from datamodules.kinds.encoded_once import EncodedOnce
from datamodules.kinds.paired_frames import CachedFramesBatch, PairedFrames, PairedFramesBatch
from datamodules.samples import Split
from lightning_modules.common.frozen import OnFrozen
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.networks.diffusion.averaging import update_average
from lightning_modules.networks.diffusion.compiling import compile_blocks
from lightning_modules.networks.diffusion.latents import embedded, moments, sampled, weights_digest
from lightning_modules.networks.diffusion.schedule import Schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

NOT_ENCODING: Final = ("scaling_factor", "sample_size")
"""Settings of an autoencoder that change nothing in what it makes of a picture."""
AT_ONCE: Final = 16
"""Pictures that are encoded together."""

PicturesBatch = CaptionedBatch | CachedBatch | PairedFramesBatch | CachedFramesBatch
"""Pictures or their latents, with captions."""


class LatentDiffusion(OnFrozen):
    """Objective of a UNet that is told captions: mean squared error of the noise, or velocity, found in latents.

    A derived module may add conditions, and weigh errors by their place in the picture.

    It stands on a Stable Diffusion, of which autoencoder, text encoder and noise schedule stay as they are. Whoever
    derives from it says what `unet` is and which of its weights are trained: those that ask for a gradient. They stay
    in single precision, and a trainer's `precision` casts what is computed with them.

    min_snr: gamma of the Min-SNR weighting of the errors (5 is usual); None for none, as published.
    offset_noise: how much of the noise is one value for a whole channel of a picture, so that a picture's mean is
        learnt too (0.1 is usual).
    prompt_drop: share of captions that training replaces by "", which guidance needs.
    ema_decay: of the average of the trained weights, which is validated and published; None for the weights themselves.
    checkpointing: compute activations anew on the way back, for less memory and a third more time.
    compiled: compile the UNet's repeated blocks.
    cache: encode each picture and caption once; see `CachedTensors`.
    sampled: whether latents are drawn anew each time, from the mean and log-variance that the autoencoder gives a
        picture, as published. A small autoencoder lets its latents be noise wherever nothing is to be seen, which a
        UNet would learn to make; without, it learns the means.
    """

    stands_on: ClassVar[str] = "base"
    """The argument of a derived module that says which model it stands on."""
    trained_on: ClassVar[type[CaptionedPictures] | type[PairedFrames]] = CaptionedPictures
    """The kind of data of a derived module."""

    def __init__(
        self,
        *,
        min_snr: float | None = None,
        offset_noise: float = 0.0,
        prompt_drop: float = 0.0,
        ema_decay: float | None = None,
        checkpointing: bool = False,
        compiled: bool = False,
        cache: bool = True,
        sampled: bool = True,
    ) -> None:
        super().__init__()
        not_negative(offset_noise=offset_noise)
        shares(prompt_drop=prompt_drop, **({} if ema_decay is None else {"ema_decay": ema_decay}))
        if min_snr is not None:
            positive(min_snr=min_snr)
        self.min_snr, self.offset_noise, self.prompt_drop = min_snr, offset_noise, prompt_drop
        self.ema_decay, self.checkpointing, self.compiled, self.cache = ema_decay, checkpointing, compiled, cache
        self.sampled = sampled
        self.base: StableDiffusionPipeline
        self.network: nn.Module
        self.schedule: Schedule
        self.vae: AutoencoderKL
        self.tokenizer: CLIPTokenizer
        self.text_encoder: CLIPTextModel
        self.average: nn.ParameterList
        self.texts: dict[str, tuple[CachedTensors, int]] = {}

    @property
    @abstractmethod
    def unet(self) -> "UNet2DConditionModel":
        """The network that predicts."""

    @property
    def scaling(self) -> float:
        """What latents are multiplied by before noise is added."""
        return float(self.vae.config.scaling_factor)

    def stand_on(self, base: "StableDiffusionPipeline") -> None:
        """Take over what is not trained, before anything is configured. Raises ValueError for what is no Stable
        Diffusion, and for a noise schedule of another kind."""
        if not all(hasattr(base, part) for part in ("vae", "text_encoder", "tokenizer", "unet", "scheduler")):
            raise ValueError(f"found {type(base).__name__}, expected a Stable Diffusion 1 or 2")
        self.base, self.tokenizer = base, base.tokenizer
        self.schedule = Schedule.of(base.scheduler.config)
        self.hold_frozen(vae=base.vae, text_encoder=base.text_encoder)

    def configure_model(self) -> None:
        """Lay out the UNet and what is trained, which are there by now, and switch on what was asked for; in a
        training, begin the average, and encode what is to be cached: right after this, its batches are
        counted.

        Channels last is the order that convolutions are fastest in, on processors as on GPUs: by a fifth for a
        ControlNet on a processor. It is an order in memory only, which no file shows: artefacts are written contiguous.
        """
        laid_out: tuple[Any, ...] = self.unet, self.network  # PyTorch's types know of no memory format
        for network in laid_out:
            network.to(memory_format=torch.channels_last)
        if self.checkpointing:
            self.unet.enable_gradient_checkpointing()
        if self.compiled:
            compile_blocks(self.unet)
        if self.ema_decay is not None and self.trainer.state.fn == "fit" and not hasattr(self, "average"):
            own = [nn.Parameter(weight.detach().clone(), requires_grad=False) for weight in self.trained()]
            self.average = nn.ParameterList(own)
        if self.cache and self.trainer.state.fn == "fit":
            self.encode_once(data_of(self, self.trained_on))

    @torch.no_grad()
    def encode_once(self, data: EncodedOnce) -> None:
        """Have training and validation served by latents, and captions by what the text encoder made of them, where
        that is not trained. Raises OSError where the disk has no room for them."""
        device = self.trainer.strategy.root_device
        self.vae.to(device)
        config = {name: value for name, value in self.vae.config.items() if name not in NOT_ENCODING}
        below = f"{weights_digest(self.vae, config)[:16]}-{data.image_size}"
        splits: tuple[Split, ...] = ("train", "dev")
        for split in splits:
            described, examples = data.described(split), data.examples(split)

            def encoded(items: Sequence[int], examples: Dataset[Any] = examples) -> Rows:
                parts = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
                found = [moments(self.vae, data.pictures(examples, part).to(device)).cpu() for part in parts]
                return np.asarray(torch.cat(found).numpy(), np.float32)

            keys = content_keys([(name, path) for name, _, path in described])
            cached = CachedTensors(cache_folder() / "latents" / below, keys, encoded([0]).shape[1:])
            cached.complete(encoded, f"latents of {len(described):,} pictures, {split}")
            data.serve(split, cached)
        if hasattr(self, "text_encoder"):
            self._encode_captions({caption for split in splits for _, caption, _ in data.described(split)})

    def _encode_captions(self, found: set[str]) -> None:
        device, captions = self.trainer.strategy.root_device, sorted({"", *found})
        self.text_encoder.to(device)

        def encoded(items: range) -> Rows:
            parts = [[captions[item]] for item in items]  # alone, so that it is the same whatever is beside it
            states = [embedded(self.tokenizer, self.text_encoder, part).float().cpu() for part in parts]
            return np.asarray(torch.cat(states).numpy(), np.float32)

        below = weights_digest(self.text_encoder, self.text_encoder.config.to_dict())[:16]
        shape = (self.tokenizer.model_max_length, self.text_encoder.config.hidden_size)
        cached = CachedTensors(cache_folder() / "captions" / below, captions, shape)
        cached.complete(encoded, f"{len(captions):,} captions")
        self.texts = {caption: (cached, place) for place, caption in enumerate(captions)}

    def trained(self) -> list[nn.Parameter]:
        """The weights that are trained, always in the same order."""
        return [weight for weight in self.parameters() if weight.requires_grad]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the trained weights are their average, where there is one: so the module is to be used."""
        pairs = list(zip(self.trained(), self.average, strict=True)) if hasattr(self, "average") else []
        _exchange(pairs)
        try:
            yield
        finally:
            _exchange(pairs)

    def training_step(self, batch: PicturesBatch) -> Tensor:
        latents = self.latents(batch)
        noise = self.noise_like(latents)
        timesteps = self.timesteps(len(latents))
        context = self.context(self.told(batch.captions))
        loss = self.error(latents, noise, timesteps, context, self.conditions(batch), self.weights(batch))
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: PicturesBatch, batch_idx: int) -> None:
        """The error of what is to be published, at the same timesteps under the same noise in every epoch."""
        own, found = torch.Generator().manual_seed(batch_idx), self.moments(batch)
        shape = (len(found), found.shape[1] // 2, *found.shape[2:])
        first, noise = (torch.randn(shape, generator=own).to(self.device) for _ in range(2))
        timesteps = self.timesteps(len(found), own)
        latents = self.scaled(found, first)
        with self.averaged():
            context = self.context(batch.captions)
            loss = self.error(latents, noise, timesteps, context, self.conditions(batch), self.weights(batch))
        self.log("val/loss", loss, prog_bar=True, batch_size=len(found), sync_dist=True)

    def timesteps(self, count: int, own: torch.Generator | None = None) -> Tensor:
        """How noisy so many pictures are shown: timesteps (count,), by chance, or by a generator on the CPU."""
        device = self.device if own is None else own.device
        return torch.randint(self.schedule.timesteps, (count,), generator=own, device=device).to(self.device)

    def moments(self, batch: PicturesBatch) -> Tensor:
        """Mean and log-variance (B, 2 C, h, w) of the latents of a batch's pictures."""
        if isinstance(batch, CachedBatch | CachedFramesBatch):
            return batch.moments
        return moments(self.vae, batch.images if isinstance(batch, CaptionedBatch) else batch.frames)

    def latents(self, batch: PicturesBatch) -> Tensor:
        """Latents (B, C, h, w) of a batch's pictures, sampled and scaled."""
        found = self.moments(batch)
        shape = (len(found), found.shape[1] // 2, *found.shape[2:])
        noise = torch.randn(shape, device=found.device)  # `randn_like` would depend on how the numbers lie in memory
        return self.scaled(found, noise)

    def scaled(self, moments: Tensor, noise: Tensor) -> Tensor:
        """Latents (B, C, h, w) of moments (B, 2 C, h, w), scaled; the noise (B, C, h, w) is what samples them."""
        return sampled(moments, noise if self.sampled else torch.zeros_like(noise), self.scaling)

    def noise_like(self, latents: Tensor) -> Tensor:
        """Noise of the shape (B, C, h, w) of latents, with its offset."""
        noise = torch.randn(latents.shape, device=latents.device)
        if self.offset_noise:
            noise = noise + self.offset_noise * torch.randn(*latents.shape[:2], 1, 1, device=latents.device)
        return noise

    def told(self, captions: list[str]) -> list[str]:
        """The captions, a random share of them withheld."""
        if not self.prompt_drop:
            return captions
        withheld = (torch.rand(len(captions)) < self.prompt_drop).tolist()
        return ["" if dropped else caption for dropped, caption in zip(withheld, captions, strict=True)]

    def context(self, captions: list[str]) -> Tensor:
        """What the UNet attends to, (B, L, D), of captions."""
        if all(caption in self.texts for caption in captions):
            rows = [cached[place] for cached, place in (self.texts[caption] for caption in captions)]
            return torch.from_numpy(np.stack(rows)).to(self.device)
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return embedded(self.tokenizer, self.text_encoder, captions)

    def conditions(self, batch: PicturesBatch) -> Tensor | None:
        """What `predict` is shown of a batch beside its captions, (B, C', S, S) in [0, 1]; None for nothing."""
        return None

    def weights(self, batch: PicturesBatch) -> Tensor | None:
        """How much the errors at each place of a batch's latents count, (B, 1, h, w), 1 in the mean of a picture; None
        where all count alike."""
        return None

    def predict(self, noisy: Tensor, timesteps: Tensor, context: Tensor, conditions: Tensor | None) -> Tensor:
        """The noise or velocity in noisy latents (B, C, h, w) at timesteps (B,) under a context (B, L, D), and under
        what `conditions` returned."""
        found: Tensor = self.unet(noisy, timesteps, encoder_hidden_states=context).sample
        return found

    def error(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        context: Tensor,
        conditions: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Mean squared error of what is found in latents that noise was added to, weighted as asked for."""
        found = self.predict(self.schedule.noised(latents, noise, timesteps), timesteps, context, conditions).float()
        squares = (found - self.schedule.target(latents, noise, timesteps)).square()
        errors = (squares if weights is None else squares * weights).mean(dim=(1, 2, 3))
        if self.min_snr is not None:
            errors = errors * self.schedule.min_snr(timesteps, self.min_snr)
        return errors.mean()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        if self.ema_decay is not None:  # the step is counted later
            update_average(self.average, nn.ParameterList(self.trained()), self.trainer.global_step + 1, self.ema_decay)


@torch.no_grad()
def _exchange(pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
    for one, other in pairs:
        one.data, other.data = other.data, one.data
