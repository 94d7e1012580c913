"""How rates change in a training, by what optimisers hold step by step, and that one without an end is refused."""

from types import SimpleNamespace

import pytest
import torch

from datamodules.kinds.labelled import LabelledPictures
from datamodules.kinds.paired_frames import PairedFrames
from lightning_modules.common.schedules import cooled, one_cycle, plateau
from lightning_modules.common.validation import data_of

STEPS = 20


def of(steps: float) -> SimpleNamespace:
    """A module in a training of so many steps."""
    return SimpleNamespace(trainer=SimpleNamespace(estimated_stepping_batches=steps))


def adam(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates])


def rates(configured: dict) -> list[list[float]]:
    """Of every group before every step, and after the last."""
    optimizer, scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    assert configured["lr_scheduler"]["interval"] == "step"
    seen = []
    for _ in range(STEPS):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


def test_one_cycle_rises_to_each_groups_rate_and_anneals_to_nothing():
    seen = rates(one_cycle(of(STEPS + 1), adam(1e-2, 1e-3), warmup=0.2))
    for column, peak in enumerate((1e-2, 1e-3)):
        course = [row[column] for row in seen]
        assert max(course) == pytest.approx(peak, rel=0.05)
        assert 3 <= course.index(max(course)) <= 5
        assert course[0] < 0.1 * peak > course[-1]


def test_a_cooldown_falls_on_a_straight_line_at_the_end():
    seen = [rate for (rate,) in rates(cooled(of(STEPS), adam(1.0), share=0.5))]
    assert seen == pytest.approx([1.0] * 11 + [k / 10 for k in range(9, 0, -1)])
    optimizer = adam(1.0)
    assert cooled(of(float("inf")), optimizer, share=0) is optimizer


def test_a_plateau_lowers_the_rate_after_validations_without_progress():
    configured = plateau(adam(1.0), "val/loss", factor=0.7, patience=1)
    scheduler = configured["lr_scheduler"]["scheduler"]
    assert configured["lr_scheduler"]["monitor"] == "val/loss"
    for loss in (3.0, 2.0, 2.0, 2.0):
        scheduler.step(loss)
    assert configured["optimizer"].param_groups[0]["lr"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("schedule", "what"),
    [
        (lambda module: one_cycle(module, adam(1), 0.1), "the one-cycle schedule"),
        (lambda m: cooled(m, adam(1), 0.1), "a cooldown"),
    ],
)
def test_a_training_without_an_end_is_refused(schedule, what):
    with pytest.raises(ValueError, match=f"{what} needs an end: set trainer.max_epochs or trainer.max_steps"):
        schedule(of(float("inf")))


@pytest.mark.parametrize(
    ("kind", "words"),
    [(LabelledPictures, "labelled pictures"), (PairedFrames, "frames beside drawings of their poses")],
)
def test_data_of_another_kind_is_refused_by_what_was_wanted_and_found(kind, words):
    module = SimpleNamespace(trainer=SimpleNamespace(datamodule=object()))
    with pytest.raises(ValueError, match=f"SimpleNamespace trains on {words}, found object as data.class_path"):
        data_of(module, kind)
