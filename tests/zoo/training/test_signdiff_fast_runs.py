"""Runs of signdiff-fast: distilled from a SignDiff, tested beside it, and opened as one that needs few steps."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import zoo
from datamodules.avatar import perform
from datamodules.poses.conversion import to_pose
from lightning_modules.evaluation.glossary import BASELINES, meaning
from lightning_modules.networks.diffusion.controlled import Rendering
from zoo.artefacts.artefact import open_artefact

NAME = "signdiff-fast"

Command = Callable[..., int]


@pytest.fixture
def command(fit_few: Command) -> Command:
    return partial(fit_few, NAME)


@pytest.fixture
def run(tiny_runs: Callable[[str], Path]) -> Path:
    return tiny_runs(NAME)


def test_what_is_distilled_opens_alone_and_renders_in_few_steps(run: Path) -> None:
    model = zoo.load(str(run))
    assert model.rendering == Rendering(steps=2, sampler="lcm")
    pose = to_pose(perform(["HELLO"]).joints[:2], 25.0)
    frames = model.render(pose, steps=4)
    assert frames.shape == (2, 32, 32, 3)
    assert (frames != model.render(pose)).any()


def test_the_student_is_no_longer_its_teacher_on_the_same_base(run: Path) -> None:
    record = json.loads((run / "provenance.json").read_text())["stands_on"]
    assert record["argument"] == "teacher"
    teacher, student = open_artefact(Path(record["address"])), zoo.load(str(run))
    assert student.base_folder.sha256 == teacher.base_folder.sha256
    before, after = teacher.network.state_dict(), student.network.state_dict()
    assert before.keys() == after.keys()
    assert any((before[name] != after[name]).any() for name in before)


def test_a_test_has_the_teacher_in_every_row_and_what_either_costs(run: Path) -> None:
    rows = json.loads((run / "results.json").read_text())
    assert {"ssim", "ssim@paper", "fid_autoencoder", "flicker@paper", "evaluations"} <= rows.keys()
    assert all("teacher" in row and not any("@" in name for name in row) for row in rows.values())
    assert (rows["evaluations"]["value"], rows["evaluations"]["teacher"]) == (2, 6)  # three steps, guided
    assert rows["ssim"]["teacher"] != rows["ssim@paper"]["teacher"]
    assert "teacher" in BASELINES
    assert meaning("evaluations")
    assert "network evaluations" in (run / "README.md").read_text()


def test_how_plain_diffusers_renders_is_told_with_its_own_sampler_and_steps(run: Path) -> None:
    card = (run / "README.md").read_text()
    assert "LCMScheduler.from_config(pipeline.scheduler.config)" in card
    assert '"num_inference_steps": 2' in card
    assert "DPMSolver" not in card


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "--model.teacher=asl-slp",
            "teacher: asl-slp: found ProgressiveTransformer, expected a trained SignDiff",
        ),
        ("--model.teacher=sd-starter", "sd-starter: found StableDiffusionPipeline, expected a trained SignDiff"),
        ("--data.fr_net.block_size=9", "data.init_args.fr_net: found FRNet(block_size=9"),
        (
            "--data.image_size=64",
            "data.init_args.image_size: found 64, expected 32, with which the teacher was",
        ),
    ],
)
def test_what_no_student_can_learn_from_is_refused_in_one_line(
    wrong: str, message: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("runs", wrong) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert message in error


def test_ended_and_gone_on_with_it_comes_to_the_same_bytes(command: Command, tmp_path: Path) -> None:
    assert command("whole") == 0
    assert command("parts", stop=(0, 2)) == 130
    assert command("parts") == 0
    runs = [next((tmp_path / where / NAME).iterdir()) for where in ("whole", "parts")]
    whole, parts = ((run / "controlnet/diffusion_pytorch_model.safetensors").read_bytes() for run in runs)
    assert whole == parts
