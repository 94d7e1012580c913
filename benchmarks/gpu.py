"""Training steps on a GPU as a plain script takes them and as the zoo does: the published shapes, random weights.

    python benchmarks/gpu.py [--tiny] [WORK ...]

skeleton-lora: a LoRA of rank 64 in Stable Diffusion 1.4 at 512 x 512. The plain ways are those of diffusers' script,
which encodes every picture and caption at every step: in single precision with batches of two, as the source has it,
and in bf16 with batches of 16. The zoo's has both from its cache, autocasts to bf16, and compiles the UNet's repeated
blocks, as `fit skeleton-lora --trainer.precision bf16-mixed --model.compiled true --data.batch_size 16` does.

Printed are pictures a second (the median step after three to warm up, of which the first compiles), the most memory
that was held, and how many times the plain way in bf16 each is. `--tiny` runs the same steps on a network of a few
thousand weights, on a CPU too: that they run, not how fast.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from peft import LoraConfig
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from lightning_modules.networks.diffusion.latents import sampled
from lightning_modules.skeleton_lora import SkeletonLoRA

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM_UP, STEPS = 3, 10
TARGETS = ["to_q", "to_k", "to_v"]

Step = Callable[[], object]


def stable_diffusion(tiny: bool) -> Any:
    """The parts of Stable Diffusion 1.4 with random weights, or of one like it."""
    torch.manual_seed(0)
    width, channels = (32, (32, 64)) if tiny else (768, (320, 640, 1280, 1280))
    down = ("CrossAttnDownBlock2D",) * (len(channels) - 1) + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (len(channels) - 1)
    unet = UNet2DConditionModel(
        sample_size=8 if tiny else 64,
        block_out_channels=channels,
        down_block_types=down,
        up_block_types=up,
        cross_attention_dim=width,
    )
    stages = (32, 32) if tiny else (128, 256, 512, 512)
    vae = AutoencoderKL(
        block_out_channels=stages,
        down_block_types=("DownEncoderBlock2D",) * len(stages),
        up_block_types=("UpDecoderBlock2D",) * len(stages),
        layers_per_block=2,
        latent_channels=4,
    )
    layers = 1 if tiny else 12
    text = CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64 or 1
    )
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    return SimpleNamespace(
        unet=unet,
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=None,
        scheduler=scheduler,
        size=16 if tiny else 512,
    )


def plain_step(parts: Any, read: Callable[[], tuple[Tensor, Tensor]], device: str, dtype: torch.dtype) -> Step:
    """A step of diffusers' train_text_to_image_lora.py: what is frozen in `dtype`, the matrices in single precision.

    parts: of a Stable Diffusion. read: the next pictures (B, 3, S, S) in [-1, 1], and the tokens (B, L) of captions.
    """
    unet, vae, text = parts.unet, parts.vae, parts.text_encoder
    for part in (unet, vae, text):
        nn.Module.to(
            part.requires_grad_(False), device, dtype
        )  # diffusers' own warns of what is to stay in fp32: nothing
    unet.add_adapter(LoraConfig(r=64, lora_alpha=32, target_modules=TARGETS, lora_dropout=0.1))
    matrices = [weight for weight in unet.parameters() if weight.requires_grad]
    for weight in matrices:
        weight.data = weight.data.float()
    optimizer, schedule = torch.optim.AdamW(matrices, 1e-4), DDPMScheduler.from_config(parts.scheduler.config)

    def step() -> None:
        pictures, tokens = read()
        with torch.no_grad():
            latents = vae.encode(pictures.to(device, dtype)).latent_dist.sample() * vae.config.scaling_factor
            context = text(tokens.to(device))[0]
        noise, times = torch.randn_like(latents), torch.randint(1000, (len(latents),), device=device)
        noisy, target = schedule.add_noise(latents, noise, times), noise
        if schedule.config.prediction_type == "v_prediction":
            target = schedule.get_velocity(latents, noise, times)
        with torch.autocast(device, torch.bfloat16, enabled=dtype is torch.bfloat16):
            found = unet(noisy, times, context, return_dict=False)[0]
        torch.autograd.backward(functional.mse_loss(found.float(), target.float()))
        torch.nn.utils.clip_grad_norm_(matrices, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def our_step(parts: Any, moments: Tensor, context: Tensor, **switches: Any) -> Step:
    """A step of `SkeletonLoRA` with what its cache would serve, under bf16 autocast where that is switched on."""
    precise = switches.pop("precision", "32-true") == "32-true"
    module = SkeletonLoRA("random weights", cache=False, **switches)
    module.stand_on(parts)
    module.configure_model()
    module.to(moments.device).train()
    optimizer = torch.optim.AdamW(module.trained(), 1e-4)
    scaling = parts.vae.config.scaling_factor

    def step() -> None:
        latents = sampled(moments, torch.randn_like(moments[:, :4]), scaling)
        times = torch.randint(1000, (len(latents),), device=latents.device)
        with torch.autocast(latents.device.type, torch.bfloat16, enabled=not precise):
            loss = module.error(latents, module.noise_like(latents), times, context)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(module.trained(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def rate(step: Step, batch: int) -> tuple[float, float]:
    """Items a second, and the most memory held in GiB."""
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    held = torch.cuda.max_memory_allocated() / 2**30 if DEVICE == "cuda" else 0.0
    return batch / statistics.median(times[WARM_UP:]), held


def skeleton_lora(tiny: bool) -> Iterator[tuple[str, int, Step]]:
    """The ways to compare, each with its batch, the plain one in bf16 second."""

    def inputs(parts: Any, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        side = parts.size // 2 ** (len(parts.vae.config.block_out_channels) - 1)
        pictures = torch.randn(batch, 3, parts.size, parts.size, device=DEVICE)
        tokens = torch.randint(49_000, (batch, 77), device=DEVICE)
        moments = torch.randn(batch, 8, side, side, device=DEVICE)
        return pictures, tokens, moments, torch.randn(batch, 77, parts.unet.config.cross_attention_dim, device=DEVICE)

    for what, batch, dtype in (("plain, fp32", 2, torch.float32), ("plain, bf16", 16, torch.bfloat16)):
        parts = stable_diffusion(tiny)
        pictures, tokens, _, _ = inputs(parts, batch)
        read = partial(next, repeat((pictures, tokens)))
        yield what, batch, plain_step(parts, read, DEVICE, dtype)
    for what, batch, compiled in (("cached, bf16", 16, False), ("and compiled", 16, True), ("and compiled", 32, True)):
        parts = stable_diffusion(tiny)
        _, _, moments, context = inputs(parts, batch)
        yield what, batch, our_step(parts, moments, context, compiled=compiled and not tiny, precision="bf16-mixed")


WORKS = {"skeleton-lora": skeleton_lora}
"""By name, what yields the ways to compare."""


def main(words: list[str]) -> None:
    tiny = "--tiny" in words
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for name in [word for word in words if word != "--tiny"] or list(WORKS):
        rates: list[float] = []
        for what, batch, step in WORKS[name](tiny):
            items, held = rate(step, batch)
            rates.append(items)
            times = f"{items / rates[1]:6.2f} times plain bf16" if len(rates) > 1 else ""
            print(f"{name}  {what:14} batch {batch:3}  {items:8.1f} pictures/s  {held:5.1f} GiB  {times}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
