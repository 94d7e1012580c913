"""Pictures from prompts by the parts of a Stable Diffusion, as diffusers' own pipelines generate them."""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

AT_ONCE: Final = 8
"""Pictures that are generated together."""


def draw(
    pipeline: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    guidance: float,
    size: int,
    start: Tensor | None = None,
    strength: float = 1.0,
) -> Tensor:
    """Pictures (N, 3, S, S) in [0, 1] of N prompts, each from the noise of its own seed, whatever is drawn beside it.

    They are those of `StableDiffusionPipeline`, or from pictures of `StableDiffusionImg2ImgPipeline`, with the same
    generator. The pipeline that is handed in is left as it was, so that several threads may draw with it.

    pipeline: a StableDiffusionPipeline. steps: from noise to picture. guidance: above 1, closer to the prompt. size: S.
    start: pictures (N, 3, S, S) in [0, 1] to draw from, of which `strength` is how much is drawn anew.
    """
    from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

    kind = StableDiffusionPipeline if start is None else StableDiffusionImg2ImgPipeline
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)  # it counts the steps of one drawing
    own = kind(**{**pipeline.components, "scheduler": scheduler}, requires_safety_checker=False)
    own.set_progress_bar_config(**getattr(pipeline, "_progress_bar_config", {}))
    drawn = []
    for first in range(0, len(prompts), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        more = {"height": size, "width": size} if start is None else {"image": start[part], "strength": strength}
        noise = [torch.Generator().manual_seed(seed) for seed in seeds[part]]
        found = own(
            list(prompts[part]),
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=noise,
            output_type="pt",
            **more,
        )
        drawn.append(found.images.float().cpu())
    return torch.cat(drawn)
