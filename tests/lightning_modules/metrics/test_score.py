"""Values of a test set as sums over items, and their bootstrap intervals."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison
from lightning_modules.metrics.score import Mean, Ratio


class Value(Mean):
    """Of numbers, themselves."""

    def measure(self, values, *_):
        return values


class Share(Ratio):
    """Of pairs, themselves."""

    def measure(self, pairs):
        return pairs


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), st.integers(1, 7))
def test_a_value_does_not_depend_on_the_batches(values, size):
    whole, parts = Value(), Value()
    whole.update(values)
    for start in range(0, len(values), size):
        parts.update(values[start : start + size])
    assert float(parts.compute()) == pytest.approx(np.mean(values), abs=1e-9)
    assert parts.interval() == whole.interval()


def test_a_ratio_is_one_of_sums_not_a_mean_of_ratios():
    share = Share()
    share.update([[1, 1], [0, 3]])
    assert float(share.compute()) == 0.25
    assert share.each().tolist() == [1, 0]


def test_nothing_of_nothing_is_nothing():
    share = Share()
    share.update([[0, 0]])
    assert float(share.compute()) == 0


def test_the_interval_is_scipy_s_percentile_bootstrap():
    values = np.random.default_rng(3).gamma(2, 1, 120)
    score = Value()
    score.update(values)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=0).confidence_interval
    assert score.interval() == pytest.approx(tuple(theirs), abs=0.03)


def test_the_interval_holds_the_mean_as_often_as_it_says():
    """Of 300 sets of 200 numbers around 0, some 285 have 0 within; fewer than 270 would be less than 1 in 10^5."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        score = Value()
        score.update(rng.standard_normal(200))
        low, high = score.interval()
        held += low <= 0 <= high
    assert held >= 300 * 0.95 + norm.ppf(1e-5) * np.sqrt(300 * 0.95 * 0.05)


def test_a_seed_gives_one_interval_and_another_seed_another():
    score = Value()
    score.update(np.arange(20.0))
    assert score.interval() == score.interval()
    assert score.interval(seed=1) != score.interval()


def test_a_score_of_no_item_is_refused():
    with pytest.raises(ValueError, match="Value: nothing was measured"):
        Value().statistics  # noqa: B018


def test_devices_gather_their_items():
    score = Value()
    score.update(torch.tensor([1.0, 2.0]))
    score.items = torch.cat([score.items[0], torch.tensor([[6.0, 1.0]], dtype=torch.float64)])  # as after a gathering
    assert float(score.compute()) == 3


def test_a_row_has_the_model_the_truth_and_the_baselines():
    comparison = Comparison(Value, [MODEL, GROUND_TRUTH, "chance"])
    comparison.update({MODEL: [0.5, 1.0], GROUND_TRUTH: [1, 1], "chance": [0, 0.5]})
    row = comparison.row("held out", judge="somebody")
    assert row.pop("interval") == [0.5, 1.0]
    assert row == {
        "value": 0.75,
        "ground_truth": 1,
        "chance": 0.25,
        "protocol": "held out",
        "n": 2,
        "judge": "somebody",
    }
