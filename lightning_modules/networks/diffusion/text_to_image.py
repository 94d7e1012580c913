"""Pictures from prompts by the parts of a Stable Diffusion, as diffusers' own pipelines generate them."""

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from lightning_modules.networks.diffusion.latents import embedded
from lightning_modules.networks.diffusion.noise import generators

AT_ONCE: Final = 8
"""Pictures that are generated together."""


@torch.no_grad()
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
    generator. The pipeline that is handed in is left as it was, so that several threads may draw with it; the prompts
    are read here, since it would have the tokenizer pad them in two ways, one after the other.

    pipeline: a StableDiffusionPipeline. steps: from noise to picture. guidance: above 1, closer to the prompt. size: S.
    start: pictures (N, 3, S, S) in [0, 1] to draw from, of which `strength` is how much is drawn anew.
    """
    from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

    kind = StableDiffusionPipeline if start is None else StableDiffusionImg2ImgPipeline
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)  # it counts the steps of one drawing
    own = kind(**{**pipeline.components, "scheduler": scheduler}, requires_safety_checker=False)
    own.set_progress_bar_config(**getattr(pipeline, "_progress_bar_config", {}))
    drawn, none = [], embedded(own.tokenizer, own.text_encoder, [""])
    for first in range(0, len(prompts), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        more = {"height": size, "width": size} if start is None else {"image": start[part], "strength": strength}
        context = embedded(own.tokenizer, own.text_encoder, list(prompts[part]))
        found = own(
            prompt_embeds=context,
            negative_prompt_embeds=none.expand_as(context),
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=generators(seeds[part]),
            output_type="pt",
            **more,
        )
        drawn.append(found.images.float().cpu())
    return torch.cat(drawn)
