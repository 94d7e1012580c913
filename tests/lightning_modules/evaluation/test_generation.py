"""Tests of models that draw classes, with drawers of whom it is known what they do."""

from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules.avatar.renderer.letters import letter_frame
from datamodules.base import Samples, signed_pixels
from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_drawing import HIGHLIGHT
from datamodules.samples import Sample, Split, Survey
from lightning_modules.evaluation.generation import (
    GenerationEvaluation,
)
from lightning_modules.evaluation.glossary import BASELINES, PLOTS, meaning
from lightning_modules.evaluation.sample_strips import SMALL, Generated, sheet
from lightning_modules.evaluation.training_pictures import PixelFeatures, as_seen, pixel_features
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from zoo.loaders.letters.letter_reader import LetterReader
from zoo.training import judges

LETTERS = ("A", "L", "V", "W", "Y")
SIZE = 32
TRAIN, TEST = 12, 5
"""Pictures of each letter."""
JUDGED = {"judged_acc", "fid_by-heart"}


@pytest.fixture(autouse=True)
def no_models(tmp_path, monkeypatch) -> None:
    """No hand landmarker lies anywhere."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.delenv("ZOO_MODELS", raising=False)


class Spelled(LabelledPictures):
    """Letters that the avatar shows, each picture of another signer; those of training, test, and neither."""

    dataset = "asl-alphabet"

    def __init__(self, letters: tuple[str, ...] = LETTERS, train: int = TRAIN, test: int = TEST, batch_size: int = 7):
        super().__init__(".", SIZE, batch_size)
        self.letters, self.counts = letters, {"train": train, "test": test}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.letters

    def survey(self) -> Survey:
        return Survey(
            [
                Sample(f"{letter}/{split}{number}", split, split, letter)
                for split, count in self.counts.items()
                for letter in self.letters
                for number in range(count)
            ]
        )

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], self.read, 0)

    def read(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Image]:
        label = self.letters.index(str(sample.label))
        return sample.name, label, shown(str(sample.label), sample.name)


PICTURES: dict[tuple[str, str], Image] = {}


def shown(letter: str, name: str) -> Image:
    """The avatar's picture of this name: always the same."""
    if (letter, name) not in PICTURES:
        PICTURES[letter, name] = letter_frame(letter, np.random.default_rng(list(name.encode())), SIZE)
    return PICTURES[letter, name]


class ByHeart:
    """A judge that knows every picture that was ever shown, and of any other says the first class."""

    name, model = "by-heart (run 0)", "by-heart"
    features = PixelFeatures()

    def scores(self, pictures: Tensor) -> Tensor:
        known = {(picture / np.float32(255)).tobytes(): letter for (letter, _), picture in PICTURES.items()}
        letters = [known.get(picture.permute(1, 2, 0).numpy().tobytes(), LETTERS[0]) for picture in pictures]
        return torch.nn.functional.one_hot(torch.tensor([LETTERS.index(letter) for letter in letters]), len(LETTERS))


def painted(frames: Iterable[Image]) -> Tensor:
    return signed_pixels(np.stack(list(frames)))


def stranger(labels: Tensor, seeds) -> Tensor:
    """Draws the letter that is asked for as somebody shows it who is in neither split."""
    letters = [LETTERS[label] for label in labels.tolist()]
    return painted(shown(letter, f"new{seed}") for letter, seed in zip(letters, seeds, strict=True))


def deaf_to_labels(labels: Tensor, seeds) -> Tensor:
    return painted(shown(LETTERS[seed % len(LETTERS)], f"new{seed}") for seed in seeds)


def collapsed(labels: Tensor, seeds) -> Tensor:
    return painted(shown(LETTERS[label], "new0") for label in labels.tolist())


def memoriser(labels: Tensor, seeds) -> Tensor:
    places = [(LETTERS[label], seed % TRAIN) for label, seed in zip(labels.tolist(), seeds, strict=True)]
    return painted(shown(letter, f"{letter}/train{place}") for letter, place in places)


def evaluated(draw, data: LabelledPictures | None = None, judge=None) -> GenerationEvaluation:
    data = data or Spelled()
    evaluation = GenerationEvaluation(data, judge)
    for batch in data.test_dataloader():
        evaluation.update(batch, draw)
    return evaluation


def results(draw, **settings):
    return evaluated(draw, judge=ByHeart(), **settings).results()


class TestScores:
    def test_letters_of_another_signer_are_read_and_are_no_copies(self):
        found = results(stranger)
        assert set(found) == {*JUDGED, "fid_pixels", "diversity", "copied"}
        assert found["judged_acc"]["value"] == 1
        assert found["copied"]["value"] <= 1 / (len(LETTERS) * TEST)  # two signers before white walls may look alike
        low, high = found["diversity"]["interval"]
        assert low < 1 < high
        assert found["judged_acc"]["n"] == len(LETTERS) * TEST

    def test_one_that_is_deaf_to_labels_scores_chance(self):
        found = results(deaf_to_labels)["judged_acc"]
        assert found["value"] == pytest.approx(1 / len(LETTERS))
        assert found["ground_truth"] == found["train_picture"] == 1
        assert found["other_class"] == 0
        assert found["judge"] == ByHeart.name

    def test_one_picture_a_letter_is_read_and_has_no_diversity(self):
        found = results(collapsed)
        assert found["judged_acc"]["value"] == 1
        assert found["diversity"]["value"] == found["diversity"]["mean_picture"] == 0
        assert found["diversity"]["ground_truth"] == 1
        assert found["fid_pixels"]["value"] > results(stranger)["fid_pixels"]["value"]

    def test_who_has_memorised_training_is_as_near_to_it_as_training_and_is_found_out(self):
        found = results(memoriser)
        near = found["fid_pixels"]
        assert near["value"] == pytest.approx(near["train_picture"], abs=0.25 * near["true_picture"])
        assert near["value"] < 0.5 * near["true_picture"] < near["mean_picture"]
        assert near["ground_truth"] == 0
        assert found["copied"]["value"] == found["copied"]["train_picture"] == 1
        assert found["copied"]["ground_truth"] == 0
        assert found["judged_acc"]["value"] == 1

    def test_a_copy_under_some_noise_is_a_copy(self):
        def noisy(labels, seeds):
            return memoriser(labels, seeds) + 0.05 * torch.randn(len(labels), 3, SIZE, SIZE)

        assert results(noisy)["copied"]["value"] == 1

    def test_a_copy_is_found_among_its_neighbours_in_a_recording(self):
        """One signer turns into another over 120 frames, each nearly the one before it."""

        class Recorded(Spelled):
            def read(self, sample, rng):
                first, last = (shown("A", f"new{signer}").astype(float) for signer in (0, 1))
                share = int(sample.name.removeprefix("A/train")) / 119 if "train" in sample.name else 0
                return sample.name, 0, (first + share * (last - first)).round().astype(np.uint8)

        data = Recorded(letters=("A",), train=120, test=20)
        train = torch.cat([batch.images for batch in data.train_dataloader()])

        def remembers(labels, seeds):
            return train[list(seeds)] + 0.008 * torch.randn(len(labels), 3, SIZE, SIZE)

        def draws(labels, seeds):
            return painted(shown("A", f"new{seed + 2}") for seed in seeds)

        copied = [evaluated(draw, data).results()["copied"]["value"] for draw in (remembers, draws)]
        assert copied == [pytest.approx(1, abs=0.05), 0]

    def test_noise_is_more_varied_than_hands(self):
        def noise(labels, seeds):
            return torch.stack([torch.randn(3, SIZE, SIZE, generator=torch.Generator().manual_seed(s)) for s in seeds])

        found = results(noise)
        assert found["diversity"]["value"] > 1.2  # which are each in another place and light
        assert found["copied"]["value"] == 0
        assert found["judged_acc"]["value"] == pytest.approx(1 / len(LETTERS))

    def test_what_leaves_the_range_is_measured_as_it_is_seen(self):
        loud = results(lambda labels, seeds: torch.where(stranger(labels, seeds) > 0, 9.0, -9.0))
        clipped = results(lambda labels, seeds: torch.where(stranger(labels, seeds) > 0, 1.0, -1.0))
        assert loud == clipped


class TestDrawing:
    def test_the_drawer_is_told_labels_and_seeds_alone(self):
        told = []

        def draw(labels, seeds):
            told.append((labels, seeds))
            return stranger(labels, seeds)

        evaluated(draw)
        labels, seeds = zip(*told, strict=True)
        assert torch.cat(labels).tolist() == [label for label in range(len(LETTERS)) for _ in range(TEST)]
        assert [seed for part in seeds for seed in part] == list(range(len(LETTERS) * TEST))

    def test_large_batches_are_generated_in_parts(self):
        counts = []

        def draw(labels, seeds):
            counts.append(len(labels))
            return torch.zeros(len(labels), 3, SIZE, SIZE)

        batch = LabelledBatch(torch.zeros(150, 3, SIZE, SIZE), torch.zeros(150, dtype=torch.int64), [""] * 150)
        GenerationEvaluation(Spelled()).update(batch, draw)
        assert counts == [64, 64, 22]

    def test_batches_of_another_size_give_the_same(self):
        one, other = (results(stranger, data=Spelled(batch_size=size)) for size in (4, 30))
        assert one.keys() == other.keys()
        for key, row in one.items():
            for name, value in row.items():
                assert other[key][name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6))

    def test_two_classes_and_three_pictures_are_enough(self):
        data = Spelled(("A", "L"), train=2, test=2)
        del data.samples["test"][-1]
        found = evaluated(stranger, data)
        rows = found.results()
        assert rows["fid_pixels"]["n"] == rows["copied"]["n"] == 3
        assert rows["diversity"]["n"] == 1
        assert found.plots()["drawn"].dtype == np.uint8

    def test_where_no_class_comes_twice_nothing_is_said_of_diversity(self):
        assert set(evaluated(stranger, Spelled(test=1)).results()) == {"fid_pixels", "copied"}

    def test_a_class_that_training_lacks_stops_nothing(self):
        data = Spelled()
        data.samples["train"] = [sample for sample in data.samples["train"] if sample.label != "V"]
        assert np.isfinite(results(stranger, data=data)["fid_pixels"]["mean_picture"])

    def test_what_is_not_finite_is_refused(self):
        with pytest.raises(ValueError, match="pictures that are not finite; did its training diverge"):
            evaluated(lambda labels, seeds: torch.full((len(labels), 3, SIZE, SIZE), torch.nan))


class TestWithoutAJudge:
    def test_nothing_is_read(self):
        found = evaluated(deaf_to_labels)
        rows = found.results()
        assert set(rows) == {"fid_pixels", "diversity", "copied"}
        assert not any("judge" in row for row in rows.values())
        assert set(found.plots()) == {"drawn"}


class TestShown:
    def test_every_key_baseline_and_plot_has_its_meaning(self):
        found = evaluated(stranger, judge=ByHeart())
        beside = {"value", "interval", "ground_truth", "protocol", "n", "judge"}
        for key, row in found.results().items():
            assert meaning(key)
            assert set(row) - beside <= set(BASELINES)
        assert set(found.plots()) <= set(PLOTS)

    def test_readings_are_of_what_was_asked_for_against_what_was_read(self):
        counts = evaluated(deaf_to_labels, judge=ByHeart()).counts
        wanted = np.zeros((len(LETTERS), len(LETTERS)), int)
        np.add.at(wanted, ([n // TEST for n in range(25)], [n % len(LETTERS) for n in range(25)]), 1)
        assert counts.tolist() == wanted.tolist()

    def test_what_is_misread_is_framed(self):
        picture = np.zeros((64, 64, 3), np.uint8)
        classes = [Generated(letter, picture, [(picture, None), (picture, "B")]) for letter in "ABCDEFGHIJK"]
        red = (sheet(classes, 3) == HIGHLIGHT).all(-1)
        assert red.sum() == len(classes) * (SMALL**2 - (SMALL - 2 * (SMALL // 16)) ** 2)

    def test_all_classes_have_their_true_picture_and_the_first_generated(self):
        found = evaluated(stranger, judge=ByHeart())
        for label, letter in enumerate(LETTERS):
            row = found.shown[label]
            assert (row.name, len(row.pictures)) == (letter, 3)
            np.testing.assert_array_equal(row.true, shown(letter, f"{letter}/test0"))
            np.testing.assert_array_equal(row.pictures[0][0], shown(letter, f"new{label * TEST}"))


class TestPixelFeatures:
    def test_they_are_the_mean_colours_of_areas(self):
        picture = torch.zeros(1, 3, 16, 16)
        picture[0, 1, :2, :2] = torch.tensor([[0.0, 0.2], [0.4, 0.6]])
        found = pixel_features(picture)
        assert found.shape == (1, 192)
        assert found.dtype == torch.float64
        assert found[0, 64] == pytest.approx(0.3)
        assert found.count_nonzero() == 1

    @pytest.mark.parametrize("size", [3, 28, 64])
    def test_of_any_size(self, size):
        assert pixel_features(torch.full((2, 3, size, size), 0.25)).tolist() == [[pytest.approx(0.25)] * 192] * 2

    def test_pictures_are_what_a_user_gets(self):
        assert as_seen(torch.tensor([-2.0, -1.0, 0.001, 1.5])).tolist() == pytest.approx([0, 0, 128 / 255, 1])


class TestPictureReader:
    @pytest.fixture
    def reader(self) -> LetterReader:
        torch.manual_seed(0)
        return LetterReader(LetterCNN(LetterCNNConfig(classes=3, width=4)), ["A", "B", "C"], 32, "ase")

    def test_it_reads_as_the_loader_does_in_the_order_of_the_models_classes(self, reader):
        pictures = torch.from_numpy(np.stack([shown(letter, "x") for letter in LETTERS])).permute(0, 3, 1, 2) / 255
        found = judges.PictureReader(reader, "letter-judge", "1", ("C", "A", "B")).scores(pictures).softmax(1)
        torch.testing.assert_close(found, reader.probabilities(2 * pictures - 1)[:, [2, 0, 1]])

    def test_pictures_of_another_size_are_scaled_to_its_own(self, reader):
        judge = judges.PictureReader(reader, "letter-judge", "1", ("A", "B", "C"))
        large = torch.rand(2, 3, 4, 4).repeat_interleave(16, 2).repeat_interleave(16, 3)
        assert judge.scores(large).shape == (2, 3)
        assert judge.features(large).shape == (2, judge.features.num_features)
        flat = torch.full((1, 3, 32, 32), 0.4)
        torch.testing.assert_close(judge.scores(flat), judge.scores(torch.full((1, 3, 50, 50), 0.4)))

    @pytest.mark.parametrize(
        ("known", "drawn", "why"),
        [
            ("ABC", "CBA", None),
            ("ABC", "0123456789", "it cannot read 0, 1, 2, 3, 4 and 5 more, which the model draws"),
            ("ABC", "AC", "it also reads B, which the model does not draw"),
        ],
    )
    def test_its_letters_are_the_models_classes(self, known, drawn, why):
        config = {"task": "image-to-letter", "letters": list(known)}
        data = {"name": "a", "data": {"name": "mnist", "twin": None}}
        found = judges._misfit("image-to-letter", config, data, SimpleNamespace(classes=list(drawn)), data)
        assert found == why

    def test_where_the_zoos_own_does_not_fit_one_line_says_why(self, capsys):
        digits = SimpleNamespace(classes=[str(digit) for digit in range(10)])
        assert judges.find_judge("image-to-letter", None, digits, {"data": {"name": "mnist", "twin": {}}}) is None
        said = capsys.readouterr().err
        assert said.startswith(
            "zoo: nothing is judged, for letter-judge does not fit: it cannot read 0, 1, 2, 3, 4 and 5"
        )
        assert said.endswith("train one on the same data and name it with --judge\n")
        assert said.count("\n") == 1
        with pytest.raises(ValueError, match="--judge letter-judge: it cannot read 0, 1"):
            judges.find_judge("image-to-letter", "letter-judge", digits, {"data": {"name": "mnist", "twin": {}}})
