"""The letter judge: what training may change in a picture, and what its reader makes of pictures in every form."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from datamodules.media.images import read_image
from datamodules.mnist import MNIST
from datamodules.twins import Twin, ensure_twin
from lightning_modules.evaluation.classification import small_grey
from lightning_modules.networks.augmentation import vary_pictures
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders.letters.letter_reader import LetterReader

LETTERS = ["A", "B", "C"]


@pytest.fixture
def reader() -> LetterReader:
    torch.manual_seed(0)
    return LetterReader(LetterCNN(LetterCNNConfig(classes=3, width=4)), LETTERS, 32, "ase")


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 40, 48, 3), np.uint8)


class TestAugmentation:
    @staticmethod
    def corners() -> torch.Tensor:
        """Pictures that are dark but for their upper left quarter, which tells them from their mirror images."""
        pictures = torch.full((200, 3, 32, 32), -0.9)
        pictures[:, :, 4:14, 4:14] = 0.5
        return pictures

    def test_no_picture_is_mirrored(self):
        changed = vary_pictures(self.corners())
        halves = (changed[..., :16] + 1).sum((1, 2, 3)), (changed[..., 16:] + 1).sum((1, 2, 3))
        assert (halves[0] > halves[1]).all()

    def test_each_picture_changes_differently_and_stays_in_its_range(self):
        changed = vary_pictures(self.corners())
        assert changed.shape == (200, 3, 32, 32)
        assert changed.min() >= -1
        assert changed.max() <= 1
        assert not torch.allclose(changed[0], changed[1])

    def test_some_are_softened_and_grained_and_none_beyond_what_is_said(self):
        """Of pictures of one colour, which neither places nor softening change, noise is all that varies within."""
        grain = vary_pictures(torch.zeros(400, 3, 32, 32)).std((2, 3)).mean(1)
        assert grain.min() < 0.02
        assert 0.08 < grain.max() < 0.2
        edges = (vary_pictures(self.corners())[:, 0].diff(dim=1).abs().amax((1, 2))) / 1.4
        assert edges.min() < 0.6
        assert edges.max() > 0.9

    def test_places_move_by_no_more_than_is_said(self):
        """The centre of what is bright: a shift of 12 % of 32 pixels, and what turning and zooming add to it."""
        rows = (vary_pictures(self.corners())[:, 0] + 1).clamp(max=2)
        bright = (rows > rows.amax((1, 2), keepdim=True) / 2).float()
        places = (bright * torch.arange(32)).sum((1, 2)) / bright.sum((1, 2))
        assert (places - 8.5).abs().max() < 0.12 * 32 + 3.5
        assert (places - 8.5).abs().max() > 2

    def test_scale_zero_changes_nothing_and_the_seed_decides(self):
        pictures = self.corners()
        assert torch.equal(vary_pictures(pictures, 0.0), pictures)
        torch.manual_seed(3)
        first = vary_pictures(pictures)
        torch.manual_seed(3)
        assert torch.equal(vary_pictures(pictures), first)


def test_the_nearest_neighbour_sees_sixteen_pixels_in_grey():
    assert small_grey(torch.full((2, 3, 64, 64), 0.25)).tolist() == [[0.25] * 256] * 2


def test_a_run_resumes_to_equal_bytes_and_is_measured_beside_its_baselines(
    twin_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Stopped when the second of three epochs starts; augmentation, dropout and one-cycle go on."""
    twin = twin_root("letter-judge")
    ensure_twin("asl-alphabet", twin, Twin(size=87))
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    command = [
        *("fit", "letter-judge", "--starter", "--data.twin=null", f"--data.root={twin}"),
        *("--model.width=4", "--data.image_size=32", "--data.batch_size=16", "--trainer.max_epochs=3"),
    ]
    assert main(command) == 0
    (run,) = (tmp_path / "runs").glob("*/*")
    whole, checkpoint = (run / "model.safetensors").read_bytes(), run / "checkpoints" / "last.ckpt"

    class Stopped(Exception): ...

    def stop(module):
        if module.current_epoch == 1:
            raise Stopped

    (run / "config.json").unlink()
    checkpoint.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("lightning_modules.letter_judge.LetterJudge.on_train_epoch_start", stop, raising=False)
        assert main(command) == 3
    assert main(command) == 0
    assert (run / "model.safetensors").read_bytes() == whole

    assert main(["test", str(run)]) == 0
    results = json.loads((run / "results.json").read_text())
    assert set(results) == {"top1", "top5", "top1_per_class"}
    for row in results.values():
        assert {"value", "ground_truth", "majority_class", "nearest_neighbour", "protocol", "n"} < set(row)
        assert row["n"] == 29
    assert results["top1"]["majority_class"] == pytest.approx(1 / 29)
    assert results["top1"]["nearest_neighbour"] < 1  # it has not seen the pictures of the test
    assert json.loads((run / "samples" / "preview.json").read_text())["letters"]


class TestReader:
    def test_every_letter_is_ranked(self, reader, pictures):
        ranked = reader.read(pictures[0])
        assert sorted(reading.letter for reading in ranked) == LETTERS
        probabilities = [reading.probability for reading in ranked]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)

    def test_a_path_a_pil_image_and_an_array_are_read_alike(self, reader, pictures, tmp_path):
        path = tmp_path / "hand.png"
        Image.fromarray(pictures[0]).save(path)
        wanted = reader.read(pictures[0])
        for form in (path, str(path), Image.fromarray(pictures[0]), Image.open(path), read_image(path)):
            assert reader.read(form) == wanted

    def test_a_photograph_that_lies_on_its_side_is_turned_in_every_form(self, reader, pictures, tmp_path):
        upright, exif = Image.fromarray(pictures[0]), Image.Exif()
        exif[ExifTags.Base.Orientation] = 6  # a quarter turn to the right is upright
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "hand.png", exif=exif)
        for form in (tmp_path / "hand.png", Image.open(tmp_path / "hand.png")):
            assert reader.read(form) == reader.read(pictures[0])

    def test_many_are_read_like_one_by_one(self, reader, pictures):
        together = reader.read(pictures)
        assert len(together) == 70
        for picture, ranked in zip(pictures[::23], together[::23], strict=True):
            alone = reader.read(picture)
            assert [reading.letter for reading in alone] == [reading.letter for reading in ranked]
            assert alone[0].probability == pytest.approx(ranked[0].probability, abs=1e-5)

    def test_no_pictures_have_no_readings(self, reader):
        with pytest.raises(ValueError, match=r"shape \(0, 40, 48, 3\)"):
            reader.read(np.zeros((0, 40, 48, 3), np.uint8))

    @pytest.mark.parametrize(
        ("images", "found"),
        [
            (np.zeros((8, 8, 3)), "float64"),
            (np.zeros((8, 8), np.uint8), r"shape \(8, 8\)"),
            (np.zeros((8, 8, 4), np.uint8), r"shape \(8, 8, 4\)"),
            ([[1, 2]], "list"),
        ],
    )
    def test_what_is_no_picture_is_refused(self, reader, images, found):
        with pytest.raises(ValueError, match=f"found .*{found}.*expected uint8 RGB pictures"):
            reader.read(images)

    def test_what_is_saved_reads_alike(self, reader, pictures, tmp_path):
        reader.save(tmp_path)
        again = open_artefact(tmp_path)
        assert isinstance(again, LetterReader)
        assert again.read(pictures[:3]) == reader.read(pictures[:3])

    def test_letters_that_do_not_fit_the_network_are_refused(self, reader, tmp_path):
        reader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "letters": ["A", "B"]}))
        with pytest.raises(ValueError, match="found 2 letters for a network of 3"):
            open_artefact(tmp_path)
        (tmp_path / "config.json").write_text(
            json.dumps({**config, "letters": ["A", "B"], "network": {**config["network"], "classes": 2}})
        )
        with pytest.raises(ValueError, match=r"does not fit config\.json"):
            open_artefact(tmp_path)

    def test_running_writes_the_ranking(self, reader, pictures, tmp_path):
        Image.fromarray(pictures[0]).save(tmp_path / "hand.png")
        output = tmp_path / "deep" / "letters.json"
        assert reader.run(str(tmp_path / "hand.png"), [output]) == [output]
        written = json.loads(output.read_text())["letters"]
        assert [entry["letter"] for entry in written] == [r.letter for r in reader.read(pictures[0])]

    def test_a_preview_is_of_any_labelled_pictures(self, reader, tmp_path):
        data = MNIST(str(tmp_path / "twin"), twin=Twin(size=13, signers=1))
        data.prepare_data()
        assert reader.preview(data, tmp_path) == [tmp_path / "preview.json"]
        written = json.loads((tmp_path / "preview.json").read_text())
        assert written["image"] == "train/12"
        assert len(written["letters"]) == 3

    def test_what_cannot_be_written_is_refused_before_it_reads(self, reader, tmp_path):
        with pytest.raises(ValueError, match=r"cannot write \.mp4; use \.json"):
            reader.run("no-such-file.png", [tmp_path / "letters.mp4"])
