"""Whatever ends a training, and wherever: it goes on with the next batch, to the bytes of one that nothing ended."""

import resource
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from every_spec import ended_from, starter
from safetensors.torch import save_file

from datamodules.asl_alphabet import Letters
from datamodules.files import named_when_full
from zoo.cli import main
from zoo.training.resuming import LastCheckpoint

SPEC = "letter-judge"
"""The quickest with random numbers in every step, batch norms and a schedule over the whole training."""
FEW = ("--trainer.limit_train_batches=4", "--trainer.limit_val_batches=1", "--trainer.log_every_n_steps=1")
BEST = "{class_path: ModelCheckpoint, init_args: {monitor: val/loss, mode: min}}"
"""Trained so little it only rises, so the best weights are those of the first epoch."""


Fit = Callable[..., Path]
Whole = Callable[..., list[bytes]]


@pytest.fixture
def fit(tmp_path: Path, twin_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Fit:
    """Train with a name for where its run goes, of which the folder is returned; `stop` ends it at the first checkpoint
    from an epoch and batch on, of which one is written before every batch that may have one."""
    monkeypatch.setattr(LastCheckpoint, "MINUTES", 0.0)

    def fit(where: str, *more: str, stop: tuple[int, int] | None = None) -> Path:
        with monkeypatch.context() as patch:
            if stop is not None:
                patch.setattr(LastCheckpoint, "_save", ended_from(stop))
            return trained(tmp_path / where, twin_root(SPEC), more, 0 if stop is None else 130)

    return fit


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, twin_root: Callable[[str], Path]) -> Whole:
    """The outcome of a training that nothing ended, made once."""
    return cache(lambda *more: outcome(trained(tmp_path_factory.mktemp("undisturbed"), twin_root(SPEC), more)))


def trained(runs: Path, twin: Path, more: tuple[str, ...], code: int = 0) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(runs))
        assert main(["fit", SPEC, *starter(SPEC, twin), *FEW, *more]) == code
    (run,) = (runs / SPEC).iterdir()
    return run


def outcome(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in ("model.safetensors", "logs/metrics.csv")]


def test_it_goes_on_within_an_epoch_to_the_same_bytes(fit: Fit, undisturbed: Whole) -> None:
    """Ended in the middle of the first epoch and of the second, and each time its log was cut off."""
    for stop, cut in (((0, 2), b"0,0,0.5"), ((1, 1), b"\xff,1\n\0\0\0")):
        log = fit("parts", stop=stop) / "logs" / "metrics.csv"
        log.write_bytes(log.read_bytes() + cut)
    assert outcome(fit("parts")) == undisturbed()


def test_workers_that_had_prefetched_change_nothing(fit: Fit, undisturbed: Whole) -> None:
    fit("parts", "--data.num_workers=2", stop=(1, 1))
    assert outcome(fit("parts", "--data.num_workers=2")) == undisturbed()


@pytest.mark.parametrize(
    "more",
    [
        ("--trainer.accumulate_grad_batches=2", "--trainer.val_check_interval=0.5"),
        ("--trainer.overfit_batches=4",),
        ("--trainer.callbacks", "[{class_path: GradientAccumulationScheduler, init_args: {scheduling: {1: 2}}}]"),
    ],
    ids=["accumulating", "overfitting", "accumulating later"],
)
@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_however_it_trains(fit: Fit, undisturbed: Whole, more: tuple[str, ...]) -> None:
    fit("parts", *more, stop=(1, 1))
    assert outcome(fit("parts", *more)) == undisturbed(*more)


def test_what_is_drawn_while_data_are_prepared_changes_nothing(
    fit: Fit, undisturbed: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a twin is written first, and its clips embedded."""
    prepare = Letters.prepare_data
    monkeypatch.setattr(Letters, "prepare_data", lambda data: (torch.rand(1), prepare(data)))
    assert outcome(fit("drawing")) == undisturbed()


class TestBestWeights:
    KEEP = ("--trainer.callbacks", f"[{BEST}]", "--trainer.max_epochs=3")

    def test_a_run_that_was_moved_knows_its_best_score(self, fit: Fit, undisturbed: Whole, tmp_path: Path) -> None:
        best = fit("here", *self.KEEP, stop=(2, 1)) / "checkpoints" / "best.ckpt"
        written = best.stat().st_mtime_ns
        shutil.move(tmp_path / "here", tmp_path / "there")
        run = fit("there", *self.KEEP)
        assert outcome(run) == undisturbed(*self.KEEP)
        assert (run / "checkpoints" / "best.ckpt").stat().st_mtime_ns == written

    def test_a_copy_leaves_the_original_alone_which_needs_its_best_weights(
        self, fit: Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        best = fit("here", *self.KEEP, stop=(1, 1)) / "checkpoints" / "best.ckpt"
        before = best.read_bytes()
        shutil.copytree(tmp_path / "here", tmp_path / "there")
        fit("there", *self.KEEP)
        assert best.read_bytes() == before
        best.unlink()
        capsys.readouterr()
        assert main(["fit", str(best.parents[1])]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {best}: missing, the best weights of this run so far; bring it along")

    def test_the_best_checkpoint_goes_on_to_the_same_bytes_too(self, fit: Fit, undisturbed: Whole) -> None:
        (fit("parts", *self.KEEP, stop=(1, 3)) / "checkpoints" / "last.ckpt").write_bytes(b"damaged")
        assert outcome(fit("parts", *self.KEEP)) == undisturbed(*self.KEEP)


def test_a_training_that_stopped_early_stays_stopped(fit: Fit) -> None:
    """Killed after its last checkpoint, before it wrote what it had learnt."""
    early = "[{class_path: EarlyStopping, init_args: {monitor: val/loss, mode: min, patience: 1}}]"
    run = fit("run", "--trainer.callbacks", early, "--trainer.max_epochs=9")
    whole = outcome(run)
    for path in (run / "config.json", run / "model.safetensors"):
        path.unlink()
    fit("run", "--trainer.callbacks", early, "--trainer.max_epochs=9")
    assert outcome(run) == whole
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] < 9


class TestFullDisk:
    def test_it_is_one_message_and_the_run_goes_on(
        self, fit: Fit, undisturbed: Whole, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = fit("parts", stop=(0, 1))
        for file in ("checkpoints/.last.ckpt.part", "logs/metrics.csv"):
            (run / file).unlink(missing_ok=True)
            (run / file).symlink_to("/dev/full")
            capsys.readouterr()
            assert main(["fit", str(run)]) == 2
            error = capsys.readouterr().err
            assert error.startswith(f"error: {run}")
            assert "no space left on device; make room, and the same command goes on from the last whole" in error
            assert error.count("\n") == 1
            (run / file).unlink(missing_ok=True)
        assert outcome(fit("parts"))[0] == undisturbed()[0]

    @pytest.mark.parametrize("write", [torch.save, lambda weights, file: save_file(weights, file.name)])
    def test_what_torch_and_safetensors_say_of_it_names_the_file(
        self, write: Callable[..., None], tmp_path: Path
    ) -> None:
        """A file that may not become larger, which is as near to it as a test comes without a disk of its own."""
        path, (soft, hard) = tmp_path / "weights", resource.getrlimit(resource.RLIMIT_FSIZE)

        def save() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
            try:
                with named_when_full(path), path.open("wb") as file:
                    write({"weight": torch.zeros(100_000)}, file)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        with pytest.raises(OSError, match="File too large") as caught:
            save()
        assert caught.value.filename == str(path)

    def test_other_errors_stay_what_they_are(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="no disk"), named_when_full(tmp_path):
            raise RuntimeError("no disk")
