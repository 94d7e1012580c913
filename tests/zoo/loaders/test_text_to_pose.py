"""The starter that ships with the package: what a user gets from `zoo.load("asl-slp")` right after the install."""

import re
from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
from pose_format import Pose
from pose_scores import scores

import zoo
from datamodules.avatar.perform import perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.how2sign.files import read_table
from datamodules.media.video import read_video
from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import read_pose, read_skels
from datamodules.poses.skeletons import LEFT_HAND, RIGHT_HAND
from lightning_modules.evaluation.baselines import baselines
from lightning_modules.networks.text_to_pose.decoding import decode, decode_whole_prefix
from zoo.artefacts.artefact import starter_folder
from zoo.loaders.text_to_pose.text_to_pose import MAX_FRAMES, TextToPose, captions


@pytest.fixture(scope="module")
def starter() -> TextToPose:
    return zoo.load("asl-slp")


def avatar(glosses: tuple[str, ...]) -> np.ndarray:
    """The truth: what the starter's signer does for a sentence, at the starter's 12.5 frames a second."""
    return perform(glosses).joints[::2]


def test_it_fits_into_the_package_and_holds_no_pickle():
    folder = starter_folder("asl-slp")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    assert sum(files.values()) <= 8 * 2**20
    assert set(files) == {
        "README.md",
        "spec.yaml",
        "provenance.json",
        "results.json",
        "config.json",
        "tokens.json",
        "model.safetensors",
        "plots/length.png",
        "samples/preview.mp4",
        "plots/samples.png",
    }


def test_a_sentence_becomes_a_pose(starter):
    pose = starter.translate("What is your name?")
    assert isinstance(pose, Pose)
    assert pose.body.fps == 12.5
    assert to_joints(pose).shape[1:] == (50, 3)
    assert np.isfinite(to_joints(pose)).all()


def test_characters_that_nothing_stands_for_are_named(starter, capsys):
    starter.translate(["Wie heißt du?", "Straße, 你好, Ana"])
    assert capsys.readouterr().err == "zoo: no letter is known for ß 你 好; its place says nothing\n"
    starter.translate("Hello, José!")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", [3, None, [3]])
def test_what_is_no_text_is_refused(starter, text):
    with pytest.raises(ValueError, match="expected a text or a list of texts"):
        starter.translate(text)


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


def test_names_that_were_never_seen_are_spelled(starter):
    """Among the avatar's spellings of words as long, the right one is nearest to what the hand does, from its wrist."""
    unseen = (
        ("Byrn", "Kura", "Rolf", "Zedd"),
        ("Blorf", "Gwynj", "Rowan", "Tadeo", "Vivek"),
        ("Bashir", "Jensen", "Moritz", "Quorla", "Wyclif"),
    )
    seen = set(re.findall(r"\w+", (files("datamodules.avatar.phonology") / "grammar.yaml").read_text(encoding="utf-8")))
    wrong = []
    for names in unseen:
        assert not seen & set(names)
        spelled = {name: hands(avatar(("MY", "NAME", f"#{name.upper()}"))) for name in names}
        for name in names:
            signed = hands(to_joints(starter.translate(f"My name is {name}.")))
            nearest = min(names, key=lambda other: scores([signed], [spelled[other]])["dtw_p"])
            if nearest != name:
                wrong.append(f"{name} as {nearest}")
    assert not wrong


def hands(joints):
    """Joints whose hands are seen from their wrists, and of which nothing else is left."""
    apart = np.zeros_like(joints)
    for hand in (LEFT_HAND, RIGHT_HAND):
        apart[:, hand] = joints[:, hand] - joints[:, hand.start : hand.start + 1]
    return apart


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
    table = read_table(shared / "data" / "how2sign" / "how2sign_realigned_val.csv")
    texts = [sentence.text for sentence in table.values()][::25]
    for text, pose in zip(texts, starter.translate(texts), strict=True):
        frames = len(pose.body.data)
        assert len(text.split()) < frames < MAX_FRAMES
        assert np.isfinite(to_joints(pose)).all()


def test_the_suffix_says_what_is_written(starter, tmp_path):
    outputs = [tmp_path / f"hello.{suffix}" for suffix in ("pose", "skels", "mp4", "png")]
    assert starter.run("Hello, Bob.", outputs) == outputs
    assert cv2.imread(str(tmp_path / "hello.png")) is not None
    joints = to_joints(read_pose(tmp_path / "hello.pose"))
    np.testing.assert_allclose(read_skels(tmp_path / "hello.skels")[0], joints, atol=1e-4)
    frames, fps = read_video(tmp_path / "hello.mp4")
    assert fps == pytest.approx(12.5)
    assert len(list(frames)) == len(joints)


def test_the_caption_follows_the_letters(starter):
    text = "My name is Bob."
    with torch.inference_mode():
        durations = starter.network.encode(torch.tensor([starter.tokenizer.encode(text)])).durations[0].numpy()
    all_frames = captions(starter.tokenizer.split_words(text), durations, 60)
    shown = [caption for caption, before in zip(all_frames, ["", *all_frames], strict=False) if caption != before]
    spelled = [caption.strip(".").split()[-1] for caption in shown if re.search(r"\[[BO]\]", caption)]
    assert spelled == ["[B]OB", "B[O]B", "BO[B]"]
