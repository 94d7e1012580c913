"""Skeleton LoRA: its matrices alone are trained, the base stays to the bit, and what was trained is published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import pytest
import torch
from safetensors import safe_open
from tiny_diffusion import tiny_pipeline
from torch.optim.lr_scheduler import OneCycleLR

from datamodules.twins import Twin
from datamodules.wlasl.skeletons import WLASLSkeletons
from lightning_modules.skeleton_lora import SkeletonLoRA
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.diffusion.skeleton_signer import SkeletonSigner

SIZES: dict[str, Any] = {"rank": 4, "alpha": 2, "steps": 2, "guidance": 2.0, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def root(twin_root: Callable[[str], Path]) -> Path:
    return twin_root("skeleton-lora")


def skeletons(root: Path) -> WLASLSkeletons:
    return WLASLSkeletons(str(root), image_size=32, batch_size=8, twin=Twin(size=3, seed=0, signers=10))


def made(folder: Path, **more: Any) -> SkeletonLoRA:
    """A module that stands on the base in a folder."""
    from zoo.loaders.diffusion.stable_diffusion import open_pipeline

    module = SkeletonLoRA(str(folder), **{**SIZES, **more})
    module.stand_on(open_pipeline(folder))
    return module


def fitted(root: Path, base_folder: Path, steps: int = 3, **more: Any) -> tuple[SkeletonLoRA, L.Trainer]:
    L.seed_everything(0, verbose=False)
    module, data = made(base_folder, **more), skeletons(root)
    trainer = L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        gradient_clip_val=1.0,
        limit_val_batches=1,
    )
    trainer.fit(module, datamodule=data)
    return module.eval(), trainer


def test_training_moves_the_matrices_and_leaves_the_base_to_the_bit(root: Path, base_folder: Path) -> None:
    module, trainer = fitted(root, base_folder)
    before = tiny_pipeline()
    for name, part in (("vae", module.vae), ("text_encoder", module.text_encoder), ("unet", module.unet)):
        theirs = {
            key.replace(".base_layer", ""): value for key, value in part.state_dict().items() if "lora_" not in key
        }
        for key, value in getattr(before, name).state_dict().items():
            assert torch.equal(theirs[key], value), f"{name}.{key}"
    moved = {
        name: float(weight.abs().max()) for name, weight in module.network.state_dict().items() if "lora_B" in name
    }
    assert len(moved) == 4 * 2 * 3  # attentions, each to itself and to the text, by query, key and value
    assert min(moved.values()) > 0
    assert {name.partition(".")[0] for name in module.state_dict()} == {"network"}
    assert [weight for weight in module.trained() if weight.ndim != 2] == []
    (optimizer,) = trainer.optimizers
    assert type(optimizer) is torch.optim.AdamW
    assert sum(weight.numel() for group in optimizer.param_groups for weight in group["params"]) == sum(
        weight.numel() for weight in module.network.parameters()
    )


def test_the_rate_rises_and_falls_in_one_cycle(root: Path, base_folder: Path) -> None:
    _, trainer = fitted(root, base_folder)
    (config,) = trainer.lr_scheduler_configs
    (group,) = trainer.optimizers[0].param_groups
    assert type(config.scheduler) is OneCycleLR
    assert (config.interval, config.scheduler.total_steps) == ("step", 3)
    assert (group["initial_lr"], group["max_lr"]) == (0.01 / 25, 0.01)


def test_before_the_first_step_it_draws_as_its_base(root: Path, base_folder: Path) -> None:
    module, _ = fitted(root, base_folder, steps=1, learning_rate=1e-12)
    noise = torch.Generator().manual_seed(1)
    plain = tiny_pipeline()(
        "ASL sign for 'hello'", num_inference_steps=2, guidance_scale=2.0, generator=noise, output_type="pt"
    ).images
    hello = torch.tensor([skeletons(root).glosses.index("hello")])
    torch.testing.assert_close((module.generate(hello, [1]) + 1) / 2, plain, atol=1e-3, rtol=0)


def test_its_baseline_is_what_the_base_draws_of_the_same_prompts(root: Path, base_folder: Path) -> None:
    module, _ = fitted(root, base_folder, learning_rate=0.3)
    labels = torch.tensor([0, 1])
    drawn = module.generate(labels, [0, 1])
    base = module.generate_as_base(labels, [0, 1])
    assert (drawn - base).abs().max() > 0.01
    torch.testing.assert_close(module.generate(labels, [0, 1]), drawn)  # as it was before
    untrained, _ = fitted(root, base_folder, steps=1, learning_rate=1e-12)
    torch.testing.assert_close(untrained.generate(labels, [0, 1]), base, atol=1e-3, rtol=0)


def test_dropout_is_at_work_in_training_alone(root: Path, base_folder: Path) -> None:
    module, _ = fitted(root, base_folder)
    parts = [part for name, part in module.named_modules() if "lora_dropout" in name and not list(part.children())]
    assert {type(part) for part in parts} == {torch.nn.Dropout}
    assert not any(part.training for part in parts)
    module.train()
    assert all(part.training and part.p == 0.1 for part in parts)
    assert not module.vae.training
    assert not module.unet.conv_in.training


def test_what_is_published_draws_what_the_module_draws(root: Path, base_folder: Path, tmp_path: Path) -> None:
    module, trainer = fitted(root, base_folder, ema_decay=0.5)
    data = trainer.datamodule  # type: ignore[attr-defined]
    loader = SkeletonSigner.from_training(module, data)
    loader.save(tmp_path)
    opened = open_artefact(tmp_path)
    hello = data.glosses.index("hello")
    drawn = ((module.generate(torch.tensor([hello]), [3]) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    for signer in (loader, opened):
        assert np.abs(signer.sign("hello", seed=3).astype(int) - drawn).max() <= 1
    assert opened.classes == data.glosses
    assert opened.gives.size == 32
    assert opened.references.keys() == set(data.glosses)
    with module.averaged():
        average = {name: weight.detach().clone() for name, weight in module.network.state_dict().items()}
    assert all(torch.equal(value, average[name]) for name, value in opened.network.state_dict().items())
    assert any(not torch.equal(value, average[name]) for name, value in module.network.state_dict().items())


def test_alpha_by_rank_is_a_half_in_both_files(root: Path, base_folder: Path, tmp_path: Path) -> None:
    module, trainer = fitted(root, base_folder, steps=1, rank=64, alpha=32)
    SkeletonSigner.from_training(module, trainer.datamodule).save(tmp_path)  # type: ignore[attr-defined]
    settings = json.loads((tmp_path / "lora" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (64, 32)
    with safe_open(tmp_path / "lora" / "pytorch_lora_weights.safetensors", "pt") as file:
        told = json.loads(file.metadata()["lora_adapter_metadata"])
    assert (told["unet.r"], told["unet.lora_alpha"]) == (64, 32)


def test_a_test_draws_with_the_weights_that_users_load(root: Path, base_folder: Path, tmp_path: Path) -> None:
    module, trainer = fitted(root, base_folder)
    SkeletonSigner.from_training(module, trainer.datamodule).save(tmp_path)  # type: ignore[attr-defined]
    fresh = made(base_folder)
    fresh.network = open_artefact(tmp_path).network
    fresh.trainer = trainer
    fresh.configure_model()
    assert all(
        torch.equal(value, module.network.state_dict()[name]) for name, value in fresh.network.state_dict().items()
    )
    labels = torch.tensor([0, 1])
    torch.testing.assert_close(fresh.eval().generate(labels, [0, 1]), module.generate(labels, [0, 1]))


@pytest.mark.parametrize(
    "switch", [{"min_snr": 1e-4}, {"offset_noise": 0.1}, {"prompt_drop": 0.5}, {"checkpointing": True}]
)
def test_each_switch_trains(switch: dict[str, Any], root: Path, base_folder: Path) -> None:
    _, plain = fitted(root, base_folder, steps=2)
    _, other = fitted(root, base_folder, steps=2, **switch)
    same = torch.isclose(plain.callback_metrics["train/loss"], other.callback_metrics["train/loss"], atol=1e-6)
    assert bool(same) == ("checkpointing" in switch)


def test_its_previews_are_hello(root: Path, base_folder: Path, tmp_path: Path) -> None:
    module, trainer = fitted(root, base_folder, steps=1)
    data = trainer.datamodule  # type: ignore[attr-defined]
    (path,) = SkeletonSigner.from_training(module, data).preview(data, tmp_path)
    assert cv2.imread(str(path)).shape[1] > 4 * 256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, "rank: found 0, expected more than 0"),
        ({"alpha": 0}, "alpha: found 0"),
        ({"dropout": 1.5}, "dropout: found 1.5, expected 0 to 1"),
        ({"guidance": -1.0}, "guidance: found -1.0"),
        ({"targets": ["to_x"]}, r"targets: found \['to_x'\], of which its UNet has no layer"),
    ],
)
def test_what_no_training_can_use_is_refused(arguments: dict[str, Any], message: str, base_folder: Path) -> None:
    with pytest.raises(ValueError, match=message):
        made(base_folder, **arguments)
