"""The preset LCM-LoRA: the published file, in its own layout, renders in plain diffusers what it renders here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LCMScheduler
from hub_server import Hub
from huggingface_hub import hf_hub_download
from pose_format import Pose
from safetensors.torch import save
from tiny_diffusion import tiny_lora, tiny_renderer

from datamodules.avatar import perform
from datamodules.poses.conversion import to_pose
from zoo.loaders.diffusion import lcm_lora
from zoo.loaders.diffusion.lcm_lora import REPO
from zoo.loaders.diffusion.pose_renderer import PoseRenderer

FILE = "pytorch_lora_weights.safetensors"
WEIGHTS = {
    f"lora_unet_{name.replace('.', '_')}.{what}": value
    for name, (first, second) in tiny_lora().network.layers.items()
    for what, value in {
        "alpha": torch.tensor(8.0).half(),
        "lora_down.weight": first.half(),
        "lora_up.weight": second.half(),
    }.items()
}
"""A tiny one as the published one is: kohya's names, an alpha for each layer, half precision."""
ASKED = {"steps": 4, "guidance": 1.5, "conditioning_scale": 0.8, "sampler": "lcm"}
LAYER = next(iter(WEIGHTS)).partition(".")[0]


@pytest.fixture
def pose() -> Pose:
    return to_pose(perform(["HELLO"]).joints[:2], 25.0)


@pytest.fixture
def renderer(base_folder: Path) -> PoseRenderer:
    return tiny_renderer(folder=base_folder)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Stable Diffusion 1.5 were as small as the tests' base."""
    monkeypatch.setattr(lcm_lora, "UNET", {"block_out_channels": [4, 8], "cross_attention_dim": 8})


@pytest.fixture
def cached(hub: Hub, tiny: None) -> Callable[..., str]:
    """Puts weights on the Hub and into its cache, and returns their commit."""

    def plant(weights: dict[str, Any], revision: bool = False) -> str:
        commit = hub.plant(REPO, {FILE: save(weights)})
        hf_hub_download(REPO, FILE, revision=commit if revision else None)
        return commit

    return plant


def test_it_renders_what_plain_diffusers_does_with_the_same_file(
    renderer: PoseRenderer, pose: Pose, cached: Callable[..., str], offline: Callable[[], None]
) -> None:
    before = renderer.render(pose)
    cached(WEIGHTS)
    offline()
    frames = renderer.render(pose, preset="lcm-lora")
    np.testing.assert_array_equal(renderer.render(pose), before)  # the base stays as it is
    assert np.abs(renderer.render(pose, **ASKED) - frames.astype(int)).max() > 5  # type: ignore[arg-type]

    pipeline = renderer.controlnet.attach(renderer.base())
    pipeline.load_lora_weights(hf_hub_download(REPO, FILE, local_files_only=True))
    pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    conditions = torch.from_numpy(renderer.draw(perform(["HELLO"]).joints[:1])).permute(0, 3, 1, 2) / 255
    asked = {"num_inference_steps": 4, "guidance_scale": 1.5, "controlnet_conditioning_scale": 0.8}
    own = torch.Generator().manual_seed(0)
    theirs = pipeline("a person signing", image=conditions, generator=own, output_type="np", **asked).images
    assert np.abs(frames[:1].astype(float) - 255 * theirs).max() < 1


def test_what_is_asked_for_goes_before_the_preset(
    renderer: PoseRenderer, pose: Pose, cached: Callable[..., str]
) -> None:
    cached(WEIGHTS)
    frames = renderer.render(pose, preset="lcm-lora")
    np.testing.assert_array_equal(renderer.render(pose, preset="lcm-lora", **ASKED), frames)  # type: ignore[arg-type]
    assert (renderer.render(pose, preset="lcm-lora", steps=2) != frames).any()


def test_a_revision_is_that_commit_and_no_other(renderer: PoseRenderer, pose: Pose, cached: Callable[..., str]) -> None:
    first = cached(WEIGHTS, revision=True)
    cached({**WEIGHTS, f"{LAYER}.lora_up.weight": -WEIGHTS[f"{LAYER}.lora_up.weight"]})
    pinned, main = (renderer.render(pose, preset=f"lcm-lora{at}") for at in (f"@{first}", ""))
    assert (pinned != main).any()


def test_where_it_is_not_in_the_cache_the_command_is_told_that_fetches_it(
    renderer: PoseRenderer, pose: Pose, hub: Hub, tiny: None
) -> None:
    for preset, expected in (
        ("lcm-lora", f"{REPO}@main: not in the Hub's cache; `hf download {REPO} {FILE}` fetches it"),
        ("lcm-lora@0123456", f"`hf download {REPO} {FILE} --revision 0123456` fetches it"),
    ):
        with pytest.raises(ValueError, match=expected):
            renderer.stream(pose, preset=preset)
    assert not hub.requests


def test_a_base_of_other_sizes_than_stable_diffusion_1_5_is_refused_before_anything_is_looked_for(
    renderer: PoseRenderer, pose: Pose
) -> None:
    message = r"found a base model whose block_out_channels is \[4, 8\], expected \[320, 640, 1280, 1280\]"
    with pytest.raises(ValueError, match=message):
        renderer.stream(pose, preset="lcm-lora")


@pytest.mark.parametrize("preset", ["lcm", "lcm-lora@../x", ""])
def test_another_preset_is_refused(preset: str, renderer: PoseRenderer, pose: Pose) -> None:
    with pytest.raises(ValueError, match="preset: found"):
        renderer.stream(pose, preset=preset)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lora_te_text_model.alpha": torch.tensor(8.0)}, "found lora_te_text_model.alpha, expected alpha, lora_down"),
        ({f"{LAYER}.dora_scale": torch.ones(4)}, f"found {LAYER}.dora_scale, expected alpha, lora_down or lora_up"),
        ({f"{LAYER}.alpha": torch.tensor(4.0)}, r"alphas \[4.0, 8.0\], expected one alpha for all"),
        ({f"{LAYER}.lora_down.weight": torch.ones(3, 4)}, "expected A"),
        ({f"{LAYER}.lora_up.weight": torch.ones(5, 4)}, "this LoRA does not fit the pipeline's UNet"),
    ],
)
def test_another_file_is_refused_in_one_line(
    changes: dict[str, Any], message: str, renderer: PoseRenderer, pose: Pose, cached: Callable[..., str]
) -> None:
    cached({**WEIGHTS, **changes})
    with pytest.raises(ValueError, match=message) as error:
        renderer.stream(pose, preset="lcm-lora")
    assert "\n" not in str(error.value)
