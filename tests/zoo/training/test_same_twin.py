"""A twin that is written anew beneath a training ends it: it would go on with other pictures without a word."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datamodules.mnist import MNIST
from datamodules.twins import Twin, ensure_twin
from zoo.training.callbacks import SameTwin


def test_another_training_s_twin_in_the_same_folder_ends_it(tmp_path: Path) -> None:
    root = tmp_path / "twin"
    data = MNIST(str(root), twin=Twin(20))
    data.prepare_data()
    trainer: Any = SimpleNamespace(datamodule=data)
    watching: Any = SameTwin()
    watching.on_train_start(trainer, None)
    watching.on_train_epoch_end(trainer, None)
    ensure_twin("mnist", root, Twin(20, seed=1))
    with pytest.raises(
        ValueError, match=r"another twin was written here .* 'seed': 1.* 'seed': 0.* another data\.root"
    ):
        watching.on_train_epoch_end(trainer, None)
