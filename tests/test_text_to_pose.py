"""The starter that ships with the package: what a user gets from `zoo.load("asl-slp")` right after the install."""

import numpy as np
import pytest
import torch
from pose_format import Pose

import zoo
from datamodules.avatar.grammar import sentences
from datamodules.avatar.perform import perform
from datamodules.formats import read_pose, read_skels
from datamodules.how2sign import read_sentences
from datamodules.poses import to_joints
from datamodules.video import read_video
from lightning_modules.metrics.pose import baselines, scores
from lightning_modules.networks.decoding import decode, decode_whole_prefix
from zoo.artefact import starter_folder
from zoo.loaders.text_to_pose import MAX_FRAMES, TextToPose


@pytest.fixture(scope="module")
def starter() -> TextToPose:
    return zoo.load("asl-slp")


def avatar(glosses: tuple[str, ...]) -> np.ndarray:
    """The truth: what the starter's signer does for a sentence, at the starter's 12.5 frames a second."""
    return perform(glosses).joints[::2]


def test_it_fits_into_the_package_and_holds_no_pickle():
    files = {path.name: path.stat().st_size for path in starter_folder("asl-slp").iterdir()}
    assert sum(files.values()) <= 8 * 2**20
    assert set(files) == {
        "README.md",
        "spec.yaml",
        "provenance.json",
        "results.json",
        "config.json",
        "tokens.json",
        "model.safetensors",
    }


def test_a_sentence_becomes_a_pose(starter):
    pose = starter.translate("What is your name?")
    assert isinstance(pose, Pose)
    assert pose.body.fps == 12.5
    assert to_joints(pose).shape[1:] == (50, 3)
    assert np.isfinite(to_joints(pose)).all()


def test_a_list_becomes_a_list_in_its_order_and_like_one_by_one(starter):
    texts = ["What is your name?", "Hello.", "My name is Quentin.", "Where is the bathroom?"]
    together = [to_joints(pose) for pose in starter.translate(texts)]
    for text, joints in zip(texts, together, strict=True):
        np.testing.assert_allclose(to_joints(starter.translate(text)), joints, atol=1e-4)
    assert starter.translate([]) == []


def test_unseen_sentences_come_closer_to_the_truth_than_every_baseline_without_understanding(starter):
    held_out, seen = sentences("test", 40, seed=7), sentences("train", 200, seed=7)
    truth = [avatar(sentence.glosses) for sentence in held_out]
    signed = [to_joints(pose) for pose in starter.translate([sentence.text for sentence in held_out])]
    guesses = baselines(
        truth,
        [sentence.text for sentence in held_out],
        [avatar(sentence.glosses) for sentence in seen],
        [sentence.text for sentence in seen],
    )
    ours = scores(signed, truth)
    for name in ("mean_pose", "frozen_pose", "other_reference"):
        theirs = scores(guesses[name], truth)
        assert ours["dtw_p"] < theirs["dtw_p"]
        assert ours["dtw_pt"] < theirs["dtw_pt"]
    assert 0.75 < ours["total_distance"] < 1.25
    close = [abs(len(ours) / len(theirs) - 1) <= 0.25 for ours, theirs in zip(signed, truth, strict=True)]
    assert np.mean(close) >= 0.9


@pytest.mark.parametrize("name", ["Vivek", "Blorf", "Zoë", "Wyclif"])
def test_a_name_that_was_never_seen_is_spelled(starter, name):
    """The hand passes nearer to the avatar's spelling of it than to that of another word as long."""
    signed = to_joints(starter.translate(f"My name is {name}."))
    bare = name.replace("ë", "e").upper()
    right, wrong = (avatar(("MY", "NAME", f"#{word}")) for word in (bare, bare[::-1]))
    assert scores([signed], [right])["dtw_p"] < scores([signed], [wrong])["dtw_p"]


def test_trained_weights_decode_alike_with_and_without_the_cache(starter):
    tokens = torch.tensor([starter.tokenizer.encode("Hello, my name is Anna.")])
    (cached,) = decode(starter.network, tokens, frames=torch.tensor([60]))
    torch.testing.assert_close(cached, decode_whole_prefix(starter.network, tokens, 60), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to sign in ''"),
        (" ?!", "nothing to sign"),
        ("word " * 10_000, r"text of \d+ tokens starting 'word word .*at most 1000 at once"),
    ],
)
def test_text_that_cannot_be_signed_is_refused(starter, text, message):
    with pytest.raises(ValueError, match=message):
        starter.translate(text)


def test_real_sentences_never_come_out_empty_or_endless(starter, shared):
    texts = list(read_sentences(shared / "data" / "how2sign" / "how2sign_realigned_val.csv").values())[::25]
    for text, pose in zip(texts, starter.translate(texts), strict=True):
        frames = len(pose.body.data)
        assert len(text.split()) < frames < MAX_FRAMES
        assert np.isfinite(to_joints(pose)).all()


def test_the_suffix_says_what_is_written(starter, tmp_path):
    for suffix in ("pose", "skels", "mp4", "png"):
        assert starter.run("Hello, Bob.", tmp_path / f"hello.{suffix}") == [tmp_path / f"hello.{suffix}"]
    joints = to_joints(read_pose(tmp_path / "hello.pose"))
    np.testing.assert_allclose(read_skels(tmp_path / "hello.skels")[0], joints, atol=1e-4)
    frames, fps = read_video(tmp_path / "hello.mp4")
    assert fps == pytest.approx(12.5)
    assert len(list(frames)) == len(joints)
    with pytest.raises(ValueError, match=r"cannot write \.gif; use \.pose, \.skels, \.mp4, \.png"):
        starter.run("Hello.", tmp_path / "hello.gif")


def test_the_caption_follows_the_letters(starter):
    captions = starter._captions("My name is Bob.", 60)
    shown = [caption for caption, before in zip(captions, ["", *captions], strict=False) if caption != before]
    spelled = [caption.strip(".").split()[-1] for caption in shown if "B[" in caption or "[B]" in caption]
    assert spelled == ["[B]OB", "B[O]B", "BO[B]"]
