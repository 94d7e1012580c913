"""A training whose twin another one replaces keeps nothing of what it learned from that."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datamodules.mnist import MNIST
from datamodules.twins import Twin, ensure_twin
from zoo.training.callbacks import SameTwin


def test_no_checkpoint_holds_what_was_learned_from_the_twin_of_another_training(tmp_path: Path) -> None:
    root = tmp_path / "twin"
    data = MNIST(str(root), twin=Twin(20))
    data.prepare_data()
    trainer: Any = SimpleNamespace(datamodule=data)
    watching: Any = SameTwin()
    watching.on_train_start(trainer, None)
    watching.on_save_checkpoint(trainer, None, {})
    ensure_twin("mnist", root, Twin(20, seed=1))
    with pytest.raises(ValueError, match=r"replaced the twin .* 'seed': 1.* 'seed': 0.* its own data\.root"):
        watching.on_save_checkpoint(trainer, None, {})
