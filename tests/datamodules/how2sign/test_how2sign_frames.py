"""How2Sign's frames and drawings of their poses: pairs that belong together, splits by recording, trees and gaps."""

import shutil
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from datamodules.avatar.perform import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.features.cached_tensors import CachedTensors, content_keys
from datamodules.how2sign import frame_reading, keypoints
from datamodules.how2sign.frame_reading import Conditioning, Frames
from datamodules.how2sign.frames import How2SignFrames, Together
from datamodules.how2sign.keypoints import ParsedClips
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.conditions.openpose_drawing import HANDS
from datamodules.media.video import write_video
from datamodules.poses.formats import write_openpose
from datamodules.samples import SPLITS, Sample
from datamodules.splits import leaks
from datamodules.twins.picture_folder import studio_caption

HEADER = "VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE\n"
LENGTH, HEIGHT, WIDTH = 12, 48, 80
NAMES = {"train": [f"t{n}" for n in range(6)], "val": ["v0", "v1"], "test": ["e0"]}


def clip(number):
    """A white bar that walks to the right, a step a frame, and keypoints that follow it: all of them in one place."""
    frames = np.zeros((LENGTH, HEIGHT, WIDTH, 3), np.uint8)
    keypoints = np.zeros((LENGTH, 137, 3), np.float32)
    for frame in range(LENGTH):
        x = 20 + 3 * frame + number % 3
        frames[frame, :, x - 3 : x + 4] = 255
        keypoints[frame] = (x, HEIGHT / 2, 1)
    return frames, keypoints


def write(root, places, signer="1"):
    """Tables, clips and keypoints; `places` gives the folders of a split's three, `signer` stands in the names."""
    for split, names in NAMES.items():
        table, videos, folders = (root / place.format(split) for place in places)
        table.mkdir(parents=True, exist_ok=True)
        rows = "".join(f"{name}\t{name}\t{name}_0\t{name}_0-{signer}-rgb_front\t0.0\t0.5\tHi.\n" for name in names)
        (table / f"how2sign_realigned_{split}.csv").write_text(HEADER + rows)
        for number, name in enumerate(names):
            frames, keypoints = clip(number)
            write_video(videos / f"{name}_0-{signer}-rgb_front.mp4", frames, 24, crf=0)
            write_openpose(folders / f"{name}_0-{signer}-rgb_front", f"{name}_0-{signer}-rgb_front", keypoints)


FLAT = (".", ".", ".")
OFFICIAL = (
    "sentence_level/{}/text/en/raw_text/re_aligned",
    "sentence_level/{}/rgb_front/raw_videos",
    "sentence_level/{}/rgb_front/features/openpose_output/json",
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("how2sign")
    write(folder, OFFICIAL)
    return folder


def ready(root, **settings):
    data = How2SignFrames(str(root), **{"image_size": 96, "every": 3, "together": 2, "batch_size": 4, **settings})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


@pytest.mark.parametrize("places", [OFFICIAL, FLAT], ids=["official", "flat"])
def test_a_frame_and_its_condition_show_the_same_place(tmp_path, places):
    write(tmp_path, places)
    for batch in ready(tmp_path).train_dataloader():
        assert batch.frames.shape == batch.conditions.shape == (len(batch.names), 3, 96, 96)
        assert batch.frames.min() >= -1
        assert batch.frames.max() <= 1
        assert batch.conditions.min() == 0
        assert batch.conditions.max() <= 1
        for frame, condition, name in zip(batch.frames, batch.conditions, batch.names, strict=True):
            number = int(name.split("/")[1])
            wanted = (20 + 3 * number + int(name[1]) % 3 - (WIDTH - HEIGHT) / 2) * 96 / HEIGHT
            bright, drawn = (picture.amax((0, 1)) > level for picture, level in ((frame, 0), (condition, 0.5)))
            if wanted < 90:
                assert bright.nonzero().float().mean() == pytest.approx(wanted, abs=2)
                assert drawn.nonzero().float().mean() == pytest.approx(wanted, abs=2)


def test_one_frame_in_so_many_is_taken_once_an_epoch(root):
    data = ready(root)
    for _ in range(2):
        names = [name for batch in data.train_dataloader() for name in batch.names]
        assert sorted(names) == sorted(f"{n}_0-1-rgb_front/{k}" for n in NAMES["train"] for k in (1, 4, 7, 10))
    assert [len(ready(root, every=every).examples("train")) for every in (1, 3, 12, 100)] == [72, 24, 6, 6]


def test_the_seed_decides_the_order_whatever_the_workers(root):
    def epochs(**settings):
        loader = ready(root, **settings).train_dataloader()
        return [[name for batch in loader for name in batch.names] for _ in range(2)]

    one = epochs()
    assert one[0] != one[1]
    assert epochs(num_workers=2) == one
    assert epochs(seed=1) != one


def test_frames_that_go_together_follow_one_another():
    clips = np.repeat(np.arange(10), 7)
    order = np.array(list(Together(clips, 3, seed=0)))[:, 1]
    assert sorted(order) == list(range(70))
    changes = np.count_nonzero(np.diff(clips[order]))
    assert 18 <= changes <= 29  # thirty groups of up to three; some of a clip meet by chance
    alone = np.array(list(Together(clips, 1, seed=0)))[:, 1]
    assert np.count_nonzero(np.diff(clips[alone])) > 50


def test_one_frame_reads_as_it_does_in_a_batch(root):
    examples = ready(root).examples("train")
    batch = {pair.name: pair.frame for pair in examples.__getitems__([5, 0, 6, 1])}
    for index in (0, 1, 5, 6):
        pair = examples[index]
        assert np.array_equal(batch[pair.name], pair.frame)


def test_no_recording_stands_in_two_splits(root):
    data = ready(root)
    assert [len(data.samples[split]) for split in SPLITS] == [6, 2, 1]
    assert not leaks(data.surveyed.samples)


def test_a_sentence_of_a_training_recording_in_another_split_is_refused(root, monkeypatch):
    data = How2SignFrames(str(root))
    found = data.survey()
    found.samples.append(Sample("planted", "test", "t0", None, found.samples[0].files))
    monkeypatch.setattr(data, "survey", lambda: found)
    with pytest.raises(ValueError, match=r"'t0' .*'t0_0-1-rgb_front' in train, 'planted' in test"):
        data.setup("fit")


def test_what_is_missing_is_counted(tmp_path, capfd):
    write(tmp_path, FLAT)
    (tmp_path / "t0_0-1-rgb_front.mp4").unlink()
    for path in (tmp_path / "t1_0-1-rgb_front").iterdir():
        path.unlink()
    (tmp_path / "t1_0-1-rgb_front").rmdir()
    assert len(ready(tmp_path).samples["train"]) == 4
    told = capfd.readouterr().err
    assert "how2sign_realigned_train.csv: 1 of its sentences have no clip" in told
    assert "1 clips have no folder of *_keypoints.json, such as t1_0-1-rgb_front" in told


def test_keypoints_of_another_clip_are_refused(tmp_path):
    write(tmp_path, FLAT)
    folder = tmp_path / "t3_0-1-rgb_front"
    for path in sorted(folder.iterdir())[5:]:
        path.unlink()
    with pytest.raises(ValueError, match=r"keypoints of 5 frames, but t3_0-1-rgb_front\.mp4 has 12"):
        ready(tmp_path)


def test_a_folder_without_tables_or_without_keypoints_says_what_it_lacks(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no how2sign_realigned_\{train,val,test\}\.csv"):
        How2SignFrames(str(tmp_path)).setup("fit")
    (tmp_path / "how2sign_realigned_val.csv").write_text(HEADER + "v\tv\tv_0\tv_0-1-rgb_front\t0.0\t0.5\tHi.\n")
    frames, _ = clip(0)
    write_video(tmp_path / "v_0-1-rgb_front.mp4", frames, 24)
    with pytest.raises(ValueError, match=r"no clip with OpenPose keypoints .*1 clips have no folder of"):
        How2SignFrames(str(tmp_path)).setup("fit")


def test_an_empty_split_is_said(tmp_path):
    write(tmp_path, FLAT)
    (tmp_path / "how2sign_realigned_val.csv").unlink()
    with pytest.raises(ValueError, match=r"no sample in dev \(6 in train, 0 in dev, 1 in test\)"):
        ready(tmp_path)


def test_the_fingerprint_knows_tables_clips_and_keypoints(tmp_path):
    write(tmp_path, FLAT)
    before = How2SignFrames(str(tmp_path)).fingerprint()
    assert How2SignFrames(str(tmp_path)).fingerprint() == before
    next((tmp_path / "t2_0-1-rgb_front").iterdir()).unlink()
    assert How2SignFrames(str(tmp_path)).fingerprint() != before


class TestSigner:
    """Keypoints of the avatar as a camera sees it, of which all is known."""

    CAMERA = Camera(WIDTH, HEIGHT, 12.0, (43.0, 18.0))

    @pytest.fixture
    def signed(self, tmp_path):
        write(tmp_path, FLAT)
        joints = perform(("HELLO",)).joints
        keypoints = openpose_keypoints(np.resize(joints, (LENGTH, *joints.shape[1:])), self.CAMERA)
        for name in (f"{name}_0-1-rgb_front" for names in NAMES.values() for name in names):
            shutil.rmtree(tmp_path / name)
            write_openpose(tmp_path / name, name, keypoints)
        return ready(tmp_path), keypoints

    def test_poses_are_drawn_where_the_frames_have_their_signer(self, signed):
        framing = signed[0].framing
        assert (framing.width, framing.height, framing.window) == (96, 96, (0, 96, 0, 96))
        assert framing.unit == pytest.approx(24, rel=0.05)  # twice as large as in the clip
        assert framing.neck == (pytest.approx(2 * (43 - 16), abs=0.5), pytest.approx(2 * 18, abs=0.5))

    def test_the_boxes_of_hands_hold_most_of_their_keypoints(self, signed):
        data, keypoints = signed
        for number, boxes in zip((1, 4), data.hands(["t0_0-1-rgb_front/1", "t0_0-1-rgb_front/4"]), strict=True):
            assert len(boxes) == 2
            for (left, top, right, bottom), hand in zip(boxes, HANDS, strict=True):
                x, y, seen = keypoints[number, hand].T
                x, y = 2 * (x - 16), 2 * y
                inside = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
                assert inside[seen > 0].mean() > 0.7

    def test_hands_are_marked_where_openpose_is_sure_of_them(self, signed):
        data, points = signed
        batch = next(iter(data.val_dataloader()))
        assert batch.hands.shape == (len(batch.names), 1, 96, 96)
        for hands, name in zip(batch.hands, batch.names, strict=True):
            hand = points[int(name.rpartition("/")[2]), HANDS[1]]
            x, y, _ = hand[(hand[:, 2] > 0) & (hand[:, 0] > 16) & (hand[:, 0] < 64)].T
            marked = hands[0, (2 * y).astype(int), (2 * (x - 16)).astype(int)]
            assert marked.tolist() == pytest.approx([float(hand[:, 2].mean())] * len(x), abs=0.01)
            assert len(x) > 10
            assert hands.mean() < 0.1

    def test_fr_net_makes_conditions_of_the_frame_and_of_the_pose(self, signed):
        root, fr_net = signed[0].root, FRNet(11, 3.0)
        examples = ready(root, fr_net=fr_net).examples("train")
        for pair in examples.__getitems__([0, 1]):
            assert set(pair.further) == {"paper", "pose-only"}
            assert (pair.further["paper"] == fr_net.of_frame(pair.frame)).all()
            assert 0.01 < (pair.further["pose-only"] < 128).mean() < 0.6
        assert not ready(root).examples("train")[0].further

    def test_poses_are_as_bright_as_openpose_is_sure_where_asked_for(self, signed):
        plain, dim = (ready(signed[0].root, confidence=of).examples("train")[0].condition for of in (False, True))
        assert dim.max() == pytest.approx(0.85 * plain.max(), abs=1)

    def test_training_on_latents_reads_no_video(self, signed, tmp_path, monkeypatch):
        """And sees what training on frames sees: nothing but the frames is made anew."""
        data = ready(signed[0].root, fr_net=FRNet(), caption="signer {signer}")
        expected = {
            pair.name: pair for split in ("train", "dev") for pair in map(data.examples(split).__getitem__, range(4))
        }
        for split in ("train", "dev"):
            examples, described = data.examples(split), data.described(split)
            moments = CachedTensors(tmp_path / split, content_keys([(name, path) for name, _, path in described]), (3,))
            moments.complete(lambda items, of=examples: data.pictures(of, items).mean((2, 3)).numpy(), "means")
            data.serve(split, moments)
        monkeypatch.setattr(frame_reading, "read_square", lambda *_: pytest.fail("read a video"))
        for batch in (*data.train_dataloader(), *data.val_dataloader()):
            assert set(batch.captions) == {"signer 1"}
            for at, name in enumerate(batch.names):
                if name in expected:
                    plain = data.collate([expected.pop(name)])
                    assert torch.equal(batch.conditions[at], plain.conditions[0])
                    assert torch.equal(batch.hands[at], plain.hands[0])
                    assert torch.allclose(batch.moments[at], plain.frames[0].mean((1, 2)), atol=1e-6)
                    for of in ("paper", "pose-only"):
                        assert torch.equal(batch.further[of][at], plain.further[of][0])
        assert not expected

    def test_what_fr_net_leaves_is_kept_for_the_numbers_it_was_made_with(self, signed, tmp_path, monkeypatch):
        def served(constant):
            data = ready(signed[0].root, fr_net=FRNet(constant=constant))
            keys = content_keys([(name, path) for name, _, path in data.described("dev")])
            moments = CachedTensors(tmp_path / "moments", keys, (1,))
            moments.complete(lambda items: np.zeros((len(items), 1), np.float32), "nothing")
            data.serve("dev", moments)
            return data.cached["dev"][0][0].further["paper"]

        first = served(4.0)
        assert (served(-4.0) != first).any()
        monkeypatch.setattr(frame_reading, "read_square", lambda *_: pytest.fail("read a video"))
        assert (served(4.0) == first).all()

    def test_keypoints_without_a_signer_frame_nothing(self, root, monkeypatch):
        monkeypatch.setattr(keypoints, "read_openpose", lambda folder: np.zeros((LENGTH, 137, 3), np.float32))
        data = ready(root)
        assert data.hands(["t0_0-1-rgb_front/1"]) == [[]]
        with pytest.raises(ValueError, match="the keypoints of 6 clips have no shoulders"):
            _ = data.framing


class TestCaptions:
    def test_they_say_who_signs_by_the_number_of_the_sentences_name(self, tmp_path):
        write(tmp_path, FLAT, signer="8")
        data = ready(tmp_path, caption="signer {signer} in the studio")
        assert {text for batch in data.train_dataloader() for text in batch.captions} == {"signer 8 in the studio"}
        assert {text for _, text, _ in data.described("dev")} == {"signer 8 in the studio"}
        assert data.signers == [8]

    def test_those_of_the_twin_count_from_one_as_its_pictures_do(self, tmp_path):
        write(tmp_path, FLAT, signer="0")
        (tmp_path / "twin.json").write_text('{"layout": "how2sign", "size": 6, "seed": 0, "signers": 1}')
        data = ready(tmp_path, caption="signer {signer} in the studio")
        assert {text for _, text, _ in data.described("train")} == {studio_caption(1, None)}
        assert data.signers == [1]

    def test_without_one_there_is_none(self, root):
        assert next(iter(ready(root).train_dataloader())).captions == [""] * 4

    @pytest.mark.parametrize("caption", ["{name} signs", "{signer.real}", "{0}", "{"])
    def test_other_fields_are_refused(self, root, caption):
        with pytest.raises(ValueError, match=r"caption: found .*expected .*{signer}"):
            ready(root, caption=caption)

    def test_a_name_that_does_not_say_who_signs_is_named(self, tmp_path):
        write(tmp_path, FLAT, signer="x")
        assert ready(tmp_path, caption="a signer").signers == []
        with pytest.raises(ValueError, match=r"t0_0-x-rgb_front: no number of a signer .*take \{signer\} out of"):
            ready(tmp_path, caption="signer {signer}")


def test_a_spec_names_the_numbers_of_fr_net(root):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(How2SignFrames, "data")
    made = {"root": str(root), "fr_net": {"block_size": 31, "coloured_hands": True}}
    data = parser.instantiate(parser.parse_object({"data": made})).data
    assert data.fr_net == FRNet(block_size=31, coloured_hands=True)


def test_the_real_clip_lacks_its_keypoints(shared):
    with pytest.raises(ValueError, match=r"1741 of its sentences have no clip"):
        How2SignFrames(str(shared / "data" / "how2sign")).setup("fit")


def test_frames_of_the_real_clip(shared, tmp_path):
    video = next((shared / "data" / "how2sign" / "clips").glob("*.mp4"))
    write_openpose(tmp_path / "json", "x", np.ones((47, 137, 3), np.float32))
    sample = Sample("x", "train", "x", None, (video, tmp_path / "json"))
    examples = Frames([sample], [47], 20, Conditioning(128, FRNet()), ParsedClips())
    batch = How2SignFrames.collate([examples[index] for index in range(len(examples))])
    assert batch.names == ["x/10", "x/30"]
    assert batch.frames.std() > 0.1
    assert not torch.equal(batch.frames[0], batch.frames[1])
    assert 0.1 < (batch.further["paper"] < 0.5).float().mean() < 0.5


def test_an_empty_folder_of_keypoints_counts_as_none(tmp_path, capfd):
    write(tmp_path, OFFICIAL)
    folder = tmp_path / OFFICIAL[2].format("train") / "t0_0-1-rgb_front"
    for path in folder.iterdir():
        path.unlink()
    data = ready(tmp_path)
    assert "1 clips have no folder of *_keypoints.json, such as t0_0-1-rgb_front" in capfd.readouterr().err
    names = {name.split("/")[0] for batch in data.train_dataloader() for name in batch.names}
    assert names == {f"t{number}_0-1-rgb_front" for number in range(1, 6)}


def test_workers_start_where_pictures_were_scaled_before(root):
    cv2.setNumThreads(4)
    cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (500, 500), interpolation=cv2.INTER_AREA)
    loader = ready(root, num_workers=1).train_dataloader()
    loader.timeout = 30
    assert len(list(loader)) == len(loader)


class TestSequences:
    """Of clips of twelve frames, of which a split's loader takes every third."""

    def test_the_middle_of_evenly_spread_sentences_frame_by_frame(self, root):
        names = [batch.names for batch in ready(root).sequences("train", 2, 4)]
        assert names == [[f"{clip}_0-1-rgb_front/{number}" for number in range(4, 8)] for clip in ("t1", "t4")]

    def test_a_frame_is_what_it_is_among_examples(self, root):
        data = ready(root)
        (batch,) = data.sequences("test", 3, 100)
        assert len(batch.names) == LENGTH
        for pair in data.examples("test"):
            place = batch.names.index(pair.name)
            alone = data.collate([pair])
            assert torch.equal(batch.frames[place], alone.frames[0])
            assert torch.equal(batch.conditions[place], alone.conditions[0])

    def test_a_single_frame_is_no_sequence(self, root):
        assert not list(ready(root).sequences("train", 2, 1))


def test_a_test_reads_the_frames_of_another_root(root, tmp_path):
    """All of its splits, its own sentences in captions and counts; what training sees stays as it was."""
    write(tmp_path, FLAT, signer="7")
    for frame in sorted((tmp_path / "t0_0-7-rgb_front").iterdir())[-2:]:
        frame.unlink()
    settings = {"image_size": 96, "every": 1, "caption": "signer {signer}"}
    data, other = (How2SignFrames(str(folder), **settings) for folder in (root, tmp_path))
    fingerprint = data.fingerprint()
    data.test_on(other)
    data.setup("test")
    batches = list(data.test_dataloader())
    found = Counter(name.partition("_0-7-")[0] for batch in batches for name in batch.names)
    assert found == {name: LENGTH - 2 * (name == "t0") for names in NAMES.values() for name in names}
    assert {caption for batch in batches for caption in batch.captions} == {"signer 7"}
    assert len(data.hands(batches[0].names)) == len(batches[0].names)
    (sequence,) = data.sequences("test", 1, 5)
    assert len(sequence.names) == 5
    assert len(data.examples("train")) == LENGTH * len(NAMES["train"])
    assert data.signers == [1]
    assert data.fingerprint() == fingerprint
