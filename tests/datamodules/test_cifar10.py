"""CIFAR-10: records of the binary version, batches as splits, names from their file, and never a pickle."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.cifar10 import BATCHES, CIFAR10, read_batch, survey
from datamodules.samples import SPLITS
from datamodules.splits import leaks
from datamodules.twins import Twin

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def record(label, picture):
    """A picture (32, 32, 3) as the archive has it."""
    return bytes([label]) + picture[..., 0].tobytes() + picture[..., 1].tobytes() + picture[..., 2].tobytes()


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture
def root(tmp_path):
    """Twenty pictures a batch."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for at, name in enumerate(BATCHES):
        (folder / name).write_bytes(b"".join(record(n % 10, picture(100 * at + n)) for n in range(20)))
    (folder / "batches.meta.txt").write_text("".join(f"{name}\n" for name in (*NAMES, "")))
    return tmp_path


def ready(root, **options):
    data = CIFAR10(str(root), **{"batch_size": 8, **options})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_a_batch_holds_the_pictures_labels_and_names(root):
    data = ready(root)
    assert data.image_size == 32
    assert data.classes == NAMES
    for batch in data.train_dataloader():
        for image, label, name in zip(batch.images, batch.labels, batch.names, strict=True):
            file, number = name.split("/")
            expected = picture(100 * (int(file.removeprefix("data_batch_")) - 1) + int(number))
            assert label == int(number) % 10
            assert np.array_equal(((image + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy(), expected)


def test_the_fifth_batch_is_dev_and_a_batch_is_a_source(root):
    data = ready(root)
    files = {split: sorted({sample.name.split("/")[0] for sample in data.samples[split]}) for split in SPLITS}
    assert files == {"train": [f"data_batch_{n}" for n in range(1, 5)], "dev": ["data_batch_5"], "test": ["test_batch"]}
    assert {len(data.samples[split]) for split in ("dev", "test")} == {20}
    assert len({sample.source for sample in data.surveyed.samples}) == 6
    assert not leaks(data.surveyed.samples)
    assert [sample.label for sample in data.samples["test"]][:2] == ["airplane", "automobile"]


def test_the_batches_may_lie_in_the_folder_itself(root):
    assert survey(root / "cifar-10-batches-bin") == survey(root)


def test_the_fingerprint_is_of_every_byte_of_the_seven_files(root):
    before = CIFAR10(str(root)).fingerprint()
    assert CIFAR10(str(root)).fingerprint() == before
    files = sorted((root / "cifar-10-batches-bin").iterdir())
    assert len(files) == 7
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content.replace(b"cat", b"cow") if path.suffix == ".txt" else content[:-1] + b"\0")
        assert CIFAR10(str(root)).fingerprint() != before
        path.write_bytes(content)


class Harm:
    """What runs code where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("nesting", [".", "cifar-10-batches-py"])
def test_pickles_are_refused_and_never_opened(tmp_path, nesting):
    folder = tmp_path / "data" / nesting
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"):
        (folder / name).write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    with pytest.raises(FileNotFoundError) as error:
        ready(tmp_path / "data")
    for words in ("Python version", "can run code", "cifar-10-binary.tar.gz"):
        assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "harm").exists()


def test_all_that_is_wrong_is_said_at_once(root):
    folder = root / "cifar-10-batches-bin"
    (folder / "data_batch_1.bin").unlink()
    (folder / "data_batch_2.bin").write_bytes(b"")
    (folder / "data_batch_3.bin").write_bytes((folder / "data_batch_3.bin").read_bytes()[:-1])
    (folder / "test_batch.bin").write_bytes(record(3, picture(0)) + record(77, picture(1)))
    (folder / "batches.meta.txt").write_text("cat\n" * 10)
    with pytest.raises(ValueError, match=": 5 errors in the data") as error:
        CIFAR10(str(root)).fingerprint()  # which a training asks for before it begins a run
    for expected in (
        "/data_batch_1.bin: no such file",
        "/data_batch_2.bin: 0 bytes, expected records of 3073",
        "/data_batch_3.bin: 61459 bytes, expected records of 3073",
        "/test_batch.bin: picture 1 has the label 77, expected 0 to 9",
        "/batches.meta.txt: 40 bytes with 1 different names, expected 10",
    ):
        assert expected in str(error.value)


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no data_batch_1\.bin in it, nor in cifar-10-batches-bin; unpack"):
        CIFAR10(str(tmp_path)).setup("fit")


@settings(max_examples=40, deadline=None)
@given(labels=st.lists(st.integers(0, 9), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_what_is_written_is_read_again(tmp_path_factory, labels, seed):
    path = tmp_path_factory.getbasetemp() / "batch.bin"
    drawn = np.random.default_rng(seed).integers(0, 256, (len(labels), 32, 32, 3), np.uint8)
    path.write_bytes(b"".join(record(*pair) for pair in zip(labels, drawn, strict=True)))
    pictures, read = read_batch(path)
    assert np.array_equal(pictures, drawn)
    assert read.tolist() == labels


@pytest.mark.parametrize("size", [60, 103])
def test_a_twin_of_any_size_is_read(tmp_path, size):
    data = CIFAR10(str(tmp_path / "twin"), twin=Twin(size, signers=2))
    data.prepare_data()
    assert data.surveyed.findings == []
    counts = [len(data.samples[split]) for split in SPLITS]
    assert sum(counts[:2]) == max(size, 5)
    assert counts[2] == max(1, size // 5)
    assert data.classes == tuple("ABCDEFGHIJ")
    assert data.languages == (None, "ase")
