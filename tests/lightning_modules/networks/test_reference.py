"""Which text describes a picture best; test_controlled.py has the attention to one."""

import numpy as np
import pytest
import torch
from tiny_diffusion import tiny_pipeline

import zoo
from lightning_modules.networks.diffusion.reference import mean_latents, text_errors

PROMPTS = [f"signer {number} in the studio" for number in (1, 2, 3, 4)]


def test_a_base_tells_signers_apart_by_the_prompts_that_drew_them() -> None:
    """Two of the four that the bundled base knows."""
    base = zoo.load("sd-starter")
    for place in (1, 2):
        drawn = base.draw(PROMPTS[place], steps=6)
        pictures = torch.from_numpy(drawn.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
        errors = text_errors(base.pipeline, mean_latents(base.vae, pictures), PROMPTS)
        assert int(errors.argmin()) == place


@pytest.mark.parametrize("prompts", [["a"], ["a", "b", "a"]])
def test_errors_are_of_the_text_and_the_picture_alone(prompts: list[str]) -> None:
    pipeline = tiny_pipeline()
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    errors = text_errors(pipeline, latents, prompts)
    assert errors.shape == (len(prompts),)
    torch.testing.assert_close(errors[0], errors[-1], atol=0, rtol=0)
    torch.testing.assert_close(text_errors(pipeline, latents, prompts), errors, atol=0, rtol=0)
