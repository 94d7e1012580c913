"""The text-to-pose network: what each part may see, and that decoding is the same however it is computed."""

import pytest
import torch

from lightning_modules.networks.text_to_pose.decoding import FRAMES_PER_TOKEN, decode, decode_whole_prefix
from lightning_modules.networks.text_to_pose.pose_features import PoseFeatures
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)

VARIANTS = {
    "published": {"token_durations": False},
    "durations": {},
    "future": {"future_prediction": 10},
    "counter-only": {"just_counter": True, "future_prediction": 3},
}


def test_features_have_the_mean_and_deviation_of_all_frames_at_once():
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.randn(frames, 50, 3, generator=generator) * 0.1 + 3 for frames in (1, 40, 7)]
    features = PoseFeatures()
    features.fit(iter(sequences))
    standardised = features(torch.cat(sequences))
    torch.testing.assert_close(standardised.mean(0), torch.zeros(150), atol=1e-4, rtol=0)
    torch.testing.assert_close(standardised.std(0), torch.ones(150), atol=1e-4, rtol=0)
    torch.testing.assert_close(features.invert(standardised), torch.cat(sequences))
    features.fit([torch.full((5, 50, 3), 0.3)] * 2)
    assert features.std.unique().tolist() == pytest.approx([0.01, 0.02])  # what never moves is not blown up


def network(**switches) -> ProgressiveTransformer:
    torch.manual_seed(0)
    config = ProgressiveTransformerConfig(vocabulary=30, width=32, heads=4, feedforward=64, **switches)
    built = ProgressiveTransformer(config).eval()
    built.features.mean.normal_(0, 0.1)
    built.features.std.uniform_(0.05, 0.2)
    return built


def sentence(length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 30, (1, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS.keys())
def test_cached_decoding_equals_recomputing_the_whole_prefix(switches):
    built, tokens = network(**switches), sentence(7)
    with torch.no_grad():
        cached = decode(built, tokens, frames=torch.tensor([40]))[0]
        whole = decode_whole_prefix(built, tokens, 40)
    assert cached.shape == (40, 50, 3)
    torch.testing.assert_close(cached, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_batch_decodes_like_its_sentences_one_by_one(switches):
    built = network(**switches)
    alone = [sentence(length, seed=length) for length in (3, 9, 5)]
    batch = torch.nn.utils.rnn.pad_sequence([tokens[0] for tokens in alone], batch_first=True)
    together = decode(built, batch, max_frames=60)
    for tokens, joints in zip(alone, together, strict=True):
        torch.testing.assert_close(decode(built, tokens, max_frames=60)[0], joints, atol=1e-5, rtol=0)


@pytest.mark.parametrize("switches", VARIANTS.values(), ids=VARIANTS.keys())
def test_free_decoding_always_ends_and_never_is_empty(switches):
    for seed in range(5):
        (joints,) = decode(network(**switches), sentence(4, seed), max_frames=100)
        assert 1 <= len(joints) <= min(100, 4 * FRAMES_PER_TOKEN)
        assert torch.isfinite(joints).all()


def test_a_frame_does_not_see_the_frames_after_it():
    built = network()
    source = built.encode(sentence(5)).paced(torch.tensor([12]))
    poses, counters = torch.randn(1, 12, 150), torch.linspace(0, 1, 12)[None]
    changed = poses.clone()
    changed[:, 8:] += 1.0
    places = built.places(torch.arange(12), source)
    before, after = (built.decode(p, counters, places, source)[0] for p in (poses, changed))
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])


def test_just_counter_sees_the_counter_and_no_pose():
    built = network(just_counter=True)
    source = built.encode(sentence(5)).paced(torch.tensor([6]))
    counters = torch.linspace(0, 1, 6)[None]
    places = built.places(torch.arange(6), source)
    one, other = (built.decode(torch.randn(1, 6, 150), counters, places, source)[0] for _ in range(2))
    torch.testing.assert_close(one, other)
    moved = built.decode(torch.zeros(1, 6, 150), counters + 0.1, places, source)[0]
    assert not torch.allclose(one, moved)


def test_future_prediction_gives_ten_frames_a_step():
    built = network(future_prediction=10)
    source = built.encode(sentence(5)).paced(torch.tensor([6]))
    places = built.places(torch.arange(6), source)
    assert built.decode(torch.zeros(1, 6, 150), torch.zeros(1, 6), places, source)[0].shape == (1, 6, 10, 150)


def test_published_sizes_have_the_published_number_of_parameters():
    words_of_phoenix14t = 1_100
    config = ProgressiveTransformerConfig(vocabulary=words_of_phoenix14t, token_durations=False)
    count = sum(parameter.numel() for parameter in ProgressiveTransformer(config).parameters())
    assert count == pytest.approx(15.4e6, rel=0.01)


def test_features_and_joints_are_inverse():
    built = network()
    joints = torch.randn(4, 50, 3)
    torch.testing.assert_close(built.features.invert(built.features(joints)), joints, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"heads": 0}, "heads: found 0"),
        ({"layers": -1}, "layers: found -1"),
        ({"heads": 7}, "multiple of 2 x heads"),
        ({"dropout": 1.0}, r"dropout: found 1\.0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        ProgressiveTransformerConfig(vocabulary=10, **sizes)
