"""RWTH-BOSTON-50 pairs: halves, crops that fit each other, frames that lie apart."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from bad_pictures import named, spoil

from datamodules.features.cached_tensors import CachedTensors
from datamodules.rwth_boston50 import GUARD, Boston50, read_pair, survey
from datamodules.samples import SPLITS, Sample
from datamodules.splits import leaks


def gradient(height, width):
    """A half in which a pixel tells its place."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 40)], 2).astype(np.uint8)


def write_pairs(folder, numbers, half, seed=0):
    """Each with a time stamp of its own, in the rows that `crop` cuts off; another seed is another tape."""
    folder.mkdir()
    for number in numbers:
        pair = np.hstack([half, half])[..., ::-1].copy()
        stamp = np.random.default_rng([seed, number]).integers(0, 2, (3, 10, 1), np.uint8)
        pair[60:, :80] = 255 * stamp.repeat(6, 0).repeat(8, 1)
        cv2.imwrite(str(folder / f"image{number}.png"), pair)


@pytest.fixture
def root(tmp_path):
    half = gradient(78, 84)
    write_pairs(tmp_path / "train", range(1, 31), half)
    write_pairs(tmp_path / "val", range(31, 111), half)
    return tmp_path


def ready(root, **settings):
    data = Boston50(str(root), **{"image_size": 64, "batch_size": 4, **settings})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def numbers(data, split):
    return [int(sample.files[0].stem.removeprefix("image")) for sample in data.samples[split]]


def test_both_halves_are_cut_at_the_same_place(root):
    data, batches = ready(root), []
    for _ in range(2):
        for batch in data.train_dataloader():
            assert batch.conditions.shape == batch.frames.shape == (len(batch.names), 3, 64, 64)
            torch.testing.assert_close(2 * batch.conditions - 1, batch.frames)
            batches.append(batch)
    assert len({tuple(frame[:, 0, 0].tolist()) for batch in batches for frame in batch.frames}) > 5


def test_only_training_is_jittered(root):
    data = ready(root)
    first, again = (torch.cat([batch.frames for batch in data.val_dataloader()]) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(first, first[:1].expand_as(first))


@pytest.mark.parametrize("random_scale", [False, True])
def test_training_pairs_are_as_large_as_published_or_as_anything_up_to_that(root, random_scale):
    """The gradient rises from left to right by 2 a picture's width, over that of the whole frame."""
    data = ready(root, random_scale=random_scale)
    frames = torch.cat([batch.frames for batch in data.train_dataloader()])
    whole = next(iter(data.val_dataloader())).frames[0]
    rise = (frames[:, 0, :, -1] - frames[:, 0, :, 0]).mean(1) / (whole[0, :, -1] - whole[0, :, 0]).mean()
    published = 64 / round(64 * 286 / 256)
    if random_scale:
        assert rise.min() < published + 0.03
        assert rise.max() > 0.97
    else:
        torch.testing.assert_close(rise, torch.full_like(rise, published), rtol=0.03, atol=0)


@pytest.mark.parametrize("mirror", [False, True])
def test_only_mirror_swaps_the_hands(root, mirror):
    data = ready(root, mirror=mirror)
    frames = torch.cat([batch.frames for batch in data.train_dataloader()])
    swapped = frames[:, 0, :, 0].mean(1) > frames[:, 0, :, -1].mean(1)
    assert swapped.any() == mirror
    assert not swapped.all()


def test_the_seed_decides_the_crops_whatever_the_workers(root):
    def frames(**settings):
        loader = ready(root, **settings).train_dataloader()
        return [torch.cat([batch.frames for batch in loader]) for _ in range(2)]

    one, other, spread = frames(), frames(), frames(num_workers=2)
    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(one, other, spread, strict=True))
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], frames(seed=1)[0])


def test_frames_of_two_splits_lie_apart(root):
    data = ready(root)
    train, dev, test = (numbers(data, split) for split in SPLITS)
    assert train == list(range(1, 31))
    assert min(dev) - max(train) > GUARD
    assert min(test) - max(dev) > GUARD
    assert dev
    assert test
    assert not leaks(data.surveyed.samples)


def test_a_test_folder_is_the_test_split(root):
    write_pairs(root / "test", range(111, 131), gradient(78, 84))
    data = ready(root)
    assert numbers(data, "dev") == list(range(39, 111))
    assert numbers(data, "test") == list(range(119, 131))


def test_a_frame_of_a_training_block_in_another_split_is_refused(root, monkeypatch):
    found = survey(root)
    train = found.samples[0]
    found.samples.append(Sample("val/planted", "dev", train.source, None, train.files))
    data = Boston50(str(root))
    monkeypatch.setattr(data, "survey", lambda: found)
    with pytest.raises(ValueError, match=r"'train, frames 1-30' .*'train/image1' in train, 'val/planted' in dev"):
        data.setup("fit")


def test_the_time_stamp_is_cut_off_unless_it_is_to_stay(root):
    path = root / "train" / "image1.png"
    whole, cropped = read_pair(path, crop=False)[1], read_pair(path)[1]
    assert whole.shape == (78, 84, 3)
    assert cropped.shape == (60, 60, 3)
    assert np.array_equal(cropped, whole[:60, 12:72])


def test_all_that_is_wrong_is_said_at_once_before_training(root):
    (root / "train" / "image30.png").rename(root / "train" / "cover.png")
    (root / "val" / "image031.png").write_bytes((root / "val" / "image31.png").read_bytes())
    with pytest.raises(ValueError, match=r"2 errors") as error:
        ready(root)
    assert "train/cover.png: a name that tells no frame" in str(error.value)
    assert "val/image31.png: frame 31 again" in str(error.value)


def test_every_bad_picture_is_named_in_one_message_before_training(root):
    expected = spoil(root, [f"{'train' if number <= 30 else 'val'}/image{number}.png" for number in range(28, 35)])
    with pytest.raises(ValueError, match=r": 7 errors in the data") as error:
        ready(root)
    found = named(str(error.value))
    assert found.keys() == expected.keys()
    for name, words in expected.items():
        assert words in found[name]


def test_pairs_whose_latents_are_kept_are_those_that_nothing_varies(root, tmp_path):
    data = ready(root)
    described, examples = data.described("train"), data.examples("train")
    moments = CachedTensors(tmp_path / "moments", [name for name, _, _ in described], (3,))
    moments.complete(lambda items: data.pictures(examples, items).mean((2, 3)).numpy(), "means")
    data.serve("train", moments)
    seen = [(name, at, batch) for batch in data.train_dataloader() for at, name in enumerate(batch.names)]
    assert sorted(name for name, _, _ in seen) == sorted(name for name, _, _ in described)
    for name, at, batch in seen:
        plain = data.collate([examples[[of for of, _, _ in described].index(name)]])
        assert torch.equal(batch.conditions[at], plain.conditions[0])
        assert torch.allclose(batch.moments[at], plain.frames[0].mean((1, 2)), atol=1e-6)
        assert not batch.hands[at].any()


def test_one_picture_alone_is_no_pair(root):
    cv2.imwrite(str(root / "train" / "image3.png"), gradient(78, 77))
    with pytest.raises(ValueError, match=r"image3\.png: 77 x 78 pixels, expected two halves"):
        list(ready(root).train_dataloader())


def test_halves_of_another_shape_are_taken_whole_or_refused(root):
    cv2.imwrite(str(root / "train" / "image3.png"), gradient(64, 128))
    with pytest.raises(ValueError, match=r"image3\.png: halves of 64 x 64 .* 336 x 312 .*init_args\.crop to false"):
        list(ready(root).train_dataloader())
    assert sum(len(batch.names) for batch in ready(root, crop=False).train_dataloader()) == 30
    assert read_pair(root / "train" / "image3.png", crop=False)[1].shape == (64, 64, 3)


def test_a_folder_without_val_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(FileNotFoundError, match="no folder val/"):
        Boston50(str(tmp_path)).setup("fit")


def test_real_pairs(shared):
    data = ready(shared / "data" / "rwth_boston50", image_size=256, batch_size=16)
    assert numbers(data, "train") == list(range(65, 410))
    assert (numbers(data, "dev")[0], numbers(data, "test")[-1]) == (418, 487)  # 410 to 417 end a training video
    for batch in (next(iter(data.train_dataloader())), *data.val_dataloader(), *data.test_dataloader()):
        assert batch.frames.abs().max() <= 1
        grey = batch.frames - batch.frames.mean(1, keepdim=True)
        assert grey.abs().max() < 0.02  # the camera was
        assert (batch.conditions > 0.5).any(1).flatten(1).float().mean(1).min() > 0.01  # something is drawn
        assert (batch.conditions[..., -1, :] > 0.5).any()  # legs lead out of the picture: the strip below them is gone


def test_no_real_drawing_is_cut_at_its_sides(shared):
    for path in sorted((shared / "data" / "rwth_boston50").glob("*/*.jpg"))[::7]:
        whole, cropped = read_pair(path, crop=False)[0][:240], read_pair(path)[0]
        assert (whole > 60).sum() == (cropped > 60).sum()


def test_a_folder_that_is_numbered_anew_keeps_its_frames(root):
    """As the published test/, which has numbers 1 to 123 beside train's 65 to 409."""
    write_pairs(root / "test", range(1, 26), gradient(78, 84), seed=1)
    data = ready(root)
    assert numbers(data, "test") == list(range(1, 26))
    assert numbers(data, "dev") == list(range(39, 111))
    assert data.surveyed.findings == []


def test_pictures_of_an_earlier_folder_are_left_out_whatever_their_numbers(root):
    write_pairs(root / "test", range(1, 21), gradient(78, 84), seed=1)
    for number, copied in enumerate([*range(5, 10), *range(50, 55)], 21):
        pair = cv2.imread(str(root / ("train" if copied < 31 else "val") / f"image{copied}.png"))
        cv2.imwrite(str(root / "test" / f"image{number}.jpg"), pair, [cv2.IMWRITE_JPEG_QUALITY, 80])
    data = ready(root)
    assert numbers(data, "test") == list(range(1, 21))
    [finding] = data.surveyed.findings
    assert (finding.kind, finding.where, finding.severity) == ("overlap", "test", "warning")
    assert finding.message.startswith(
        "10 pictures are near-duplicates of an earlier folder's and are left out, such as"
    )
    assert finding.message.endswith("image21.jpg of train/image5.png")


def test_a_val_of_copies_says_why_nothing_is_left(root):
    shutil.rmtree(root / "val")
    shutil.copytree(root / "train", root / "val")
    with pytest.raises(ValueError, match=r"no sample in dev .*30 pictures are near-duplicates"):
        ready(root)


def test_real_pairs_numbered_anew_are_known_by_their_looks(shared, tmp_path):
    """val/ goes on with the video that train/ ends with for eight frames."""
    real = shared / "data" / "rwth_boston50"
    shutil.copytree(real / "train", tmp_path / "train")
    (tmp_path / "val").mkdir()
    for number in range(410, 488):
        shutil.copy(real / "val" / f"image{number}.jpg", tmp_path / "val" / f"image{number - 340}.jpg")
    shutil.copytree(tmp_path / "val", tmp_path / "test")
    found = survey(tmp_path)
    assert [int(s.name.removeprefix("val/image")) + 340 for s in found.samples if s.split == "dev"] == [
        *range(418, 488)
    ]
    assert not [s for s in found.samples if s.split == "test"]
    assert [f.message.split()[0] for f in found.findings] == ["8", "78"]


def test_what_windows_leaves_in_a_folder_is_nobodys_picture(root):
    clean = survey(root)
    (root / "train" / "Thumbs.db").write_bytes(b"x")
    (root / "val" / "desktop.ini").write_bytes(b"x")
    assert survey(root) == clean
