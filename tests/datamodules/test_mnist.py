"""MNIST: IDX files under every name they go by, blocks of a file as splits, and no byte read that is not there."""

import gzip
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datamodules.kinds.labelled import LabelledBatch
from datamodules.mnist import MNIST, read_idx, survey
from datamodules.samples import SPLITS
from datamodules.splits import leaks
from datamodules.twins import Twin
from datamodules.twins.mnist import write_idx
from zoo.spec.classes import allowed_classes

COUNTS = {"train": 60, "t10k": 20}


def pictures(count):
    """A picture tells its number: all pixels of the first row have its grey."""
    drawn = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
    drawn[:, 0] = np.arange(count)[:, None]
    return drawn


def contents():
    """The four files by their published names."""
    labels = {part: (np.arange(count) % 10).astype(np.uint8) for part, count in COUNTS.items()}
    return {
        **{f"{part}-images-idx3-ubyte": pictures(count) for part, count in COUNTS.items()},
        **{f"{part}-labels-idx1-ubyte": labels[part] for part in COUNTS},
    }


@pytest.fixture
def root(tmp_path):
    for name, values in contents().items():
        write_idx(tmp_path / name, values)
    return tmp_path


def ready(root, **options):
    data = MNIST(str(root), **{"batch_size": 8, **options})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_a_batch_holds_pictures_in_the_middle_of_black_with_labels_and_names(root):
    batch = next(iter(ready(root).train_dataloader()))
    assert isinstance(batch, LabelledBatch)
    assert batch.images.shape == (8, 3, 32, 32)
    assert batch.labels.dtype == torch.int64
    for image, label, name in zip(batch.images, batch.labels, batch.names, strict=True):
        part, number = name.split("/")
        assert part == "train"
        assert label == int(number) % 10
        levels = ((image + 1) * 127.5).round().to(torch.uint8).numpy()
        expected = np.zeros((32, 32), np.uint8)
        expected[2:30, 2:30] = pictures(60)[int(number)]
        assert np.array_equal(levels, np.stack([expected] * 3))


@pytest.mark.parametrize(("size", "top"), [(28, 0), (29, 0), (64, 18)])
def test_any_size_that_holds_a_picture_will_do(root, size, top):
    image = next(iter(ready(root, image_size=size).test_dataloader())).images[7]
    assert image.shape == (3, size, size)
    lit = image[:, top, top : top + 28]
    torch.testing.assert_close(lit, torch.full_like(lit, 7 / 127.5 - 1))
    assert (image[:, top + 28 :] == -1).all()


def test_a_size_that_holds_none_is_refused():
    with pytest.raises(ValueError, match=r"^image_size: found 27, expected at least 28$"):
        MNIST("nowhere", image_size=27)


def test_the_last_twelfth_of_the_training_file_is_dev_and_a_block_is_a_source(root):
    data = ready(root)
    numbers = {split: [int(sample.name.split("/")[1]) for sample in data.samples[split]] for split in SPLITS}
    assert numbers == {"train": list(range(55)), "dev": list(range(55, 60)), "test": list(range(20))}
    assert {sample.source for sample in data.samples["dev"]} == {"train, pictures 55-59"}
    assert len({sample.source for sample in data.surveyed.samples}) == 3
    assert not leaks(data.surveyed.samples)
    assert data.classes == tuple("0123456789")
    assert [sample.label for sample in data.samples["test"]][:3] == ["0", "1", "2"]


def test_of_the_published_size_dev_has_five_thousand(tmp_path):
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.zeros((count, 28, 28), np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(count).astype(np.uint8) % 10)
    data = ready(tmp_path)
    assert [len(data.samples[split]) for split in SPLITS] == [55_000, 5_000, 10_000]


@pytest.mark.parametrize("missing", [[9], [0, 4]])
def test_a_digit_that_training_lacks_is_named_before_it(tmp_path, missing):
    for part in ("train", "t10k"):
        labels = np.array([digit for digit in range(10) if digit not in missing or part == "t10k"] * 12, np.uint8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.zeros((len(labels), 28, 28), np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    with pytest.raises(ValueError, match=f"{len(missing)} errors? in the data") as refused:
        ready(tmp_path)
    for digit in missing:
        assert f"\n  {digit}: no picture of this class for training, expected at least one" in str(refused.value)


@pytest.mark.parametrize("nesting", [".", "MNIST/raw", "raw"])
@pytest.mark.parametrize("name", ["{}-{}-{}", "{}-{}-{}.gz", "{}-{}.{}", "{}-{}.{}.gz"])
def test_files_are_found_under_every_name_and_nesting(root, tmp_path_factory, nesting, name):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / nesting).mkdir(parents=True, exist_ok=True)
    for published in contents():
        content = (root / published).read_bytes()
        path = elsewhere / nesting / name.format(*published.split("-", 2))
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert survey(elsewhere) == survey(root)
    one, other = (next(iter(ready(place).val_dataloader())) for place in (root, elsewhere))
    assert torch.equal(one.images, other.images)


def test_the_fingerprint_is_of_every_byte_of_the_four_files(root):
    before = MNIST(str(root)).fingerprint()
    assert MNIST(str(root)).fingerprint() == before
    for name in contents():
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert MNIST(str(root)).fingerprint() != before
        (root / name).write_bytes(content)


def test_all_that_is_wrong_is_said_at_once(root):
    (root / "train-images-idx3-ubyte").unlink()
    write_idx(root / "train-labels-idx1-ubyte", np.zeros((3, 4), np.uint8))
    write_idx(root / "t10k-labels-idx1-ubyte", np.full(20, 10, np.uint8))
    with pytest.raises(ValueError, match=": 3 errors in the data") as error:
        MNIST(str(root)).fingerprint()  # which a training asks for before it begins a run
    assert "train-images-idx3-ubyte: no such file" in str(error.value)
    assert "train-labels-idx1-ubyte: begins with 00 00 08 02, expected 00 00 08 01" in str(error.value)
    assert "t10k-labels-idx1-ubyte: picture 0 has the label 10, expected 0 to 9" in str(error.value)


def test_labels_of_other_pictures_are_refused(root):
    write_idx(root / "train-labels-idx1-ubyte", np.zeros(59, np.uint8))
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte: 59 labels for 60 pictures"):
        ready(root)


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte \(or \.gz\) in it"):
        MNIST(str(tmp_path)).setup("fit")


def header(*lengths):
    return struct.pack(f">HBB{len(lengths)}I", 0, 8, len(lengths), *lengths)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "a file of no bytes"),
        (header(2, 28, 28)[:9], "cut off after 9 bytes, in its header"),
        (gzip.compress(header(2, 28, 28)[:9], mtime=0), "cut off after 9 bytes, in its header"),
        (b"\x00\x00\x0d\x03" + bytes(40), "begins with 00 00 0d 03"),
        (header(1, 32, 32) + bytes(1024), "items of 32 x 32, expected 28 x 28; is it the right file?"),
        (header(0, 28, 28), "its header says 0 x 28 x 28 bytes, which a file of 16"),
        (header(2**32 - 1, 28, 28) + bytes(784), "its header says 4294967295 x 28 x 28 bytes, which a file of 800"),
        (header(2, 28, 28) + bytes(1567), "its header says 2 x 28 x 28 bytes, but only 1567 follow"),
        (header(2, 28, 28) + bytes(1569), "its header says 2 x 28 x 28 bytes, but more follow"),
        (gzip.compress(header(2, 28, 28) + bytes(1569), mtime=0), "but more follow"),
        (gzip.compress(header(2, 28, 28) + bytes(1568), mtime=0)[:-9], "cut off or damaged"),
        (gzip.compress(header(2, 28, 28) + bytes(1568), mtime=0)[:-8] + bytes(8), "cut off or damaged"),
        (
            gzip.compress(header(2**24, 28, 28) + bytes(10**6), mtime=0),
            "its header says 16777216 x 28 x 28 bytes, which",
        ),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, content, expected):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read_idx(tmp_path / "a", (28, 28))
    assert str(error.value).startswith(f"{tmp_path / 'a'}: ")
    assert expected in str(error.value)


def test_a_bomb_is_unpacked_no_further_than_its_header_says(tmp_path, monkeypatch):
    (tmp_path / "bomb").write_bytes(gzip.compress(header(2, 28, 28) + bytes(10**8)))
    unpacked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda file, size=-1: unpacked.append(size) or read(file, size))
    with pytest.raises(ValueError, match="but more follow"):
        read_idx(tmp_path / "bomb", (28, 28))
    assert unpacked == [16, 2 * 28 * 28 + 1]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(1, 5), min_size=1, max_size=3).flatmap(lambda shape: arrays(np.uint8, tuple(shape))),
    packed=st.booleans(),
)
def test_what_is_written_is_read_again(tmp_path_factory, values, packed):
    path = tmp_path_factory.getbasetemp() / "idx"
    write_idx(path, values)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert np.array_equal(read_idx(path, values.shape[1:]), values)


def test_a_spec_may_name_it():
    assert {"MNIST", "CIFAR10"} <= set(allowed_classes("data"))


@pytest.mark.parametrize("size", [12, 130])
def test_a_twin_of_any_size_is_read(tmp_path, size):
    data = MNIST(str(tmp_path / "twin"), twin=Twin(size, signers=2))
    data.prepare_data()
    assert data.surveyed.findings == []
    assert [len(data.samples[split]) for split in SPLITS] == [
        size - max(min(1, size - 1), round(size / 12)),
        max(min(1, size - 1), round(size / 12)),
        max(1, size // 6),
    ]
    assert data.languages == (None, "ase")
