"""Frames a second that signdiff renders in fewer and fewer steps, what that costs, and diffusers' pipeline beside it.

    python benchmarks/rendering_steps.py [MODEL]

Frames of the avatar's HELLO, eight at once, on a GPU in bf16 where there is one. MODEL is a trained signdiff: a name, a
run or a repository; without, a ControlNet that has learnt nothing renders on the bundled base at 128 x 128, and only
the speed counts. SSIM is to the model's own frames in 50 steps. diffusers' StableDiffusionControlNetPipeline renders
the same conditions in 50 steps, with the guidance that it has unless it is asked otherwise, and without.
"""

import sys
import time
from typing import Any

import torch
from plain_diffusers import rendering
from torch import Tensor, nn

import zoo
from datamodules.avatar import perform
from datamodules.kinds.paired_frames import unit_pixels
from datamodules.media.clip_frames import evenly
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.framing import Framing
from datamodules.poses.motions import slp_joints
from lightning_modules.metrics.images import ssim
from lightning_modules.networks.diffusion.controlled import Controlled, Rendering, Sampler
from lightning_modules.networks.diffusion.two_conditions import control_network, fused
from zoo.artefacts.base_model import BaseModel
from zoo.loaders.diffusion.controlnet import ControlNet
from zoo.loaders.diffusion.pose_renderer import PoseRenderer
from zoo.training.log_filters import quiet

DEVICE, DTYPE = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
SIDE, FRAMES = 128, 8
MOST = 50
WAYS: tuple[tuple[int, Sampler], ...] = ((MOST, "dpm"), (20, "dpm"), (8, "dpm"), (4, "dpm"), (4, "lcm"), (1, "lcm"))


def untrained() -> PoseRenderer:
    base = BaseModel.used("sd-starter").open()
    network = fused(control_network(base.unet, base.vae, superposition=1.0)).eval()
    framing = Framing.square(SIDE, SIDE / 4, (SIDE / 2, SIDE / 3))
    renderer = PoseRenderer(ControlNet(network, None, None, size=SIDE), {1: ""}, framing, Rendering(), FRNet())
    renderer._pipeline = renderer.controlnet.attach(base)
    return renderer


def timed(work: Any) -> tuple[float, Tensor]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    found = work()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, found


def main(model: str | None = None) -> None:
    quiet()
    renderer = zoo.load(model) if model else untrained()
    pipeline = renderer.pipeline
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.controlnet):
        nn.Module.to(part, DEVICE, DTYPE)
    joints = slp_joints(perform(["HELLO"]).pose)
    shown = unit_pixels(list(renderer.draw(joints[list(evenly(FRAMES, len(joints)))])))
    prompts, seeds = [next(iter(renderer.prompts.values()))] * FRAMES, [0] * FRAMES

    def draw(steps: int, sampler: Sampler) -> Tensor:
        how = Rendering(steps, renderer.rendering.guidance, renderer.rendering.conditioning_scale, sampler)
        return Controlled(pipeline, pipeline.controlnet, how).draw(shown, prompts, seeds)

    draw(1, "dpm")
    plain: list[float] = []
    for guidance in (7.5, 1.0):
        took, _ = timed(rendering(pipeline, pipeline.controlnet, shown.to(DEVICE, DTYPE), prompts, MOST, guidance))
        plain.append(FRAMES / took)
        print(f"diffusers  {MOST:3} steps, guidance {guidance:3}  {plain[-1]:7.2f} frames/s", flush=True)
    whole: Tensor | None = None
    for steps, sampler in WAYS:
        took, frames = timed(lambda steps=steps, sampler=sampler: draw(steps, sampler))
        whole = frames if whole is None else whole
        beside = "  ".join(f"{FRAMES / took / of:6.1f}" for of in plain)
        likeness = f"   SSIM {ssim(frames, whole).mean():.3f}" if model else ""
        print(
            f"ours       {steps:3} steps, {sampler:12}  {FRAMES / took:7.2f} frames/s  {beside} times{likeness}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
