"""A row through a weight in parts is the row through the weight."""

import pytest
import torch

from lightning_modules.networks.text_to_pose.linear import Linear, one_row_at_a_time


@pytest.mark.parametrize("outputs", [1, 7, 64])
def test_one_row_gives_the_same_and_leaves_nothing_behind(outputs):
    layer, row = Linear(32, outputs), torch.randn(1, 1, 32)
    expected = layer(row)
    with one_row_at_a_time(layer):
        assert layer.parts is not None
        torch.testing.assert_close(layer(row), expected)
    assert layer.parts is None
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_an_error_within_leaves_nothing_behind_either():
    layer = Linear(4, 4)
    with pytest.raises(RuntimeError), one_row_at_a_time(layer):
        layer(torch.randn(2, 3, 5))
    assert layer.parts is None
