"""Whatever ends a training, and wherever: it goes on with the next batch, to the bytes of one that nothing ended."""

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from every_spec import ended_from, starter
from safetensors.torch import save_file

from datamodules.asl_alphabet import Letters
from datamodules.files import named_when_full
from zoo.cli import main
from zoo.training.resuming import LastCheckpoint

SPEC = "letter-vae"
"""Of the trained ones the quickest with random numbers in every step, a best checkpoint and early stopping."""
FEW = ("--trainer.limit_train_batches=4", "--trainer.limit_val_batches=1", "--trainer.log_every_n_steps=1")
BEST = "{class_path: ModelCheckpoint, init_args: {monitor: val/loss, mode: max}}"
"""The loss falls, so the best weights are those of the first epoch."""


@pytest.fixture
def fit(tmp_path: Path, twin_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Train with a name for where its run goes, of which the folder is returned; `stop` ends it at the
    first checkpoint from an epoch and batch on, of which one is written before every batch that may have one."""
    monkeypatch.setattr(LastCheckpoint, "MINUTES", 0.0)

    def fit(where: str, *more: str, stop: tuple[int, int] | None = None) -> Path:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / where))
        command = ["fit", SPEC, *starter(SPEC, twin_root(SPEC)), *FEW, *more]
        with monkeypatch.context() as patch:
            if stop is not None:
                patch.setattr(LastCheckpoint, "_save", ended_from(stop))
            assert main(command) == (0 if stop is None else 130)
        (run,) = (tmp_path / where / SPEC).iterdir()
        return run

    return fit


def outcome(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in ("model.safetensors", "logs/metrics.csv")]


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--data.num_workers=2",),
        ("--trainer.accumulate_grad_batches=2", "--trainer.val_check_interval=0.5"),
        ("--trainer.overfit_batches=4",),
        ("--trainer.callbacks", "[{class_path: GradientAccumulationScheduler, init_args: {scheduling: {1: 2}}}]"),
    ],
    ids=lambda more: " ".join(more)[:40] or "plain",
)
def test_it_goes_on_within_an_epoch_to_the_same_bytes(fit: Callable[..., Path], more: tuple[str, ...]) -> None:
    """Ended in the middle of the first epoch, and in the middle of the second."""
    whole = outcome(fit("whole", *more))
    fit("parts", *more, stop=(0, 1))
    fit("parts", *more, stop=(1, 1))
    assert outcome(fit("parts", *more)) == whole


def test_what_is_drawn_while_data_are_prepared_changes_nothing(
    fit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a twin is written first, and its clips embedded."""
    whole = outcome(fit("whole"))
    prepare = Letters.prepare_data
    monkeypatch.setattr(Letters, "prepare_data", lambda data: (torch.rand(1), prepare(data)))
    assert outcome(fit("drawing")) == whole


class TestBestWeights:
    KEEP = ("--trainer.callbacks", f"[{BEST}]", "--trainer.max_epochs=3")

    def test_a_run_that_was_moved_knows_its_best_score(self, fit: Callable[..., Path], tmp_path: Path) -> None:
        whole = outcome(fit("whole", *self.KEEP))
        best = (fit("here", *self.KEEP, stop=(2, 1)) / "checkpoints" / "best.ckpt").stat().st_mtime_ns
        shutil.move(tmp_path / "here", tmp_path / "there")
        run = fit("there", *self.KEEP)
        assert outcome(run) == whole
        assert (run / "checkpoints" / "best.ckpt").stat().st_mtime_ns == best  # of the first epoch, and never written again

    def test_a_copy_leaves_the_original_alone(self, fit: Callable[..., Path], tmp_path: Path) -> None:
        best = fit("here", *self.KEEP, stop=(1, 1)) / "checkpoints" / "best.ckpt"
        before = best.read_bytes()
        shutil.copytree(tmp_path / "here", tmp_path / "there")
        fit("there", *self.KEEP)
        assert best.read_bytes() == before

    def test_a_run_without_its_best_weights_is_refused(
        self, fit: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        best = fit("here", *self.KEEP, stop=(1, 1)) / "checkpoints" / "best.ckpt"
        best.unlink()
        assert main(["fit", str(best.parents[1])]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {best}: missing, the best weights of this run so far; bring it along")

    def test_the_best_checkpoint_goes_on_to_the_same_bytes_too(self, fit: Callable[..., Path]) -> None:
        whole = outcome(fit("whole", *self.KEEP))
        (fit("parts", *self.KEEP, stop=(1, 3)) / "checkpoints" / "last.ckpt").write_bytes(b"damaged")
        assert outcome(fit("parts", *self.KEEP)) == whole


def test_a_training_that_stopped_early_stays_stopped(fit: Callable[..., Path]) -> None:
    """Killed after its last checkpoint, before it wrote what it had learnt."""
    early = "[{class_path: EarlyStopping, init_args: {monitor: val/loss, mode: max, patience: 1}}]"
    run = fit("run", "--trainer.callbacks", early, "--trainer.max_epochs=9")
    whole = outcome(run)
    for path in (run / "config.json", run / "model.safetensors"):
        path.unlink()
    fit("run", "--trainer.callbacks", early, "--trainer.max_epochs=9")
    assert outcome(run) == whole
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] < 9


@pytest.mark.parametrize("cut", [b"1,", b"1,3,0.5", b"\0\0\0", b'"', b"\xff,1\n", b"1,\n1,4,0.5,0.5,0.5,0.5,0.5,0.5,0.5\n"])
def test_a_log_whose_end_was_cut_off_goes_on(fit: Callable[..., Path], cut: bytes) -> None:
    whole = outcome(fit("whole"))
    log = fit("parts", stop=(0, 2)) / "logs" / "metrics.csv"
    log.write_bytes(log.read_bytes() + cut)
    assert outcome(fit("parts")) == whole


class TestFullDisk:
    @pytest.mark.parametrize("file", ["checkpoints/.last.ckpt.part", "logs/metrics.csv"])
    def test_it_is_one_message_and_the_run_goes_on(
        self, fit: Callable[..., Path], file: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        whole = (fit("whole") / "model.safetensors").read_bytes()
        run = fit("parts", stop=(0, 1))
        (run / file).unlink(missing_ok=True)
        (run / file).symlink_to("/dev/full")
        capsys.readouterr()
        assert main(["fit", str(run)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {run}")
        assert "no space left on device; make room, and the same command goes on from the last whole checkpoint" in error
        assert error.count("\n") == 1
        (run / file).unlink(missing_ok=True)
        assert (fit("parts") / "model.safetensors").read_bytes() == whole

    @pytest.mark.parametrize("write", [torch.save, lambda content, path: save_file(content, path)])
    def test_what_torch_and_safetensors_say_of_it_names_the_file(
        self, write: Callable[..., None], tmp_path: Path
    ) -> None:
        """A file that may not become larger, which is as near to it as a test comes without a disk of its own."""
        before, path = resource.getrlimit(resource.RLIMIT_FSIZE), tmp_path / "weights"
        with pytest.raises(OSError, match="File too large") as caught, named_when_full(path):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
            try:
                write({"weight": torch.zeros(100_000)}, path)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert caught.value.filename == str(path)

    def test_other_errors_stay_what_they_are(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="no disk"), named_when_full(tmp_path):
            raise RuntimeError("no disk")
