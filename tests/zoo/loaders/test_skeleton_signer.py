"""A LoRA that signs: pictures of glosses, films of words, and the same pictures in plain diffusers and peft."""

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hub_server import Hub
from huggingface_hub import snapshot_download
from safetensors.torch import load_file
from tiny_diffusion import tiny_pipeline, tiny_signer

import zoo
from datamodules.media.video import read_video
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders.diffusion.base_folder import leave_out
from zoo.loaders.diffusion.skeleton_signer import Drawing, SkeletonSigner

ROOT = Path(__file__).parents[3]
BASE = "me/tiny-sd"
FILES = {
    "config.json",
    "references.safetensors",
    "lora/adapter_config.json",
    "lora/adapter_model.safetensors",
    "lora/pytorch_lora_weights.safetensors",
}
PLAIN = """
import sys
import numpy as np
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import PeftModel

folder, base, target = sys.argv[1:]

def pipeline(**parts):
    opened = StableDiffusionPipeline.from_pretrained(base, safety_checker=None, use_safetensors=True, **parts)
    opened.set_progress_bar_config(disable=True)
    return opened

def draw(opened):
    noise = torch.Generator().manual_seed(5)
    how = {"num_inference_steps": 3, "guidance_scale": 2.0, "generator": noise, "output_type": "np"}
    return opened("ASL sign for 'hello'", **how).images[0]

found = {"base": draw(pipeline())}
with_diffusers = pipeline()
with_diffusers.load_lora_weights(folder, subfolder="lora", weight_name="pytorch_lora_weights.safetensors")
found["diffusers"] = draw(with_diffusers)
unet = UNet2DConditionModel.from_pretrained(base, subfolder="unet", use_safetensors=True)
found["peft"] = draw(pipeline(unet=PeftModel.from_pretrained(unet, folder, subfolder="lora").get_base_model()))
assert not {"zoo", "datamodules", "lightning_modules"} & set(sys.modules)
np.savez(target, **found)
"""


@pytest.fixture(scope="module")
def signer(base_folder: Path) -> SkeletonSigner:
    return tiny_signer(folder=base_folder)


@pytest.fixture
def artefact(base_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    folder.mkdir()
    tiny_signer(folder=base_folder).save(folder)
    return folder


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


class TestSign:
    def test_pictures_of_a_gloss_are_those_of_their_seeds(self, signer):
        four = signer.sign("hello", n=4, seed=5)
        assert (four.shape, four.dtype) == ((4, 32, 32, 3), np.uint8)
        one = signer.sign("hello", seed=7)[0]
        assert np.abs(four[2].astype(int) - one).max() <= 1
        assert all(np.abs(a.astype(int) - b).mean() > 1 for a, b in pairwise(four))

    def test_another_gloss_is_another_picture(self, signer):
        assert (signer.sign("hello") != signer.sign("stop")).any()

    def test_the_lora_is_in_them(self, signer, base_folder):
        pipeline = tiny_pipeline()
        signer.lora.attach(pipeline, strength=0.0)
        plain = SkeletonSigner(signer.lora, signer.prompts, 32, signer.drawing)
        plain._pipeline = pipeline
        assert np.abs(plain.sign("hello").astype(int) - signer.sign("hello")).mean() > 1

    def test_from_the_gloss_s_own_frame_it_comes_closer_to_that_the_less_is_drawn_anew(self, signer):
        frame = signer.references["hello"].astype(int)
        apart = [np.abs(signer.sign("hello", strength=strength, steps=10)[0] - frame).mean() for strength in (0.2, 0.8)]
        assert apart[0] < apart[1]

    def test_steps_and_guidance_can_be_chosen(self, signer):
        as_published = signer.sign("hello")
        np.testing.assert_array_equal(signer.sign("hello", steps=3, guidance=2.0), as_published)
        assert (signer.sign("hello", steps=2) != as_published).any()
        assert (signer.sign("hello", guidance=7.0) != as_published).any()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n": 0}, "n: found 0, expected a whole number from 1"),
            ({"seed": -1}, "seed: found -1"),
            ({"steps": 0}, "steps: found 0"),
            ({"guidance": float("inf")}, "guidance: found inf"),
            ({"strength": 0.0}, "strength: found 0.0, expected a number up to 1"),
            ({"strength": 0.1}, "at least 1/3, one of the 3 steps"),
            ({"strength": 1.5}, "strength: found 1.5"),
        ],
    )
    def test_no_way_of_drawing_is_refused(self, signer, arguments, message):
        with pytest.raises(ValueError, match=message):
            signer.sign("hello", **arguments)

    def test_a_gloss_without_a_frame_is_drawn_from_text_alone(self, signer):
        bare = SkeletonSigner(signer.lora, signer.prompts, 32, signer.drawing)
        with pytest.raises(ValueError, match="no frame of 'hello' is kept here to start from"):
            bare.sign("hello", strength=0.5)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "glosses"),
        [
            ("hello please stop", ["hello", "please", "stop"]),
            ("Hello, please: STOP!", ["hello", "please", "stop"]),
            ("Thank you. Thank  you!", ["thank you", "thank you"]),
        ],
    )
    def test_words_mean_glosses(self, signer, text, glosses):
        assert signer.words.read(text) == glosses

    @pytest.mark.parametrize("call", ["sign", "translate"])
    def test_an_unknown_word_is_named_with_the_nearest_that_it_knows(self, signer, call):
        with pytest.raises(ValueError, match=r"never saw 'pleas' \(the nearest is 'please'\); it knows please, stop,"):
            getattr(signer, call)("hello pleas")

    def test_every_unknown_word_is_named(self, signer):
        with pytest.raises(
            ValueError, match=r"'helo' \(the nearest is 'hello'\), 'thank' \(the nearest is 'thank you'"
        ):
            signer.words.read("helo thank")

    def test_one_gloss_is_asked_for(self, signer):
        with pytest.raises(ValueError, match="found 2 glosses, expected one; `translate`"):
            signer.sign("hello stop")

    @pytest.mark.parametrize("text", ["", " ... ", "hello " * 1001])
    def test_no_words_and_too_many_are_refused(self, signer, text):
        with pytest.raises(ValueError, match="words, expected 1 to 1,000 of those that it knows"):
            signer.translate(text)


class TestFilm:
    def test_each_word_has_fifty_frames_and_the_last_is_held(self, signer):
        frames = np.stack(list(signer.translate("hello please stop")))
        assert frames.shape == (3 * 50 + 25, 32, 32, 3)
        for word, gloss in enumerate(("hello", "please", "stop")):
            picture = signer.sign(gloss)[0].astype(int)
            assert np.abs(frames[50 * word] - picture).max() <= 1
            assert (frames[50 * word : 50 * word + 30] == frames[50 * word]).all()
        assert (frames[100:] == frames[-1]).all()

    def test_fades_follow_the_cosine(self, signer):
        """alpha = 0.5 - 0.5 cos(pi t / n): no frame is far from the one before."""
        frames = np.stack(list(signer.translate("hello stop"))).astype(int)
        first, second = frames[0], frames[-1]
        alpha = 0.5 - 0.5 * np.cos(np.pi * (np.arange(20) + 0.5) / 20)
        wanted = first + alpha[:, None, None, None] * (second - first)
        assert np.abs(frames[30:50] - wanted).max() <= 0.51
        steps = np.abs(np.diff(frames, axis=0)).max((1, 2, 3))
        assert steps.max() <= np.pi / 2 / 20 * np.abs(second - first).max() + 1

    def test_a_word_that_comes_again_is_another_picture(self, signer):
        frames = list(signer.translate("stop stop"))
        assert (frames[0] != frames[-1]).any()

    def test_it_refuses_before_the_first_frame(self, signer):
        with pytest.raises(ValueError, match="never saw"):
            signer.translate("xylophone")

    def test_its_usage_runs(self, signer, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names: dict[str, object] = {"model": signer}
        exec(signer.usage, names)
        assert len(list(read_video("film.mp4")[0])) == 175
        assert names["closer"].shape == (1, 32, 32, 3)


class TestRun:
    def test_a_film_and_a_sheet(self, artefact, tmp_path, capsys):
        outputs = [tmp_path / "film.mp4", tmp_path / "sheet.png"]
        assert main(["run", str(artefact), "hello please stop", *(f"-o{output}" for output in outputs)]) == 0
        assert capsys.readouterr().out.splitlines() == [str(output) for output in outputs]
        frames, fps = read_video(outputs[0])
        shapes = [frame.shape for frame in frames]
        assert (fps, len(shapes), shapes[0]) == (25, 175, (256, 256, 3))
        assert cv2.imread(str(outputs[1])).shape[1] > 3 * 256

    def test_one_word_is_a_sheet_of_four_seeds(self, signer, tmp_path):
        (path,) = signer.run("hello", [tmp_path / "hello.png"])
        assert cv2.imread(str(path)).shape[1] > 4 * 256

    def test_what_cannot_be_written_is_refused_before_anything_is_drawn(self, tmp_path):
        model = tiny_signer("me/nowhere")
        (tmp_path / "file").write_text("")
        for path, message in (
            (tmp_path / "film.gif", r"cannot write \.gif; use \.png, \.mp4"),
            (tmp_path / "file" / "film.mp4", "is a file, no folder to write into"),
        ):
            with pytest.raises(ValueError, match=message):
                model.run("hello", [path])

    def test_the_preview_is_hello(self, signer, tmp_path):
        (path,) = signer.preview(None, tmp_path)
        assert path == tmp_path / "preview.png"
        assert cv2.imread(str(path)).shape[1] > 4 * 256


class TestArtefact:
    def test_it_stands_alone_with_a_copy_of_its_base(self, artefact, signer):
        base = {name for name in listing(artefact) if name.startswith("base/")}
        assert listing(artefact) - base == FILES
        assert {"base/model_index.json", "base/unet/diffusion_pytorch_model.safetensors"} <= base
        again = open_artefact(artefact)
        np.testing.assert_array_equal(again.sign("hello"), signer.sign("hello"))
        np.testing.assert_array_equal(again.sign("stop", strength=0.5), signer.sign("stop", strength=0.5))
        assert (again.prompts, again.drawing, again.gives) == (signer.prompts, signer.drawing, signer.gives)

    def test_what_is_saved_again_is_the_same_bytes(self, artefact, tmp_path):
        (tmp_path / "again").mkdir()
        open_artefact(artefact).save(tmp_path / "again")
        assert listing(artefact) == listing(tmp_path / "again")
        for name in listing(artefact):
            assert (artefact / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name

    def test_the_package_brings_a_base_once(self, artefact, base_folder, tmp_path, monkeypatch):
        monkeypatch.setattr("zoo.loaders.diffusion.base_folder.starters", lambda: tmp_path / "starters")
        leave_out(artefact)
        assert (artefact / "base").is_dir()  # no model of the package
        shutil.copytree(base_folder, tmp_path / "starters" / "pix2pix")
        expected = open_artefact(artefact).sign("hello")
        leave_out(artefact)
        assert listing(artefact) == FILES
        np.testing.assert_array_equal(open_artefact(artefact).sign("hello"), expected)
        changed = tmp_path / "starters" / "pix2pix" / "unet" / "config.json"
        changed.write_text(changed.read_text() + "\n")
        with pytest.raises(
            ValueError, match=r"found a base model of weights .*, and this model was trained on .*train it"
        ):
            open_artefact(artefact).sign("hello")
        shutil.rmtree(tmp_path / "starters")
        with pytest.raises(ValueError, match=r"pix2pix: found no model_index\.json, so the base model is not there"):
            open_artefact(artefact).sign("hello")

    def test_a_base_of_the_hub_is_named_and_not_copied(self, hub: Hub, base_folder, tmp_path, offline):
        commit = hub.plant(BASE, base_folder)
        snapshot_download(BASE, revision=commit)
        folder = tmp_path / "artefact"
        folder.mkdir()
        tiny_signer(BASE, commit).save(folder)
        assert listing(folder) == FILES
        offline()
        again = zoo.load(folder)
        assert (again.base_model, again.lora.base_revision) == (BASE, commit)
        assert again.sign("hello").shape == (1, 32, 32, 3)

    def test_both_files_keep_alpha_by_rank(self, artefact):
        settings = json.loads((artefact / "lora" / "adapter_config.json").read_text())
        assert settings["lora_alpha"] / settings["r"] == 0.5
        pipeline = tiny_pipeline()
        pipeline.load_lora_weights(artefact, subfolder="lora", weight_name="pytorch_lora_weights.safetensors")
        adapted = [module for module in pipeline.unet.modules() if hasattr(module, "scaling")]
        assert {value for module in adapted for value in module.scaling.values()} == {0.5}

    def test_plain_diffusers_and_peft_draw_the_same_picture(self, artefact, signer, tmp_path):
        """In a process without these packages; and another one than the base draws."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-c", PLAIN, str(artefact), str(artefact / "base"), str(tmp_path / "found.npz")]
        result = subprocess.run(
            command, env={**environment, "HF_HUB_OFFLINE": "1"}, cwd=tmp_path, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        found = dict(np.load(tmp_path / "found.npz"))
        model = open_artefact(artefact)
        ours = model._drawn([("hello", 5)], model.drawing)[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(found["diffusers"], ours, atol=1e-4)
        np.testing.assert_allclose(found["peft"], ours, atol=1e-4)
        assert np.abs(found["base"] - ours).max() > 0.01
        np.testing.assert_array_equal((255 * ours).round().astype(np.uint8), model.sign("hello", seed=5)[0])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"base": "../sd", "base_sha256": "0"}, r"base: found '\.\./sd', which is no model"),
            ({"prompts": {}}, "prompts: found {}, expected the prompt of each gloss"),
            ({"prompts": {"hello": 3}}, "expected the prompt of each gloss"),
            ({"prompts": {"hello": "ASL sign"}}, "reference of 'please': .*one of its 1 glosses"),
            ({"sampling": {"steps": 0}}, "steps: found 0"),
            ({"sampling": {"speed": 1}}, "speed"),
            ({"gives": {"kind": "image", "size": 64}}, r"expected \(64, 64, 3\) uint8"),
        ],
    )
    def test_a_forged_config_is_refused_in_one_line(self, artefact, changes, message):
        edit(artefact / "config.json", **changes)
        with pytest.raises(ValueError, match=message) as error:
            open_artefact(artefact)
        assert "\n" not in str(error.value)

    def test_a_base_of_another_family_is_refused(self, artefact):
        edit(artefact / "base" / "model_index.json", text_encoder_2=["transformers", "CLIPTextModelWithProjection"])
        edit(artefact / "config.json", base_sha256=open_artefact(artefact).base_folder.sha256)
        with pytest.raises(
            ValueError, match=r"found text_encoder_2 .*choose a base of the family of Stable Diffusion 1"
        ):
            open_artefact(artefact).sign("hello")

    def test_a_lora_for_another_base_is_refused(self, tmp_path):
        tiny_pipeline(width=16).save_pretrained(tmp_path / "wide")
        with pytest.raises(ValueError, match=r"this LoRA does not fit the pipeline's UNet.*expected linear \(8, 8\)"):
            tiny_signer(folder=tmp_path / "wide").sign("hello")

    def test_references_are_pictures_as_they_were(self, artefact, signer):
        kept = load_file(artefact / "references.safetensors")
        for gloss, frame in signer.references.items():
            np.testing.assert_array_equal(kept[gloss].numpy(), frame)


def test_a_way_of_drawing_is_checked_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="guidance: found '7', expected a number from 0"):
        Drawing(guidance="7")  # type: ignore[arg-type]
    assert Drawing(steps=2, strength=0.5).strength == 0.5


def test_opening_one_needs_no_diffusers(artefact: Path) -> None:
    """Nor peft: until it draws, a LoRA is matrices."""
    code = f"""
import sys
from pathlib import Path
from zoo.artefacts.artefact import open_artefact
open_artefact(Path({str(artefact)!r})).probe()
assert not {{"diffusers", "peft", "transformers", "lightning"}} & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
