"""Grids of samples every N epochs: kept in the run, and without a trace in what is trained."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from every_spec import TINY
from safetensors.torch import load_file

import zoo
from zoo.artefacts.runs import Run
from zoo.cli import main

GRIDS = "[{class_path: zoo.training.callbacks.SampleGrids, init_args: {every_n_epochs: %s}}]"
NAME = "letter-vae"
Fit = Callable[..., Path]


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory, twin_root: Callable[[str], Path]) -> Fit:
    """Train a tiny letter-vae for five epochs of three steps; what `--trainer.callbacks` is, and further overrides."""
    folder = tmp_path_factory.mktemp("grids")
    few = ("--trainer.max_epochs=5", "--trainer.limit_train_batches=3", "--trainer.limit_val_batches=1")

    def fit(callbacks: str, *more: str) -> Path:
        runs = Path(tempfile.mkdtemp(prefix="runs", dir=folder))
        command = [
            "fit",
            "letter-vae",
            "--starter",
            *TINY["letter-vae"],
            f"--data.root={twin_root('letter-vae')}",
            *few,
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZOO_RUNS", str(runs))
            assert main([*command, "--trainer.callbacks", callbacks, *more]) == 0
        (run,) = (runs / "letter-vae").iterdir()
        return run

    return fit


@pytest.fixture(scope="module")
def watched(fit: Fit) -> Path:
    return fit(GRIDS % 2)


def picture(path: Path) -> np.ndarray:
    found = cv2.imread(str(path))
    assert found is not None
    return found


def test_a_grid_is_kept_every_n_epochs(watched: Path) -> None:
    assert sorted(path.name for path in (watched / "grids").iterdir()) == ["epoch-0002.png", "epoch-0004.png"]
    assert [path.name for path in (watched / "samples").iterdir()] == ["preview.png"]


def test_it_is_what_a_preview_shows_of_the_weights_at_that_epoch(watched: Path, fit: Fit) -> None:
    run = fit(GRIDS % 1, "--trainer.max_epochs=4")
    last = picture(run / "samples" / "preview.png")
    np.testing.assert_array_equal(picture(run / "grids" / "epoch-0004.png"), last)
    np.testing.assert_array_equal(picture(watched / "grids" / "epoch-0004.png"), last)
    assert not np.array_equal(picture(watched / "grids" / "epoch-0002.png"), last)


def test_what_is_trained_is_the_same_with_and_without(watched: Path, fit: Fit) -> None:
    alone = fit("[]")
    assert not (alone / "grids").exists()
    assert (alone / "model.safetensors").read_bytes() == (watched / "model.safetensors").read_bytes()
    assert (alone / "logs" / "metrics.csv").read_text() == (watched / "logs" / "metrics.csv").read_text()


def test_parts_that_a_training_holds_still_stay_so() -> None:
    """A module whose judge is in eval mode while it trains has it so after a preview as well."""
    import torch
    from lightning.pytorch import LightningModule

    from zoo.training.callbacks import Preview

    class Loader:
        @classmethod
        def from_training(cls, module, datamodule):
            module.eval()
            torch.rand(3)
            return cls()

        def preview(self, datamodule, folder: Path) -> list[Path]:
            return []

    class Trainer:
        datamodule, loggers = None, ()

    module = LightningModule()
    module.learner, module.judge = torch.nn.Dropout(), torch.nn.Dropout().eval()
    preview = Preview("letter-generator", Path())
    preview.loader = Loader
    state = torch.random.get_rng_state()
    assert preview.write(Trainer(), module, Path()) == []
    assert [part.training for part in (module, module.learner, module.judge)] == [True, True, False]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_resumed_training_keeps_the_grids_that_it_lacks(watched: Path, fit: Fit, tmp_path: Path) -> None:
    run = Path(shutil.copytree(watched, tmp_path / "letter-vae" / watched.name))
    before = (run / "grids" / "epoch-0004.png").read_bytes()
    for path in (run / "config.json", run / "grids" / "epoch-0004.png", run / "checkpoints" / "last.ckpt"):
        path.unlink()  # as if it had been killed, and nothing was saved yet
    assert main(["fit", str(run)]) == 0
    assert (run / "grids" / "epoch-0004.png").read_bytes() == before


def test_grids_go_to_wandb_where_a_recipe_is_trained(
    watched: Path, twin_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_MODE", "WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody is logged in there
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    sizes = [override for override in TINY["letter-vae"] if "twin" not in override]
    on_twin = (f"--data.root={twin_root('letter-vae')}", "--data.num_workers=0", "--trainer.accelerator=cpu")
    few = ("--trainer.max_epochs=2", "--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1")
    assert main(["fit", "letter-vae", *sizes, *on_twin, *few, "--trainer.callbacks", GRIDS % 1]) == 0
    (run,) = (tmp_path / "runs" / "letter-vae").iterdir()
    (media,) = run.glob("wandb/offline-run-*/files/media/images")
    shown = [picture(path).tobytes() for path in sorted((media / "grids").iterdir())]
    kept = [picture(path).tobytes() for path in sorted((run / "grids").iterdir())]
    assert len(shown) == 2
    assert sorted(shown) == sorted(kept)
    assert len(list((media / "samples").iterdir())) == 1


def test_grids_are_no_part_of_what_is_published(watched: Path, tmp_path: Path) -> None:
    from zoo.publishing.build import build
    from zoo.publishing.bundle import bundle

    (watched / "grids" / "notes.json").write_text(json.dumps({"size": 10**9}))  # nobody reads what lies there
    (watched / "grids" / "old.pkl").write_bytes(b"")
    try:
        model = zoo.load(str(watched))
        assert main(["test", str(watched)]) == 0
        build(watched, model, tmp_path / "hub")
        bundle(Run(watched), tmp_path / "starter")
    finally:
        for name in ("notes.json", "old.pkl"):
            (watched / "grids" / name).unlink()
    for folder in (tmp_path / "hub", tmp_path / "starter"):
        assert (folder / "samples" / "preview.png").is_file()
        assert not list(folder.rglob("*epoch-*"))
        assert not (folder / "grids").exists()
        assert load_file(folder / "model.safetensors")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (0, "callbacks.0.init_args.every_n_epochs: found 0, expected at least 1"),
        ("many", "callbacks.0.init_args.every_n_epochs: found 'many', expected int"),
    ],
)
def test_a_number_of_epochs_that_is_none_is_refused(
    found: object, message: str, fit: Fit, watched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):
        fit(GRIDS % found)
    assert message in capsys.readouterr().err
    newest = max(watched.parents[2].glob("runs*"), key=lambda path: path.stat().st_mtime_ns)
    assert not any(newest.iterdir())  # nothing of it stays
