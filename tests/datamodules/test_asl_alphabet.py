"""ASL Alphabet: folders as Kaggle ships them, blocks of frames that do not leak, batches of letters."""

import shutil
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from bad_pictures import named, spoil

from datamodules.asl_alphabet import CLASSES, Letters, survey
from datamodules.kinds.labelled import LabelledBatch
from datamodules.samples import SPLITS, Sample
from datamodules.splits import leaks


@pytest.fixture
def root(tmp_path):
    """Twenty frames a class; the brightness of a picture is its frame."""
    for label in CLASSES:
        folder = tmp_path / "asl_alphabet_train" / label
        folder.mkdir(parents=True)
        for number in range(1, 21):
            cv2.imwrite(str(folder / f"{label}{number}.jpg"), np.full((20, 20, 3), 10 * number, np.uint8))
    return tmp_path


def ready(root, **settings):
    data = Letters(str(root), **{"image_size": 16, "batch_size": 8, **settings})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_a_batch_holds_scaled_pictures_labels_and_names(root):
    batch = next(iter(ready(root).train_dataloader()))
    assert isinstance(batch, LabelledBatch)
    assert batch.images.shape == (8, 3, 16, 16)
    assert batch.images.dtype == torch.float32
    assert batch.labels.dtype == torch.int64
    for image, label, name in zip(batch.images, batch.labels, batch.names, strict=True):
        folder, frame = name.split("/")
        assert CLASSES[label] == folder
        assert image.mean() == pytest.approx(10 * int(frame.removeprefix(folder)) / 127.5 - 1, abs=0.02)


@pytest.mark.parametrize("nesting", [".", "asl_alphabet_train", "asl_alphabet_train/asl_alphabet_train"])
def test_every_nesting_is_found(root, tmp_path_factory, nesting):
    whole = tmp_path_factory.mktemp("nested")
    target = whole / nesting
    target.parent.mkdir(parents=True, exist_ok=True)
    if nesting == ".":
        target.rmdir()
    (root / "asl_alphabet_train").rename(target)
    assert [sample.name for sample in survey(whole).samples][:2] == ["A/A1", "A/A2"]
    assert len(survey(whole).samples) == 29 * 20


def test_splits_are_blocks_of_frames_in_every_class(root):
    data = ready(root)
    for label in CLASSES:
        frames = [
            [int(sample.files[0].stem.removeprefix(label)) for sample in data.samples[split] if sample.label == label]
            for split in SPLITS
        ]
        assert all(frames)
        for earlier, later in pairwise(frames):
            assert max(earlier) < min(later)
    assert not leaks(data.surveyed.samples)


def test_a_frame_of_a_training_block_in_another_split_is_refused(root, monkeypatch):
    found = survey(root)
    train = next(sample for sample in found.samples if sample.split == "train")
    found.samples.append(Sample("A/planted", "test", train.source, "A", train.files))
    data = Letters(str(root))
    monkeypatch.setattr(data, "survey", lambda: found)
    with pytest.raises(ValueError, match=r"'A, frames 1-16' .*'A/A1' in train, 'A/planted' in test"):
        data.setup("fit")


def test_all_that_is_wrong_is_said_at_once_before_training(root):
    folder = root / "asl_alphabet_train"
    (folder / "AA").mkdir()
    (folder / "B" / "B20.jpg").rename(folder / "B" / "holiday.jpg")
    (folder / "C" / "C07.png").write_bytes((folder / "C" / "C7.jpg").read_bytes())
    for path in (folder / "D").iterdir():
        path.unlink()
    (folder / "E" / "E7.jpg").unlink()
    (folder / "E" / "E7.jpg").symlink_to("nowhere")
    shutil.rmtree(folder / "F")
    (folder / "F").touch()
    (folder / ".DS_Store").write_bytes(b"")
    with pytest.raises(ValueError, match=r": 6 errors in the data") as error:
        Letters(str(root)).fingerprint()  # which a training asks for first
    for expected in (
        "train/E/E7.jpg: a folder, a link to nothing or the like",
        "train/F: no folder; expected pictures of F",
        "train/AA: no class",
        "train/B/holiday.jpg: a name",
        "train/C/C7.jpg: frame 7 again",
        "train/D: no picture in it",
    ):
        assert expected in str(error.value)


def test_every_bad_picture_and_folder_is_named_in_one_message_before_training(root):
    folder = root / "asl_alphabet_train"
    expected = spoil(folder, [f"A/A{number}.jpg" for number in range(1, 8)])
    shutil.rmtree(folder / "Q")
    (folder / "Q").mkdir()
    (folder / "B").rename(folder / "b")
    (folder / "del").rename(folder / "Delete")
    with pytest.raises(ValueError, match=r": 10 errors in the data") as error:
        ready(root)
    found = {name.removeprefix("asl_alphabet_train/"): text for name, text in named(str(error.value)).items()}
    expected["Q"] = "no picture in it; expected pictures of Q, named Q<number>.jpg"
    expected["b"] = "no class, expected A to Z, del, nothing or space; is it B? rename or remove it"
    expected["Delete"] = "is it del? rename"
    assert found.keys() == expected.keys()
    for name, words in expected.items():
        assert words in found[name]


def test_a_folder_that_resembles_no_class_is_guessed_to_be_none(root):
    (root / "asl_alphabet_train" / "holiday").mkdir()
    [finding] = survey(root).findings
    assert finding.message.endswith("; rename or remove it")


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="no class folder"):
        Letters(str(tmp_path)).setup("fit")


def test_a_broken_picture_is_named(root):
    path = root / "asl_alphabet_train" / "A" / "A1.jpg"
    content = path.read_bytes()
    path.write_bytes(content[:300] + bytes(len(content) - 302) + content[-2:])  # its header and its end are whole
    with pytest.raises(ValueError, match=r"A1\.jpg"):
        list(ready(root).train_dataloader())


def test_the_seed_decides_the_order_of_every_epoch_whatever_the_workers(root):
    def epochs(**settings):
        loader = ready(root, **settings).train_dataloader()
        return [[name for batch in loader for name in batch.names] for _ in range(2)]

    one = epochs()
    assert one[0] != one[1]
    assert sorted(one[0]) == sorted(one[1])
    assert epochs(num_workers=2) == one
    assert epochs(seed=1) != one


def test_the_fingerprint_knows_every_picture(root):
    before = Letters(str(root)).fingerprint()
    assert Letters(str(root)).fingerprint() == before
    path = root / "asl_alphabet_train" / "A" / "A3.jpg"
    path.write_bytes(path.read_bytes() + b"\0")
    assert Letters(str(root)).fingerprint() != before


def test_a_setting_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=r"^image_size: found 0, expected at least 1$"):
        Letters("nowhere", image_size=0)


def test_real_letters(shared):
    data = ready(shared / "data" / "asl_alphabet", image_size=64, batch_size=64)
    assert sum(map(len, data.samples.values())) == 26 * 80 + 3 * 30
    seen = 0
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            assert batch.images.abs().max() <= 1
            assert batch.images.std() > 0.1
            seen += len(batch.names)
    assert seen == 2170


def test_what_file_managers_leave_behind_is_no_class_and_no_picture(root):
    clean = survey(root)
    (root / "asl_alphabet_train" / "__MACOSX").mkdir()
    (root / "asl_alphabet_train" / "A" / "Thumbs.db").write_bytes(b"x")
    (root / "asl_alphabet_train" / "A" / "._A1.jpg").write_bytes(b"x")
    assert survey(root) == clean


def test_a_second_of_video_lies_between_two_splits(tmp_path):
    (tmp_path / "A").mkdir()
    for number in range(1, 1001):
        (tmp_path / "A" / f"A{number}.jpg").touch()
    blocks = [
        [int(sample.files[0].stem[1:]) for sample in survey(tmp_path).samples if sample.split == split]
        for split in SPLITS
    ]
    assert [other[0] - one[-1] for one, other in pairwise(blocks)] == [11, 11]
    assert [len(block) for block in blocks[1:]] == [100, 100]
