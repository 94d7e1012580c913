"""Runs of skeleton-lora: on a base that its spec names, with a preview an epoch, and to the same bytes if ended."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from every_spec import starter

NAME = "skeleton-lora"
OUTCOME = ("lora/adapter_model.safetensors", "lora/pytorch_lora_weights.safetensors", "logs/metrics.csv", "config.json")

Command = Callable[..., int]


@pytest.fixture
def command(fit_few: Command) -> Command:
    return partial(fit_few, NAME)


def outcome(runs: Path) -> list[bytes]:
    (run,) = (runs / NAME).iterdir()
    return [(run / name).read_bytes() for name in OUTCOME]


def test_ended_at_three_moments_it_comes_to_the_same_bytes(command: Command, tmp_path: Path) -> None:
    switches = ("--model.ema_decay=0.5", "--model.offset_noise=0.1", "--model.min_snr=5")
    assert command("whole", *switches) == 0
    for stop in ((0, 1), (0, 2), (1, 1)):
        assert command("parts", *switches, stop=stop) == 130
    assert command("parts", *switches) == 0
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    (run,) = (tmp_path / "whole" / NAME).iterdir()
    assert sorted(path.name for path in (run / "grids").iterdir()) == ["epoch-0001.png", "epoch-0002.png"]
    assert (run / "samples" / "preview.png").is_file()
    record = json.loads((run / "provenance.json").read_text())["stands_on"]
    assert record["argument"] == "base"
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert {name.partition(".")[0] for name in weights} == {"network", "average"}  # the base is not in it


def test_another_training_starts_from_its_matrices(
    command: Command, tiny_runs: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("anew", "--from", str(tiny_runs(NAME))) == 0
    told = capsys.readouterr().out
    assert "48 of 48 tensors taken over; of 3 glosses 3 known there, 0 made anew" in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}, "found text_encoder_2"),
        ({"unet": ["diffusers", "UNet2DModel"]}, "unet is diffusers.UNet2DModel"),
    ],
)
def test_a_base_of_another_family_is_refused_in_one_line(
    change: dict[str, list[str]],
    message: str,
    command: Command,
    twin_root: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    starter(NAME, twin_root(NAME))
    base = tmp_path / "sdxl"
    shutil.copytree(twin_root(NAME).with_name(f"{twin_root(NAME).name}-base"), base)
    index = json.loads((base / "model_index.json").read_text())
    (base / "model_index.json").write_text(json.dumps({**index, **change}))
    assert command("runs", f"--model.base={base}") == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert message in error
    assert "choose a base of the family of Stable Diffusion 1 and 2" in error
    assert not list((tmp_path / "runs").glob("*/*"))


def test_what_is_no_diffusion_model_at_all_is_refused(
    command: Command, tiny_runs: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("runs", "--model.base=asl-slp") == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "model.init_args.base: asl-slp: found ProgressiveTransformer, expected a Stable Diffusion 1 or 2" in error


def test_a_base_that_is_not_there_is_named(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("runs", "--model.base=no/where/sd") == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "skeleton-lora stands on no/where/sd, which cannot be opened" in error
    assert "--model.base names another one" in error
