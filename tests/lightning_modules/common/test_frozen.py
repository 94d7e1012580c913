"""What a model stands on is not trained, not in its checkpoints, and not asked for when one is loaded."""

from pathlib import Path

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_modules.common.frozen import OnFrozen

BASE = {name: torch.full_like(value, 0.5) for name, value in nn.Linear(4, 4).state_dict().items()}


class Adapter(OnFrozen):
    """A head on somebody else's network, which has a dropout and a norm that must not see training."""

    def __init__(self, wide: int = 2) -> None:
        super().__init__()
        self.head = nn.Linear(4, wide)
        self.base: nn.Sequential

    def configure_model(self) -> None:
        """As a base model is read from its own files, whatever a checkpoint holds."""
        if hasattr(self, "base"):
            return
        base = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.BatchNorm1d(4))
        base[0].load_state_dict(BASE)
        self.hold_frozen(base=base)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        assert self.head.training
        assert not any(part.training for part in self.base.modules())
        loss = self.head(self.base(batch[0])).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([parameter for parameter in self.parameters() if parameter.requires_grad], lr=0.1)


def fitted(folder: Path, epochs: int, resume: Path | None = None) -> tuple[Adapter, L.Trainer]:
    L.seed_everything(0, verbose=False)
    module, data = Adapter(), TensorDataset(torch.randn(8, 4, generator=torch.Generator().manual_seed(1)))
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        log_every_n_steps=1,
    )
    trainer.fit(module, DataLoader(data, batch_size=4), ckpt_path=resume, weights_only=False)
    return module, trainer


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a training of one epoch."""
    folder = tmp_path_factory.mktemp("half")
    _, trainer = fitted(folder, 1)
    trainer.save_checkpoint(folder / "half.ckpt")
    return folder / "half.ckpt"


def read(path: Path) -> dict:
    return torch.load(path, weights_only=False)


def test_a_checkpoint_holds_what_is_trained_and_nothing_else(half: Path) -> None:
    checkpoint = read(half)
    assert checkpoint["state_dict"].keys() == {"head.weight", "head.bias"}
    assert len(checkpoint["optimizer_states"][0]["state"]) == 2


def test_training_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    module, _ = fitted(tmp_path, 1)
    assert all(torch.equal(value, BASE[name]) for name, value in module.base[0].state_dict().items())
    assert not module.base[2].num_batches_tracked
    assert all(parameter.grad is None for parameter in module.base.parameters())


def test_a_resumed_training_equals_an_uninterrupted_one(half: Path, tmp_path: Path) -> None:
    whole, _ = fitted(tmp_path / "whole", 2)
    resumed, trainer = fitted(tmp_path / "resumed", 2, half)
    assert trainer.global_step == 4
    assert resumed.state_dict().keys() == whole.state_dict().keys()
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("head.bias"), r'Missing key\(s\) in state_dict: "head.bias"'),
        (lambda weights: weights.update(tail=torch.zeros(1)), r'Unexpected key\(s\) in state_dict: "tail"'),
        (lambda weights: weights.update({"head.bias": torch.zeros(3)}), "size mismatch for head.bias"),
    ],
    ids=["missing", "unexpected", "shape"],
)
def test_whatever_else_a_checkpoint_lacks_is_refused(half: Path, tmp_path: Path, change, message: str) -> None:
    checkpoint = read(half)
    change(checkpoint["state_dict"])
    torch.save(checkpoint, tmp_path / "changed.ckpt")
    with pytest.raises(RuntimeError, match=message) as error:
        fitted(tmp_path, 2, tmp_path / "changed.ckpt")
    assert "base." not in str(error.value)
