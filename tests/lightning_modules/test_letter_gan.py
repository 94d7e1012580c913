"""letter-gan: a critic of spectral norm 1, objectives that do not leak, an average that is published, its resume."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from zlib import crc32

import lightning as L
import pytest
import torch
from every_spec import starter
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

import zoo
from datamodules.asl_alphabet import Letters
from datamodules.kinds.labelled import LabelledBatch
from datamodules.twins import Twin, ensure_twin
from lightning_modules.evaluation.training_pictures import as_seen, edge_features
from lightning_modules.letter_gan import LetterGAN, seeking_loss
from lightning_modules.metrics.frechet import frechet_distance
from lightning_modules.networks.augmentation import recolour, translate, vary_for_critic
from lightning_modules.networks.letters.letter_generator import LetterCritic, LetterGenerator, LetterGeneratorConfig
from zoo.cli import main
from zoo.spec.registry import list_experiments

TINY = LetterGeneratorConfig(classes=5, size=16, latent=6, width=4)
SIZES = {"latent": 4, "width": 2, "critic_width": 2}
COMMAND = [
    *("fit", "letter-gan", "--starter", "--data.twin=null", "--data.image_size=8", "--data.batch_size=16"),
    "--trainer.max_epochs=4",
    *(f"--model.{name}={value}" for name, value in SIZES.items()),
]


@pytest.fixture(scope="module")
def twin(twin_root: Callable[[str], Path]) -> Path:
    root = twin_root("letter-gan")
    ensure_twin("asl-alphabet", root, Twin(size=87, seed=1, signers=1))
    return root


@pytest.fixture
def model() -> LetterGAN:
    torch.manual_seed(0)
    model = LetterGAN(TINY.latent, TINY.width)
    model.learner, model.critic = LetterGenerator(TINY), LetterCritic(TINY, 4)
    model.network = copy.deepcopy(model.learner).requires_grad_(False)
    return model


@pytest.fixture
def batch() -> LabelledBatch:
    own = torch.Generator().manual_seed(1)
    return LabelledBatch(2 * torch.rand(4, 3, 16, 16, generator=own) - 1, torch.tensor([0, 1, 2, 4]), list("abcd"))


class TestCritic:
    def test_every_layer_has_spectral_norm_one(self, model, batch):
        """After some passes, against the singular values themselves; also where weights have grown since."""
        layers = [
            module for module in model.critic.modules() if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding)
        ]
        assert all(is_parametrized(layer, "weight") for layer in layers)
        assert len(layers) == 1 + 2 + 2
        with torch.no_grad():
            for layer in layers:
                layer.parametrizations.weight.original.add_(torch.randn_like(layer.weight))
        for _ in range(50):
            model.critic(batch.images, batch.labels)
        model.critic.eval()
        for layer in layers:
            largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            assert largest.item() == pytest.approx(1, abs=0.01)

    def test_in_evaluation_it_judges_a_picture_alone_as_among_others(self, model, batch):
        critic = model.critic.eval()
        together = critic(batch.images, batch.labels)
        assert together.shape == (4,)
        torch.testing.assert_close(critic(batch.images[1:2], batch.labels[1:2]), together[1:2])
        torch.testing.assert_close(critic(batch.images, batch.labels), together)

    def test_the_class_is_projected_on_the_features(self, model, batch):
        critic = model.critic.eval()
        features = critic.features(batch.images).sum((2, 3))
        for label in range(5):
            logits = critic(batch.images, torch.full((4,), label))
            torch.testing.assert_close(
                logits, critic.output(features).flatten() + features @ critic.embedding.weight[label]
            )


class TestAugmentation:
    @pytest.fixture
    def pictures(self):
        return 2 * torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(2)) - 1

    def test_a_picture_is_moved_by_at_most_an_eighth_and_grey_comes_into_view(self, pictures):
        torch.manual_seed(0)
        room = nn.functional.pad(pictures, [2] * 4)
        found = [
            (down, right)
            for own, moved in zip(room, translate(pictures), strict=True)
            for down in range(5)
            for right in range(5)
            if torch.equal(own[:, down : down + 16, right : right + 16], moved)
        ]
        assert len(found) == 64
        assert {down for down, _ in found} == {right for _, right in found} == set(range(5))
        assert len(set(found)) > 15

    def test_colours_are_moved_within_their_ranges(self, pictures):
        """Told from what each leaves: contrast the mean, saturation the grey, brightness all differences."""
        torch.manual_seed(0)
        seen = recolour(pictures)
        brightness = (seen - pictures).mean((1, 2, 3))
        assert -0.5 <= brightness.min() < -0.4 < 0.4 < brightness.max() <= 0.5
        contrast = seen.mean(1).std((1, 2)) / pictures.mean(1).std((1, 2))
        assert 0.5 <= contrast.min() < 0.6 < 1.4 < contrast.max() <= 1.5
        saturation = colour(seen).std((1, 2, 3)) / colour(pictures).std((1, 2, 3)) / contrast
        assert 0 <= saturation.min() < 0.2 < 1.8 < saturation.max() <= 2
        straight = colour(seen).flatten(1), colour(pictures).flatten(1)
        torch.testing.assert_close(straight[0], (contrast * saturation)[:, None] * straight[1])

    def test_gradients_pass(self, pictures):
        vary_for_critic(pictures.requires_grad_()).square().sum().backward()
        assert (pictures.grad[:, :, 2:-2, 2:-2] != 0).float().mean() > 0.99

    def test_both_kinds_are_shown_augmented_and_what_is_generated_in_one_way(self, model, batch, monkeypatch):
        shown = []
        monkeypatch.setattr(
            "lightning_modules.letter_gan.vary_for_critic", lambda pictures: pictures * 0 + len(shown) + 1
        )
        monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
        monkeypatch.setattr(
            model.critic, "forward", lambda pictures, labels: shown.append(pictures) or pictures.mean((1, 2, 3))
        )
        model.training_step(batch)
        critics, generators = shown
        assert critics.unique().tolist() == generators.unique().tolist() == [1]
        assert (len(critics), len(generators)) == (8, 4)


def colour(pictures):
    """How far each channel is from grey."""
    return pictures - pictures.mean(1, keepdim=True)


class TestObjective:
    @pytest.fixture(autouse=True)
    def as_they_are(self, monkeypatch):
        """Pictures are shown to the critic without changes."""
        monkeypatch.setattr("lightning_modules.letter_gan.vary_for_critic", lambda pictures: pictures)

    def test_the_hinge_forgives_what_is_told_apart_clearly(self, model, batch, monkeypatch):
        """Also where more are generated than are real."""
        for logits, real, fake in (
            ([2.0, 1.0, 1.5, 9.0, -1.0, -3.0], 0, 0),
            ([0.0, 0.5, 1.0, 2.0, 0.0, -0.5], 0.375, 0.75),
        ):
            monkeypatch.setattr(model.critic, "forward", lambda *_, logits=logits: torch.tensor(logits))
            losses = model.critic_losses(batch, batch.images[:2], batch.labels[:2])
            assert [loss.item() for loss in losses] == [real, fake]

    def test_what_is_generated_is_judged_as_what_it_was_generated_of(self, model, batch, monkeypatch):
        monkeypatch.setattr(model.critic, "forward", lambda pictures, labels: labels - 2 * pictures[:, 0, 0, 0])
        drawn = torch.zeros(2, 3, 16, 16)
        batch.images.zero_()
        _, fake = model.critic_losses(batch, drawn, torch.tensor([3, 4]))
        assert fake == 4.5  # of 1 + 3 and 1 + 4

    def test_seeking_is_how_far_latents_are_for_how_far_their_pictures_are(self):
        latents = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 3.0], [1.0, 4.0]])
        drawn = torch.zeros(4, 3, 8, 8)
        drawn[2, 0] = 0.75  # .25 from the first, whose latent is 2 away
        drawn[3] = -0.5  # .5 from the second, whose latent is 1.5 away
        assert seeking_loss(drawn, latents).item() == pytest.approx((2 / 0.25 + 1.5 / 0.5) / 2, rel=1e-4)

    def test_seeking_stays_finite_where_pictures_are_equal(self):
        drawn = torch.zeros(4, 3, 8, 8, requires_grad=True)
        loss = seeking_loss(drawn, torch.arange(8.0).view(4, 2))
        loss.backward()
        assert loss > 1e5
        assert drawn.grad.isfinite().all()

    @pytest.mark.parametrize("count", [4, 3, 1])
    def test_each_class_that_is_generated_is_generated_from_two_latents(self, model, batch, monkeypatch, count):
        asked = []
        forward = model.learner.forward
        monkeypatch.setattr(model.learner, "forward", lambda *given: asked.append(given) or forward(*given))
        monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
        model.training_step(LabelledBatch(batch.images[:count], batch.labels[:count], batch.names[:count]))
        ((latents, labels),) = asked
        one, other = labels.chunk(2)
        assert torch.equal(one, batch.labels[: len(one)])
        assert torch.equal(one, other)
        assert len(labels) == count + count % 2
        assert len(latents.unique(dim=0)) == len(labels)

    def test_seeking_makes_pictures_of_a_class_differ(self, model, batch, monkeypatch):
        """A few steps on nothing else, from a generator whose latents make hardly any difference."""
        monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
        monkeypatch.setattr(model, "critic_losses", lambda *_: (torch.zeros(()), torch.zeros(())))
        monkeypatch.setattr(model, "generator_loss", lambda *_: torch.zeros(()))
        with torch.no_grad():
            model.learner.start.weight[:, : TINY.latent] *= 0.001

        def apart():
            with torch.no_grad():
                pictures = model.learner(torch.randn(8, TINY.latent), torch.tensor([1] * 4 + [2] * 4))
            return (pictures[::2] - pictures[1::2]).abs().mean()

        before, optimizer = apart(), torch.optim.Adam(model.learner.parameters(), 0.01)
        for _ in range(10):
            optimizer.zero_grad()
            model.training_step(batch).backward()
            optimizer.step()
        assert apart() > 4 * before

    def test_gradients_do_not_leak(self, model, batch):
        """The critic's losses move no weight of the generator, and the generator's none of the critic."""
        latents = torch.randn(4, 6)
        drawn = model.learner(latents, batch.labels)
        sum(model.critic_losses(batch, drawn.detach(), batch.labels)).backward()
        assert all(parameter.grad is None for parameter in model.learner.parameters())
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.critic.parameters() if parameter.ndim > 1)
        model.zero_grad()
        (model.generator_loss(drawn, batch.labels) + seeking_loss(drawn, latents)).backward()
        assert all(parameter.grad is None for parameter in model.critic.parameters())
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.learner.parameters())

    def test_one_backward_pass_gives_each_network_its_own_gradient(self, model, batch, monkeypatch):
        """Several devices gather gradients once a pass."""
        assert model.automatic_optimization
        monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
        alone = copy.deepcopy(model)
        torch.manual_seed(0)
        latents, labels = torch.randn(4, 6), torch.tensor([0, 1, 0, 1])
        drawn = alone.learner(latents, labels)
        sum(alone.critic_losses(batch, drawn.detach(), labels)).backward()
        (alone.generator_loss(drawn, labels) + 0.1 * seeking_loss(drawn, latents)).backward()
        torch.manual_seed(0)
        model.training_step(batch).backward()
        for name, parameter in model.named_parameters():
            theirs = alone.get_parameter(name).grad
            assert (parameter.grad is None) == (theirs is None) == name.startswith("network.")
            if theirs is not None:
                torch.testing.assert_close(parameter.grad, theirs)

    def test_the_optimiser_holds_both_networks_at_their_own_rates_and_no_average(self, model):
        model.cooldown = 0.0  # which asks a trainer for its end
        generator, critic = model.configure_optimizers().param_groups
        assert set(generator["params"]) == set(model.learner.parameters())
        assert set(critic["params"]) == set(model.critic.parameters())
        assert (generator["lr"], critic["lr"], critic["betas"]) == (5e-4, 2e-4, (0.0, 0.9))


class TestTraining:
    @pytest.fixture
    def trained(self, twin, tmp_path):
        """A model after some steps, and its trainer."""

        def train(model, batch_size=16, **trainer):
            torch.manual_seed(0)
            fitting = L.Trainer(
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=tmp_path,
                num_sanity_val_steps=0,
                **trainer,
            )
            fitting.fit(model, datamodule=Letters(str(twin), image_size=8, batch_size=batch_size))
            return model, fitting

        return train

    def test_a_step_a_batch_and_the_average_follows(self, trained):
        """After the first step it is 9/11 of where it began and 2/11 of the learner; buffers are the learner's."""

        class Watched(LetterGAN):
            def configure_model(self):
                super().configure_model()
                self.began = copy.deepcopy(self.network)

        model, trainer = trained(Watched(**SIZES), max_steps=1, limit_val_batches=0)
        assert trainer.global_step == 1
        for name, own in model.network.named_parameters():
            began, learner = model.began.get_parameter(name), model.learner.get_parameter(name)
            torch.testing.assert_close(own, began + (learner - began) * 9 / 11)
            assert (learner != began).any() or name.endswith(("gain.weight", "bias.weight"))
        for own, theirs in zip(model.network.buffers(), model.learner.buffers(), strict=True):
            assert torch.equal(own, theirs)

    def test_what_decides_when_to_stop_is_how_far_the_average_is_from_training_pictures(self, trained, twin):
        model, trainer = trained(LetterGAN(**SIZES), max_epochs=1)
        found = float(trainer.callback_metrics["val/frechet"])
        assert {"g/adversarial", "g/seeking", "d/real", "d/fake"} <= set(trainer.callback_metrics)
        (again,) = trainer.validate(model, Letters(str(twin), image_size=8, batch_size=5), verbose=False)
        assert again["val/frechet"] == pytest.approx(found, rel=1e-4)  # batches make no difference
        data = Letters(str(twin), image_size=8, batch_size=100)
        data.setup("fit")
        (batch,) = data.val_dataloader()
        model.eval()
        drawn = model.generate(batch.labels, [crc32(name.encode()) for name in batch.names])
        train = torch.cat([each.images for each in data.train_dataloader()])
        features = [edge_features(as_seen(pictures)) for pictures in (drawn, train)]
        assert found == pytest.approx(frechet_distance(*features), rel=1e-4)

    def test_one_dev_picture_is_refused(self, trained):
        with pytest.raises(ValueError, match="found 1 dev picture, expected at least 2"):
            trained(
                LetterGAN(**SIZES),
                max_steps=1,
                val_check_interval=1,
                limit_val_batches=1,
                limit_train_batches=1,
                batch_size=1,
            )

    def test_both_rates_fall_to_nothing_over_the_last_half(self, trained):
        class Watched(LetterGAN):
            rates: ClassVar[list[list[float]]] = []

            def on_train_batch_start(self, batch, batch_idx):
                self.rates.append([group["lr"] for group in self.optimizers().param_groups])

        trained(Watched(**SIZES, learning_rate=4e-3, critic_learning_rate=1e-3), max_steps=4, limit_val_batches=0)
        fast, slow = zip(*Watched.rates, strict=True)
        assert fast == pytest.approx([4e-3, 4e-3, 4e-3, 2e-3])
        assert slow == pytest.approx([1e-3, 1e-3, 1e-3, 5e-4])

    @pytest.mark.parametrize(("setting", "message"), [
        ({"ema_decay": 1.5}, "ema_decay: found 1.5, expected 0 to 1"),
        ({"cooldown": -0.1}, "cooldown: found -0.1, expected 0 to 1"),
        ({"seeking": -1.0}, "seeking: found -1.0, expected 0 or more"),
        ({"critic_width": 0}, "critic_width: found 0, expected more than 0"),
        ({"critic_learning_rate": float("nan")}, "critic_learning_rate: found nan, expected more than 0"),
    ])  # fmt: skip
    def test_settings_that_make_no_sense_are_refused(self, setting, message):
        with pytest.raises(ValueError, match=message):
            LetterGAN(**setting)


class TestEdges:
    """What `val/frechet` sees."""

    def test_a_bright_square_has_an_edge_on_each_side(self):
        picture = torch.zeros(1, 3, 32, 32)
        picture[..., 8:24, 12:20] = 0.5
        rightwards, leftwards, downwards, upwards = edge_features(picture).view(4, 8, 8)
        assert rightwards.nonzero()[:, 1].unique().tolist() == [2, 3]  # pixel 12 begins the fourth area
        assert leftwards.nonzero()[:, 1].unique().tolist() == [4, 5]
        assert downwards.sum() == pytest.approx(upwards.sum())
        assert downwards.sum() * 2 == pytest.approx(rightwards.sum())

    def test_even_light_and_colour_make_no_difference(self):
        picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) / 2
        torch.testing.assert_close(edge_features(picture + 0.3), edge_features(picture), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(edge_features(picture.flip(1)), edge_features(picture))


def test_a_resumed_training_equals_an_uninterrupted_one(twin, tmp_path, monkeypatch):
    """Stopped in its last epoch of four: Adam, the average, batch norms, the critic's power iterations, early stopping
    and the best checkpoint go on."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    command = [*COMMAND, f"--data.root={twin}"]
    assert main(command) == 0
    (run,) = (tmp_path / "runs" / "letter-gan").iterdir()
    whole = shutil.move(run, tmp_path / "whole")
    training_step = LetterGAN.training_step
    with monkeypatch.context() as stopping:
        stopping.setattr(LetterGAN, "training_step", interrupted(training_step, at=7))
        assert main(command) == 130
    assert checkpoint(run)["global_step"] == 6
    assert not (run / "model.safetensors").exists()
    assert main(command) == 0
    ours, theirs = checkpoint(run), checkpoint(whole)
    assert ours["global_step"] == theirs["global_step"] == 8
    for name, value in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][name], value), name
    early = [name for name in theirs["callbacks"] if name.startswith(EarlyStopping.__name__)]
    assert [ours["callbacks"][name] for name in early] == [theirs["callbacks"][name] for name in early]
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def interrupted(training_step, at):
    """A training step that is interrupted after so many."""

    def step(module, batch):
        if module.global_step == at:
            raise KeyboardInterrupt
        return training_step(module, batch)

    return step


def checkpoint(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


@pytest.mark.parametrize("name", list_experiments())
def test_first_experiments_are_specs_like_others(name):
    assert main(["check", name]) == 0
    assert starter(name, Path("twin"))


@pytest.mark.parametrize("name", ["first-experiments/cifar10-gan", "first-experiments/mnist-vae"])
def test_a_first_experiment_is_trained_and_tested_by_the_same_code(name, tmp_path, monkeypatch, capsys):
    """On the twin of its data set, whose classes no letter judge reads."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    assert main(["fit", name, *starter(name, tmp_path / "twin")]) == 0
    (run,) = (tmp_path / "runs").glob("*/*")
    assert main(["test", str(run)]) == 0
    results = json.loads((run / "results.json").read_text())
    assert "fid_pixels" in results
    assert "judged_acc" not in results
    assert "nothing is judged" in capsys.readouterr().err
    assert main(["card", str(run), "--check"]) == 0
    model = zoo.load(str(run))
    assert len(model.classes) == 10
    assert model.sample(model.classes[9], 2).shape == (2, 32, 32, 3)
