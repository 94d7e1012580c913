"""What several devices read of an order: all of it, in its own batches, equally many each, from any batch on."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from datamodules.how2sign.frames import Together
from datamodules.orders import Share, Shuffled


@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 5))
def test_devices_read_all_of_an_order_and_equally_many(size, batch_size, devices):
    shares = [list(Share(SequentialSampler(range(size)), batch_size, devices, device)) for device in range(devices)]
    assert {len(share) for share in shares} == {len(Share(SequentialSampler(range(size)), batch_size, devices, 0))}
    assert set().union(*shares) == set(range(size))
    assert sum(map(len, shares)) < size + devices
    for share in shares:
        whole = size // (batch_size * devices) * batch_size
        assert all(
            np.diff(share[start : start + batch_size]).tolist() == [1] * (batch_size - 1)
            for start in range(0, whole, batch_size)
        )


def test_frames_of_a_clip_stay_together_and_epochs_differ():
    clips = np.repeat(np.arange(50), 20)
    order: Sampler = Together(clips, 4, seed=0)
    share = Share(order, 8, devices=2, device=1)
    epochs = []
    for epoch in (0, 1):
        share.set_epoch(epoch)
        epochs.append(list(share))
        assert {number for number, _ in epochs[-1]} == {epoch}
        read = clips[[index for _, index in epochs[-1]]][:496].reshape(-1, 8)
        assert max(len(set(batch)) for batch in read) == 2
    assert [index for _, index in epochs[0]] != [index for _, index in epochs[1]]


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 3), st.data())
def test_an_epoch_that_was_begun_before_is_read_to_its_end_and_the_next_one_whole(size, batch_size, devices, data):
    def share():
        return Share(Shuffled(size, seed=0), batch_size, devices, devices - 1)

    epoch, read = data.draw(st.integers(0, 3)), data.draw(st.integers(0, -(-size // batch_size)))
    whole, rest = share(), share()
    rest.go_on(epoch, read)
    whole.set_epoch(epoch)
    assert list(rest) == list(whole)[read * batch_size :]
    for order in (whole, rest):
        order.set_epoch(epoch + 1)
    assert list(rest) == list(whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_prefetched_before_counts_for_nothing(workers):
    order = Share(Shuffled(40, seed=0), 4)
    loader = DataLoader(Keys(), 4, sampler=order, num_workers=workers, persistent_workers=workers > 0)
    iter(loader)
    order.go_on(3, 2)
    read = [tuple(key) for epochs, indices in loader for key in zip(epochs.tolist(), indices.tolist(), strict=True)]
    order.set_epoch(3)
    order.read = 0
    assert read == list(order)[8:]


class Keys(Dataset):
    """What is asked for."""

    def __getitem__(self, key):
        return key


TWO_DEVICES = """
import sys
from pathlib import Path
import lightning as L, torch
from torch.utils.data import SequentialSampler
from datamodules.base import SignDataModule

class Numbers(SignDataModule):
    dataset = "phoenix14t"
    def content(self): return []
    def train_dataloader(self): return self.loader(list(range(12)), sampler=SequentialSampler(range(12)))

class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer, self.seen = torch.nn.Linear(1, 1), []
    def training_step(self, batch, number):
        self.seen.append(batch.tolist())
        return self.layer(batch[:, None].float()).mean()
    def on_train_end(self): Path(sys.argv[1], f"device-{self.global_rank}").write_text(str(self.seen))
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.01)

L.Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False, enable_checkpointing=False,
          enable_progress_bar=False, enable_model_summary=False).fit(Model(), Numbers(".", batch_size=3))
torch.distributed.destroy_process_group()
"""


def test_two_devices_take_an_order_s_batches_in_turn(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TWO_DEVICES)
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=120)
    seen = {path.name: path.read_text() for path in tmp_path.glob("device-*")}
    expected = {"device-0": "[[0, 1, 2], [6, 7, 8]]", "device-1": "[[3, 4, 5], [9, 10, 11]]"}
    assert (done.returncode, seen) == (0, expected), done.stdout + done.stderr
