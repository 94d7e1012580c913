"""Twins: the real sets' own files, the same bytes for the same seed, whole or not at all, and true to what is shown."""

import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

import datamodules.twins as twins
from datamodules.asl_alphabet import Letters, survey
from datamodules.avatar import VERSION, Signer, perform
from datamodules.avatar.phonology.grammar import Sentence
from datamodules.avatar.renderer.frames import render
from datamodules.catalogue import CATALOGUE
from datamodules.media.video import read_video
from datamodules.poses.formats import read_openpose
from datamodules.twins import Twin, asl_alphabet, ensure_twin, how2sign, phoenix14t, rwth_boston50, wlasl
from datamodules.twins.signers import cast

CIFAR = "cifar-10-batches-bin"
SLOW, REAL = how2sign.FPS / 3, how2sign.FPS
TWINS = {
    "asl-alphabet": Twin(58),
    "wlasl": Twin(2),
    "rwth-boston50": Twin(40, signers=1),
    "how2sign": Twin(1, seed=90, signers=1),
    "phoenix14t": Twin(2),
    "mnist": Twin(60, signers=3),
    "cifar10": Twin(52, signers=3),
}


@pytest.fixture(scope="session")
def twin(tmp_path_factory):
    """Small twins by data set, each written once."""
    folder = tmp_path_factory.mktemp("twins")

    def write(dataset):
        ensure_twin(dataset, folder / dataset, TWINS[dataset])
        return folder / dataset

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(how2sign, "FPS", SLOW)  # a third of the frames to draw
        yield write


def tree(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def picture(path):
    return cv2.imread(str(path))[..., ::-1].astype(int)


def saturation(picture):
    """Mean of (max - min) / max of its pixels' channels."""
    return (np.ptp(picture, axis=-1) / np.maximum(picture.max(-1), 1)).mean()


def rates(path):
    frames, fps = read_video(path)
    shapes = [frame.shape for frame in frames]
    return shapes[0], len(shapes), fps


CLOSE = "asl-alphabet"
WRITE = f"""
import sys
from pathlib import Path
from datamodules.twins import Twin, ensure_twin
ensure_twin({CLOSE!r}, Path(sys.argv[1]), Twin({TWINS[CLOSE].size}))
"""


@pytest.fixture(scope="session")
def close(tmp_path_factory):
    """The twin with close-ups, rendered by code that was compiled for the same processor everywhere: a few of their
    pixels depend on it."""
    root = tmp_path_factory.mktemp("close") / CLOSE
    environment = {**os.environ, "NUMBA_CPU_NAME": "x86-64-v3"}
    subprocess.run([sys.executable, "-c", WRITE, str(root)], cwd=Path(__file__).parents[3], env=environment, check=True)
    return root


def golden(twin, close) -> dict[str, str]:
    """SHA-256 of what the avatar makes: of each twin's files, of videos and landmarks their names alone, whose bytes
    are a codec's and a processor's, and of rendered frames."""
    made = {}
    for dataset in TWINS:
        root, digest = close if dataset == CLOSE else twin(dataset), hashlib.sha256()
        for name in sorted(tree(root) - {twins.MARK}):
            digest.update(name.encode() + (b"" if name.endswith((".mp4", ".pose")) else (root / name).read_bytes()))
        made[dataset] = digest.hexdigest()
    signed = perform(["MOTHER", "#ANNA", "NAME", "WHAT"], Signer.random(7), seed=3)
    frames = render(signed.joints[::9], Signer.random(7).look, seed=3)
    return {**made, "frames": hashlib.sha256(frames.tobytes()).hexdigest()}


def test_what_the_avatar_makes_changes_with_its_version_alone(twin, close):
    """A change that is meant: raise VERSION in datamodules/avatar/__init__.py, then write this file anew with what the
    failure prints, and train the starters again, which have learnt from what was."""
    path = Path(__file__).with_name("golden.json")
    made = {"version": VERSION, **golden(twin, close)}
    assert made == json.loads(path.read_text()), json.dumps(made, indent=2)


def test_another_version_is_another_twin(tmp_path, monkeypatch):
    ensure_twin("mnist", tmp_path / "twin", Twin(10))
    written = (tmp_path / "twin" / twins.MARK).stat().st_mtime_ns
    ensure_twin("mnist", tmp_path / "twin", Twin(10))
    assert (tmp_path / "twin" / twins.MARK).stat().st_mtime_ns == written
    monkeypatch.setattr(twins, "VERSION", VERSION + 1)
    ensure_twin("mnist", tmp_path / "twin", Twin(10))
    assert json.loads((tmp_path / "twin" / twins.MARK).read_text())["avatar"] == VERSION + 1


class TestAslAlphabet:
    def test_pictures_are_named_by_class_and_frame(self, twin, shared):
        folder, real = twin("asl-alphabet") / "asl_alphabet_train", shared / "data" / "asl_alphabet/asl_alphabet_train"
        assert {path.name for path in folder.iterdir()} == {path.name for path in real.iterdir()}
        for path in folder.rglob("*.jpg"):
            number = re.fullmatch(rf"{path.parent.name}(\d+)", path.stem)
            assert number
            assert 1 <= int(number[1]) <= 3000
        assert picture(folder / "A" / "A1.jpg").shape == picture(real / "A" / "A5.jpg").shape == (200, 200, 3)

    def test_neighbours_are_near_duplicates_and_stretches_differ(self):
        def shot(number):
            return asl_alphabet.picture("B", number, Twin()).astype(int)

        near, far, beyond = (
            np.mean([np.abs(shot(start) - shot(start + step)).mean() for start in range(91, 391, 45)])
            for step in (1, 14, 15)
        )
        assert near <= far < 0.5 * beyond

    def test_every_picture_of_a_twin_of_the_usual_size_has_a_setting_of_its_own(self, twin):
        """What an empty picture shows of a setting, its ground and its camera, is in no other picture."""
        size = CATALOGUE["asl-alphabet"].size // len(asl_alphabet.CLASSES)
        numbers = np.linspace(1, asl_alphabet.FRAMES, size).round().astype(int)
        assert len(set((numbers - 1) // asl_alphabet.STRETCH)) == size
        empty = [asl_alphabet.picture("nothing", int(number), Twin()).astype(int) for number in numbers[:12]]
        differences = [np.abs(one - other).mean() for k, one in enumerate(empty) for other in empty[:k]]
        assert min(differences) > 4
        one, other = (picture(twin("asl-alphabet") / "asl_alphabet_train" / f"{name}/{name}1.jpg") for name in "AB")
        assert np.abs(one - other)[:20, :20].mean() > 4

    def test_a_number_of_signers_makes_a_recording_of_as_many_rooms(self):
        empty = {n: asl_alphabet.picture("nothing", n, Twin(signers=2)).astype(int) for n in (1, 1500, 1501, 3000)}
        noise = max(np.abs(empty[first] - empty[last]).mean() for first, last in ((1, 1500), (1501, 3000)))
        assert noise < 3 < np.abs(empty[1500] - empty[1501]).mean()
        hands = [asl_alphabet.picture("B", n, Twin(signers=2)).astype(int) for n in (1, 700)]
        assert np.abs(hands[0] - hands[1]).max(-1).mean() > 4  # another stance

    def test_no_stretch_stands_in_two_splits(self, tmp_path):
        folder = tmp_path / "A"
        folder.mkdir()
        for number in range(1, asl_alphabet.FRAMES + 1):
            (folder / f"A{number}.jpg").touch()
        splits = defaultdict(set)
        for sample in survey(tmp_path).samples:
            splits[(int(sample.files[0].stem[1:]) - 1) // asl_alphabet.STRETCH].add(sample.split)
        assert all(len(found) == 1 for found in splits.values())

    def test_pictures_have_the_contrast_and_the_colours_of_photographs(self):
        letters = [name for name in asl_alphabet.CLASSES if name != "nothing"]
        pictures = [
            asl_alphabet.picture(letters[k % len(letters)], 1 + 29 * k, Twin(seed=3)).astype(int) for k in range(60)
        ]
        assert 48 < np.median([one.mean(-1).std() for one in pictures]) < 62
        assert 0.12 < np.median([saturation(one) for one in pictures]) < 0.32
        assert {one.shape for one in pictures} == {(200, 200, 3)}

    def test_nothing_is_what_stands_behind_the_hands(self, monkeypatch):
        """A stretch of "nothing" is the ground and the camera of its setting, without a hand."""
        monkeypatch.setattr(asl_alphabet, "NOTHING", "B")
        empty = asl_alphabet.picture("B", 1, Twin()).astype(int)
        monkeypatch.undo()
        hand = np.abs(asl_alphabet.picture("B", 1, Twin()).astype(int) - empty).max(-1) > 40
        assert 0.02 < hand.mean() < 0.6

    def test_the_seed_decides_every_byte_in_any_order(self, tmp_path):
        for place, numbers, seed in (("a", [1, 2, 400], 0), ("b", [400, 2, 1], 0), ("c", [1, 2, 400], 1)):
            folder = tmp_path / place / "F"
            folder.mkdir(parents=True)
            asl_alphabet.write_pictures(folder, numbers, Twin(seed=seed))
        first, same, other = (
            {name: (tmp_path / place / name).read_bytes() for name in tree(tmp_path / place)} for place in "abc"
        )
        assert first == same
        assert all(first[name] != other[name] for name in first)


class TestFingerprints:
    """A few pixels of pictures are others on another kind of processor, and so may their files' sizes be."""

    NAME = "asl_alphabet_train/A/A1.jpg"

    @pytest.fixture
    def copied(self, twin, tmp_path):
        shutil.copytree(twin("asl-alphabet"), tmp_path / "copy")
        return tmp_path / "copy"

    @staticmethod
    def remark(root, **changes):
        mark = json.loads((root / "twin.json").read_text())
        (root / "twin.json").write_text(json.dumps({**mark, **changes}))

    def test_another_processors_twin_has_the_same(self, twin, copied):
        with (copied / self.NAME).open("ab") as file:
            file.write(b"\0")
        files = json.loads((copied / "twin.json").read_text())["files"]
        self.remark(copied, files={**files, self.NAME: files[self.NAME] + 1})
        assert Letters(str(copied)).fingerprint() == Letters(str(twin("asl-alphabet"))).fingerprint()

    def test_a_picture_that_was_changed_by_somebody_counts(self, twin, copied):
        with (copied / self.NAME).open("ab") as file:
            file.write(b"\0")
        assert Letters(str(copied)).fingerprint() != Letters(str(twin("asl-alphabet"))).fingerprint()

    @pytest.mark.parametrize("change", [{"seed": 1}, {"avatar": VERSION + 1}])
    def test_another_seed_and_another_avatar_count(self, twin, copied, change):
        self.remark(copied, **change)
        assert Letters(str(copied)).fingerprint() != Letters(str(twin("asl-alphabet"))).fingerprint()


class TestWlasl:
    def test_files_and_keys_are_the_real_ones(self, twin, shared):
        root, real = twin("wlasl"), shared / "data" / "wlasl" / "meta"
        glosses, others = (json.loads((folder / "WLASL_v0.3.json").read_text()) for folder in (root, real))
        assert set(glosses[0]) == set(others[0])
        for ours, theirs in zip(glosses[0]["instances"], others[0]["instances"], strict=False):
            assert {key: type(value) for key, value in ours.items()} == {key: type(theirs[key]) for key in theirs}
        assert (root / "wlasl_class_list.txt").read_text() == f"0\t{glosses[0]['gloss']}\n"
        action = json.loads((root / "nslt_1.json").read_text())["00001"]
        assert set(action) == set(next(iter(json.loads((real / "nslt_100.json").read_text()).values())))

    def test_frames_have_the_colours_of_photographs_and_studios_of_their_own(self, tmp_path):
        shown = {}
        for seed in range(3):
            people = cast(Twin(seed=seed, signers=8))
            for clip in (wlasl.Clip(number, 0, number, "train") for number in range(8)):
                wlasl.write_clip(tmp_path, clip, "NO", people[clip.signer], seed)
                shown[seed, clip.signer] = next(read_video(tmp_path / f"{clip.name}.mp4")[0]).astype(int)
        assert 0.14 < np.mean([saturation(frame) for frame in shown.values()]) < 0.36
        assert 38 < np.mean([frame.mean(-1).std() for frame in shown.values()]) < 70
        corners = {tuple((frame[:30, :30].mean((0, 1)) // 4).tolist()) for frame in shown.values()}
        assert len(corners) > 0.8 * len(shown)

    def test_clips_are_listed_with_their_frames(self, twin):
        root = twin("wlasl")
        actions = json.loads((root / "nslt_1.json").read_text())
        instances = json.loads((root / "WLASL_v0.3.json").read_text())[0]["instances"]
        assert {f"videos/{name}.mp4" for name in actions} < tree(root)
        assert [one["video_id"] for one in instances] == sorted(actions)
        for one in instances:
            (height, width, _), frames, fps = rates(root / "videos" / f"{one['video_id']}.mp4")
            assert actions[one["video_id"]] == {"subset": one["split"], "action": [0, 1, frames]}
            assert (width, height, pytest.approx(fps)) == wlasl.STUDIOS[one["signer_id"] % len(wlasl.STUDIOS)]
            left, top, right, bottom = one["bbox"]
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height

    @pytest.mark.parametrize("size", [1, 8, 100, CATALOGUE["wlasl"].size, 2000])
    def test_every_gloss_is_in_every_split_and_no_signer_in_two(self, size):
        glosses, clips = wlasl.cut(Twin(size))
        splits, signers = defaultdict(set), defaultdict(set)
        for clip in clips:
            splits[clip.gloss].add(clip.split)
            signers[clip.signer].add(clip.split)
        assert len(splits) == len(glosses)
        assert all(found == {"train", "val", "test"} for found in splits.values())
        assert all(len(found) == 1 for found in signers.values())
        assert sum(clip.split == "train" for clip in clips) == size
        assert size < 8 or len(clips) / len(glosses) >= 10

    def test_of_many_signers_an_eighth_each_is_kept_for_validation_and_test(self):
        _, clips = wlasl.cut(Twin(2400, signers=40))
        signers = {split: {clip.signer for clip in clips if clip.split == split} for split in ("train", "val", "test")}
        assert {split: len(found) for split, found in signers.items()} == {"train": 30, "val": 5, "test": 5}
        assert sorted(set.union(*signers.values())) == list(range(40))


class TestBoston50:
    def test_pairs_are_laid_out_as_the_real_ones(self, twin, shared):
        root, real = twin("rwth-boston50"), shared / "data" / "rwth_boston50"
        assert {path.name for path in root.iterdir()} == {"train", "val", "twin.json"}
        numbers = {name: [int(path.stem[5:]) for path in (root / name).iterdir()] for name in ("train", "val")}
        assert sorted(numbers["train"] + numbers["val"]) == list(range(65, 65 + 50))
        assert max(numbers["train"]) < min(numbers["val"])
        for pair in (picture(root / "train" / "image65.jpg"), picture(real / "train" / "image65.jpg")):
            assert pair.shape == (312, 672, 3)
            left, right = pair[:, :336], pair[:, 336:]
            assert np.ptp(left[:, :320], axis=-1).max() < 16  # grey
            assert left[:241, :5].max() < 24  # black border
            assert left[:240, 8:328].mean() > 24
            assert left[245:305, 242:].max() < 24  # nothing beside the stamp
            stamp = left[245:300, 10:232] > 128
            assert 0.01 < stamp.mean() < 0.12
            marks = left[306:311, 100:240].max(-1)
            assert {int(value) for value in marks.ravel() // 128} == {0, 1}
            assert 0.002 < (right.max(-1) > 64).mean() < 0.06

    def test_the_stamp_counts_on_from_frame_to_frame(self, twin):
        folder = twin("rwth-boston50") / "train"
        stamps = [picture(folder / f"image{n}.jpg")[245:, :336] for n in (65, 66)]
        assert np.abs(stamps[0] - stamps[1]).max() > 128

    def test_the_drawing_lies_on_the_signer(self, twin):
        """The forearms' yellow and green lie on skin or sleeves, the lines of the face on the face."""
        for path in (twin("rwth-boston50") / "train").iterdir():
            pair = picture(path)
            grey, (red, green, blue) = pair[:, :336, 0], np.moveaxis(pair[:, 336:], -1, 0)
            for forearm in ((red > 200) & (green > 200) & (blue < 60), (red < 60) & (green > 200) & (blue < 60)):
                assert forearm.any()
                assert np.abs(grey[forearm] - 38).mean() > 15  # the curtain's grey

    def test_hands_that_the_detector_lost_are_missing_from_the_drawing_alone(self, tmp_path, monkeypatch):
        sentence, pairs = Sentence("", ("HELLO",)), []
        for lost in (0.0, 1.0):
            monkeypatch.setattr(rwth_boston50, "_LOST", lost)
            (tmp_path / str(lost)).mkdir()
            rwth_boston50.write_sentence(tmp_path / str(lost), 1, 2, sentence, 0, Twin(signers=1))
            pairs.append(picture(tmp_path / str(lost) / "image2.jpg"))
        drawn = [(pair[:, 336:].max(-1) > 64).sum() for pair in pairs]
        assert drawn[0] > 1.02 * drawn[1]
        assert np.array_equal(pairs[0][:, :320], pairs[1][:, :320])


class TestLabelledPictures:
    """MNIST's and CIFAR-10's files: sizes, symbols that look like themselves, the same bytes for the same seed."""

    @staticmethod
    def digits(root, part="train"):
        with (root / f"{part}-images-idx3-ubyte").open("rb") as file:
            file.seek(16)
            pictures = np.frombuffer(file.read(), np.uint8).reshape(-1, 28, 28)
        return pictures, np.frombuffer((root / f"{part}-labels-idx1-ubyte").read_bytes()[8:], np.uint8)

    def test_files_are_as_long_as_published_ones_would_be(self, twin):
        digits, letters = twin("mnist"), twin("cifar10")
        sizes = {path.name: path.stat().st_size for path in (*digits.iterdir(), *(letters / CIFAR).iterdir())}
        assert [sizes[f"{part}-images-idx3-ubyte"] for part in ("train", "t10k")] == [16 + 784 * n for n in (60, 10)]
        assert [sizes[f"{part}-labels-idx1-ubyte"] for part in ("train", "t10k")] == [8 + n for n in (60, 10)]
        batches = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
        assert [sizes[name] for name in batches] == [3073 * n for n in (10, 10, 10, 11, 11, 10)]
        assert (letters / CIFAR / "batches.meta.txt").read_text().split() == list("ABCDEFGHIJ")

    def test_a_light_hand_stands_before_black(self, twin):
        pictures, labels = self.digits(twin("mnist"))
        assert np.bincount(labels).tolist() == [6] * 10
        assert (pictures > 128).mean((1, 2)).min() > 0.05
        assert (pictures == 0).mean((1, 2)).min() > 0.4
        assert np.all(np.quantile(pictures, 0.995, axis=(1, 2)) == 255)

    def test_pictures_of_a_digit_resemble_each_other_more_than_those_of_two(self, twin):
        pictures, labels = self.digits(twin("mnist"))
        small = np.stack([cv2.blur(picture, (5, 5)) for picture in pictures]).reshape(len(pictures), -1).astype(float)
        small = (small - small.mean(1, keepdims=True)) / small.std(1, keepdims=True)
        alike = small @ small.T / small.shape[1]
        same = labels[:, None] == labels
        assert alike[same & ~np.eye(len(labels), dtype=bool)].mean() > alike[~same].mean() + 0.05

    @pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
    def test_the_seed_decides_every_byte(self, tmp_path, dataset):
        for place, seed in (("a", 0), ("b", 0), ("c", 1)):
            ensure_twin(dataset, tmp_path / place, Twin(20, seed=seed, signers=2))
        first, same, other = (
            {name: (tmp_path / place / name).read_bytes() for name in tree(tmp_path / place) - {"twin.json"}}
            for place in "abc"
        )
        assert first == same
        assert all(first[name] != other[name] for name in first if not name.endswith(".txt"))


class TestHow2Sign:
    def test_the_tree_is_that_of_the_download(self, twin, shared):
        root = twin("how2sign")
        for split in ("train", "val", "test"):
            table = f"how2sign_realigned_{split}.csv"
            place = root / "sentence_level" / split
            with (place / "text/en/raw_text/re_aligned" / table).open() as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            with (shared / "data" / "how2sign" / "how2sign_realigned_val.csv").open() as file:
                assert list(rows[0]) == file.readline().strip().split("\t")
            names = {row["SENTENCE_NAME"] for row in rows}
            assert {path.stem for path in (place / "rgb_front" / "raw_videos").iterdir()} == names
            assert {path.name for path in (place / "rgb_front/features/openpose_output/json").iterdir()} == names
            assert (root / f"{split}.files").read_text().splitlines() == [row["SENTENCE_NAME"] for row in rows]
            assert (root / table).read_bytes() == (place / "text/en/raw_text/re_aligned" / table).read_bytes()

    def test_clips_are_like_a_real_one_and_as_long_as_the_table_says(self, twin, shared):
        root = twin("how2sign")
        real_shape, _, real_fps = rates(next((shared / "data" / "how2sign" / "clips").glob("*.mp4")))
        with (root / "how2sign_realigned_train.csv").open() as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        shape, frames, fps = rates(root / f"sentence_level/train/rgb_front/raw_videos/{row['SENTENCE_NAME']}.mp4")
        assert shape == real_shape
        assert fps == SLOW
        assert real_fps == REAL
        assert frames / fps == pytest.approx(float(row["END_REALIGNED"]), abs=1.5 / SLOW)

    def test_keypoints_lie_on_the_signer(self, twin):
        front = twin("how2sign") / "sentence_level" / "train" / "rgb_front"
        name = "avatar000000_0-0-rgb_front"
        frames, _ = read_video(front / "raw_videos" / f"{name}.mp4")
        keypoints = read_openpose(front / "features" / "openpose_output" / "json" / name)
        pictures = list(frames)
        assert len(pictures) == len(keypoints)
        hits = []
        for frame, points in zip(pictures, keypoints, strict=True):
            hands = points[95:]
            x, y = hands[hands[:, 2] > 0, :2].round().astype(int).T
            red, green, _ = frame[y.clip(0, 719), x.clip(0, 1279)].astype(int).T
            hits.append(red > green + 10)  # skin; curtain and clothes are greener
        assert np.concatenate(hits).mean() > 0.9

    def test_poses_alone_come_without_pictures_and_the_whole_will_do_for_them(self, tmp_path, twin):
        ensure_twin("how2sign", tmp_path / "poses", TWINS["how2sign"], only="poses")
        poses, whole = tree(tmp_path / "poses"), twin("how2sign")
        assert poses < tree(whole)
        assert not any(name.startswith("sentence_level") for name in poses)
        for name in poses - {"twin.json"}:
            assert (tmp_path / "poses" / name).read_bytes() == (whole / name).read_bytes()
        stamp = (whole / "train.skels").stat().st_mtime_ns
        ensure_twin("how2sign", whole, TWINS["how2sign"], only="poses")
        assert (whole / "train.skels").stat().st_mtime_ns == stamp


class TestWriting:
    def test_the_number_of_processes_changes_no_byte(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rwth_boston50, "STRETCH", 1)  # many sentences, so that there is work for two
        found = []
        for processes in ("1", "2"):
            monkeypatch.setenv("LOKY_MAX_CPU_COUNT", processes)
            root = tmp_path / processes
            ensure_twin("rwth-boston50", root, Twin(8, seed=5))
            found.append({name: (root / name).read_bytes() for name in sorted(tree(root))})
        assert found[0] == found[1]
        assert len(found[0]) == 8 + 2 + 1

    def test_the_same_seed_gives_the_same_clip_and_another_one_another(self, tmp_path):
        clip = wlasl.Clip(1, 0, 1, "train")
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            wlasl.write_clip(tmp_path / name, clip, "HELLO", wlasl.Signer(), seed)
        first, same, other = ((tmp_path / name / "00001.mp4").read_bytes() for name in "abc")
        assert first == same != other

    def test_a_killed_writing_leaves_nothing_behind_the_next(self, tmp_path):
        code = (
            "from pathlib import Path; from datamodules.twins import Twin, ensure_twin;"
            f"ensure_twin('asl-alphabet', Path({str(tmp_path / 'twin')!r}), Twin(3000))"
        )
        environment = {**os.environ, "LOKY_MAX_CPU_COUNT": "1"}
        process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3], env=environment)
        try:
            deadline = time.monotonic() + 60
            while not list(tmp_path.rglob("*.jpg")):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert not (tmp_path / "twin").exists()
        assert list(tmp_path.iterdir())
        ensure_twin("phoenix14t", tmp_path / "twin", Twin(2))
        assert sorted(path.name for path in tmp_path.iterdir()) == [".twin.lock", "twin"]
        assert "train.skels" in tree(tmp_path / "twin")
        assert not list(tmp_path.rglob("*.jpg"))

    def test_an_error_leaves_nothing(self, tmp_path, monkeypatch):
        def fails(folder, twin):
            (folder / "half").write_text("done")
            raise OSError("no space left on device")

        monkeypatch.setattr(phoenix14t, "write", fails)
        with pytest.raises(OSError, match="no space"):
            ensure_twin("phoenix14t", tmp_path / "twin", Twin(2))
        assert [path.name for path in tmp_path.iterdir()] == [".twin.lock"]

    def test_who_comes_second_waits_and_writes_nothing(self, tmp_path, monkeypatch):
        written, write = [], phoenix14t.write

        def counted(folder, twin):
            written.append(folder)
            time.sleep(0.2)
            write(folder, twin)

        monkeypatch.setattr(phoenix14t, "write", counted)
        threads = [
            threading.Thread(target=ensure_twin, args=("phoenix14t", tmp_path / "twin", Twin(2))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(written) == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == [".twin.lock", "twin"]

    @pytest.mark.parametrize("holds", ["image.jpg", "twin.json"])
    def test_foreign_data_is_never_overwritten(self, tmp_path, holds):
        (tmp_path / holds).write_text("mine")
        with pytest.raises(FileExistsError, match="refusing to write over it"):
            ensure_twin("asl-alphabet", tmp_path, Twin(1))
        assert (tmp_path / holds).read_text() == "mine"

    def test_the_twin_of_another_data_set_stays(self, tmp_path):
        ensure_twin("phoenix14t", tmp_path / "twin", Twin(1))
        before = (tmp_path / "twin" / "train.skels").read_bytes()
        with pytest.raises(FileExistsError, match="twin of phoenix14t, not of how2sign: give another folder"):
            ensure_twin("how2sign", tmp_path / "twin", Twin(1))
        assert (tmp_path / "twin" / "train.skels").read_bytes() == before

    def test_an_empty_folder_is_nobodys_data(self, tmp_path):
        (tmp_path / "twin").mkdir()
        ensure_twin("phoenix14t", tmp_path / "twin", Twin(1))
        assert (tmp_path / "twin" / "train.skels").is_file()

    @pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
    def test_a_truncated_twin_is_written_anew(self, tmp_path, harm):
        root = tmp_path / "twin"
        ensure_twin("phoenix14t", root, Twin(2))
        whole = (root / "test.skels").read_bytes()
        harm(root / "test.skels")
        ensure_twin("phoenix14t", root, Twin(2))
        assert (root / "test.skels").read_bytes() == whole

    def test_strange_files_do_no_harm_and_are_not_lost(self, tmp_path):
        root = tmp_path / "twin"
        ensure_twin("phoenix14t", root, Twin(2))
        (root / "notes.txt").write_text("mine")
        ensure_twin("phoenix14t", root, Twin(2))
        with pytest.raises(FileExistsError, match=r"1 files in it are not the twin's, the first is notes\.txt"):
            ensure_twin("phoenix14t", root, Twin(3))
        assert (root / "notes.txt").read_text() == "mine"

    @pytest.mark.parametrize("wrong", [{"size": 0}, {"seed": -1}, {"signers": 0}])
    def test_what_cannot_be_written_is_refused(self, wrong):
        with pytest.raises(ValueError, match=rf"twin\.{next(iter(wrong))}: found"):
            Twin(**wrong)
