"""The bundled base and its LoRA, opened as anybody opens a Stable Diffusion: in a process without our packages."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import zoo
from zoo.artefacts.artefact import starter_folder

PLAIN = """
import sys

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

base, adapter, target = sys.argv[1:]
pipeline = StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
asked = {"num_inference_steps": 20, "guidance_scale": 3.0, "output_type": "np"}

def drawn(prompt):
    return pipeline(prompt, **asked, generator=torch.Generator().manual_seed(5)).images[0]

found = {"base": drawn("signer 3 in the studio"), "without": drawn("ASL sign for 'stop'")}
weights = "pytorch_lora_weights.safetensors"
pipeline.load_lora_weights(adapter, subfolder="lora", weight_name=weights)
found["with"] = drawn("ASL sign for 'stop'")
assert not {"zoo", "lightning_modules", "datamodules"} & set(sys.modules)
np.savez(target, **found)
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What plain diffusers draws, (128, 128, 3) uint8."""
    target = tmp_path_factory.mktemp("plain") / "drawn.npz"
    folders = [str(starter_folder(name)) for name in ("sd-starter", "skeleton-lora")]
    command = [sys.executable, "-c", PLAIN, *folders, str(target)]
    done = subprocess.run(command, cwd=target.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(target) as file:
        return {name: (255 * file[name]).round().astype(int) for name in file.files}


def test_plain_diffusers_draws_what_the_zoo_draws(plain: dict[str, np.ndarray]) -> None:
    (ours,) = zoo.load("sd-starter").draw("signer 3 in the studio", n=1, seed=5)
    assert np.abs(plain["base"] - ours).max() <= 1


def test_the_lora_draws_in_plain_diffusers_what_it_draws_in_the_zoo(plain: dict[str, np.ndarray]) -> None:
    (ours,) = zoo.load("skeleton-lora").sign("stop", n=1, seed=5)
    assert np.abs(plain["with"] - ours).max() <= 1
    assert np.abs(plain["with"] - plain["without"]).max() > 100


def test_the_base_has_the_encoder_that_it_learnt_with_and_the_decoder_that_came_after() -> None:
    """It is trained on latents alone, so that its weights are the same on either autoencoder."""
    weights = Path("vae", "diffusion_pytorch_model.safetensors")
    learnt, after, base = (
        load_file(starter_folder(name) / weights) for name in ("sd-starter-vae", "sd-starter-decoder", "sd-starter")
    )
    changed = {name for name in learnt if not torch.equal(learnt[name], after[name])}
    assert {name.partition(".")[0] for name in changed} == {"post_quant_conv", "decoder"}
    assert all(torch.equal(base[name], after[name]) for name in after)


def test_the_base_is_as_small_as_a_package_may_bring_along() -> None:
    files: list[Path] = [path for path in starter_folder("sd-starter").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 24_000_000
