"""Tests of models that generate skeleton frames of glosses, with generators of whom it is known what they do, on frames
of which the avatar knows the truth."""

from pathlib import Path
from types import SimpleNamespace

import avatar_skeletons
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.wlasl.skeletons import WLASLSkeletons
from lightning_modules.evaluation.generation import GenerationEvaluation
from lightning_modules.evaluation.glossary import BASELINES
from lightning_modules.evaluation.results import Results
from lightning_modules.evaluation.training_pictures import PixelFeatures, as_seen
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from zoo.loaders.recognition.skeleton_reader import SkeletonReader
from zoo.training import judges

GLOSSES = len(avatar_skeletons.GLOSSES)


@pytest.fixture(scope="module")
def data(skeletons: Path) -> WLASLSkeletons:
    data = WLASLSkeletons(str(skeletons), split="official", image_size=64, batch_size=16)
    data.setup("fit")
    return data


def pictures(data: WLASLSkeletons, split) -> tuple[Tensor, Tensor]:
    """The pictures of a split in [-1, 1], and their labels."""
    batch = data.collate([data.examples(split)[at] for at in range(len(data.examples(split)))])
    return batch.images, batch.labels


class Nearest:
    """A judge that names the gloss of the nearest training frame, in 16 x 16 areas."""

    name, model = "nearest (run 0)", "nearest"
    features = PixelFeatures()

    def __init__(self, data: WLASLSkeletons) -> None:
        train, self.labels = pictures(data, "train")
        self.known = self.small(as_seen(train))

    @staticmethod
    def small(frames: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(frames, 16).flatten(1)

    def scores(self, frames: Tensor) -> Tensor:
        nearest = torch.cdist(self.small(frames), self.known).argmin(1)
        return functional.one_hot(self.labels[nearest], GLOSSES)


@pytest.fixture(scope="module")
def generators(data: WLASLSkeletons) -> SimpleNamespace:
    """Functions of labels and seeds, which are the places of the test's pictures."""
    (test, test_labels), (train, labels) = pictures(data, "test"), pictures(data, "train")
    places = [torch.nonzero(labels == label).flatten() for label in range(GLOSSES)]

    def truth(wanted: Tensor, seeds) -> Tensor:
        assert torch.equal(test_labels[list(seeds)], wanted)
        return test[list(seeds)]

    def another(wanted: Tensor, seeds) -> Tensor:
        return torch.stack([test[test_labels == (label + 1) % GLOSSES][0] for label in wanted.tolist()])

    def memory(wanted: Tensor, seeds) -> Tensor:
        chosen = [places[label][seed % len(places[label])] for label, seed in zip(wanted.tolist(), seeds, strict=True)]
        return train[torch.stack(chosen)]

    return SimpleNamespace(truth=truth, another=another, memory=memory)


@pytest.fixture(scope="module")
def found(data, generators) -> dict[str, Results]:
    """Results of a model that generates the true frames, frames of another gloss, or what it has memorised; and of one
    that adapts a model of other glosses so that it generates the true frames."""

    def results(generate, base=None) -> Results:
        evaluation = GenerationEvaluation(data, Nearest(data), base)
        for batch in data.test_dataloader():
            evaluation.update(batch, generate)
        return evaluation.results()

    single = {name: results(generate) for name, generate in vars(generators).items()}
    return {**single, "adapted": results(generators.truth, base=generators.another)}


def test_true_frames_score_as_the_truth_does(found):
    rows = found["truth"]
    read = rows["judged_acc"]
    assert read["value"] == read["ground_truth"] > 0.6
    assert read["train_picture"] == 1
    assert read["other_class"] == 0
    assert rows["fid_nearest"]["value"] == pytest.approx(rows["fid_nearest"]["true_picture"])
    assert rows["copied"]["value"] == rows["copied"]["ground_truth"] < 0.5


def test_frames_of_another_gloss_are_not_read_as_asked(found):
    assert found["another"]["judged_acc"]["value"] < 0.1


def test_copies_of_training_frames_are_found_out(found):
    rows = found["memory"]
    assert rows["judged_acc"]["value"] == 1
    assert rows["copied"]["value"] == rows["copied"]["train_picture"] == 1


def test_what_a_model_adapts_stands_beside_it_in_every_row(found):
    for key, row in found["adapted"].items():
        assert row["value"] == found["truth"][key]["value"]
        assert row["base"] == pytest.approx(found["another"][key]["value"])
        assert "base" not in found["truth"][key]
    assert "base" in BASELINES


class TestJudge:
    @pytest.fixture
    def reader(self) -> SkeletonReader:
        torch.manual_seed(0)
        return SkeletonReader(LetterCNN(LetterCNNConfig(classes=3, width=4)), ["hello", "yes", "no"], 32, "ase")

    def test_its_glosses_are_the_models_classes_in_any_order(self, reader, data):
        config = {"task": "image-to-gloss", "glosses": reader.classes}
        recorded = {"name": "a", "data": {"name": "wlasl", "twin": None}}

        def misfit(*classes: str) -> str | None:
            return judges._misfit("image-to-gloss", config, recorded, SimpleNamespace(classes=classes), recorded)

        assert misfit("no", "hello", "yes") is None
        assert misfit("no", "hello", "yes", "name") == "it cannot read name, which the model draws"
        assert misfit("no", "hello") == "it also reads yes, which the model does not draw"

    def test_larger_frames_are_read_with_lines_as_bright_as_before(self, reader, data):
        """As the loader scales pictures, so does the judge scale those that a model generates."""
        frame = data.examples("test")[0][3]
        generated = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        reader.network.stem = reader.network.blocks = torch.nn.Identity()  # features are the mean of what it sees
        judge = judges.PictureReader(reader, "skeleton-judge", "1", reader.classes)
        seen = (judge.features(generated) + 1) / 2
        assert torch.allclose(seen, torch.from_numpy(reader.scaled(frame, 32)).float().mean((0, 1)) / 255, rtol=0.05)
        faint = functional.interpolate(generated, (32, 32), mode="bilinear", antialias=True).mean((2, 3))
        assert (seen > 1.3 * faint).all()
