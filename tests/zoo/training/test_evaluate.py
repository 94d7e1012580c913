"""`python -m zoo test`: what is measured, where it is kept, and that anybody can measure it again."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from hub_server import Hub
from safetensors.torch import load_file, save_file

from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.twins import Twin, ensure_twin
from zoo.cli import main
from zoo.loaders.foreign import encoder_folder
from zoo.loaders.text_to_pose.pose_to_text import MAX_FRAMES
from zoo.spec.classes import named_class
from zoo.spec.registry import list_models
from zoo.training import judges

Runs = Callable[[str], Path]


def scores(path: Path) -> dict[str, dict]:
    return json.loads(path.read_text())


@pytest.fixture
def run(tiny_runs: Runs, tmp_path: Path) -> Path:
    """A tiny letter-judge of its own."""
    return Path(shutil.copytree(tiny_runs("letter-judge"), tmp_path / "run"))


def plain(value: Any) -> Any:
    """A part of a batch as it can be compared."""
    if isinstance(value, dict):
        return {name: plain(of) for name, of in value.items()}
    return value.tolist() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", list_models())
def test_every_score_says_what_it_is_of(name: str, tiny_runs: Runs) -> None:
    run = tiny_runs(name)
    fingerprint = json.loads((run / "provenance.json").read_text())["data"]["fingerprint"]
    rows = scores(run / "results.json")
    assert rows
    for key, row in rows.items():
        assert row["split"] == "test"
        assert fingerprint.startswith(row["data"])
        assert len(row["data"]) == 12
        assert row["protocol"]
        assert row["n"] > 0
        low, high = row.get("interval", (row["value"], row["value"]))
        assert key.startswith(("fgd", "fid", "effective_rank")) or "interval" in row
        assert low <= high
        assert len(row) > (7 if "interval" in row else 6)  # and stands beside others


@pytest.mark.parametrize("name", list_models())
def test_every_model_shows_its_results(name: str, tiny_runs: Runs) -> None:
    pictures = sorted((tiny_runs(name) / "plots").iterdir())
    assert pictures
    for path in pictures:
        assert path.suffix == ".png"
        assert min(cv2.imread(str(path)).shape[:2]) > 100


class TestSplit:
    def test_dev_stands_beside_the_test_split_and_not_in_the_card(self, run: Path) -> None:
        before = {name: (run / name).read_bytes() for name in ("results.json", "README.md")}
        assert main(["test", str(run), "--split", "dev"]) == 0
        rows = scores(run / "results-dev.json")
        assert {row["split"] for row in rows.values()} == {"dev"}
        assert (run / "plots-dev" / "confusion.png").is_file()
        assert before == {name: (run / name).read_bytes() for name in before}

    @pytest.mark.parametrize("name", list_models())
    def test_dev_is_what_validation_reads(self, name: str, tiny_runs: Runs) -> None:
        spec = yaml.safe_load((tiny_runs(name) / "spec.yaml").read_text())["data"]
        settings = spec["init_args"]
        settings["twin"] = Twin(**settings["twin"])
        if "fr_net" in settings:
            settings["fr_net"] = FRNet(**settings["fr_net"])
        data = named_class(spec["class_path"], "data")(**settings)
        if foundation := getattr(data, "stands_on", None):
            data.stand_on(encoder_folder(Path(settings[foundation])))
        data.prepare_data()
        data.tested = "dev"
        for stage in ("fit", "test"):
            data.setup(stage)
        tested, validated = (next(iter(loader)) for loader in (data.test_dataloader(), data.val_dataloader()))
        for field in dataclasses.fields(tested):
            assert plain(getattr(tested, field.name)) == plain(getattr(validated, field.name))

    def test_training_is_no_split_to_test_on(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["test", str(run), "--split", "train"]) == 2
        assert "invalid choice: 'train'" in capsys.readouterr().err


class TestRealData:
    @pytest.fixture
    def photographs(self, tmp_path: Path) -> Path:
        """Another twin of ASL Alphabet which does not say that it is one."""
        root = tmp_path / "asl_alphabet"
        ensure_twin("asl-alphabet", root, Twin(29, seed=7))
        marks = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".jpg"]
        for mark in marks:
            mark.unlink()
        return root

    def test_the_whole_of_it_is_read_and_stands_beside_the_twins_scores(self, run: Path, photographs: Path) -> None:
        own = scores(run / "results.json")
        assert main(["test", str(run), "--real", str(photographs)]) == 0
        rows = scores(run / "results.json")
        assert {key: rows[key] for key in own} == own
        assert rows.keys() - own.keys() == {f"{key}@real" for key in own}
        row, count = rows["top1@real"], len(list(photographs.rglob("*.jpg")))
        assert (row["n"], row["split"], row["dataset"]) == (count, "train + dev + test", "ASL Alphabet")
        assert row["data"] != own["top1"]["data"]

    def test_its_card_says_whose_scores_they_are_and_keeps_them(self, run: Path, photographs: Path) -> None:
        assert main(["test", str(run), "--real", str(photographs)]) == 0
        first = (run / "README.md").read_text()
        assert "**ASL Alphabet** itself, train + dev + test split" in first
        assert main(["test", str(run)]) == 0
        assert (run / "README.md").read_text() == first
        assert main(["card", str(run), "--check"]) == 0

    def test_a_twin_is_not_real(self, run: Path, twin_root, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["test", str(run), "--real", str(twin_root("letter-judge"))]) == 2
        assert "found a twin, expected ASL Alphabet itself" in capsys.readouterr().err

    def test_what_has_no_pictures_of_its_own_is_refused(
        self, tiny_runs: Runs, photographs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["test", str(tiny_runs("asl-slp")), "--real", str(photographs)]) == 2
        assert "asl-slp cannot be measured apart from its own data; leave it out" in capsys.readouterr().err


class TestAgain:
    def test_a_measurement_repeats_to_the_bit(self, run: Path) -> None:
        before = (run / "results.json").read_bytes()
        pictures = {path.name: path.read_bytes() for path in (run / "plots").iterdir()}
        assert main(["test", str(run)]) == 0
        assert (run / "results.json").read_bytes() == before
        assert {path.name: path.read_bytes() for path in (run / "plots").iterdir()} == pictures

    def test_it_needs_no_checkpoint(self, run: Path) -> None:
        before = (run / "results.json").read_bytes()
        shutil.rmtree(run / "checkpoints")
        (run / "results.json").unlink()
        assert main(["test", str(run)]) == 0
        assert (run / "results.json").read_bytes() == before

    def test_what_the_hub_holds_is_measured_and_left_as_it_is(
        self, run: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files = {
            path.relative_to(run).as_posix(): path.read_bytes()
            for path in run.rglob("*")
            if path.is_file() and path.relative_to(run).parts[0] not in ("checkpoints", "logs", ".lock")
        }
        commit = hub.plant("me/judge", files)
        assert main(["test", f"me/judge@{commit}"]) == 0
        said = capsys.readouterr().out
        assert "top1" in said
        assert re.search(r"all \d+ scores are as published", said)

        other = scores(run / "results.json")
        other["top1"]["value"] = 0.999
        del other["top5"]
        commit = hub.plant("me/judge", {**files, "results.json": json.dumps(other).encode()})
        assert main(["test", f"me/judge@{commit}"]) == 0
        said = capsys.readouterr().out
        assert "top1: published 0.999, here " in said
        assert "top5: not published" in said

    def test_a_name_without_a_run_is_its_bundled_weights(
        self, tiny_runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bundled = tiny_runs("letter-judge")
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "none"))
        monkeypatch.setattr("zoo.artefacts.resolve.starter_folder", lambda _: bundled)
        before = sorted(bundled.rglob("*"))
        assert main(["test", "letter-judge", "--starter"]) == 0
        assert "scores are as published" in capsys.readouterr().out
        assert sorted(bundled.rglob("*")) == before
        assert not (tmp_path / "none").exists()
        assert main(["test", "letter-judge", "--starter", "--trainer.max_epochs", "3"]) == 2
        assert (
            "no run yet: `python -m zoo fit letter-judge --starter --trainer.max_epochs=3`" in capsys.readouterr().err
        )

    def test_weights_of_unknown_origin_are_not_measured(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (run / "provenance.json").unlink()
        assert main(["test", str(run)]) == 2
        assert f"error: {run}: no provenance.json, so nothing says what" in capsys.readouterr().err

    def test_weights_that_are_not_finite_are_not_measured(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        weights = load_file(run / "model.safetensors")
        name = next(name for name, values in weights.items() if values.is_floating_point())
        weights[name].view(-1)[0] = float("nan")
        save_file(weights, run / "model.safetensors")
        assert main(["test", str(run)]) == 2
        message = f"{run / 'model.safetensors'}: {name} is not finite everywhere"
        assert message in capsys.readouterr().err


class TestJudge:
    def test_what_is_not_generated_has_none(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["test", str(run), "--judge", "back-translation"]) == 2
        assert "nothing that letter-judge gives is read by a judge; leave it out" in capsys.readouterr().err

    def test_what_reads_no_poses_is_refused(self, tiny_runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["test", str(tiny_runs("asl-slp")), "--judge", str(tiny_runs("letter-judge"))]) == 2
        assert "its task is 'image-to-letter', expected 'pose-to-text'" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("judge", "judged", "why"),
        [
            ({"twin": {"size": 1}}, {"twin": None}, "was taught by the signing avatar, and the model by real data"),
            ({"twin": None}, {"twin": {"size": 1}}, "was taught by real data, and the model by the avatar"),
            (
                {"twin": None, "name": "phoenix14t"},
                {"twin": None},
                "it was taught by phoenix14t, the model by how2sign",
            ),
        ],
    )
    def test_one_that_was_taught_by_other_data_does_not_judge(self, tiny_runs: Runs, judge, judged, why) -> None:
        from zoo.artefacts.resolve import load

        model = load(tiny_runs("asl-slp"))
        config = json.loads((tiny_runs("back-translation") / "config.json").read_text())
        recorded = {"name": "back-translation", "data": {"name": "how2sign", **judge}}
        assert why in judges._misfit("pose-to-text", config, recorded, model, {"data": {"name": "how2sign", **judged}})
        fitting = {"data": {"name": "how2sign", "twin": recorded["data"]["twin"]}}
        recorded["data"]["name"] = "how2sign"
        assert judges._misfit("pose-to-text", config, recorded, model, fitting) is None

    def test_a_motion_that_does_not_end_is_read_as_far_as_it_can(self, tiny_runs: Runs) -> None:
        from zoo.artefacts.resolve import load

        judge = judges.MotionReader(load(tiny_runs("back-translation")), "back-translation", "1")
        endless = np.zeros((4 * MAX_FRAMES, 50, 3), np.float32)
        endless[MAX_FRAMES:] = 1
        fps = judge.loader.fps
        whole, beginning = (judge.features([motion], fps) for motion in (endless, endless[:MAX_FRAMES]))
        np.testing.assert_array_equal(whole, beginning)

    def test_the_one_that_is_named_reads_and_is_named(self, tiny_runs: Runs, tmp_path: Path) -> None:
        run = Path(shutil.copytree(tiny_runs("asl-slp"), tmp_path / "run"))
        judge = tiny_runs("back-translation")
        assert main(["test", str(run), "--judge", str(judge)]) == 0
        rows = scores(run / "results.json")
        assert rows["bleu_4"]["judge"] == judges.judge_name(judge)
        assert rows["bleu_4"]["judge"].startswith(f"back-translation (run {judge.name}, weights ")
        assert {"ground_truth", "nearest_train"} <= set(rows["bleu_4"])
        assert "fgd_back-translation" in rows

    def test_letters_are_read_by_a_letter_judge(self, tiny_runs: Runs, tmp_path: Path) -> None:
        run, judge = Path(shutil.copytree(tiny_runs("letter-vae"), tmp_path / "run")), tiny_runs("letter-judge")
        assert main(["test", str(run), "--judge", str(judge)]) == 0
        rows = scores(run / "results.json")
        assert rows["judged_acc"]["judge"] == rows["fid_letter-judge"]["judge"] == judges.judge_name(judge)
        assert "judge" not in rows["fid_pixels"]
        card = (run / "README.md").read_text()
        assert f"`judged_acc`, `fid_letter-judge`: read by {judges.judge_name(judge)}, which itself scores" in card
        assert "(`judged_acc`) on the true pictures" in card
        assert {"drawn.png", "readings.png"} == {path.name for path in (run / "plots").iterdir()}
