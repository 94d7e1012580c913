"""Runs of signdiff: to the same bytes if ended, from the weights of another one, and refused in one line."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from lightning_modules.signdiff import SignDiff

NAME = "signdiff"
OUTCOME = ("controlnet/diffusion_pytorch_model.safetensors", "logs/metrics.csv", "config.json")

Command = Callable[..., int]


@pytest.fixture
def command(fit_few: Command) -> Command:
    return partial(fit_few, NAME)


def outcome(runs: Path) -> list[bytes]:
    (run,) = (runs / NAME).iterdir()
    return [(run / name).read_bytes() for name in OUTCOME]


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    return error


def test_ended_within_an_epoch_it_comes_to_the_same_bytes(command: Command, tmp_path: Path) -> None:
    switches = ("--model.superposition=0.7", "--model.condition_drop=0.3", "--model.prompt_drop=0.3")
    assert command("whole", *switches) == 0
    assert command("parts", *switches, stop=(1, 1)) == 130
    assert command("parts", *switches) == 0
    assert outcome(tmp_path / "parts") == outcome(tmp_path / "whole")
    (run,) = (tmp_path / "whole" / NAME).iterdir()
    assert (run / "samples" / "preview.png").is_file()
    assert json.loads((run / "provenance.json").read_text())["stands_on"]["argument"] == "base"
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert {name.partition(".")[0] for name in weights} == {"network", "average"}  # the base is not in it


def test_another_training_starts_from_its_network(
    command: Command, tiny_runs: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever superposition either has; of two pictures from one is another network."""
    run = str(tiny_runs(NAME))
    assert command("anew", "--from", run, "--model.superposition=0.5") == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if line.startswith("starting from")]
    assert "made anew" not in line
    assert command("plain", "--from", run, "--model.fr_net=false") == 2
    assert "conditioning_channels is" in error_of(capsys)


def test_a_base_that_is_no_diffusion_model_is_refused(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("runs", "--model.base=asl-slp") == 2
    expected = "model.init_args.base: asl-slp: found ProgressiveTransformer, expected a Stable Diffusion 1 or 2"
    assert expected in error_of(capsys)


def test_out_of_memory_is_one_line_with_what_would_help(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")

    monkeypatch.setattr(SignDiff, "predict", full)
    assert command("runs") == 2
    error = error_of(capsys)
    assert "out of memory (tried to allocate 2.00 GiB more)" in error
    assert "--data.batch_size=2 --trainer.accumulate_grad_batches=2" in error
    assert "--model.checkpointing=true" in error
