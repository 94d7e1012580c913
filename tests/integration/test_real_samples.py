"""Real data through the real recipe, unchanged: a handful of PHOENIX14T sequences trains and decodes."""

import json
from pathlib import Path

import numpy as np
import pytest

import zoo
from benchmarks import real_clips
from datamodules.poses.conversion import to_joints
from zoo.cli import main


def test_phoenix14t_samples_train_and_decode(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    root = f"--data.root={shared / 'data' / 'progressive_transformers'}"
    few = [root, "--data.num_workers=0", "--trainer.max_epochs=2", "--model.width=64", "--model.feedforward=64"]
    assert main(["fit", "asl-slp-phoenix14t", *few]) == 0
    assert main(["test", "asl-slp-phoenix14t", *few]) == 0
    assert "Trained on RWTH-PHOENIX-Weather-2014T." in capsys.readouterr().out
    (run,) = tmp_path.glob("runs/asl-slp-phoenix14t/*")
    pose = zoo.load(str(run)).translate("am mittwoch regen in der nordhälfte .")
    assert pose.body.fps == 25
    assert np.isfinite(to_joints(pose)).all()


def test_a_check_tells_wlasls_clips_from_damaged_ones(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two videos stand in two splits each there, as two glosses; edit lists that hide frames are no damage."""
    assert main(["data", "check", "wlasl", str(shared / "data" / "wlasl"), "--report", str(tmp_path / "report")]) == 1
    found = json.loads((tmp_path / "report" / "check.json").read_text())["findings"]
    assert not [finding for finding in found if finding["kind"] in ("unreadable", "empty")]
    assert {finding["message"] for finding in found if finding["kind"] == "duplicate"} == {
        "the same content as 01377 (train, fear and dev, afraid)",
        "the same content as 31559 (dev, type and train, keyboard)",
    }


def test_wlasls_clips_go_from_video_to_gloss_past_what_is_none(
    shared: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dozen of what `benchmarks/real_clips.py` does with all of them."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
    monkeypatch.setenv("ZOO_MODELS", str(bundle.parent))
    few = ["--most", "12", "--frames", "8", "--epochs", "1"]
    found = real_clips.main([str(shared / "data" / "wlasl"), str(tmp_path / "out"), *few])
    printed = capsys.readouterr()
    for what in ("embed", "landmarks"):
        assert f"{what}: exit code 1, of 14 files left out: {{'{real_clips.NO_VIDEO}': '" in printed.out
    assert f"1 clips are left out: {real_clips.ONE_FRAME} (a single frame, which is no movement)" in printed.err
    for guesses in found.values():
        assert len(guesses) > 6
        assert sum(guess.probability for guess in guesses) == pytest.approx(1, abs=1e-4)
