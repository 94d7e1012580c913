"""WLASL: its two kinds of index, splits that do not leak, frames of clips, and skeleton frames with prompts."""

import json

import cv2
import numpy as np
import pytest
import torch
from avatar_skeletons import performances
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from datamodules.media.clip_frames import evenly, frame_count, read_square
from datamodules.media.images import read_image
from datamodules.media.skeleton_frames import draw_skeletons
from datamodules.media.video import write_video
from datamodules.samples import SPLITS, Sample
from datamodules.splits import leaks
from datamodules.twins import Twin, ensure_twin, wlasl
from datamodules.wlasl.clips import WLASL, survey
from datamodules.wlasl.index import Instance, read_index
from datamodules.wlasl.skeletons import FEW, WLASLSkeletons, signing
from datamodules.wlasl.survey import frame_range, source_video

GLOSSES = ("book", "come here", "drink")


def entry(gloss, number, **changes):
    return {
        "bbox": [0, 0, 48, 32],
        "fps": 25,
        "frame_start": 1,
        "frame_end": -1,
        "instance_id": number,
        "signer_id": number // 2 % 7,
        "source": "test",
        "split": ("train", "train", "val", "test")[number % 4],
        "url": f"http://videos/{gloss}/{number // 2}",  # two clips of each source video
        "variation_id": 0,
        "video_id": f"{GLOSSES.index(gloss)}{number:04d}",
        **changes,
    }


def write_index(root, name="WLASL_v0.3.json", **changes):
    content = [{"gloss": g, "instances": [entry(g, n, **changes) for n in range(20)]} for g in GLOSSES]
    (root / name).write_text(json.dumps(content))


@pytest.fixture
def root(tmp_path):
    """Sixty clips of ten frames; the brightness of a frame is its number, its hue the gloss."""
    write_index(tmp_path)
    for number in range(len(GLOSSES)):
        frames = np.zeros((10, 32, 48, 3), np.uint8)
        frames[..., number] = 20 * np.arange(10)[:, None, None]
        write_video(tmp_path / "videos" / f"{number}0000.mp4", frames, 25, crf=0)
        for clip in range(1, 20):
            (tmp_path / "videos" / f"{number}{clip:04d}.mp4").hardlink_to(tmp_path / "videos" / f"{number}0000.mp4")
    return tmp_path


def ready(root, **settings):
    data = WLASL(str(root), **{"frames": 5, "image_size": 16, "batch_size": 4, **settings})
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_a_batch_holds_frames_spread_over_the_clip(root):
    data = ready(root)
    batch = next(iter(data.train_dataloader()))
    assert batch.frames.shape == (4, 5, 3, 16, 16)
    assert data.glosses == list(GLOSSES)
    for clip, label, name in zip(batch.frames, batch.labels.tolist(), batch.names, strict=True):
        assert name.startswith(str(label))
        channel = (clip[:, label].mean((1, 2)) + 1) * 127.5
        assert channel.tolist() == pytest.approx([20, 60, 100, 140, 180], abs=6)


def test_clips_of_another_folder_are_cut_as_its_own_index_says_though_ids_are_the_same(root, tmp_path_factory):
    data, elsewhere = ready(root), tmp_path_factory.mktemp("other")
    write_index(elsewhere, frame_start=1, frame_end=5)
    for name in ("00000", "00001", "00002", "00004"):
        (elsewhere / "videos").mkdir(exist_ok=True)
        (elsewhere / "videos" / f"{name}.mp4").hardlink_to(root / "videos" / f"{name}.mp4")
    data.test_on(WLASL(str(elsewhere), frames=5, image_size=16, split="official"))
    read = [data.examples(split)[0][2][..., 0].mean((1, 2)).tolist() for split in ("test", "train")]
    assert len(data.samples["test"]) == 4
    assert read[0] == pytest.approx([0, 20, 40, 60, 80], abs=6)
    assert read[1] == pytest.approx([20, 60, 100, 140, 180], abs=6)


@pytest.mark.parametrize("split", ["source", "signer", "official"])
def test_splits_share_no_source(root, split):
    data = ready(root, split=split)
    instances = data.instances
    assert sum(map(len, data.samples.values())) == 60
    assert not leaks(data.surveyed.samples)
    of = {part: [instances[sample.name] for sample in data.samples[part]] for part in SPLITS}
    urls = [{clip.url for clip in of[part]} for part in SPLITS]
    signers = [{clip.signer for clip in of[part]} for part in SPLITS]
    assert all(urls)
    if split != "official":
        assert sum(map(len, urls)) == len(set.union(*urls))
    if split == "signer":
        assert sum(map(len, signers)) == len(set.union(*signers))


def test_a_clip_of_a_training_video_in_another_split_is_refused(root, monkeypatch):
    found = survey(root)
    train = next(sample for sample in found.samples if sample.split == "train")
    found.samples.append(Sample("planted", "test", train.source, train.label, train.files))
    monkeypatch.setattr("datamodules.wlasl.clips.survey", lambda *_: found)
    with pytest.raises(ValueError, match=r"'http://videos/.*'planted' in test"):
        ready(root)


def test_a_signer_whose_video_shows_another_one_brings_that_one_along(root):
    write_index(root, url="http://videos/one")
    with pytest.raises(ValueError, match=r"no sample in dev \(60 in train, 0 in dev, 0 in test\)"):
        ready(root, split="signer")


@pytest.mark.parametrize(
    "address",
    [
        "https://youtu.be/A5pKgtt-d5E",
        "http://www.youtube.com/watch?v=A5pKgtt-d5E&t=12",
        "https://www.youtube.com/watch?feature=youtu.be&v=A5pKgtt-d5E",
        "https://www.youtube.com/embed/A5pKgtt-d5E?start=3",
    ],
)
def test_a_video_is_one_source_whatever_form_its_address_has(address):
    assert source_video(address) == "https://www.youtube.com/watch?v=A5pKgtt-d5E"
    assert (
        source_video("http://aslbricks.org/New/ASL-Videos/book.mp4") == "http://aslbricks.org/New/ASL-Videos/book.mp4"
    )


def test_links_that_lead_nowhere_are_missing_clips(root):
    (root / "videos" / "00000.mp4").unlink()
    (root / "videos" / "00000.mp4").symlink_to(root / "gone.mp4")
    found = survey(root)
    assert "00000" not in {sample.name for sample in found.samples}
    assert [(f.kind, f.message.split(":")[0]) for f in found.findings] == [
        ("missing", "1 of the 60 clips that WLASL_v0.3.json names are not there")
    ]


def test_official_splits_leak_and_say_so(root):
    findings = survey(root, split="official").findings
    assert [finding.kind for finding in findings] == ["leak"]
    assert "30 clips of 15 source videos stand in more than one official split" in findings[0].message


def test_missing_clips_are_counted_in_one_line_and_change_no_split(root, capfd):
    before = {sample.name: sample.split for sample in survey(root).samples}
    for name in ("00003", "10005", "20001"):
        (root / "videos" / f"{name}.mp4").unlink()
    (root / "videos" / "00004.mp4").unlink()
    (root / "videos" / "00004.mp4").touch()
    (root / "videos" / "99999.mp4").write_bytes(b"?")
    found = survey(root)
    assert {sample.name: sample.split for sample in found.samples}.items() <= before.items()
    assert len(found.samples) == 56
    assert {(finding.kind, finding.severity) for finding in found.findings} == {
        ("missing", "warning"),
        ("unreadable", "warning"),
        ("unlisted", "warning"),
    }
    ready(root)
    assert "4 of the 60 clips that WLASL_v0.3.json names are not there" in capfd.readouterr().err


def test_glosses_are_chosen_by_number_or_by_name(root):
    assert ready(root, glosses=2).glosses == ["book", "come here"]
    data = ready(root, glosses=["drink"])
    assert {sample.label for samples in data.samples.values() for sample in samples} == {"drink"}
    assert next(iter(data.train_dataloader())).labels.tolist() == [0] * 4
    with pytest.raises(ValueError, match=r"'drinks' is not in .*; did you mean 'drink'"):
        ready(root, glosses=["drinks"])
    with pytest.raises(ValueError, match=r"glosses: found 4, expected 1 to the 3"):
        ready(root, glosses=4)


def test_an_nslt_index_has_its_glosses_beside_it_and_no_sources(root):
    subsets = {
        f"{g}{n:04d}": {"subset": ("train", "val", "test")[n % 3], "action": [g, 1, 10]}
        for g in range(3)
        for n in range(20)
    }
    (root / "nslt_3.json").write_text(json.dumps(subsets))
    with pytest.raises(FileNotFoundError, match=r"wlasl_class_list\.txt: missing"):
        ready(root, index="nslt_3.json")
    lines = "".join(f"{n}\t{gloss}\r\n" for n, gloss in enumerate(GLOSSES))
    (root / "wlasl_class_list.txt").write_bytes(lines.encode("utf-8-sig"))  # as Windows' editors save it
    data = ready(root, index="nslt_3.json", split="official")
    assert {sample.label for sample in data.samples["dev"]} == set(GLOSSES)
    with pytest.raises(ValueError, match="does not tell which clips share a source video"):
        ready(root, index="nslt_3.json")


def write_nslt(root, numbers):
    """An nslt index of classes in this order, as the published ones are in none; a class's gloss is "gloss 7"."""
    clips = {f"{k:05d}": {"subset": "train", "action": [number, 1, 10]} for k, number in enumerate(numbers)}
    (root / "nslt_9.json").write_text(json.dumps(clips))
    (root / "wlasl_class_list.txt").write_text("".join(f"{n}\tgloss {n}\n" for n in range(9)))


def test_so_many_glosses_are_the_first_classes_wherever_their_clips_stand(tmp_path):
    write_nslt(tmp_path, [7, 2, 0, 8, 1, 2, 5])

    def chosen(wanted):
        return WLASL(str(tmp_path), index="nslt_9.json", split="official", glosses=wanted).glosses

    assert chosen(3) == ["gloss 0", "gloss 1", "gloss 2"]
    assert chosen(None) == [f"gloss {n}" for n in (0, 1, 2, 5, 7, 8)]
    assert chosen(["gloss 7", "gloss 0"]) == ["gloss 7", "gloss 0"]
    with pytest.raises(ValueError, match=r"glosses: 4 are the classes 0 to 3 .* no clip of 1 of them, the first is 3"):
        chosen(4)
    with pytest.raises(ValueError, match=r"glosses: found no gloss"):
        chosen([])
    with pytest.raises(ValueError, match=r"'gloss 7' stands there 2 times"):
        chosen(["gloss 7", "gloss 7"])


def test_a_gloss_of_two_numbers_is_refused(root):
    (root / "nslt_3.json").write_text(json.dumps({"00000": {"subset": "train", "action": [2, 1, 10]}}))
    (root / "wlasl_class_list.txt").write_text("0\tbook\n1\tdrink\n2\tbook\n")
    with pytest.raises(ValueError, match=r"line 3: found '2.tbook', expected a gloss other than that of 0"):
        read_index(root / "nslt_3.json")


def test_a_filter_that_leaves_nothing_says_so(root):
    for path in (root / "videos").glob("[01]*.mp4"):
        path.unlink()
    with pytest.raises(ValueError, match=r"no sample in train \(0 in train.*glosses leaves none .*'book'; .*'drink'"):
        ready(root, glosses=1)
    assert len(ready(root, glosses=3).surveyed.samples) == 20


@pytest.mark.parametrize("count", [100, 300, 1000, 2000])
def test_wlasl100_to_wlasl2000_are_their_published_classes(shared, count):
    meta = shared / "data" / "wlasl" / "meta"
    listed = [line.split("\t")[1].strip() for line in (meta / "wlasl_class_list.txt").read_text().splitlines()]
    for index in ("nslt_2000.json", "WLASL_v0.3.json"):
        data = WLASL(str(meta.parent), index=f"meta/{index}", split="official", glosses=count)
        assert len(data.glosses) == count
        if index.startswith("nslt"):
            assert data.glosses == listed[:count]
    if count == 100:
        of_100 = {clip.gloss for clip in read_index(meta / "nslt_100.json")}
        assert set(listed[:count]) == of_100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"video_id": "../../etc/passwd"},
            r"\[0\]\.instances\[0\]\.video_id: found '../../etc/passwd', expected an id",
        ),
        ({"split": ["train"]}, r"\.split: found \['train'\], expected train or val or test"),
        ({"frame_start": "1"}, r"\.frame_start: found '1', expected a whole number"),
        ({"signer_id": 1.5}, r"\.signer_id: found 1\.5, expected a whole number"),
        ({"url": None}, r"\.url: found None, expected a text"),
    ],
)
def test_a_broken_entry_is_named(root, change, message):
    write_index(root, **change)
    with pytest.raises(ValueError, match=message):
        read_index(root / "WLASL_v0.3.json")


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "3", '[{"gloss": "a"}]', '{"a": []}', '[{"gloss": 1, "instances": []}]']
)
def test_a_broken_index_is_one_error(tmp_path, content):
    (tmp_path / "wlasl_class_list.txt").write_text("0\tbook\n")
    (tmp_path / "index.json").write_text(content)
    with pytest.raises(ValueError, match=r"index\.json"):
        read_index(tmp_path / "index.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["gloss", "instances", "video_id", "split", "url", "action", "subset"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_an_index_or_one_error(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / "wlasl_class_list.txt").write_text("0\tbook\n")
    (folder / "any.json").write_text(json.dumps(content))
    message = "any.json"
    try:
        assert isinstance(read_index(folder / "any.json"), list)
    except ValueError as error:
        message = str(error)
    assert "any.json" in message


@pytest.mark.parametrize(
    ("start", "end", "frames", "fps", "expected"),
    [
        (1, -1, 60, 30, (0, 60)),
        (1, 70, 137, 50, (0, 137)),  # 40313: 50 frames a second, the index counts 25
        (2150, 2249, 100, 25, (0, 100)),  # 70212: cut already
        (2150, 2249, 5000, 25, (2149, 2249)),  # the source video itself
        (26, 50, 300, 50, (50, 100)),
        (26, -1, 300, 25, (0, 300)),  # no telling how long the source video is
        (5, 900, 100, 25, (0, 100)),  # beyond the file
    ],
)
def test_a_range_applies_to_the_source_video_and_not_to_a_clip_that_is_cut_to_it(start, end, frames, fps, expected):
    assert frame_range(Instance("1", "book", "train", start, end), frames, fps) == expected


@given(st.integers(1, 40), st.integers(1, 200))
def test_frames_are_spread_evenly_and_in_order(count, total):
    numbers = evenly(count, total)
    assert len(numbers) == count
    assert numbers == sorted(numbers)
    assert 0 <= numbers[0] <= numbers[-1] < total
    if count <= total:
        assert len(set(numbers)) == count


def test_frames_past_the_end_are_the_last_and_no_video_is_one_error(root):
    path = root / "videos" / "00000.mp4"
    assert frame_count(path) == (10, 25)
    squares = read_square(path, [3, 3, 9, 50], 16)
    assert np.array_equal(squares[0], squares[1])
    assert np.array_equal(squares[2], squares[3])
    (root / "no.mp4").write_bytes(b"no video")
    for read in (frame_count, lambda path: read_square(path, [0], 16)):
        with pytest.raises(ValueError, match=r"no\.mp4: 8 bytes that are no whole video"):
            read(root / "no.mp4")
        with pytest.raises(FileNotFoundError):
            read(root / "none.mp4")


def write_skeletons(root, names):
    for name in names:
        folder = root / "landmarks" / "skeletons" / name
        folder.mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(folder / f"{number:05d}.png"), np.full((64, 64, 3), 100 * number, np.uint8))


def test_skeleton_frames_come_with_their_prompts_and_glosses_split_by_source_video(root):
    names = [f"{gloss}{number:04d}" for gloss in range(3) for number in range(18)]
    write_skeletons(root, names)
    data = WLASLSkeletons(str(root), image_size=32, batch_size=6)
    data.prepare_data()
    assert data.fingerprint() == data.fingerprint()
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert sum(len(batch.names) for batch in batches) == 3 * len(data.samples["train"])
    assert sum(map(len, data.samples.values())) == len(names)
    assert not leaks(data.surveyed.samples)
    batch = batches[0]
    assert batch.images.shape == (6, 3, 32, 32)
    for pixels, prompt, label, name in zip(batch.images, batch.captions, batch.labels, batch.names, strict=True):
        clip, number = name.split("/")
        assert prompt == f"ASL sign for '{GLOSSES[int(clip[0])]}'"
        assert label == int(clip[0])
        assert torch.allclose(pixels, torch.tensor(100 * int(number) / 127.5 - 1), atol=0.01)


@pytest.fixture
def drawn(skeletons):
    return WLASLSkeletons(str(skeletons), split="official", image_size=64)


def test_a_twin_of_skeletons_is_what_is_drawn_of_the_true_joints(drawn):
    assert drawn.classes == ("hello", "please", "stop", "yes")
    assert not (drawn.root / "videos").exists()
    actions = json.loads((drawn.root / "nslt_4.json").read_text())
    for clip, whole in performances():
        assert whole.glosses == [drawn.classes[clip.gloss].upper()]
        files = sorted((drawn.skeletons / clip.name).iterdir())
        assert [path.name for path in files] == [f"{number:05d}.png" for number in range(len(whole.joints))]
        assert actions[clip.name] == {"subset": clip.split, "action": [clip.gloss, 1, len(files)]}
    camera, _ = wlasl.studio(clip.signer)
    (expected,) = draw_skeletons(wlasl.seen_pose(whole, camera, [20]))
    assert np.array_equal(read_image(files[20]), expected)


def test_frames_at_rest_are_nobodys_sign():
    kept, strokes = [], 0
    for _, whole in performances():
        shown = signing(len(whole.truth))
        phases = whole.truth["phase"]
        kept += phases[shown.start : shown.stop].tolist()
        strokes += (phases == "stroke").sum()
    assert "rest" not in kept
    assert kept.count("stroke") == strokes
    assert kept.count("transition") < len(kept) / 3


def test_validation_and_test_read_few_frames_of_a_clip(drawn):
    train, dev, test = ([name for name, *_ in drawn.examples(split)] for split in SPLITS)
    shown = {clip.name: signing(len(whole.joints)) for clip, whole in performances()}
    assert train == [f"{one.name}/{frame}" for one in drawn.samples["train"] for frame in shown[one.name]]
    assert len(set(dev)) == len(set(test)) == 4 * FEW
    names, captions, files = zip(*drawn.described("dev"), strict=True)
    assert list(names) == dev
    assert set(captions) == {f"ASL sign for '{gloss}'" for gloss in drawn.classes}
    assert [f"{path.parent.name}/{int(path.stem)}" for path in files] == dev
    for name in (*dev, *test):
        clip, _, frame = name.partition("/")
        assert int(frame) in shown[clip]


@given(st.integers(1, 500))
def test_every_clip_has_a_frame_that_shows_its_sign(frames):
    shown = signing(frames)
    assert 0.4 * frames <= len(shown) <= 0.4 * frames + 2
    assert shown.start == frames - shown.stop


def test_skeleton_frames_are_pictures_with_captions_and_with_classes(drawn):
    assert isinstance(drawn, CaptionedPictures)
    assert isinstance(drawn, LabelledPictures)
    assert drawn.image_size == 64
    drawn.setup("fit")
    batch = next(iter(drawn.val_dataloader()))
    assert isinstance(batch, CaptionedBatch)
    assert isinstance(batch, LabelledBatch)
    assert batch.captions == [f"ASL sign for '{drawn.classes[label]}'" for label in batch.labels]
    assert (batch.images.amax((1, 2, 3)) > 0.9).all()  # lines as bright as in frames of 512 pixels


def test_a_twin_of_clips_is_written_anew_for_skeletons(tmp_path, monkeypatch):
    monkeypatch.setattr(wlasl, "write", lambda root, twin: (root / "clips").touch())
    data = WLASLSkeletons(str(tmp_path / "twin"), twin=Twin(1, signers=1))
    ensure_twin("wlasl", data.root, data.twin)
    data.prepare_data()
    stamp = (data.root / "twin.json").stat().st_mtime_ns
    assert data.skeletons.is_dir()
    data.prepare_data()
    assert (data.root / "twin.json").stat().st_mtime_ns == stamp


def test_a_skeleton_of_a_training_video_in_another_split_is_refused(root, monkeypatch):
    write_skeletons(root, ["00000", "00001"])
    data = WLASLSkeletons(str(root))
    found = data.survey()
    found.samples.append(
        Sample("planted", "test" if found.samples[0].split == "train" else "train", found.samples[0].source, "book", ())
    )
    monkeypatch.setattr(data, "survey", lambda: found)
    with pytest.raises(ValueError, match=r"more than one split: .*planted"):
        data.setup("fit")


def test_skeletons_that_nobody_made_are_asked_for(root):
    with pytest.raises(FileNotFoundError, match=rf"zoo data landmarks {root} {root}/.* --skeletons"):
        WLASLSkeletons(str(root)).setup("fit")


@pytest.mark.parametrize("name", ["asl300.json", "WLASL_v0.3.json"])
@pytest.mark.parametrize("split", ["source", "signer"])
def test_real_indexes_split_without_a_leak(shared, name, split):
    data = WLASL(str(shared / "data" / "wlasl"), index=f"meta/{name}", split=split)
    samples = data.survey().samples
    assert not leaks(samples)
    assert samples


def test_real_clips(shared):
    data = WLASL(
        str(shared / "data" / "wlasl"),
        index="meta/nslt_2000.json",
        split="official",
        frames=4,
        image_size=64,
        batch_size=17,
    )
    data.setup("fit")
    assert {split: len(samples) for split, samples in data.samples.items()} == {"train": 42, "dev": 20, "test": 6}
    seen = []
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            assert batch.frames.abs().max() <= 1
            assert (batch.frames.std((1, 2, 3, 4)) > 0.1).all()
            seen += batch.names
    assert len(set(seen)) == 68
