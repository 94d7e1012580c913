"""Pipelines: what fits is composed, and what does not is refused before weights load.

The avatar gives the truth: what the drawing draws is what the avatar did.
"""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np
import pytest
import yaml
from foreign_poses import holistic, openpose
from pose_format import Pose

import zoo
from datamodules.avatar import perform
from datamodules.media.skeleton_drawing import draw_frames
from datamodules.media.video import read_video, write_video
from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import write_pose
from zoo.artefacts.artefact import starter_folder
from zoo.cli import main
from zoo.io_types import Signal
from zoo.loaders.base import SCHEMA
from zoo.pipelines.components import RULE_BASED
from zoo.pipelines.compose import misfits, stage
from zoo.pipelines.video import Video
from zoo.spec.pipeline_spec import PIPELINE_TASKS, read_pipeline
from zoo.spec.registry import locate

GLOSSES = ["YOUR", "NAME", "WHAT"]
SLP = {"skeleton": "slp-50", "normalisation": "slp"}


def clip(folder: Path) -> str:
    write_video(folder / "hello.mp4", draw_frames(perform(["HELLO"]).joints, 64), 25)
    return str(folder / "hello.mp4")


CALLS = {
    "text-to-video": (lambda folder: "Hello.", ".mp4"),
    "fingerspelling": (lambda folder: "a", ".mp4"),
    "gloss-to-video": (lambda folder: "hello", ".mp4"),
    "live-gloss": (clip, ".json"),
    "fused-gloss": (clip, ".json"),
    "round-trip": (lambda folder: "Hello.", ".json"),
}
"""An input of each task's verb, and the suffix of an output."""


class Avatar:
    """A translator that knows what is right: it signs the words of a text that the avatar has signs for."""

    verb, accepts = "translate", Signal("text", language="en")
    gives = Signal("pose", language="ase", fps=25.0, **SLP)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def translate(self, text: str) -> Pose:
        self.asked.append(text)
        if not text.isascii():
            raise ValueError(f"nothing to sign in {text!r}")
        return perform(text.upper().strip("?!.").split()).pose


class Reader:
    """A reader of poses that knows which sentence looks like what."""

    verb = "read"
    accepts, gives = Signal("pose", language="ase", **SLP), Signal("text", language="en")

    def __init__(self, *known: str) -> None:
        self.known = {text: to_joints(Avatar().translate(text)) for text in known}

    def read(self, pose: Pose) -> str:
        found = to_joints(pose)
        return next(text for text, joints in self.known.items() if np.array_equal(joints, found))


class Pictures:
    """A speller that shows each letter as a level of grey."""

    verb, accepts, gives = "spell", Signal("letters", language="ase"), Signal("image", size=8)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def spell(self, text: str) -> Any:
        self.asked.append(text)
        return np.stack([np.full((8, 8, 3), ord(letter), np.uint8) for letter in text if letter != " "])


def artefact(folder: Path, accepts: Signal, gives: Signal) -> str:
    """A folder of which only config.json is there."""
    folder.mkdir(parents=True)
    content = {"schema": SCHEMA, "task": "pose-to-video", "architecture": "pix2pix"}
    content |= {"accepts": accepts.content(), "gives": gives.content()}
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network."""

    def refuse(*address: Any) -> NoReturn:
        raise AssertionError(f"the network was asked for: {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class TestEvery:
    @pytest.mark.parametrize("name", zoo.list_pipelines())
    @pytest.mark.usefixtures("closed")
    def test_pipeline_runs_without_a_network(
        self, name: str, tmp_path: Path, capsys, monkeypatch, request: pytest.FixtureRequest
    ) -> None:
        if "gloss-landmarks" in read_pipeline(locate(name)).stages.values():
            monkeypatch.setenv("ZOO_MODELS", str(request.getfixturevalue("shared") / "models"))
        make, suffix = CALLS[read_pipeline(locate(name)).task]
        output = tmp_path / f"out{suffix}"
        assert main(["run", name, make(tmp_path), "-o", str(output), "--starter"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == str(output)
        if suffix == ".json":
            json.loads(output.read_text())
            return
        with av.open(str(output)) as container:
            video = container.streams.video[0]
            assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
        assert output.read_bytes().index(b"moov") < output.read_bytes().index(b"mdat")
        assert len(frames) > 10
        assert max(np.abs(frame.astype(int) - frames[0]).max() for frame in frames) > 60

    def test_every_task_is_shipped_and_tested(self) -> None:
        assert {read_pipeline(locate(name)).task for name in zoo.list_pipelines()} == set(PIPELINE_TASKS) == set(CALLS)

    def test_names_mean_one_thing(self) -> None:
        kinds = [zoo.list_models(), zoo.list_pipelines(), sorted(RULE_BASED)]
        assert len({name for names in kinds for name in names}) == sum(map(len, kinds))

    @pytest.mark.parametrize("name", RULE_BASED)
    def test_a_rule_based_component_is_what_the_table_says_and_says_so(self, name: str, capsys) -> None:
        component = RULE_BASED[name].open()
        assert (component.accepts, component.gives) == (RULE_BASED[name].accepts, RULE_BASED[name].gives)
        assert callable(getattr(component, component.verb))
        assert capsys.readouterr().err.startswith(f"zoo: {name}: no model, ")


class TestTextToVideo:
    def test_a_sentence_becomes_an_mp4(self, tmp_path: Path) -> None:
        pipeline = zoo.load("text-to-video")
        video = pipeline.translate("What is your name?")
        pose = pipeline.components["translator"].translate("What is your name?")
        assert (video.fps, video.size, video.frames) == (12.5, (512, 512), len(pose.body.data))
        frames, fps = read_video(video.save(tmp_path / "name.mp4"))
        shown = list(frames)
        assert (fps, len(shown)) == (12.5, video.frames)
        for frame, drawn in zip(shown, draw_frames(to_joints(pose)), strict=True):
            assert np.abs(frame.astype(int) - drawn).mean() < 3

    def test_sentences_keep_their_order_and_are_translated_when_their_time_comes(self) -> None:
        translator = Avatar()
        pipeline = zoo.load("text-to-video", translator=translator)
        frames = pipeline.stream("Hello. Thank-you! Yes.")
        assert not translator.asked
        first = next(frames)
        assert translator.asked == ["Hello."]
        motions = [to_joints(perform([gloss]).pose) for gloss in ("HELLO", "THANK-YOU", "YES")]
        truth = draw_frames(np.concatenate(motions))
        for frame, drawn in zip([first, *frames], truth, strict=True):
            np.testing.assert_array_equal(frame, drawn)

    def test_ten_thousand_words_are_streamed_and_memory_stays_flat(self) -> None:
        class Still(Avatar):
            def translate(self, text: str) -> Pose:
                self.asked.append(text)
                return perform(["YES"]).pose

        def most_alive(text: str) -> int:
            alive = most = 0

            class Counted:
                verb, accepts, gives = "render", RULE_BASED["drawing"].accepts, RULE_BASED["drawing"].gives

                def stream(self, pose: Pose) -> Iterator[Any]:
                    nonlocal alive, most
                    for _ in range(5):
                        alive += 1
                        most = max(most, alive)
                        yield np.zeros((2, 2, 3), np.uint8)
                        alive -= 1

            translator = Still()
            list(zoo.load("text-to-video", translator=translator, renderer=Counted()).stream(text))
            assert " ".join(translator.asked).split() == text.split()
            return most

        assert most_alive("word " * 10_000) == most_alive("A word.") == 1

    @pytest.mark.parametrize("text", ["", "  ", "😀😀!"])
    def test_nothing_to_sign_is_refused_before_anything_is_computed(self, text: str) -> None:
        translator = Avatar()
        with pytest.raises(ValueError, match="nothing to sign in"):
            zoo.load("text-to-video", translator=translator).stream(text)
        assert not translator.asked

    def test_a_sentence_that_cannot_be_signed_is_left_out_and_named(self, capsys) -> None:
        pipeline = zoo.load("text-to-video", translator=Avatar())
        both = list(pipeline.stream("Hello. 你好。 Yes."))
        assert "zoo: left out: nothing to sign in '你好。'" in capsys.readouterr().err
        assert len(both) == len(list(pipeline.stream("Hello. Yes.")))
        with pytest.raises(ValueError, match="nothing to sign in '再见。'"):
            pipeline.translate("你好。 再见。")

    def test_a_video_is_saved_as_what_its_suffix_says_and_shows_itself(self, tmp_path: Path) -> None:
        video = Video.encoded((np.full((33, 40, 3), 40 * k, np.uint8) for k in range(5)), 10)
        assert (video.size, video.frames, video.fps) == ((34, 40), 5, 10)
        assert video.save(tmp_path / "a.mp4").read_bytes() == video.data
        assert video.save(tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
        assert video._repr_html_().startswith("<video ")
        with pytest.raises(ValueError, match=r"cannot write \.avi; use \.mp4, \.png"):
            video.save(tmp_path / "a.avi")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "sheet.png"]


class TestGlossVideo:
    @pytest.mark.parametrize("given", ["YOUR NAME WHAT", "your name, what?", GLOSSES])
    def test_the_drawn_skeleton_is_the_avatars(self, given: str | Sequence[str]) -> None:
        pipeline = zoo.load("gloss-video")
        truth = draw_frames(to_joints(perform(GLOSSES).pose))
        for frame, drawn in zip(pipeline.stream(given), truth, strict=True):
            np.testing.assert_array_equal(frame, drawn)
        assert pipeline.fps == 25

    def test_what_is_no_sign_is_spelled_and_named_and_a_line_ends_at_rest(self, capsys) -> None:
        pipeline = zoo.load("gloss-video")
        frames = list(pipeline.stream("fs-anna thanc-you\n#bob 42"))
        said = capsys.readouterr().err
        assert "no sign THANC-YOU, so it spells it (THANK-YOU is one)" in said
        assert "ANNA" not in said
        assert len(frames) == sum(len(perform(line).joints) for line in (["#ANNA", "THANC-YOU"], ["#BOB", "42"]))

    @pytest.mark.parametrize(
        ("glosses", "message"), [("", "no gloss in ''"), ("HELLO 你好", "gloss '你好': the avatar has")]
    )
    def test_what_can_be_neither_signed_nor_spelled_is_refused(self, glosses: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            zoo.load("gloss-video").sign(glosses)


class TestFingerspelling:
    def test_letters_are_spelled_and_accents_go(self) -> None:
        pipeline = zoo.load("fingerspell")
        given = list(pipeline.stream("Ôi!"))
        for frame, right in zip(given, RULE_BASED["avatar-hand"].open().stream("OI"), strict=True):
            np.testing.assert_array_equal(frame, right)
        with pytest.raises(ValueError, match="nothing to spell in '你好'"):
            pipeline.spell("你好")

    def test_a_speller_of_pictures_takes_the_place_of_the_hand(self) -> None:
        video = zoo.load("fingerspell", speller=Pictures())
        frames = list(video.stream("Hi yo"))
        assert {frame.shape for frame in frames} == {(256, 256, 3)}  # 8 pixels are too few to look at
        levels = [int(frame[0, 0, 0]) for frame in frames]
        assert video.fps == 25
        held = {letter: levels.count(ord(letter)) / 25 for letter in "HIYO"}
        assert 0.4 < held["H"] < 0.7 < held["I"] < 1.3  # the last of a word stands longer
        assert [chr(level) for level, frames in groupby(levels) if len(list(frames)) > 10] == [*"HIYO"]
        assert max(np.abs(np.diff(levels))) < 8  # they fade into one another

    def test_pictures_are_asked_for_many_words_at_a_time_when_their_time_comes(self) -> None:
        speller = Pictures()
        frames = zoo.load("fingerspell", speller=speller).stream("on " * 50)
        assert speller.asked == []
        next(frames)
        assert [len(text.split()) for text in speller.asked] == [20]
        count = 1 + sum(1 for _ in frames)
        assert [len(text.split()) for text in speller.asked] == [20, 20, 10]
        assert count == round((50 * 1.5 + 99 * 0.2) * 25)  # the words of two calls fade into one another too

    def test_what_a_speller_was_not_taught_is_left_out_and_named_before_it_is_asked(self, capsys) -> None:
        speller = Pictures()
        speller.classes = [*"abhnou", "space"]
        video = zoo.load("fingerspell", speller=speller)
        frames = video.stream("Hän 42 你, ou2!")
        assert capsys.readouterr().err.splitlines() == [
            "zoo: the manual alphabet has nothing for 你; left out",
            "zoo: the speller has nothing for 4 2; left out",
        ]
        assert not speller.asked
        list(frames)
        assert speller.asked == ["HAN OU"]
        with pytest.raises(
            ValueError, match="nothing to spell in '42': expected a letter or digit that the speller was"
        ):
            video.stream("42")
        assert not capsys.readouterr().err

    def test_an_artefact_of_pictures_fits_by_its_config_alone(self, tmp_path: Path) -> None:
        folder = artefact(tmp_path / "letters", Signal("letters", language="ase"), Signal("image", size=64))
        assert not misfits(PIPELINE_TASKS["fingerspelling"], [stage("speller", folder)])


SEEN = {"renderer": "drawing", "reader": "gloss-classifier"}
"""A round trip through video, to glosses."""


class TestRoundTrip:
    def test_a_text_comes_back_as_text(self) -> None:
        returned = zoo.load("round-trip").send("Hello, my name is Anna. What is your name?")
        assert (returned.back, returned.kind) == ("hello, my name is anna. what is your name?", "text")
        assert len(returned.shared) == returned.said == 9

    def test_a_text_comes_back_as_the_glosses_that_were_seen(self, tmp_path: Path) -> None:
        output = tmp_path / "trip.json"
        through = [f"--stages.{role}={component}" for role, component in SEEN.items()]
        assert main(["run", "round-trip", "My name. Hello.", "-o", str(output), *through]) == 0
        content = json.loads(output.read_text())
        assert (content["text"], content["said"], content["kind"]) == ("My name. Hello.", 3, "glosses")
        assert content["heard"] == len(content["back"].split())
        assert set(content["shared"]) <= {"my", "name", "hello"}

    def test_a_reader_of_poses_stands_behind_the_translator(self) -> None:
        trip = zoo.load("round-trip", translator=Avatar(), reader=Reader("Hello.", "Your name?"))
        whole = trip.send("Hello. Your name?")
        assert (whole.back, whole.kind) == ("Hello. Your name?", "text")
        assert (whole.shared, whole.said, whole.heard) == (("hello", "name", "your"), 3, 3)

    def test_what_came_back_is_counted_as_often_as_it_went_in(self) -> None:
        from zoo.pipelines.round_trip import compared

        found = compared("No, no: thank you, I'm fine.", "no no thank-you fine fine", "glosses")
        assert found.shared == ("fine", "no", "no", "thank", "you")
        assert (found.said, found.heard) == (6, 6)
        assert str(found).endswith("5 of 6 words came back, among 6 (glosses)")
        limited = compared("No, no: thank you, I'm fine.", "no", "glosses", ["no", "thank you", "water"])
        assert limited.known == 4
        assert str(limited).endswith("1 of 6 words came back, among 1 (glosses); the reader has glosses for 4 of the 6")

    def test_a_published_translator_takes_a_reader_of_poses(self) -> None:
        class Anything(Reader):
            def read(self, pose: Pose) -> str:
                return "hello" if len(to_joints(pose)) else ""

        returned = zoo.load("round-trip", reader=Anything()).send("Hello.")
        assert (returned.text, returned.back, returned.shared) == ("Hello.", "hello", ("hello",))


class TestComponents:
    def test_components_are_shared_and_replaced(self) -> None:
        first = zoo.load("text-to-video")
        again = zoo.load("text-to-video", **first.components)
        assert all(again.components[role] is part for role, part in first.components.items())
        trip = zoo.load("round-trip", reader="gloss-classifier", **first.components)
        assert trip.components["translator"] is first.components["translator"]
        other = zoo.load("gloss-video", renderer=first.components["renderer"])
        assert other.components["renderer"] is first.components["renderer"]

    def test_a_folder_is_a_component(self, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(starter_folder("pix2pix"), tmp_path / "mine"))
        pipeline = zoo.load("gloss-video", renderer=folder)
        assert next(pipeline.stream("hello")).shape == (pipeline.gives.size, pipeline.gives.size, 3)
        assert asdict(pipeline.gives) == asdict(Signal("video", language="ase", fps=25.0, size=pipeline.gives.size))


class TestRuleBased:
    @pytest.mark.parametrize("make", [holistic, openpose, lambda joints: perform(["HELLO"]).pose])
    def test_a_pose_of_any_layout_is_drawn(self, make: Any, tmp_path: Path) -> None:
        joints = perform(["HELLO"]).joints
        write_pose(tmp_path / "in.pose", make(joints))
        outputs = [tmp_path / "out.mp4", tmp_path / "out.png"]
        assert main(["run", "drawing", str(tmp_path / "in.pose"), *(f"-o={path}" for path in outputs)]) == 0
        frames, fps = read_video(outputs[0])
        assert len(list(frames)) == len(joints)
        assert fps == 25
        assert outputs[1].read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("name", "given", "outputs"),
        [("avatar-signer", "hello", ["a.pose", "a.skels", "a.png"]), ("avatar-hand", "ab", ["a.mp4", "a.png"])],
    )
    def test_every_component_runs(self, name: str, given: str, outputs: list[str], tmp_path: Path) -> None:
        assert main(["run", name, given, *(f"-o={tmp_path / path}" for path in outputs)]) == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(outputs)

    def test_it_opens_by_its_name(self) -> None:
        drawing, pose = zoo.load("drawing"), perform(["HELLO"]).pose
        np.testing.assert_array_equal(drawing.render(pose)[0], next(draw_frames(to_joints(pose))))
        with pytest.raises(ValueError, match="weights='starter': drawing follows rules and has none"):
            zoo.load("drawing", "starter")

    @pytest.mark.parametrize("thing", ["hello.pose", None, 7])
    def test_what_is_no_pose_is_refused(self, thing: Any) -> None:
        for verb in (zoo.load("drawing").render, zoo.load("drawing").stream):
            with pytest.raises(ValueError, match=f"found {type(thing).__name__}, expected a pose_format.Pose"):
                verb(thing)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["in.mp4", "-o", "a.mp4"], "in.mp4: found .mp4, expected a .pose or .skels file"),
            (["in.pose", "-o", "a.gif"], "cannot write .gif; use .mp4, .png"),
            (["in.pose", "-o", "a.mp4", "--starter"], "--starter: drawing follows rules; it has no weights"),
        ],
    )
    def test_what_it_cannot_draw_is_refused(self, arguments: list[str], message: str, capsys: Any) -> None:
        assert main(["run", "drawing", *arguments]) == 2
        assert message in capsys.readouterr().err


def refusal(name: str, **stages: Any) -> list[str]:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        zoo.load(name, **stages)
    return str(caught.value).splitlines()


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "stages", "reason"),
        [
            ("text-to-video", {"rendrer": "drawing"}, "no stage 'rendrer'; did you mean 'renderer'?"),
            ("text-to-video", {"renderer": "drawign"}, "'drawign' is no component of the zoo; did you mean 'drawing'?"),
            ("text-to-video", {"renderer": 3}, "renderer: found int, expected the name of a component"),
            ("text-to-video", {"renderer": None}, "ends in video, but translator asl-slp, its last stage, gives pose"),
            ("text-to-video", {"translator": None}, "begins with text, but renderer drawing takes pose"),
            ("text-to-video", {"translator": None, "renderer": None}, "every stage was left out"),
            (
                "text-to-video",
                {"renderer": "gloss-classifier"},
                "translator asl-slp gives pose, but renderer gloss-classifier takes video; "
                "drawing, pix2pix, signdiff, signdiff-fast would fit",
            ),
            (
                "round-trip",
                {"reader": "gloss-classifier"},
                "translator asl-slp gives pose, but reader gloss-classifier takes video",
            ),
            ("live-gloss", {"reader": "drawing"}, "begins with video, but reader drawing takes pose"),
            ("asl-slp", {"renderer": "drawing"}, "asl-slp is no pipeline, so it has no stage 'renderer' to replace"),
        ],
    )
    def test_what_cannot_be_composed_is_refused_by_name_and_reason(
        self, name: str, stages: dict[str, Any], reason: str
    ) -> None:
        assert reason in "\n".join(refusal(name, **stages))

    @pytest.mark.parametrize(
        ("wanted", "reason"),
        [
            ({"skeleton": "holistic-108"}, "skeleton is slp-50, expected holistic-108"),
            ({"normalisation": "pixels"}, "normalisation is slp, expected pixels"),
            ({"fps": 25.0}, "fps is 12.5, expected 25.0"),
            ({"language": "gsg"}, "language is ase, expected gsg"),
        ],
    )
    def test_a_renderer_of_other_poses_does_not_fit(self, wanted: dict[str, Any], reason: str, tmp_path: Path) -> None:
        folder = artefact(tmp_path / "other", Signal("pose", **{**SLP, **wanted}), Signal("video", size=64))
        assert refusal("text-to-video", renderer=folder) == [
            f"text-to-video: translator asl-slp gives what renderer {folder} does not take: {reason}"
        ]

    def test_language_and_frame_rate_are_passed_on_to_who_cares(self, tmp_path: Path) -> None:
        german = Signal("pose", language="gsg", fps=25.0, **SLP)
        translator = artefact(tmp_path / "german", Signal("text", language="de"), german)
        (reason,) = refusal("round-trip", **SEEN, translator=translator)
        assert "renderer drawing gives what reader gloss-classifier does not take: language is gsg" in reason
        reader = artefact(tmp_path / "reader", Signal("video", size=224), Signal("glosses"))
        assert refusal("round-trip", renderer="drawing", reader=reader)[0].endswith("size is 512, expected 224")

    def test_the_language_of_a_text_is_not_that_of_its_signs(self) -> None:
        class Silent(Avatar):
            gives = replace(Avatar.gives, language=None)

        assert zoo.load("round-trip", translator=Silent(), reader=Reader("Yes.")).send("Yes.").said == 1

    def test_an_answer_in_another_language_is_no_round_trip(self) -> None:
        class German(Reader):
            gives = Signal("text", language="de")

        (reason,) = refusal("round-trip", translator=Avatar(), reader=German())
        assert reason == (
            "round-trip: reader German answers in another language than translator Avatar reads: "
            "language is de, expected en"
        )

    def test_a_video_without_a_frame_rate_is_refused(self, tmp_path: Path) -> None:
        translator = artefact(tmp_path / "timeless", Signal("text"), Signal("pose", **SLP))
        assert "no stage says how many frames a second" in refusal("text-to-video", translator=translator)[0]

    def test_all_that_does_not_fit_is_said_at_once(self) -> None:
        assert refusal("text-to-video", translator="letter-judge", renderer="gloss-classifier") == [
            "text-to-video: begins with text, but translator letter-judge takes image",
            "text-to-video: translator letter-judge gives letters, but renderer gloss-classifier takes video; "
            "avatar-hand would fit",
            "text-to-video: ends in video, but renderer gloss-classifier, its last stage, gives glosses",
        ]
        unknown = refusal("round-trip", translator="asl-slq", renderer="drawign")
        assert [line.partition(":")[2].split(":")[0].strip() for line in unknown] == ["translator", "renderer"]

    def test_signals_that_are_none_are_refused(self, tmp_path: Path) -> None:
        folder = Path(artefact(tmp_path / "forged", Signal("pose"), Signal("video")))
        config = json.loads((folder / "config.json").read_text())
        for forged in ({"kind": "video", "fps": "fast"}, {"kind": "code"}, ["video"], {"kind": "video", "run": "x"}):
            (folder / "config.json").write_text(json.dumps({**config, "gives": forged}))
            assert "gives: found" in refusal("text-to-video", renderer=str(folder))[0]

    def test_a_refusal_loads_neither_weights_nor_torch(self) -> None:
        code = """
import sys
import zoo
for stages in ({"renderer": None}, {"translator": "letter-judge"}, {"renderer": "gloss-classifier"}):
    try:
        zoo.load("text-to-video", **stages)
    except ValueError:
        continue
    raise AssertionError(stages)
assert not {"torch", "numpy", "huggingface_hub", "safetensors"} & set(sys.modules)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


class TestCommandLine:
    def test_stages_are_replaced(self, tmp_path: Path, capsys) -> None:
        sheet, film = tmp_path / "sheet.png", tmp_path / "film.mp4"
        arguments = ["run", "gloss-video", "hello", "-o", str(sheet), "-o", str(film), "--stages.renderer", "pix2pix"]
        assert main(arguments) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines() == [str(sheet), str(film)]
        assert "zoo: pix2pix: bundled starter weights" in captured.err
        frames, _ = read_video(film)
        assert next(frames).shape == (64, 64, 3)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--stages.rendrer", "drawing"], "text-to-video has no stage 'rendrer'; did you mean 'renderer'?"),
            (["--stages.renderer=null"], "ends in video, but translator asl-slp, its last stage, gives pose"),
            (["--model.width", "3"], "--model.width: a pipeline takes --stages.ROLE COMPONENT"),
        ],
    )
    def test_wrong_stages_are_refused_in_one_message(
        self, arguments: list[str], message: str, tmp_path, capsys
    ) -> None:
        output = tmp_path / "a.mp4"
        assert main(["run", "text-to-video", "hello", "-o", str(output), *arguments]) == 2
        assert message in capsys.readouterr().err
        assert not output.exists()

    def test_a_suffix_that_makes_no_sense_is_refused(self, tmp_path: Path, capsys) -> None:
        for name, output in (("fingerspell", "a.pose"), ("live-gloss", "a.mp4"), ("round-trip", "a.png")):
            assert main(["run", name, "hello", "-o", str(tmp_path / output)]) == 2
            assert f"-o {tmp_path / output}: cannot write" in capsys.readouterr().err

    def test_pipelines_are_shown_and_not_trained(self, capsys) -> None:
        assert main(["show", "text-to-video", "--stages.renderer", "pix2pix"]) == 0
        shown = yaml.safe_load(capsys.readouterr().out)
        assert shown["stages"] == {"translator": "asl-slp", "renderer": "pix2pix"}
        assert main(["fit", "text-to-video"]) == 2
        assert "a pipeline is not trained" in capsys.readouterr().err

    def test_an_interrupted_video_leaves_nothing(self, tmp_path: Path) -> None:
        code = """
import os, signal, sys, threading
from zoo.cli import main
from zoo.pipelines import text_to_video
made = text_to_video.frames_through
def interrupted(stages, value):
    for number, frame in enumerate(made(stages, value)):
        if number == 5:
            os.kill(os.getpid(), signal.SIGINT)
        yield frame
text_to_video.frames_through = interrupted
sys.exit(main(["run", "text-to-video", "Hello. Yes.", "-o", "a.mp4"]))
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode == 130, result.stderr
        assert not list(tmp_path.iterdir())


class TestSpecs:
    def spec(self, folder: Path, **content: Any) -> Path:
        """A pipeline's spec, good unless `content` says otherwise."""
        path = folder / "mine.yaml"
        good = {
            "name": "mine",
            "summary": "Glosses to drawings",
            "task": "gloss-to-video",
            "stages": {"performer": "avatar-signer", "renderer": "drawing"},
        }
        path.write_text(yaml.safe_dump({**good, **content}))
        return path

    def test_shipped_pipelines_are_good(self, capsys) -> None:
        assert main(["check", *zoo.list_pipelines()]) == 0
        assert capsys.readouterr().out.count(": good") == len(zoo.list_pipelines())

    def test_a_file_of_somebody_elses_runs(self, tmp_path: Path) -> None:
        path = self.spec(tmp_path)
        assert main(["check", str(path)]) == 0
        assert main(["run", str(path), "hello", "-o", str(tmp_path / "a.png")]) == 0
        assert next(zoo.load(path).stream("hello")).shape == (512, 512, 3)

    @pytest.mark.parametrize(
        ("content", "problems"),
        [
            ({"task": "gloss-to-vdeo"}, ["task: found 'gloss-to-vdeo', which no pipeline has; did you mean"]),
            (
                {"name": "other", "summary": 3},
                ["summary: found 3, expected a line of text", "name: found 'other', expected 'mine'"],
            ),
            ({"stagse": {}}, ["stagse: unknown key; did you mean 'stages'?"]),
            ({"stages": ["drawing"]}, ["stages: found ['drawing'], expected a component for each role"]),
            (
                {"stages": {"performer": "avatar-signer", "rendrer": "drawing"}},
                ["stages.renderer: missing", "stages.rendrer: no role of gloss-to-video; did you mean 'renderer'?"],
            ),
            (
                {"stages": {"performer": "avatar-singer", "renderer": {"class_path": "os.system"}}},
                ["stages.renderer: found {'class_path': 'os.system'}, expected a component's name or null"],
            ),
            (
                {"stages": {"performer": "zoo.pipelines.rule_based.AvatarSigner", "renderer": "drawing"}},
                ["stages.performer: 'zoo.pipelines.rule_based.AvatarSigner' is no component of the zoo"],
            ),
            (
                {"stages": {"performer": "avatar-signer", "renderer": "${oc.env:HOME}"}},
                ["stages.renderer: found '${oc.env:HOME}', expected a component's name or null"],
            ),
            (
                {"stages": {"performer": "avatar-signer", "renderer": "avatar-hand"}},
                ["stages: performer avatar-signer gives pose, but renderer avatar-hand takes letters"],
            ),
        ],
    )
    def test_check_says_all_that_is_wrong(
        self, content: dict[str, Any], problems: list[str], tmp_path: Path, capsys
    ) -> None:
        path = self.spec(tmp_path, **content)
        assert main(["check", str(path)]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == len(problems) + 1
        for line, problem in zip(lines, problems, strict=False):
            assert line.startswith(f"{path}: {problem}")
        assert main(["run", str(path), "hello", "-o", str(tmp_path / "a.png")]) == 2
        assert not (tmp_path / "a.png").exists()
