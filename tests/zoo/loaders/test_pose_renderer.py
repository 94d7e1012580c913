"""A ControlNet that renders poses: frames of signers, streamed films, and the same frame in plain diffusers."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from foreign_poses import holistic, openpose
from hub_server import Hub
from huggingface_hub import snapshot_download
from pose_format import Pose
from tiny_diffusion import tiny_pipeline, tiny_renderer, tiny_steering

import zoo
from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.how2sign.frames import How2SignFrames
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.video import read_video
from datamodules.poses.conversion import to_pose
from datamodules.poses.formats import read_pose, write_pose
from datamodules.poses.motions import slp_joints
from datamodules.twins import Twin, ensure_twin, how2sign
from lightning_modules.networks.diffusion.controlled import Rendering
from lightning_modules.signdiff import SignDiff
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.io_types import Signal
from zoo.loaders.diffusion.base_folder import leave_out
from zoo.loaders.diffusion.controlnet import ControlNet
from zoo.loaders.diffusion.pose_renderer import PoseRenderer
from zoo.loaders.diffusion.stable_diffusion import open_pipeline
from zoo.pipelines.video import Video

BASE = "me/tiny-sd"
FILES = {"config.json", "controlnet/config.json", "controlnet/diffusion_pytorch_model.safetensors"}
JOINTS = perform(["HELLO"]).joints[::4]
FRAMING = {"width": 32, "height": 32, "unit": 6.0, "neck": [16, 10], "window": [0, 32, 0, 32], "seated": False}
PLAIN = """
import sys
import numpy as np
{native}
assert not {{"zoo", "datamodules", "lightning_modules"}} & set(sys.modules)
np.save("found.npy", picture)
"""


@pytest.fixture(scope="module")
def renderer(base_folder: Path) -> PoseRenderer:
    return tiny_renderer(folder=base_folder)


@pytest.fixture(scope="module")
def pose() -> Pose:
    return to_pose(JOINTS[:3], 25.0)


@pytest.fixture
def artefact(renderer: PoseRenderer, tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    folder.mkdir()
    renderer.save(folder)
    return folder


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


class TestConditions:
    def test_they_are_drawings_and_behind_them_what_fr_net_makes_of_the_same_keypoints(self, renderer):
        framing = renderer.framing
        keypoints = openpose_keypoints(JOINTS, Camera(32, 32, framing.unit, framing.neck))
        drawn = renderer.draw(JOINTS)
        assert (drawn.shape, drawn.dtype) == ((len(JOINTS), 32, 32, 6), np.uint8)
        for found, person in zip(drawn, keypoints, strict=True):
            np.testing.assert_array_equal(found[..., :3], draw_openpose(person, 32, 32))
            np.testing.assert_array_equal(found[..., 3:], FRNet().of_pose(person, 32, 32))
        np.testing.assert_array_equal(tiny_renderer(fr_net=None).draw(JOINTS), drawn[..., :3])

    def test_drawings_are_as_bright_as_keypoints_are_certain_where_those_of_training_are(self, renderer):
        settings = (renderer.controlnet, renderer.prompts, renderer.framing, renderer.rendering, renderer.fr_net)
        alike, certain = (PoseRenderer(*settings, confidence).draw(JOINTS[:1]) for confidence in (False, True))
        assert certain[..., :3].max() < alike[..., :3].max()
        np.testing.assert_array_equal(certain[..., 3:], alike[..., 3:])

    def test_another_size_is_a_larger_picture_of_the_same(self, renderer):
        small, large = (renderer.draw(JOINTS[:1], size)[0].astype(float) for size in (32, 64))
        back = large.reshape(32, 2, 32, 2, 6).mean((1, 3))
        assert np.abs(back - small).mean() < 0.3 * np.abs(small - small.mean()).mean()

    def test_a_network_of_as_many_channels_is_asked_for(self, renderer):
        settings = (renderer.prompts, renderer.framing, renderer.rendering)
        with pytest.raises(ValueError, match="conditioning_channels: found 6, expected 3, without fr_net"):
            PoseRenderer(renderer.controlnet, *settings)
        with pytest.raises(ValueError, match="conditioning_channels: found 3, expected 6, with fr_net"):
            PoseRenderer(tiny_renderer(fr_net=None).controlnet, *settings, FRNet())


class TestRender:
    def test_a_pose_becomes_frames_always_the_same(self, renderer, pose):
        frames = renderer.render(pose)
        assert (frames.shape, frames.dtype) == ((3, 32, 32, 3), np.uint8)
        np.testing.assert_array_equal(renderer.render(pose), frames)
        np.testing.assert_array_equal(np.stack(list(renderer.stream(pose))), frames)

    def test_the_pose_decides_them(self, renderer):
        frames = renderer.render(to_pose(JOINTS[[0, 0, 5]], 25.0))
        assert apart(frames[1], frames[0]) < 0.1
        assert apart(frames[2], frames[0]) > 0.3

    def test_a_signer_is_one_of_those_in_training_and_the_first_by_default(self, renderer, pose):
        assert renderer.signers == [1, 3]
        frames = renderer.render(pose)
        np.testing.assert_array_equal(renderer.render(pose, signer=1), frames)
        assert (renderer.render(pose, signer=3) != frames).any()
        for unknown in (2, "1", True):
            with pytest.raises(ValueError, match=rf"signer: found {unknown!r}, expected a number of .*: 1, 3$"):
                renderer.stream(pose, signer=unknown)

    def test_what_is_not_asked_for_is_as_published(self, renderer, pose):
        frames = renderer.render(pose)
        same = renderer.render(pose, steps=3, guidance=2.0, sampler="dpm", anchor=None, from_before=0.0, size=32)
        np.testing.assert_array_equal(same, frames)

    @pytest.mark.parametrize(
        "asked",
        [
            {"seed": 1},
            {"steps": 2},
            {"guidance": 9.0},
            {"conditioning_scale": 0.5},
            {"sampler": "ddim"},
            {"shared_noise": False},
            {"from_before": 0.4},
        ],
    )
    def test_each_switch_changes_something(self, asked, renderer, pose):
        assert (renderer.render(pose, **asked) != renderer.render(pose)).any()

    def test_an_anchor_leaves_the_first_frame_as_it_was(self, renderer):
        pose = to_pose(JOINTS[[0, 6]], 25.0)
        anchored, free = renderer.render(pose, anchor=True), renderer.render(pose)
        assert np.abs(anchored[0].astype(int) - free[0]).max() <= 1

    @pytest.mark.parametrize("size", [30, 34, 48, 64])
    def test_any_multiple_of_a_latent_s_pixels_can_be_rendered(self, size, renderer, pose):
        assert renderer.render(pose, size=size).shape == (3, size, size, 3)

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            (
                {"size": 33},
                "size: found 33, expected a multiple of 2, the pixels of a latent",
            ),
            ({"size": 4096}, "size: found 4096, expected a whole number from 1 to 2048"),
            ({"seed": -1}, "seed: found -1"),
            ({"steps": 0}, "steps: found 0"),
            ({"sampler": "euler"}, "sampler: found 'euler', expected one of ddim, unipc, dpm, lcm"),
            ({"from_before": 1.0}, "from_before: found 1.0"),
        ],
    )
    def test_no_way_of_rendering_is_refused_before_the_first_frame(self, asked, message, renderer, pose):
        with pytest.raises(ValueError, match=message):
            renderer.stream(pose, **asked)

    @pytest.mark.parametrize("wrong", [{"speed": 2}, {"step": 4}])
    def test_an_unknown_switch_is_refused(self, wrong, renderer, pose):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            renderer.stream(pose, **wrong)

    def test_eight_threads_get_what_one_gets(self, renderer):
        poses = [to_pose(JOINTS[start : start + 2], 25.0) for start in (0, 5)]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda call: renderer.render(poses[call % 2], anchor=call % 4 < 2), range(8)))
        for call, found in enumerate(together):
            wanted = renderer.render(poses[call % 2], anchor=call % 4 < 2)
            assert np.abs(found.astype(int) - wanted).max() <= 1


class TestReference:
    """See test_reference.py for the pictures, and test_controlled.py for the attention."""

    @pytest.fixture(scope="class")
    def renderer(self, base_folder: Path) -> PoseRenderer:
        """Its frames make more of what they attend to than untrained ones do."""
        found = tiny_renderer(folder=base_folder)
        with torch.no_grad():
            for name, weight in found.pipeline.unet.named_parameters():
                if ".attn1." in name:
                    weight.mul_(12)
        return found

    @pytest.fixture(scope="class")
    def pose(self) -> Pose:
        return to_pose(JOINTS[:2], 25.0)

    @pytest.fixture(scope="class")
    def picture(self) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)

    def test_frames_attend_to_it_always_in_the_same_way(self, renderer, pose, picture, tmp_path):
        frames = renderer.render(pose, reference=picture)
        assert (frames.shape, frames.dtype) == ((2, 32, 32, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "signer.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        for again in (picture, tmp_path / "signer.png"):
            np.testing.assert_array_equal(renderer.render(pose, reference=again), frames)
        signer = renderer.nearest_signer(picture)
        assert signer in renderer.signers
        assert (frames != renderer.render(pose, signer)).any()
        assert (frames != renderer.render(pose, reference=255 - picture)).any()

    def test_its_signer_s_prompt_is_told(self, renderer, pose, picture):
        """Of a renderer that knows but one, whatever the picture shows."""
        settings = (renderer.framing, renderer.rendering, renderer.fr_net, False, renderer.base_folder)
        signer = renderer.nearest_signer(picture)
        knowing = PoseRenderer(renderer.controlnet, {signer: renderer.prompts[signer]}, *settings)
        knowing._pipeline = renderer.pipeline
        expected = knowing.render(pose, reference=picture)
        np.testing.assert_array_equal(renderer.render(pose, reference=picture), expected)

    def test_another_size_and_other_ways_of_rendering_go_with_it(self, renderer, pose, picture):
        for asked in ({"size": 48}, {"anchor": True}, {"from_before": 0.4}, {"guidance": 1.0, "shared_noise": False}):
            side = asked.get("size", 32)
            assert renderer.render(pose, reference=picture, **asked).shape == (2, side, side, 3)

    def test_a_signer_beside_it_is_refused_before_the_first_frame(self, renderer, pose, picture):
        with pytest.raises(ValueError, match="signer: found 1 and a reference, which says who signs; leave out one"):
            renderer.stream(pose, 1, reference=picture)

    def test_what_is_no_picture_is_refused_before_the_first_frame(self, renderer, pose, tmp_path):
        (tmp_path / "signer.png").write_text("no picture")
        with pytest.raises(ValueError, match=r"signer\.png: 10 bytes that are no picture"):
            renderer.stream(pose, reference=tmp_path / "signer.png")
        with pytest.raises(FileNotFoundError):
            renderer.stream(pose, reference=tmp_path / "absent.png")
        with pytest.raises(ValueError, match="reference: found int, expected a uint8 RGB picture"):
            renderer.stream(pose, reference=3)

    def test_four_threads_get_what_one_gets(self, renderer, pose, picture):
        pictures = (picture, 255 - picture)
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda call: renderer.render(pose, reference=pictures[call % 2]), range(4)))
        wanted = [renderer.render(pose, reference=of) for of in pictures]
        for call, found in enumerate(together):
            assert np.abs(found.astype(int) - wanted[call % 2]).max() <= 1


class TestPoses:
    @pytest.mark.parametrize("make", [holistic, openpose])
    def test_other_layouts_are_converted(self, make, renderer):
        assert renderer.render(make(JOINTS[:2])).shape == (2, 32, 32, 3)

    def test_published_files_are_rendered_or_refused_in_one_line(self, base_folder, shared):
        """Trackers' own layouts, in pixels and in space, with faces and without; of each file a few frames."""
        renderer, refused = tiny_renderer(folder=base_folder, fr_net=None), []
        x, y = renderer.framing.neck
        for path in sorted((shared / "data/pose_files").glob("*.pose")):
            pose = read_pose(path)
            step = max(1, len(pose.body.data) // 2)
            body = type(pose.body)(pose.body.fps, pose.body.data[::step], pose.body.confidence[::step])
            few = Pose(pose.header, body)
            if len(pose.header.components) == 1:
                with pytest.raises(ValueError, match=r"^expected a pose .*; found RIGHT_HAND_LANDMARKS \(21 points\)$"):
                    renderer.render(few)
                refused.append(path.stem.rpartition("__")[2])
                continue
            frames = renderer.render(few, steps=1, guidance=1.0)
            assert frames.shape == (len(body.data), 32, 32, 3)
            drawn = renderer.draw(slp_joints(few))
            assert drawn[:, round(y), round(x)].any(-1).all(), path  # necks are where the framing has them
        assert refused == ["mediapipe_hand_normalized", "mediapipe_long_hand_normalized"]  # a hand, nobody's

    @pytest.mark.parametrize("make", [partial(to_pose, fps=25.0), holistic, openpose])
    def test_a_single_frame_is_a_film_and_none_is_refused(self, make, renderer):
        assert renderer.render(make(JOINTS[:1])).shape == (1, 32, 32, 3)
        with pytest.raises(
            ValueError, match=r"found a pose of shape \(0, 1, .*, expected at least a frame and a person"
        ):
            renderer.stream(make(JOINTS[:0]))

    @pytest.mark.parametrize("thing", ["hello.pose", None, JOINTS])
    def test_what_is_no_pose_is_refused_before_the_first_frame(self, thing, renderer):
        with pytest.raises(ValueError, match=f"found {type(thing).__name__}, expected a pose_format.Pose"):
            renderer.stream(thing)

    def test_a_pose_without_hands_is_refused_in_one_line(self, renderer):
        bare = to_pose(JOINTS[:2], 25.0).get_components(["BODY"])
        with pytest.raises(ValueError, match="both shoulders and a hand") as error:
            renderer.stream(bare)
        assert "\n" not in str(error.value)

    def test_of_two_people_one_is_followed_and_that_is_said(self, renderer, capsys):
        one = to_pose(JOINTS[:2], 25.0)
        body = one.body
        second = body.data.copy()
        second[..., :2] = second[..., :2] * 0.4 + 3
        both = type(body)(body.fps, np.ma.concatenate([body.data, second], 1), np.repeat(body.confidence, 2, 1))
        frames = renderer.render(Pose(one.header, both))
        assert "2 people are in view" in capsys.readouterr().err
        np.testing.assert_array_equal(frames, renderer.render(one))

    def test_joints_that_are_absent_are_left_out(self, renderer):
        gone = JOINTS[:2].copy()
        gone[:, 29:] = np.nan  # the left hand
        assert np.count_nonzero(renderer.draw(gone)[..., :3]) < np.count_nonzero(renderer.draw(JOINTS[:2])[..., :3])
        assert renderer.render(to_pose(gone, 25.0)).shape == (2, 32, 32, 3)

    def test_ten_thousand_frames_are_streamed(self, renderer, monkeypatch):
        """The first comes when a few are drawn."""
        drawn: list[int] = []
        draw = PoseRenderer.draw

        def counted(self: PoseRenderer, joints: Any, size: int | None = None) -> Any:
            drawn.append(len(joints))
            return draw(self, joints, size)

        monkeypatch.setattr(PoseRenderer, "draw", counted)
        long = to_pose(np.resize(JOINTS, (10_000, *JOINTS.shape[1:])), 25.0)
        stream = renderer.stream(long)
        assert [next(stream).shape for _ in range(3)] == [(32, 32, 3)] * 3
        assert sum(drawn) <= 16


class TestFiles:
    def test_a_film_and_a_sheet(self, artefact, tmp_path, capsys):
        write_pose(tmp_path / "hello.pose", to_pose(JOINTS[:5], 12.5))
        outputs = [tmp_path / "hello.mp4", tmp_path / "hello.png"]
        assert main(["run", str(artefact), str(tmp_path / "hello.pose"), *(f"-o{path}" for path in outputs)]) == 0
        frames, fps = read_video(outputs[0])
        assert (fps, len(list(frames))) == (12.5, 5)
        assert cv2.imread(str(outputs[1])).shape[1] > 4 * 32

    def test_its_usage_runs(self, renderer, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names: dict[str, object] = {"model": renderer}
        exec(renderer.usage, names)
        assert len(list(read_video("hello.mp4")[0])) == len(names["frames"])


class Signer:
    """A translator that always signs HELLO."""

    verb, accepts = "translate", Signal("text", language="en")
    gives = Signal("pose", language="ase", fps=25.0, skeleton="slp-50", normalisation="slp")

    def translate(self, text: str) -> Pose:
        return to_pose(JOINTS[:4], 25.0)


def test_text_to_video_takes_it_as_its_renderer(artefact: Path, tmp_path: Path) -> None:
    pipeline = zoo.load("text-to-video", translator=Signer(), renderer=str(artefact))
    video = pipeline.translate("Hello. Hello.")
    assert isinstance(video, Video)
    assert (video.size, video.frames, video.fps) == ((32, 32), 8, 25.0)


class TestArtefact:
    def test_it_stands_alone_with_a_copy_of_its_base(self, artefact, renderer, pose):
        base = {name for name in listing(artefact) if name.startswith("base/")}
        assert listing(artefact) - base == FILES
        assert {"base/model_index.json", "base/unet/diffusion_pytorch_model.safetensors"} <= base
        again = open_artefact(artefact)
        assert isinstance(again, PoseRenderer)
        np.testing.assert_array_equal(again.render(pose, signer=3), renderer.render(pose, signer=3))
        assert (again.prompts, again.fr_net, again.rendering) == (renderer.prompts, renderer.fr_net, renderer.rendering)
        assert (again.accepts, again.gives) == (renderer.accepts, Signal("video", size=32))
        for name, value in renderer.probe().items():
            np.testing.assert_array_equal(again.probe()[name], value)

    def test_what_is_saved_again_is_the_same_bytes(self, artefact, tmp_path):
        (tmp_path / "again").mkdir()
        open_artefact(artefact).save(tmp_path / "again")
        assert listing(artefact) == listing(tmp_path / "again")
        for name in listing(artefact):
            assert (artefact / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name

    def test_without_fr_net_it_is_a_controlnet_of_three_channels(self, base_folder, pose, tmp_path):
        plain = tiny_renderer(folder=base_folder, fr_net=None)
        plain.save(tmp_path)
        assert json.loads((tmp_path / "controlnet" / "config.json").read_text())["conditioning_channels"] == 3
        np.testing.assert_array_equal(open_artefact(tmp_path).render(pose), plain.render(pose))

    def test_the_package_brings_a_base_once(self, artefact, base_folder, pose, tmp_path, monkeypatch):
        monkeypatch.setattr("zoo.loaders.diffusion.base_folder.starters", lambda: tmp_path / "starters")
        shutil.copytree(base_folder, tmp_path / "starters" / "pix2pix")
        expected = open_artefact(artefact).render(pose)
        leave_out(artefact)
        assert listing(artefact) == FILES
        np.testing.assert_array_equal(open_artefact(artefact).render(pose), expected)

    def test_a_base_of_the_hub_is_named_and_not_copied(self, hub: Hub, base_folder, pose, tmp_path, offline):
        commit = hub.plant(BASE, base_folder)
        tiny_renderer(BASE, commit).save(tmp_path)
        assert listing(tmp_path) == FILES
        again = zoo.load(tmp_path)
        with pytest.raises(ValueError, match=f"{BASE}@{commit}: not in the Hub's cache; `hf download"):
            again.stream(pose)
        snapshot_download(BASE, revision=commit)
        offline()
        assert (again.base_model, again.controlnet.base_revision) == (BASE, commit)
        assert again.render(pose).shape == (3, 32, 32, 3)

    def test_plain_diffusers_renders_the_same_frame(self, artefact, tmp_path):
        """In a process without these packages, by the card's own code."""
        renderer = open_artefact(artefact)
        condition = renderer.draw(JOINTS[5:6])
        np.save(artefact / "condition.npy", condition.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        native = renderer.native_with_base
        for mark, stands_for in {
            "FOLDER": '"."',
            "BASE": "base",
            "GUIDANCE": "2.0",
            "STEPS": "20",
            "SOLVER": renderer.solvers["dpm"],
            "signer 1 in the studio": "a person signing",
            "torch.zeros(1, controlnet.config.conditioning_channels, side, side)": (
                'torch.from_numpy(np.load("condition.npy"))'
            ),
            "**asked)": '**asked, output_type="np")',
        }.items():
            assert mark in native
            native = native.replace(mark, stands_for)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-c", PLAIN.format(native=native)]
        result = subprocess.run(
            command, env={**environment, "HF_HUB_OFFLINE": "1"}, cwd=artefact, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        theirs = np.load(artefact / "found.npy")
        shares = torch.from_numpy(condition).permute(0, 3, 1, 2) / 255
        controlled = renderer._controlled(Rendering(steps=20, guidance=2.0))
        (ours,) = controlled.draw(shares, ["a person signing"], [0]).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
        rendered = renderer.render(to_pose(JOINTS[5:6], 25.0), steps=20)[0]
        np.testing.assert_array_equal((255 * ours).round().astype(np.uint8), rendered)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"base": "../sd", "base_sha256": "0"}, r"base: found '\.\./sd', which is no model"),
            ({"prompts": {}}, "prompts: found none"),
            ({"prompts": {"one": "a"}}, "expected the prompt of each signer's number"),
            ({"prompts": {"1": 3}}, "expected the prompt of each signer's number"),
            ({"sampling": {"steps": 0}}, "steps: found 0"),
            ({"sampling": {"speed": 1}}, "speed"),
            ({"fr_net": None}, "conditioning_channels: found 6, expected 3"),
            ({"fr_net": {"block_size": 4}}, "block_size: found 4"),
            ({"framing": {**FRAMING, "width": 10_000}}, "framing: width: found 10000, expected 1 to 4096"),
            ({"gives": {"kind": "video", "size": 33}}, "size: found 33, expected a multiple of 2"),
        ],
    )
    def test_a_forged_config_is_refused_in_one_line(self, artefact, changes, message):
        edit(artefact / "config.json", **changes)
        with pytest.raises(ValueError, match=message) as error:
            open_artefact(artefact)
        assert "\n" not in str(error.value)

    def test_a_base_that_it_does_not_fit_is_refused(self, tmp_path, pose):
        tiny_pipeline(width=16).save_pretrained(tmp_path / "wide")
        with pytest.raises(ValueError, match="this ControlNet does not fit the pipeline's UNet"):
            tiny_renderer(folder=tmp_path / "wide").stream(pose)

    def test_an_autoencoder_of_another_factor_is_refused(self, renderer):
        from diffusers import ControlNetModel

        network = ControlNetModel.from_unet(tiny_pipeline().unet, conditioning_embedding_out_channels=(16, 32, 96))
        with pytest.raises(ValueError, match=r"the pipeline's autoencoder.*a latent is of 2 pixels a side, expected 4"):
            ControlNet(network).attach(tiny_pipeline())


class TestTraining:
    @pytest.fixture(scope="class")
    def data(self, tmp_path_factory: pytest.TempPathFactory) -> How2SignFrames:
        root = tmp_path_factory.mktemp("frames") / "how2sign"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(how2sign, "FPS", how2sign.FPS / 12)  # few frames to draw
            ensure_twin("how2sign", root, Twin(size=3, signers=2))
        return How2SignFrames(str(root), image_size=32, fr_net=FRNet(), caption="signer {signer} in the studio")

    @pytest.fixture
    def module(self, base_folder: Path) -> SignDiff:
        """As it is in a training, whose average is published."""
        module = SignDiff(str(base_folder), steps=2, guidance=1.5, ema_decay=0.9)
        base = open_pipeline(base_folder)
        module.stand_on(base)
        module.network = tiny_steering(base)
        average = [torch.nn.Parameter(weight.detach() + 0.01, requires_grad=False) for weight in module.trained()]
        module.average = torch.nn.ParameterList(average)
        return module

    def test_what_was_trained_is_rendered(self, module, data, tmp_path):
        renderer = PoseRenderer.from_training(module, data)
        assert renderer.prompts == {1: "signer 1 in the studio", 2: "signer 2 in the studio"}
        assert (renderer.size, renderer.framing, renderer.fr_net) == (32, data.framing, FRNet())
        assert (renderer.rendering.steps, renderer.rendering.guidance) == (2, 1.5)
        (path,) = renderer.preview(data, tmp_path)
        assert cv2.imread(str(path)).shape[1] > 3 * 32

        pair = data.examples("dev")[0]
        batch = data.collate([pair])
        shown = {"pose-only": batch.further["pose-only"]}
        theirs = module.render(batch.conditions, shown, batch.captions)
        ours = renderer._controlled(renderer.rendering).draw(
            torch.cat([batch.conditions, shown["pose-only"]], dim=1), batch.captions, [0]
        )
        torch.testing.assert_close(ours * 2 - 1, theirs, atol=1e-4, rtol=0)

        saved = tmp_path / "saved"
        saved.mkdir()
        renderer.save(saved)
        pose = to_pose(JOINTS[:2], 25.0)
        np.testing.assert_array_equal(open_artefact(saved).render(pose), renderer.render(pose))

    def test_the_average_is_published_and_the_training_goes_on_with_its_weights(self, module, data):
        before = [weight.detach().clone() for weight in module.trained()]
        renderer = PoseRenderer.from_training(module, data)
        for weight, was in zip(module.trained(), before, strict=True):
            torch.testing.assert_close(weight, was, atol=0, rtol=0)
        name = "controlnet_mid_block.weight"
        own, published = (dict(part.named_parameters())[name] for part in (module.network, renderer.network))
        torch.testing.assert_close(published, own + 0.01)
