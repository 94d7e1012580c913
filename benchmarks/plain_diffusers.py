"""Training steps as diffusers' own example scripts take them, and its rendering: what the zoo's are held against."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from diffusers import ControlNetModel, DDPMScheduler, StableDiffusionControlNetPipeline
from peft import LoraConfig
from torch import Tensor, nn
from torch.nn import functional

TARGETS = ["to_q", "to_k", "to_v"]

Step = Callable[[], object]
Read = Callable[[], Sequence[Tensor]]
"""The next pictures (B, 3, S, S) in [-1, 1] and tokens (B, L) of captions; for a ControlNet, conditions (B, 6, S, S) in
[0, 1]."""


def lora_step(parts: Any, read: Read, device: str, dtype: torch.dtype) -> Step:
    """A step of train_text_to_image_lora.py: what is frozen in `dtype`, the matrices in single precision.

    parts: of a Stable Diffusion.
    """
    unet = _frozen(parts, device, dtype)
    unet.add_adapter(LoraConfig(r=64, lora_alpha=32, target_modules=TARGETS, lora_dropout=0.1))
    matrices = [weight for weight in unet.parameters() if weight.requires_grad]
    for weight in matrices:
        weight.data = weight.data.float()

    def predict(noisy: Tensor, times: Tensor, context: Tensor) -> Tensor:
        found: Tensor = unet(noisy, times, context, return_dict=False)[0]
        return found

    return _step(parts, matrices, predict, read, device, dtype)


def controlnet_step(parts: Any, read: Read, device: str, dtype: torch.dtype) -> Step:
    """A step of train_controlnet.py, of a ControlNet of six channels: what is frozen in `dtype`, the ControlNet in
    single precision.

    parts: of a Stable Diffusion.
    """
    unet = _frozen(parts, device, dtype)
    widths = (16, 32, 96, 256)[: len(parts.vae.config.block_out_channels)]
    network = ControlNetModel.from_unet(unet, "rgb", widths, conditioning_channels=6)
    network = nn.Module.to(network, device, torch.float32).train()

    def predict(noisy: Tensor, times: Tensor, context: Tensor, conditions: Tensor) -> Tensor:
        down, mid = network(noisy, times, context, conditions.to(device), return_dict=False)
        steered = {
            "down_block_additional_residuals": [each.to(dtype) for each in down],
            "mid_block_additional_residual": mid.to(dtype),
        }
        found: Tensor = unet(noisy, times, context, **steered, return_dict=False)[0]
        return found

    return _step(parts, list(network.parameters()), predict, read, device, dtype)


def _frozen(parts: Any, device: str, dtype: torch.dtype) -> Any:
    """The UNet of parts that are not trained."""
    for part in (parts.unet, parts.vae, parts.text_encoder):  # diffusers' own `to` warns of what there is none of
        nn.Module.to(part.requires_grad_(False), device, dtype)
    return parts.unet


def _step(
    parts: Any, trained: list[nn.Parameter], predict: Callable[..., Tensor], read: Read, device: str, dtype: torch.dtype
) -> Step:
    vae, text = parts.vae, parts.text_encoder
    optimizer, schedule = torch.optim.AdamW(trained, 1e-4), DDPMScheduler.from_config(parts.scheduler.config)

    def step() -> None:
        pictures, tokens, *conditions = read()
        with torch.no_grad():
            latents = vae.encode(pictures.to(device, dtype)).latent_dist.sample() * vae.config.scaling_factor
            context = text(tokens.to(device))[0]
        noise, times = torch.randn_like(latents), torch.randint(1000, (len(latents),), device=device)
        noisy, target = schedule.add_noise(latents, noise, times), noise
        if schedule.config.prediction_type == "v_prediction":
            target = schedule.get_velocity(latents, noise, times)
        with torch.autocast(device, torch.bfloat16, enabled=dtype is torch.bfloat16):
            found = predict(noisy, times, context, *conditions)
        torch.autograd.backward(functional.mse_loss(found.float(), target.float()))
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def rendering(parts: Any, network: Any, conditions: Tensor, prompts: list[str], steps: int, guidance: float) -> Step:
    """Frames (N, 3, S, S) in [0, 1] as diffusers' pipeline generates them of conditions (N, C, S, S) in [0, 1]."""
    pipeline = StableDiffusionControlNetPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        controlnet=network,
        scheduler=parts.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    asked = {"num_inference_steps": steps, "guidance_scale": guidance, "output_type": "pt"}
    return partial(pipeline, prompts, conditions, **asked)
