"""Pictures with captions out of a folder, as Hugging Face's imagefolder has them, and the avatar's twin of one."""

import json
from pathlib import Path

import numpy as np
import pytest

from datamodules.media.images import read_image
from datamodules.media.skeleton_drawing import write_png
from datamodules.picture_folder import PictureFolder, survey
from datamodules.twins import Twin, ensure_twin
from datamodules.twins.picture_folder import DRAWING


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures") / "twin"
    ensure_twin("picture-folder", root, Twin(48, signers=2))
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture of 60 x 40 pixels in each split, whose left third is red."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :20] = 255, 0, 0
    for split in ("train", "validation", "test"):
        (tmp_path / split).mkdir()
        write_png(tmp_path / split / "one.png", picture)
        lines(tmp_path, split, {"file_name": "one.png", "text": f"a {split} picture", "hands": [[5, 0, 30, 20]]})
    return tmp_path


def lines(root: Path, split: str, *entries: object) -> None:
    text = "".join(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n" for entry in entries)
    (root / split / "metadata.jsonl").write_text(text)


class TestReading:
    def test_a_picture_is_its_middle_square_with_its_caption(self, folder: Path) -> None:
        data = PictureFolder(str(folder), image_size=20)
        data.setup("fit")
        name, caption, picture = data.examples("dev")[0]
        assert (name, caption) == ("validation/one.png", "a validation picture")
        assert picture.shape == (20, 20, 3)
        assert (picture[:, :5] == (255, 0, 0)).all()  # columns 10 to 19 of 60 are in the square, and red
        assert not picture[:, 5:].any()

    def test_boxes_of_hands_are_in_pixels_of_what_is_kept(self, folder: Path) -> None:
        data = PictureFolder(str(folder), image_size=20)
        assert data.hands(["train/one.png", "train/none.png"]) == [[(0, 0, 10, 10)], []]

    def test_batches_have_pictures_captions_and_names(self, folder: Path) -> None:
        data = PictureFolder(str(folder), image_size=16)
        data.setup("fit")
        (batch,) = data.val_dataloader()
        assert batch.images.shape == (1, 3, 16, 16)
        assert (batch.captions, batch.names) == (["a validation picture"], ["validation/one.png"])

    def test_a_changed_caption_is_other_data(self, folder: Path) -> None:
        before = PictureFolder(str(folder)).fingerprint()
        lines(folder, "train", {"file_name": "one.png", "text": "another"})
        assert PictureFolder(str(folder)).fingerprint() != before

    def test_pictures_of_one_source_may_not_stand_in_two_splits(self, folder: Path) -> None:
        for split in ("train", "test"):
            lines(folder, split, {"file_name": "one.png", "text": "a", "source": "tape 1"})
        with pytest.raises(ValueError, match="'tape 1' stand in more than one split"):
            PictureFolder(str(folder)).setup("fit")


class TestFaults:
    @pytest.mark.parametrize(
        ("entry", "found"),
        [
            ("no json", "found 'no json', expected an object with file_name"),
            ({"file_name": "one.png"}, "expected an object with file_name"),
            ({"file_name": "one.png", "text": "  "}, "and text, its caption"),
            ({"file_name": "../train/one.png", "text": "a"}, "a picture below train/"),
            ({"file_name": "/etc/one.png", "text": "a"}, "a picture below train/"),
            ([1], "expected an object"),
            ({"file_name": "one.png", "text": "a", "hands": [[1, 2, 3]]}, "boxes [left, top, right, bottom]"),
            ({"file_name": "one.png", "text": "a", "hands": "none"}, "boxes [left, top, right, bottom]"),
            ({"file_name": "two.png", "text": "a"}, "two.png: no such file"),
            ({"file_name": "metadata.jsonl", "text": "a"}, "metadata.jsonl: no picture"),
        ],
    )
    def test_a_line_that_names_no_picture_is_an_error_by_its_number(
        self, folder: Path, entry: object, found: str
    ) -> None:
        lines(folder, "train", {"file_name": "one.png", "text": "good"}, entry)
        (finding,) = survey(folder).findings
        assert finding.where == "train/metadata.jsonl, line 2"
        assert found in finding.message

    def test_a_damaged_picture_is_an_error_by_its_name(self, folder: Path) -> None:
        path = folder / "test" / "one.png"
        path.write_bytes(path.read_bytes()[:60])
        (finding,) = survey(folder).findings
        assert finding.where == "test/one.png"

    def test_a_folder_without_captions_says_what_is_expected(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"none of train/metadata\.jsonl"):
            survey(tmp_path)


class TestTwin:
    def test_half_are_drawings_and_the_others_say_who_signs_what(self, twin: Path) -> None:
        data = PictureFolder(str(twin), image_size=128)
        data.setup("fit")
        captions = [str(sample.caption) for sample in data.samples["train"]]
        assert len(captions) == 48
        assert captions.count(DRAWING) == 24
        others = [caption for caption in captions if caption != DRAWING]
        assert all(caption.startswith(("signer 1 in the studio", "signer 2 in the studio")) for caption in others)
        assert any(" signs '" in caption for caption in others)
        assert any(caption.endswith("studio") for caption in others)

    def test_lines_of_drawings_are_bright_and_the_ground_is_black(self, twin: Path) -> None:
        """At this size lines of three in 512 pixels would be grey, and an autoencoder would leave them out."""
        for path in sorted((twin / "train").glob("*.png")):
            picture = read_image(path)
            assert picture.shape == (128, 128, 3)
            assert (picture.max(-1) > 250).sum() > 100
            assert (picture.max(-1) == 0).mean() > 0.8

    def test_hands_are_where_fingers_are_drawn(self, twin: Path) -> None:
        """The fingers' colours are in no other part of a drawing; their middle lies in or near a box."""
        data = PictureFolder(str(twin), image_size=128)
        data.setup("fit")
        near = []
        for name, caption, picture in data.examples("train"):
            boxes = data.hands([name])[0]
            coloured = np.argwhere(picture.max(-1).astype(int) - picture.min(-1) > 100)
            if caption == DRAWING and len(coloured) > 20 and boxes:
                inside = [
                    any(left - 6 <= x <= right + 6 and top - 6 <= y <= bottom + 6 for left, top, right, bottom in boxes)
                    for y, x in coloured
                ]
                near.append(np.mean(inside))
        assert len(near) > 5
        assert np.mean(near) > 0.9

    def test_no_sentence_stands_in_two_splits(self, twin: Path) -> None:
        data = PictureFolder(str(twin), image_size=32)
        data.setup("fit")  # refuses leaks
        assert all(data.samples[split] for split in ("train", "dev", "test"))
