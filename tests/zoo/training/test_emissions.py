"""What a training took: seconds and energy, over all its sessions, whatever codecarbon does."""

import json
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from every_spec import starter
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from zoo.cli import main
from zoo.training.emissions import Emissions, Meter
from zoo.training.log_filters import quiet

QUIET: dict[str, Any] = {
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
}


def session(folder: Path, epochs: int, resume: bool = False) -> Meter:
    """A training of so many epochs, ended with a checkpoint and perhaps begun from one; returns its meter."""
    quiet()
    meter = Meter()
    trainer = Trainer(
        max_epochs=epochs,
        limit_train_batches=2,
        limit_val_batches=0,
        accelerator="cpu",
        callbacks=[meter],
        default_root_dir=folder,
        **QUIET,
    )
    checkpoint = folder / "last.ckpt"
    trainer.fit(BoringModel(), ckpt_path=str(checkpoint) if resume else None, weights_only=True)
    trainer.save_checkpoint(checkpoint)
    return meter


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Energy is measured from the first step on, and no socket connects."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(Meter, "AFTER", 0.0)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("CODECARBON_COUNTRY_ISO_CODE", "CODECARBON_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_a_run_records_its_seconds_and_the_size_of_its_data(tiny_runs: Callable[[str], Path]) -> None:
    record = json.loads((tiny_runs("asl-slp") / "provenance.json").read_text())
    assert 0 < record["seconds"] < 600
    assert record["data"]["items"]["train"] > record["data"]["items"]["dev"] > 0
    assert "emissions" not in record  # too short to start codecarbon for


def test_a_run_without_validation_finishes(
    twin_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
    few = ("--trainer.limit_train_batches=1", "--trainer.limit_val_batches=0")
    assert main(["fit", "asl-slp", *starter("asl-slp", twin_root("asl-slp")), *few]) == 0
    (run,) = (tmp_path / "asl-slp").iterdir()
    items = json.loads((run / "provenance.json").read_text())["data"]["items"]
    assert f"- **Size:** {items.pop('train')} items in training\n" in (run / "README.md").read_text()
    assert not items


def test_seconds_add_up_over_sessions(tmp_path: Path) -> None:
    first = session(tmp_path, 1)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    content["callbacks"]["Meter"]["seconds"] = 1000.0  # as if it had taken long
    torch.save(content, tmp_path / "last.ckpt")
    assert first.record()["seconds"] < 100
    assert 1000.0 <= session(tmp_path, 2, resume=True).record()["seconds"] < 1100


def test_energy_is_measured_quietly_and_adds_up(
    tmp_path: Path, measured: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("codecarbon")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODECARBON_COUNTRY_ISO_CODE", "DEU")
    logging.getLogger("codecarbon").setLevel(logging.INFO)  # as its import leaves it
    capfd.readouterr()
    first = session(tmp_path, 1).record()
    assert first["emissions"]["kwh"] > 0
    assert first["emissions"]["kg_co2e"] > 0
    assert first["emissions"]["country"] == "Germany"
    monkeypatch.delenv("CODECARBON_COUNTRY_ISO_CODE")
    both = session(tmp_path, 2, resume=True).record()
    assert both["seconds"] >= first["seconds"]
    assert both["emissions"]["kwh"] > first["emissions"]["kwh"]
    assert both["emissions"]["kg_co2e"] is None  # of the second session nobody knows
    assert both["emissions"]["country"] == "Germany"
    assert "codecarbon" not in "".join(capfd.readouterr())
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("trouble", ["missing", "raises at its start", "raises when read"])
def test_training_does_without_codecarbon(
    trouble: str, tmp_path: Path, measured: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __init__(self, **_: Any) -> None: ...

        def start(self) -> None:
            if trouble == "raises at its start":
                raise OSError("no permission to read the power meter")

        def flush(self) -> None:
            raise OSError("the power meter is gone")

        stop = flush

    if trouble == "missing":
        monkeypatch.setitem(sys.modules, "codecarbon", None)
    else:
        monkeypatch.setitem(sys.modules, "codecarbon", type(sys)("codecarbon"))
        monkeypatch.setattr(sys.modules["codecarbon"], "OfflineEmissionsTracker", Broken, raising=False)
    record = session(tmp_path, 1).record()
    assert set(record) == {"seconds"}
    assert "Traceback" not in capfd.readouterr().err


def test_carbon_of_an_unknown_place_is_unknown() -> None:
    known, unknown = Emissions(60, 0.5, 0.2, "France"), Emissions(30, 0.25, None, None)
    assert known + known == Emissions(120, 1.0, 0.4, "France")
    assert known + unknown == Emissions(90, 0.75, None, "France")
    assert (known + Emissions(1, 0.0, 0.0, "Norway")).country == "France and Norway"
