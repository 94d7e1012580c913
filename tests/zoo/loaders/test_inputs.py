"""Every verb that takes a text, a picture or joints says in one line what it expects, whatever else it is given."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_diffusion import tiny_controlnet, tiny_lora, tiny_pipeline, tiny_signer

import zoo
from zoo.pipelines.rule_based import AvatarHand, AvatarSigner

open_model = cache(zoo.load)
PICTURE = np.zeros((8, 8, 3), np.uint8)
NO_TEXT = [None, 3, 2.5, True, b"hello", Path("hello"), {"text": "hello"}, object(), PICTURE]
SPELLERS = ["letter-vae", "letter-gan", "letter-ddpm"]
PIPELINES = ["text-to-video", "fingerspell", "round-trip", "gloss-video"]
OUTPUTS = {
    **dict.fromkeys(SPELLERS, ".png"),
    "asl-slp": ".pose",
    "back-translation": ".txt",
    "gloss-classifier": ".json",
    "gloss-landmarks": ".json",
    "letter-judge": ".json",
    "text-to-video": ".mp4",
    "fingerspell": ".mp4",
    "gloss-video": ".mp4",
    "round-trip": ".json",
    "live-gloss": ".json",
    "fused-gloss": ".json",
}
"""What `run` of each writes."""


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    """The one line that a call is refused with."""
    with pytest.raises(ValueError, match="expected") as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    return str(error.value)


def verb(name: str) -> Callable[..., Any]:
    model = open_model(name)
    return getattr(model, model.verb)


@pytest.mark.parametrize("name", [*SPELLERS, "asl-slp", *PIPELINES])
def test_what_is_no_text_is_refused_by_its_type(name: str) -> None:
    for wrong in NO_TEXT:
        assert f"found {type(wrong).__name__}" in refusal(verb(name), wrong)


@pytest.mark.parametrize("name", [*SPELLERS, "text-to-video", "fingerspell", "round-trip"])
def test_a_list_is_taken_for_no_text(name: str) -> None:
    """Not even for one of the letters that its parts are."""
    for wrong in (["A", "B"], ("A",), []):
        assert f"found {type(wrong).__name__}, expected a text" in refusal(verb(name), wrong)


@pytest.mark.parametrize("name", ["letter-vae", "letter-ddpm"])
def test_every_way_of_drawing_letters_refuses_alike(name: str) -> None:
    model = open_model(name)
    for wrong in (*NO_TEXT, ["A"]):
        assert len({refusal(call, wrong) for call in (model.sample, model.spell, model.stream)}) == 1
    for fps in (None, "25", True, 0, float("nan")):
        assert f"fps: found {fps!r}" in refusal(model.stream, "A", fps)


def test_lists_hold_texts() -> None:
    for wrong in (["Hello.", 3], [None], [["Hello."]]):
        assert "expected a text or a list of texts" in refusal(verb("asl-slp"), wrong)
        assert "found list, expected glosses" in refusal(verb("gloss-video"), wrong)


@pytest.mark.parametrize("wrong", [None, 3, b"a.png", {}, [PICTURE], [[1], [2, 3]], torch.zeros(8, 8, 3), "A".__len__])
def test_what_is_no_picture_is_refused(wrong: object) -> None:
    assert "expected uint8 RGB pictures (H, W, 3)" in refusal(verb("letter-judge"), wrong)


def test_what_are_no_motions_are_refused() -> None:
    reader, motion = open_model("back-translation"), np.zeros((3, 50, 3), np.float32)
    for call in (reader.read_joints, reader.features):
        for wrong in (None, 3, "motion.pose", {"a": motion}, iter([motion])):
            assert f"found {type(wrong).__name__}, expected a list of motions" in refusal(call, wrong, 25.0)
        for wrong in (None, "joints", motion.tolist(), motion.astype(str), torch.zeros(3, 50, 3)):
            assert "expected joints (T, 50, 3), an array of numbers" in refusal(call, [wrong], 25.0)
        assert "expected (T, 50, 3)" in refusal(call, motion, 25.0)  # one, not a list of them
        for fps in (None, "25", True):
            assert f"found {fps!r} frames a second" in refusal(call, [motion], fps)


def test_what_does_not_follow_a_prompt_is_refused() -> None:
    for model in (tiny_lora(), tiny_controlnet()):
        for wrong in (None, "pipeline", 3, object(), tiny_pipeline().unet):
            assert "expected a StableDiffusionPipeline" in refusal(model.attach, wrong)
    for name in (3, None, ["a"]):
        with pytest.raises(ValueError, match="in use in this pipeline, or no plain word"):
            tiny_lora().attach(tiny_pipeline(), name)
    for strength in ("1", None, True):
        assert f"strength={strength!r}" in refusal(tiny_lora().attach, tiny_pipeline(), "a", strength)


def test_words_are_a_text() -> None:
    model = tiny_signer("me/nowhere")
    for wrong in (*NO_TEXT, ["hello"]):
        assert len({refusal(call, wrong) for call in (model.sign, model.translate)}) == 1


def test_rules_refuse_as_models_do() -> None:
    for wrong in (*NO_TEXT, "HELLO", [3], iter(["HELLO"])):
        assert "expected a list of glosses" in refusal(AvatarSigner().perform, wrong)
    for wrong in (*NO_TEXT, ["A"]):
        assert "expected a text to spell" in refusal(AvatarHand().spell, wrong)


class TestRun:
    """What `run` is given in Python; from the command line it is always a text."""

    @pytest.mark.parametrize("name", OUTPUTS)
    def test_another_input_is_refused_and_nothing_is_written(self, name: str, tmp_path: Path) -> None:
        output = tmp_path / f"out{OUTPUTS[name]}"
        for wrong in (None, 3, b"hello", {"text": "hello"}, object(), PICTURE):
            assert f"found {type(wrong).__name__}, expected" in refusal(open_model(name).run, wrong, [output])
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", OUTPUTS)
    def test_outputs_are_a_list_of_paths(self, name: str, tmp_path: Path) -> None:
        output = tmp_path / f"out{OUTPUTS[name]}"
        for wrong in (str(output), output, None, iter([output]), {output: 1}):
            assert f"outputs: found {type(wrong).__name__}" in refusal(open_model(name).run, "hello", wrong)
        assert "in the list, expected paths" in refusal(open_model(name).run, "hello", [str(output)])
        assert not list(tmp_path.iterdir())

    def test_what_needs_a_base_refuses_before_they_look_for_their_base(self, tmp_path: Path) -> None:
        for model in (tiny_lora("me/nowhere"), tiny_controlnet("me/nowhere"), tiny_signer("me/nowhere")):
            for wrong in (None, 3, ["hello"]):
                found = refusal(model.run, wrong, [tmp_path / "out.png"])
                assert f"found {type(wrong).__name__}, expected" in found
                assert "nowhere" not in found

    def test_a_path_may_be_a_pathlib_path(self, tmp_path: Path) -> None:
        from datamodules.media.skeleton_drawing import write_png

        write_png(tmp_path / "hand.png", np.full((32, 32, 3), 128, np.uint8))
        (written,) = open_model("letter-judge").run(tmp_path / "hand.png", [tmp_path / "letters.json"])
        assert str(tmp_path / "hand.png") in written.read_text()
