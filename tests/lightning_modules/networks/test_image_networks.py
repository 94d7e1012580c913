"""The networks that see and draw pictures: shapes, sizes as published, and what each output depends on."""

import pytest
import torch

from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from lightning_modules.networks.rendering.pix2pix import PatchDiscriminator, UNetConfig, UNetGenerator


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestUNet:
    def test_the_published_sizes_have_the_published_number_of_parameters(self):
        with torch.device("meta"):
            assert parameters(UNetGenerator(UNetConfig())) == pytest.approx(54.4e6, rel=0.01)

    @pytest.mark.parametrize(("depth", "size"), [(2, 4), (4, 16), (4, 48), (6, 64)])
    def test_a_picture_becomes_one_of_its_size_within_the_range(self, depth, size):
        network = UNetGenerator(UNetConfig(width=4, depth=depth))
        drawn = network(100 * torch.randn(1, 3, size, size))  # a batch of one, in training
        assert drawn.shape == (1, 3, size, size)
        assert drawn.abs().max() <= 1

    def test_the_first_three_blocks_up_drop_half_and_others_nothing(self):
        drops = [
            [layer.p for layer in up if isinstance(layer, torch.nn.Dropout)] for up in UNetGenerator(UNetConfig(8)).ups
        ]
        assert drops == [[0.5], [0.5], [0.5], [], [], [], []]

    def test_skip_connections_let_a_detail_through_that_the_bottleneck_loses(self):
        """With the innermost level cut off, the output still follows the input."""
        torch.manual_seed(0)
        network = UNetGenerator(UNetConfig(width=4, depth=4)).eval()
        torch.nn.init.zeros_(network.ups[0][0].weight)
        one, other = torch.randn(2, 1, 3, 16, 16)
        assert not torch.allclose(network(one), network(other))

    def test_every_weight_learns(self):
        network = UNetGenerator(UNetConfig(width=4, depth=4))
        network(torch.randn(2, 3, 16, 16)).square().mean().backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


class TestPatchDiscriminator:
    def test_thirty_patches_a_side_for_256_pixels(self):
        picture = torch.zeros(2, 3, 256, 256)
        assert PatchDiscriminator(width=4)(picture, picture).shape == (2, 1, 30, 30)

    def test_a_patch_is_seventy_pixels_wide(self):
        network = PatchDiscriminator(width=4).eval()
        condition, picture = (torch.randn(1, 3, 256, 256, requires_grad=True) for _ in range(2))
        network(condition, picture)[0, 0, 15, 15].backward()
        for seen in (condition.grad, picture.grad):
            rows = seen.abs().sum((0, 1, 3)).nonzero().flatten()
            assert rows[-1] - rows[0] + 1 == 70

    def test_it_judges_the_pair_and_not_the_picture_alone(self):
        network = PatchDiscriminator(width=4).eval()
        one, other, picture = torch.randn(3, 1, 3, 32, 32)
        assert not torch.allclose(network(one, picture), network(other, picture))


class TestLetterCNN:
    def test_pictures_of_any_size_become_logits(self):
        network = LetterCNN(LetterCNNConfig(classes=29, width=4)).eval()
        for size in (32, 50, 64):
            assert network(torch.zeros(2, 3, size, size)).shape == (2, 29)

    def test_each_picture_of_a_batch_is_read_on_its_own(self):
        network = LetterCNN(LetterCNNConfig(classes=29, width=4)).eval()
        pictures = torch.randn(3, 3, 32, 32)
        torch.testing.assert_close(network(pictures)[1:2], network(pictures[1:2]), atol=1e-5, rtol=1e-4)

    def test_a_mirrored_hand_is_another_picture(self):
        torch.manual_seed(0)
        network = LetterCNN(LetterCNNConfig(classes=29, width=4)).eval()
        picture = torch.randn(1, 3, 32, 32)
        assert not torch.allclose(network(picture), network(picture.flip(-1)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNetConfig(depth=1), "depth: found 1, expected at least 2"),
        (lambda: UNetConfig(width=0), "width: found 0"),
        (lambda: UNetConfig(dropout=1.0), r"dropout: found 1\.0"),
        (lambda: LetterCNNConfig(classes=1), "classes: found 1"),
        (lambda: LetterCNNConfig(classes=29, stages=0), "stages: found 0"),
        (lambda: LetterCNNConfig(classes=29, dropout=-0.1), r"dropout: found -0\.1"),
    ],
)
def test_sizes_that_make_no_network_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
