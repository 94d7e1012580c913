"""ASL-SLP's objective: every row of SignDiff's Table 3 is a switch, and each switch changes what it should."""

from types import SimpleNamespace

import pytest
import torch

from datamodules.text_pose.pairs import TextPoseBatch
from lightning_modules import asl_slp
from lightning_modules.asl_slp import ASLSLP, progress
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)


def model(**switches) -> ASLSLP:
    """A small ASL-SLP with its network built, as `configure_model` does from data."""
    torch.manual_seed(0)
    built = ASLSLP(**({"width": 16, "heads": 2, "layers": 1, "feedforward": 32} | switches))
    built.network = ProgressiveTransformer(ProgressiveTransformerConfig(vocabulary=20, **built.sizes))
    built.register_buffer("error_std", torch.full((150,), 0.1))
    return built


@pytest.fixture
def batch() -> TextPoseBatch:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([12, 7])
    joints = torch.randn(2, 12, 50, 3, generator=generator)
    joints[1, 7:] = 0
    tokens = torch.tensor([[2, 5, 6, 3], [2, 9, 3, 0]])
    return TextPoseBatch(tokens, joints, lengths, ["a", "b"], ["a", "b"])


def with_other_padding(batch: TextPoseBatch, value: float) -> TextPoseBatch:
    joints = batch.joints.clone()
    joints[1, 7:] = value
    return TextPoseBatch(batch.tokens, joints, batch.lengths, batch.texts, batch.names)


def test_computational_optimisation_counts_unmasked_elements_only():
    targets, mask = torch.ones(1, 4, 1, 2), torch.tensor([True, True, True, False]).view(1, 4, 1, 1)
    predictions = torch.zeros_like(targets)
    assert asl_slp.unmasked_mse(predictions, targets, mask) == 1.0
    assert asl_slp.padded_mse(predictions, targets, mask) == 0.75
    assert model(computational_optimisation=True).error is asl_slp.unmasked_mse
    assert model(computational_optimisation=False).error is asl_slp.padded_mse


@pytest.mark.parametrize("optimised", [True, False])
def test_what_lies_in_the_padding_never_reaches_the_loss(batch, optimised):
    built = model(computational_optimisation=optimised, batch_optimisation=optimised).eval()
    loss = built.loss(batch)[0]
    torch.testing.assert_close(built.loss(with_other_padding(batch, 100.0))[0], loss)


def test_batch_optimisation_builds_the_targets_of_the_loops(batch):
    features = batch.joints.flatten(2)
    targets, mask = asl_slp.future_windows(features, batch.lengths, 10)
    looped_targets, looped_mask = asl_slp.future_windows_looped(features, batch.lengths, 10)
    assert torch.equal(mask, looped_mask)
    assert torch.equal(targets * mask, looped_targets * looped_mask)
    assert model(batch_optimisation=True).windows is asl_slp.future_windows
    assert model(batch_optimisation=False).windows is asl_slp.future_windows_looped


def test_future_prediction_is_held_to_the_ten_frames_from_each_on(batch):
    features = batch.joints.flatten(2)
    targets, mask = asl_slp.future_windows(features, batch.lengths, 10)
    assert targets.shape == (2, 12, 10, 150)
    for ahead in range(10):
        torch.testing.assert_close(targets[0, 0, ahead], features[0, ahead])
    assert mask[1, :, 3, 0].tolist() == [True] * 4 + [False] * 8
    assert model(future_prediction=10).network.output.out_features == 10 * 150 + 1


def test_gaussian_noise_is_scaled_by_the_prediction_error(batch, monkeypatch):
    seen = []
    for noise in (0.0, 1.0, 5.0):
        built = model(gaussian_noise=noise).train()
        built.network.decode = lambda poses, *rest, _decode=built.network.decode: (
            seen.append(poses),
            _decode(poses, *rest),
        )[1]
        torch.manual_seed(3)
        built.loss(batch)
    clean, once, five = seen
    torch.testing.assert_close(clean[:, 1:], built.network.features(batch.joints)[:, :-1])
    assert (once - clean).std() == pytest.approx(0.1, rel=0.1)
    torch.testing.assert_close(five - clean, 5 * (once - clean), atol=1e-4, rtol=1e-4)


def test_gaussian_noise_follows_a_shrinking_error_and_spares_validation(batch):
    built = model(gaussian_noise=5.0).train()
    before = built.error_std.clone()
    built.loss(batch)
    assert not torch.equal(built.error_std, before)
    tracked = built.error_std.clone()
    built.eval()
    torch.testing.assert_close(built.loss(batch)[0], built.loss(batch)[0])
    assert torch.equal(built.error_std, tracked)


def test_just_counter_makes_the_loss_blind_to_earlier_poses(batch):
    built = model(just_counter=True, future_prediction=1).eval()
    assert built.network.config.just_counter
    source, counters = built.network.encode(batch.tokens), progress(batch.lengths, 12)
    places = built.network.places(torch.arange(12), source)
    first, other = (
        built.network.decode(poses, counters, places, source)
        for poses in torch.stack((torch.zeros(2, 12, 150), torch.ones(2, 12, 150)))
    )
    torch.testing.assert_close(first, other)


def test_long_video_loss_scales_and_adds_the_norms_of_all_weights(batch):
    built = model(long_video_loss=True, loss_scale=2.0).eval()
    total, parts = built.loss(batch)
    norms = sum(p.norm() for name, p in built.network.named_parameters() if "weight" in name)
    torch.testing.assert_close(total, 2.0 * sum(parts.values()) + 0.01 * norms)
    plain, parts = model(long_video_loss=False).eval().loss(batch)
    torch.testing.assert_close(plain, sum(parts.values()))


def test_the_counter_of_a_sequence_runs_evenly_to_one():
    counters = progress(torch.tensor([4, 2]), 4)
    assert counters.tolist() == [[0.25, 0.5, 0.75, 1.0], [0.5, 1.0, 1.0, 1.0]]


def test_durations_learn_the_length_and_poses_only_their_shares(batch):
    built = model().eval()
    _, parts = built.loss(batch)
    assert set(parts) == {"pose", "counter", "length"}
    assert set(model(token_durations=False).eval().loss(batch)[1]) == {"pose", "counter"}


@pytest.mark.parametrize("durations", [True, False])
def test_free_decoding_in_a_test_knows_nothing_of_the_reference(batch, durations):
    built = model(token_durations=durations).eval()
    short = TextPoseBatch(batch.tokens, batch.joints[:, :2], torch.tensor([2, 1]), batch.texts, batch.names)
    for one, other in zip(built.decode(batch.sentences), built.decode(short.sentences), strict=True):
        torch.testing.assert_close(one, other)
    for told in (batch, short):
        assert [len(joints) for joints in built.decode(told.sentences, told.lengths)] == told.lengths.tolist()


def test_other_data_than_text_and_poses_is_refused():
    built = ASLSLP()
    built.trainer = SimpleNamespace(datamodule=object())
    with pytest.raises(ValueError, match="text-pose pairs, found object"):
        built.configure_model()
