"""What diffusers' and peft's training scripts leave becomes an artefact by one command; a hostile folder does not."""

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from hub_server import Hub
from huggingface_hub import ModelCard, snapshot_download
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from tiny_diffusion import TARGETS, tiny_controlnet, tiny_lora, tiny_pipeline, tiny_unet

import zoo
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main

BASE = "stable-diffusion-v1-5/stable-diffusion-v1-5"
CONVOLUTIONS = ["to_q", "to_v", "conv1", "conv_shortcut", "proj_in", "time_emb_proj", "ff.net.2"]
"""Layers of more kinds than attention has, as peft's own script for Stable Diffusion adapts them."""
PROSE = "## Uses\n\n### Out-of-scope use\n\nAll.\n\n## Bias, risks and limitations\n\nIt is noise.\n"

Saver = Callable[[Path], torch.nn.Module]


def filled(unet: Any) -> Any:
    """As if it had been trained: B is not zero."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn_like(weight))
    return unet.eval()


def adapted(**settings: Any) -> Any:
    """A UNet with an adapter, as diffusers' scripts train it."""
    unet = tiny_unet()
    unet.add_adapter(LoraConfig(**{"r": 4, "lora_alpha": 4, "target_modules": TARGETS, **settings}))
    return filled(unet)


def layers(unet: Any) -> dict[str, torch.Tensor]:
    return convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))


def peft(base: str | None = None, **settings: Any) -> Saver:
    """base: what peft takes from the UNet that was opened from there."""

    def save(folder: Path) -> torch.nn.Module:
        config = LoraConfig(**{"r": 4, "lora_alpha": 2, "target_modules": TARGETS, **settings})
        model = filled(get_peft_model(tiny_unet(), config))
        model.save_pretrained(folder)
        edit(folder / "adapter_config.json", base_model_name_or_path=base)
        return model

    return save


def script(folder: Path) -> torch.nn.Module:
    """`save_lora_weights` as train_text_to_image_lora.py calls it: alpha is the rank, and is not saved."""
    unet = adapted(init_lora_weights="gaussian")
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers(unet))
    return unet


def told_script(folder: Path) -> torch.nn.Module:
    """As the newer scripts call it, which save alpha too."""
    unet = adapted(lora_alpha=2)
    settings = unet.peft_config["default"].to_dict()
    StableDiffusionPipeline.save_lora_weights(folder, layers(unet), unet_lora_adapter_metadata=settings)
    return unet


def script_of_2023(folder: Path) -> torch.nn.Module:
    """`unet.save_attn_procs` of that time."""
    unet, weights = adapted(), {}
    for name, value in get_peft_model_state_dict(unet).items():
        layer, _, side = name.removesuffix(".weight").rpartition(".lora_")
        block, _, short = layer.removesuffix(".0").rpartition(".")
        weights[f"{block}.processor.{short}_lora.{'down' if side == 'A' else 'up'}.weight"] = value
    save_file(weights, folder / "pytorch_lora_weights.safetensors")
    return unet


def adapter(folder: Path) -> torch.nn.Module:
    unet = adapted(lora_alpha=2)
    unet.save_lora_adapter(folder)
    return unet


def both(folder: Path) -> torch.nn.Module:
    """What the zoo itself writes, in the file of each library."""
    tiny_lora().save(folder)
    for path in (folder / "lora").iterdir():
        path.rename(folder / path.name)
    (folder / "config.json").unlink()
    return tiny_lora().attach(tiny_pipeline()).unet


LORAS: dict[str, Saver] = {
    "peft": peft(init_lora_weights="gaussian"),
    "peft, of a repository": peft(BASE),
    "peft, layers by a pattern": peft(target_modules=r".*attn2\.to_[kv]"),
    "peft, without the layers of some blocks": peft(exclude_modules=r"up_blocks\..*"),
    "peft, convolutions": peft(target_modules=CONVOLUTIONS),
    "diffusers": script,
    "diffusers, with settings": told_script,
    "diffusers, of 2023": script_of_2023,
    "diffusers, save_lora_adapter": adapter,
    "both": both,
}


def answer(unet: torch.nn.Module) -> np.ndarray:
    """What a UNet makes of noise."""
    noise = torch.Generator().manual_seed(0)
    sample, states = torch.randn(1, 4, 8, 8, generator=noise), torch.randn(1, 4, 8, generator=noise)
    with torch.inference_mode():
        return unet(sample, 500, states).sample.numpy()


def halve(folder: Path) -> None:
    """Every weight in half precision, what else is in the files as it was."""
    from safetensors import safe_open

    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            notes = file.metadata()
        save_file({name: value.half() for name, value in load_file(path).items()}, path, metadata=notes)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def imported(folder: Path, kind: str, *more: str) -> Path:
    """Run the command beside the folder."""
    out = folder.with_name("out")
    assert main(["import", str(folder), "--as", kind, "--base", BASE, "-o", str(out), *more]) == 0
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a training saves."""
    (tmp_path / "trained").mkdir()
    return tmp_path / "trained"


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command, which is refused in one line and leaves nothing; returns the line."""

    def refuse(kind: str, *more: str) -> str:
        out = folder.with_name("out")
        command = ["import", str(folder), "--as", kind, "-o", str(out), *more]
        assert main(command if "--base" in more else [*command, "--base", BASE]) == 2
        assert not out.exists()
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert not printed.out
        assert "zoo-import-" not in line  # where the command works is nobody's file
        return line

    return refuse


class TestLoRA:
    @pytest.mark.parametrize("saver", LORAS)
    def test_it_does_to_a_unet_what_the_trained_one_did(self, saver: str, folder: Path) -> None:
        wanted = answer(LORAS[saver](folder))
        assert np.abs(wanted - answer(tiny_unet())).max() > 0.05
        place = imported(folder, "lora")
        model = zoo.load(place)
        assert (model.architecture, model.base_model) == ("lora", BASE)
        np.testing.assert_allclose(answer(model.attach(tiny_pipeline()).unet), wanted, atol=2e-5)

    @pytest.mark.parametrize("saver", ["peft", "diffusers, with settings"])
    def test_half_precision_is_taken_and_its_alpha_kept(self, saver: str, folder: Path) -> None:
        wanted = answer(LORAS[saver](folder))
        halve(folder)
        model = zoo.load(imported(folder, "lora", "--revision", "main"))
        assert (model.network.scaling, model.base_revision) == (0.5, "main")
        np.testing.assert_allclose(answer(model.attach(tiny_pipeline()).unet), wanted, atol=0.02)

    def test_what_a_training_leaves_beside_it_is_not_looked_at(self, folder: Path) -> None:
        wanted = answer(script(folder))
        state = folder / "checkpoint-500"
        state.mkdir()
        for place in (folder, state):
            torch.save({"step": 1}, place / "optimizer.bin")
            torch.save({"step": 1}, place / "random_states_0.pkl")
        (folder / "README.md").write_text("# somebody's")
        (folder / "latest").symlink_to(state)
        place = imported(folder, "lora")
        np.testing.assert_allclose(answer(zoo.load(place).attach(tiny_pipeline()).unet), wanted, atol=2e-5)
        assert not [path for path in place.rglob("*") if path.suffix in (".bin", ".pkl")]

    def test_an_alpha_that_nothing_says_is_the_rank_and_is_told_or_given(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        script(folder)
        assert zoo.load(imported(folder, "lora")).network.scaling == 1
        assert "no alpha is recorded, so the rank, 4, is used, as in diffusers" in capsys.readouterr().err
        shutil.rmtree(folder.with_name("out"))
        assert zoo.load(imported(folder, "lora", "--alpha", "2")).network.scaling == 0.5
        assert "no alpha" not in capsys.readouterr().err

    def test_a_file_of_another_name_is_taken_where_it_is_the_only_one(self, folder: Path) -> None:
        wanted = answer(told_script(folder))
        (folder / "pytorch_lora_weights.safetensors").rename(folder / "my-style.safetensors")
        np.testing.assert_allclose(
            answer(zoo.load(imported(folder, "lora")).attach(tiny_pipeline()).unet), wanted, atol=2e-5
        )

    def test_another_base_than_its_settings_name_is_said(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        peft("me/my-sd")(folder)
        imported(folder, "lora")
        assert f"its settings name me/my-sd as its base model; recorded is {BASE}" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"use_dora": True}, "use_dora is True, expected None, as of a plain LoRA"),
            ({"use_rslora": True}, "use_rslora is True"),
            ({"rank_pattern": {"to_q": 2}}, "rank_pattern is"),
            ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa', expected True"),
            ({"peft_type": "LOHA"}, "peft_type is 'LOHA', expected 'LORA'"),
            ({"lora_alpha": 0}, "lora_alpha is 0, expected a number above 0"),
            ({"r": 8}, r"expected A (8, in) and B (out, 8)"),
            ({"auto_map": {"AutoModel": "evil.Model"}}, "names code to run"),
            ({"auto_mapping": {"base_model_class": "x", "parent_library": "evil"}}, "names a package to import"),
            (
                {"auto_mapping": {"base_model_class": "CLIPTextModel", "parent_library": "transformers"}},
                "a LoRA of CLIPTextModel, expected one of UNet2DConditionModel",
            ),
        ],
    )
    def test_variants_and_forgeries_are_refused(
        self, changes: dict[str, Any], message: str, folder: Path, refused: Callable[..., str]
    ) -> None:
        peft()(folder)
        edit(folder / "adapter_config.json", **changes)
        assert message in (line := refused("lora"))
        assert str(folder) in line

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "Stable Diffusion's UNet alone"),
            ("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight", "holds no LoRA of a text enc"),
            ("lora_unet_mid_block_attentions_0_to_q.lora_down.weight", "these are kohya's names; open it with"),
            ("mid_block.attentions.0.to_q.lora_magnitude_vector", "expected matrices lora_A and lora_B"),
            ("mid_block.attentions.0.to_q.lora_B.bias", "expected matrices lora_A and lora_B"),
            ("mid_block.attentions.0.to_q.lora_A.weight", "expected A (4, in) and B (out, 4)"),
            (
                "unet.mid_block.attentions.0.transformer_blocks.12.attn1.to_q.lora_A.weight",
                "a layer that Stable Diffusion 1 and 2 do not have (XL's?)",
            ),
        ],
    )
    def test_matrices_of_something_else_are_refused(
        self, name: str, message: str, folder: Path, refused: Callable[..., str]
    ) -> None:
        save_file({name: torch.zeros(4, 8)}, folder / "pytorch_lora_weights.safetensors")
        line = refused("lora")
        assert message in line
        assert f"{folder / 'pytorch_lora_weights.safetensors'}: " in line

    def test_damaged_files_are_named(self, folder: Path, refused: Callable[..., str]) -> None:
        path = folder / "pytorch_lora_weights.safetensors"
        save_file({"mid_block.attentions.0.to_q.lora_A.weight": torch.tensor(1.0)}, path)
        assert f"{path}: found mid_block.attentions.0.to_q.lora_A.weight of shape ()" in refused("lora")
        script(folder)
        path.write_bytes(path.read_bytes().replace(b'"F32"', b'"F99"'))
        assert f"{folder}: damaged" in refused("lora")
        path.write_bytes(path.read_bytes()[:-1])
        assert f"{path}: damaged" in refused("lora")
        script(folder)
        (folder / "adapter_config.json").write_text("{")
        assert f"{folder / 'adapter_config.json'}: not readable as JSON" in refused("lora")
        for settings in ([], {"r": {}}, {"lora_alpha": "2"}):
            (folder / "adapter_config.json").write_text(json.dumps(settings))
            assert str(folder) in refused("lora")

    def test_files_that_contradict_each_other_are_refused(self, folder: Path, refused: Callable[..., str]) -> None:
        both(folder)
        edit(folder / "adapter_config.json", lora_alpha=16)
        assert "lora_alpha is 16 in adapter_config.json and 2" in refused("lora")
        edit(folder / "adapter_config.json", lora_alpha=2)
        assert "says that lora_alpha is 2; leave --alpha out" in refused("lora", "--alpha", "8")
        path = folder / "adapter_model.safetensors"
        save_file({name: value + 1 for name, value in load_file(path).items()}, path)
        assert "and pytorch_lora_weights.safetensors hold different weights" in refused("lora")

    def test_what_is_missing_is_named(self, folder: Path, refused: Callable[..., str]) -> None:
        assert f"{folder}: found no LoRA of peft or diffusers in it" in refused("lora")
        peft()(folder)
        (folder / "adapter_config.json").unlink()
        assert "adapter_config.json is missing, which peft writes beside adapter_model.safetensors" in refused("lora")
        assert zoo.load(imported(folder, "lora", "--alpha", "2")).network.scaling == 0.5

    def test_pickles_are_refused(self, folder: Path, refused: Callable[..., str]) -> None:
        StableDiffusionPipeline.save_lora_weights(folder, layers(adapted()), safe_serialization=False)
        assert "pytorch_lora_weights.bin: refused, a pickle can run code" in refused("lora")
        script(folder)
        assert "pytorch_lora_weights.bin: refused, a pickle can run code" in refused("lora")

    def test_a_link_out_of_the_folder_is_refused(self, folder: Path, refused: Callable[..., str]) -> None:
        script(folder)
        weights = folder / "pytorch_lora_weights.safetensors"
        weights.rename(folder.with_name("elsewhere.safetensors"))
        weights.symlink_to(folder.with_name("elsewhere.safetensors"))
        assert "refused, a link that leaves its folder" in refused("lora")

    def test_a_number_that_is_none_is_refused(self, folder: Path, refused: Callable[..., str]) -> None:
        script(folder)
        path = folder / "pytorch_lora_weights.safetensors"
        save_file({name: value * float("nan") for name, value in load_file(path).items()}, path)
        assert "is not finite everywhere: its training diverged" in refused("lora")


class TestControlNet:
    @pytest.mark.parametrize(
        "how", [{}, {"variant": "fp16"}, {"max_shard_size": "20KB"}, {"variant": "fp16", "max_shard_size": "20KB"}]
    )
    def test_it_gives_what_the_trained_one_gave(self, how: dict[str, str], folder: Path) -> None:
        model = tiny_controlnet()
        wanted = model.probe()
        model.network.save_pretrained(folder, **how)
        assert len(list(folder.glob("*.safetensors"))) > ("max_shard_size" in how)
        place = imported(folder, "controlnet", "--prompt", "a person signing", "--size", "32")
        found = zoo.load(place)
        assert (found.base_model, found.prompt, found.size) == (BASE, "a person signing", 32)
        for name, value in found.probe().items():
            np.testing.assert_array_equal(value, wanted[name], err_msg=name)

    def test_half_precision_opens_in_single(self, folder: Path) -> None:
        model = tiny_controlnet()
        wanted = model.probe()
        model.network.half().save_pretrained(folder)
        for name, value in zoo.load(imported(folder, "controlnet")).probe().items():
            np.testing.assert_allclose(value, wanted[name], rtol=0.02, atol=0.02)

    def test_one_that_was_opened_from_elsewhere_does_not_say_from_where(self, folder: Path) -> None:
        tiny_controlnet().network.save_pretrained(folder)
        edit(folder / "config.json", _name_or_path="/home/jane/controlnet")
        place = imported(folder, "controlnet")
        assert "jane" not in "".join(path.read_text() for path in place.rglob("*.json"))

    def test_a_missing_prompt_or_size_is_said(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tiny_controlnet().network.save_pretrained(folder)
        assert zoo.load(imported(folder, "controlnet")).size == 512
        err = capsys.readouterr().err
        assert "no --prompt was given, so `run` draws without one" in err
        assert "no --size was given, so 512 pixels are taken" in err

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"_class_name": "UNet2DConditionModel"}, "found no ControlNet of diffusers in it"),
            ({"auto_map": {"AutoModel": "evil.Model"}}, "names code to run"),
            ({"anything": 1}, "found 'anything', which is no setting of a ControlNetModel"),
            ({"addition_embed_type": "text_time"}, "addition_embed_type is 'text_time', expected None, as for Stable"),
            ({"layers_per_block": 15_000}, "describes more than"),
            ({"layers_per_block": 3}, "does not fit config.json: Missing key"),
            ({"block_out_channels": [10**12, 10**12]}, "block_out_channels: found 1e"),
        ],
    )
    def test_another_or_a_forged_one_is_refused(
        self, changes: dict[str, Any], message: str, folder: Path, refused: Callable[..., str]
    ) -> None:
        tiny_controlnet().network.save_pretrained(folder)
        edit(folder / "config.json", **changes)
        line = refused("controlnet")
        assert message in line
        assert str(folder) in line

    def test_parts_and_variants_must_be_whole_and_of_one_kind(self, folder: Path, refused: Callable[..., str]) -> None:
        network = tiny_controlnet().network
        network.save_pretrained(folder, max_shard_size="20KB")
        first, *_ = sorted(folder.glob("*.safetensors"))
        first.rename(folder / "checkpoint")
        assert "parts of the weights, expected" in refused("controlnet")
        for path in folder.glob("*.safetensors*"):
            path.unlink()
        assert "found no such file, expected diffusion_pytorch_model.safetensors" in refused("controlnet")
        for variant in ("fp16", "bf16"):
            network.save_pretrained(folder, variant=variant)
        assert "that of one variant, or all its parts" in refused("controlnet")


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--base", "../sd"), "--base: found '../sd', expected a repository of the Hub as user/name"),
            (
                ("--base", BASE, "--revision", "../x"),
                "--revision: found '../x', expected a commit, branch or tag",
            ),
            (("--alpha", "nan"), "--alpha: found nan, expected a number above 0"),
            (("--prompt", "x"), "--prompt belongs to --as controlnet; leave it out for --as lora"),
            (("--name", "Mine"), "--name: found 'Mine', expected lower-case words joined by '-'"),
            (("--name", "pix2pix"), "--name: pix2pix is a model or pipeline of the zoo"),
            (("--data-license", "mit"), "--data-license mit: needs --data NAME"),
            (("--data", "x", "--data-license", "none"), "--data-license: licence 'none' is unknown"),
            (("--data", "How2Sign", "--data-license", "mit"), "leave it out; the terms of How2Sign are known"),
        ],
    )
    def test_what_is_said_wrongly_is_refused(
        self, arguments: tuple[str, ...], message: str, folder: Path, refused: Callable[..., str]
    ) -> None:
        script(folder)
        assert message in refused("lora", *arguments)

    def test_sizes_are_those_of_pictures(self, folder: Path, refused: Callable[..., str]) -> None:
        tiny_controlnet().network.save_pretrained(folder)
        for size in ("0", "-8", "100", "100000"):
            assert f"--size: found {size}, expected pixels" in refused("controlnet", "--size", size)
        assert "--alpha belongs to --as lora" in refused("controlnet", "--alpha", "2")
        assert "--revision: found '../x'" in refused("controlnet", "--revision", "../x")

    def test_the_right_command_is_named_for_what_is_there(self, folder: Path, refused: Callable[..., str]) -> None:
        tiny_controlnet().network.save_pretrained(folder)
        assert f"`python -m zoo import {folder} --as controlnet" in refused("lora")
        inside = folder / "checkpoint-500" / "controlnet"
        shutil.copytree(folder, inside)
        (folder / "config.json").unlink()
        assert f"`python -m zoo import {inside} --as controlnet" in refused("controlnet")
        shutil.rmtree(folder)
        assert f"{folder}: no such folder; give the folder that the training saved into" in refused("lora")
        folder.mkdir()
        tiny_lora().save(folder)
        assert f"{folder}: an artefact already" in refused("lora")

    @pytest.mark.parametrize("newest", ["checkpoint-500", "checkpoint-1000"])
    def test_the_newest_checkpoint_is_named_and_the_command_works(
        self, newest: str, folder: Path, refused: Callable[..., str]
    ) -> None:
        for number, name in enumerate(("checkpoint-500", "checkpoint-1000")):
            place = folder / name
            place.mkdir()
            script(place)
            for state in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl", "scaler.pt"):
                torch.save({}, place / state)
            written = 10.0 if name == newest else float(number)
            os.utime(place / "pytorch_lora_weights.safetensors", (written, written))
        assert f"`python -m zoo import {folder / newest} --as lora --base USER/NAME` imports" in refused("lora")
        assert zoo.load(imported(folder / newest, "lora", "--name", "x")).network.rank == 4

    def test_where_something_stands_nothing_is_written(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        script(folder)
        place = imported(folder, "lora")
        before = (place / "provenance.json").read_bytes()
        assert main(["import", str(folder), "--as", "lora", "--base", BASE, "-o", str(place)]) == 2
        assert "already exists and is not an empty folder" in capsys.readouterr().err
        assert (place / "provenance.json").read_bytes() == before

    def test_without_o_it_is_a_run_of_its_name_and_the_same_twice(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
        script(folder)
        command = ["import", str(folder), "--as", "lora", "--base", BASE, "--name", "my-style"]
        assert main(command) == 0
        place = Path(capsys.readouterr().out.strip())
        record = json.loads((place / "provenance.json").read_text())
        assert place == tmp_path / "runs" / "my-style" / record["run"]
        assert list(record["imported"]["files"]) == ["pytorch_lora_weights.safetensors"]
        shutil.rmtree(place)
        assert main(command) == 0
        assert Path(capsys.readouterr().out.strip()) == place

    def test_verbs_that_train_or_measure_say_that_there_is_nothing_to(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        script(folder)
        place = imported(folder, "lora")
        for verb in ("fit", "test", "validate", "show"):
            assert main([verb, str(place)]) == 2
            assert "of a lora that was trained elsewhere and imported" in capsys.readouterr().err
        assert main(["check", str(place)]) == 0
        assert main(["migrate", str(place)]) == 0


class TestMessages:
    """Opening or publishing such a folder names the command that imports it, and that command works."""

    @pytest.fixture(params=["lora", "controlnet"])
    def foreign(self, request: pytest.FixtureRequest, folder: Path) -> tuple[str, Path]:
        if request.param == "lora":
            peft(BASE)(folder)
        else:
            tiny_controlnet().network.save_pretrained(folder)
        torch.save({}, folder / "optimizer.bin")  # which would be refused first
        return request.param, folder

    def test_on_disk(
        self,
        foreign: tuple[str, Path],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        kind, folder = foreign
        wanted = f"`python -m zoo import {folder} --as {kind} --base {BASE if kind == 'lora' else 'USER/NAME'}`"
        for place in (folder, *folder.glob("*.safetensors")):
            with pytest.raises(ValueError, match="no artefact yet") as error:
                zoo.load(place)
            assert wanted in str(error.value)
        for command in (["push", str(folder), "--repo", "me/x"], ["run", str(folder), "x", "-o", "x.png"]):
            assert main(command) == 2
            assert wanted in capsys.readouterr().err
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
        (folder / "optimizer.bin").unlink()
        command = shlex.split(wanted.strip("`").replace("USER/NAME", BASE))
        assert main(command[3:]) == 0
        assert zoo.load(capsys.readouterr().out.strip()).architecture == kind

    def test_on_the_hub(self, foreign: tuple[str, Path], hub: Hub) -> None:
        kind, folder = foreign
        (folder / "optimizer.bin").unlink()
        commit = hub.plant("me/foreign", folder)
        with pytest.raises(ValueError, match="no artefact yet") as error:
            zoo.load(f"me/foreign@{commit}")
        assert f"`hf download me/foreign --revision {commit} --local-dir foreign`" in str(error.value)
        assert f"`python -m zoo import foreign --as {kind} --base USER/NAME`" in str(error.value)

    def test_other_networks_of_diffusers_are_named(self, folder: Path) -> None:
        UNet2DConditionModel.save_pretrained(tiny_unet(), folder)
        with pytest.raises(ValueError, match=r"config\.json: found 'UNet2DConditionModel' of diffusers, no artefact"):
            open_artefact(folder)


class TestPublishing:
    @pytest.fixture(autouse=True)
    def _in_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the process that opens the folder again: it takes seconds, and has tests elsewhere."""
        monkeypatch.setattr("zoo.publishing.reload_check.prove", lambda loader, folder: 0.0)

    def test_all_that_is_lacking_is_asked_for_in_one_message(
        self, folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        script(folder)
        out = folder.with_name("out")
        base = "me/unknown-base"
        assert main(["import", str(folder), "--as", "lora", "--base", base, "-o", str(out)]) == 0
        capsys.readouterr()
        assert main(["push", str(out)]) == 2
        _, *lines = capsys.readouterr().err.splitlines()
        assert [line.partition(": ")[0] for line in lines] == [
            str(out / "provenance.json"),
            str(out / "provenance.json"),
            str(out),
            str(out),
            str(out / "README.md"),
            str(out / "spec.yaml"),
        ]
        wanted = ["import --data NAME", "import --data-license ID", "BASE_MODELS", f"`hf download {base} --include"]
        wanted += ["Out-of-scope use", "push --repo"]
        for word, line in zip(wanted, lines, strict=True):
            assert word in line
        assert not hub.repos

    @pytest.mark.parametrize(
        ("data", "licence", "published", "card_runs"),
        [
            (("--data", "ours", "--data-license", "CC-BY-4.0"), "creativeml-openrail-m", "ours", True),
            (("--data", "How2Sign"), "other", "How2Sign", False),
        ],
    )
    def test_once_it_is_said_it_is_published_and_opens(
        self,
        data: tuple[str, ...],
        licence: str,
        published: str,
        card_runs: bool,
        folder: Path,
        hub: Hub,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
    ) -> None:
        """With its base model in the cache, which the Python of its card opens; once is enough for that."""
        tiny_pipeline().save_pretrained(folder.with_name("base"))
        hub.plant(BASE, folder.with_name("base"))
        snapshot_download(BASE)
        if not card_runs:
            monkeypatch.setattr("zoo.card.blocks.failures", lambda fences, folder: [])
        wanted = answer(script(folder))
        place = imported(folder, "lora", "--name", "my-style", *data)
        card = place / "README.md"
        card.write_text(card.read_text().replace("<!-- prose -->\n", f"<!-- prose -->\n{PROSE}"))
        assert main(["push", str(place), "--repo", "me/my-style"]) == 0, capsys.readouterr().err
        commit = hub.commits("me/my-style")[-1].id
        model = zoo.load(f"me/my-style@{commit}")
        np.testing.assert_allclose(answer(model.attach(tiny_pipeline()).unet), wanted, atol=2e-5)
        files = hub.files("me/my-style")
        text = files["README.md"].decode()
        found = ModelCard(text).data
        assert (found.license, found.base_model, found.library_name) == (licence, BASE, "diffusers")
        assert published in text
        assert "trained elsewhere" in text.lower()
        assert "It is noise." in text
        assert "results.json" not in files
        assert yaml.safe_load(files["spec.yaml"])["architecture"] == "lora"
