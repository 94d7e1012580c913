"""A row through a weight in parts is the row through the weight, for whoever asked for it and nobody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lightning_modules.networks.text_to_pose.linear import Linear, one_row_at_a_time


@pytest.mark.parametrize("outputs", [1, 7, 64])
def test_one_row_gives_the_same_and_leaves_nothing_behind(outputs):
    layer, row, rows = Linear(32, outputs), torch.randn(1, 1, 32), torch.randn(2, 3, 32)
    expected = layer(row)
    with one_row_at_a_time(layer):
        torch.testing.assert_close(layer(row), expected)
        with pytest.raises(RuntimeError):
            layer(rows)
    assert layer(rows).shape == (2, 3, outputs)
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_an_error_within_leaves_nothing_behind_either():
    layer, rows = Linear(4, 4), torch.randn(2, 3, 4)
    with pytest.raises(RuntimeError), one_row_at_a_time(layer):
        layer(rows)
    assert layer(rows).shape == (2, 3, 4)


def test_another_thread_passes_many_rows_meanwhile():
    layer, rows = Linear(4, 4), torch.randn(2, 3, 4)
    expected = layer(rows)
    with one_row_at_a_time(layer), ThreadPoolExecutor(1) as pool:
        assert torch.equal(pool.submit(layer, rows).result(), expected)
