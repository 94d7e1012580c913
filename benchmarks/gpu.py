"""Work on a GPU as a plain script does it and as the zoo does: the published shapes, random weights.

    python benchmarks/gpu.py [--tiny] [WORK ...]

skeleton-lora: training steps of a LoRA of rank 64 in Stable Diffusion 1.4 at 512 x 512. The plain ways are those of
diffusers' script, which encodes every picture and caption at every step: in single precision with batches of two, as
the source has it, and in bf16 with batches of 16. The zoo's has both from its cache, autocasts to bf16, lays weights
out channels last, and compiles the UNet's repeated blocks, as `fit skeleton-lora --trainer.precision bf16-mixed
--model.compiled true --data.batch_size 16` does.

signdiff: training steps of a ControlNet of six channels beside Stable Diffusion 1.5 at 512 x 512. The plain way is that
of diffusers' train_controlnet.py in bf16; the zoo's as above.

signdiff-rendering: its frames, eight at once, in bf16, from a condition to pixels, in fewer and fewer steps and with
compiled blocks. The plain way is StableDiffusionControlNetPipeline in bf16 as it comes, in 50 steps with guidance. What
fewer steps cost, random weights cannot say: `rendering_steps.py MODEL` does.

Printed are pictures a second (the median step after three to warm up, of which the first compiles), the most memory
that was held, and how many times the plain way in bf16 each is. `--tiny` runs the same steps on a network of a few
thousand weights, on a CPU too, once each: that they run, not how fast.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from plain_diffusers import Step, controlnet_step, lora_step, rendering
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from lightning_modules.common.latent_diffusion import LatentDiffusion
from lightning_modules.networks.diffusion.controlled import Controlled, Rendering, Sampler
from lightning_modules.networks.diffusion.latents import sampled
from lightning_modules.networks.diffusion.text_to_latents import clip_tokenizer
from lightning_modules.networks.diffusion.two_conditions import control_network, fused
from lightning_modules.signdiff import SignDiff
from lightning_modules.skeleton_lora import SkeletonLoRA

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM_UP, STEPS = 3, 10
PLAIN = "plain, bf16"
"""The way that others are so many times as fast as."""
FRAMES = 8
"""That are rendered together."""
FEWER: tuple[tuple[int, Sampler], ...] = ((20, "dpm"), (8, "dpm"), (4, "lcm"), (1, "lcm"))


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
        tokenizer=clip_tokenizer(),
        scheduler=scheduler,
        size=16 if tiny else 512,
    )


def our_step(
    module: LatentDiffusion, parts: Any, moments: Tensor, context: Tensor, conditions: Tensor | None = None
) -> Step:
    """A step of a module with what its cache would serve, under bf16 autocast."""
    module.stand_on(parts)
    module.configure_model()
    module.to(moments.device).train()
    optimizer = torch.optim.AdamW(module.trained(), 1e-4)
    scaling = parts.vae.config.scaling_factor

    def step() -> None:
        latents = sampled(moments, torch.randn_like(moments[:, :4]), scaling)
        times = torch.randint(1000, (len(latents),), device=latents.device)
        with torch.autocast(latents.device.type, torch.bfloat16):
            loss = module.error(latents, module.noise_like(latents), times, context, conditions)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(module.trained(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def rate(step: Step, batch: int, warm_up: int = WARM_UP, steps: int = STEPS) -> tuple[float, float]:
    """Items a second, and the most memory held in GiB."""
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    held = torch.cuda.max_memory_allocated() / 2**30 if DEVICE == "cuda" else 0.0
    return batch / statistics.median(times[warm_up:]), held


def inputs(parts: Any, batch: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What a plain step reads, pictures, tokens and conditions, and what the zoo's is served in their place: moments,
    what the UNet attends to, and conditions."""
    side = parts.size // 2 ** (len(parts.vae.config.block_out_channels) - 1)
    pictures, conditions = (torch.rand(batch, count, parts.size, parts.size, device=DEVICE) for count in (3, 6))
    tokens = torch.randint(49_000, (batch, 77), device=DEVICE)
    moments = torch.randn(batch, 8, side, side, device=DEVICE)
    context = torch.randn(batch, 77, parts.unet.config.cross_attention_dim, device=DEVICE)
    return (2 * pictures - 1, tokens, conditions), (moments, context, conditions)


def skeleton_lora(tiny: bool) -> Iterator[tuple[str, int, Step]]:
    """The ways to compare, each with its batch."""
    for what, batch, dtype in (("plain, fp32", 2, torch.float32), (PLAIN, 16, torch.bfloat16)):
        parts = stable_diffusion(tiny)
        read, _ = inputs(parts, batch)
        yield what, batch, lora_step(parts, partial(next, repeat(read[:2])), DEVICE, dtype)
    for what, batch, compiled in (("cached, bf16", 16, False), ("and compiled", 16, True), ("and compiled", 32, True)):
        parts = stable_diffusion(tiny)
        module = SkeletonLoRA("random weights", cache=False, compiled=compiled and not tiny)
        yield what, batch, our_step(module, parts, *inputs(parts, batch)[1][:2])


def signdiff(tiny: bool) -> Iterator[tuple[str, int, Step]]:
    parts = stable_diffusion(tiny)
    read, _ = inputs(parts, 16)
    yield PLAIN, 16, controlnet_step(parts, partial(next, repeat(read)), DEVICE, torch.bfloat16)
    for what, batch, compiled in (("cached, bf16", 16, False), ("and compiled", 16, True), ("and compiled", 32, True)):
        parts = stable_diffusion(tiny)
        module = SignDiff("random weights", cache=False, compiled=compiled and not tiny)
        yield what, batch, our_step(module, parts, *inputs(parts, batch)[1])


def signdiff_rendering(tiny: bool) -> Iterator[tuple[str, int, Step]]:
    parts = stable_diffusion(tiny)
    network = fused(control_network(parts.unet, parts.vae, superposition=1.0))
    for part in (parts.unet, parts.vae, parts.text_encoder, network):
        nn.Module.to(part.requires_grad_(False).eval(), DEVICE, torch.bfloat16)
    shown = torch.rand(FRAMES, 6, parts.size, parts.size)
    prompts, seeds = ["signer 1 in the studio"] * FRAMES, [0] * FRAMES
    yield PLAIN, FRAMES, rendering(parts, network, shown, prompts, steps=2 if tiny else 50, guidance=7.5)
    for part in (parts.unet, network):
        nn.Module.to(part, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not tiny:
        parts.unet.compile_repeated_blocks(fullgraph=True)
    for steps, sampler in FEWER:
        controlled = Controlled(parts, network, Rendering(steps, sampler=sampler))
        if not tiny:
            controlled.steering._repeated_blocks = parts.unet._repeated_blocks
            controlled.steering.compile_repeated_blocks(fullgraph=True)
        yield f"{steps} steps, {sampler}", FRAMES, partial(controlled.draw, shown, prompts, seeds)


WORKS = {"skeleton-lora": skeleton_lora, "signdiff": signdiff, "signdiff-rendering": signdiff_rendering}
"""By name, what yields the ways to compare."""


def main(words: list[str]) -> None:
    tiny = "--tiny" in words
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for name in [word for word in words if word != "--tiny"] or list(WORKS):
        plain: float | None = None
        for what, batch, step in WORKS[name](tiny):
            items, held = rate(step, batch, 0, 1) if tiny else rate(step, batch)
            plain = items if what == PLAIN else plain
            times = f"{items / plain:6.2f} times plain bf16" if plain else ""
            print(f"{name}  {what:14} batch {batch:3}  {items:8.1f} pictures/s  {held:5.1f} GiB  {times}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
