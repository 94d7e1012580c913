"""What a diffusers or peft user needs: artefacts in their layouts, opened by the zoo and by them with equal outputs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline
from hub_server import Hub
from huggingface_hub import ModelCard, snapshot_download
from peft import LoraConfig, PeftModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_diffusion import TARGETS, tiny_controlnet, tiny_lora, tiny_pipeline, tiny_unet, write_records

import zoo
from datamodules.media.skeleton_drawing import write_png
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders import trainable_class
from zoo.loaders.diffusion.controlnet import ControlNet
from zoo.loaders.diffusion.lora import LoRA

ROOT = Path(__file__).parents[3]
BASE = "me/tiny-sd"
CONTROLNET, LORA = "controlnet", "lora"
WEIGHTS = {
    CONTROLNET: "controlnet/diffusion_pytorch_model.safetensors",
    LORA: "lora/adapter_model.safetensors",
}
FILES = {
    CONTROLNET: {"config.json", "controlnet/config.json", WEIGHTS[CONTROLNET]},
    LORA: {"config.json", "lora/adapter_config.json", WEIGHTS[LORA], "lora/pytorch_lora_weights.safetensors"},
}
MAKE = {CONTROLNET: tiny_controlnet, LORA: tiny_lora}
KINDS = pytest.mark.parametrize("kind", [CONTROLNET, LORA])

PROSE = """## Uses

For tests.

### Out-of-scope use

Everything else.

## Bias, risks and limitations

It draws noise.
"""
PLAIN = """
import sys
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline
from peft import PeftModel

base, net, lora = (dict(zip(("pretrained_model_name_or_path", "revision"), word.split("@"))) for word in sys.argv[1:4])
found, noise = {}, torch.Generator().manual_seed(0)
sample, states = torch.randn(1, 4, 4, 4, generator=noise), torch.randn(1, 4, 8, generator=noise)
condition = torch.rand(1, 3, 8, 8, generator=noise)

def pipeline():
    opened = StableDiffusionPipeline.from_pretrained(**base, safety_checker=None, use_safetensors=True)
    opened.set_progress_bar_config(disable=True)
    return opened

with torch.inference_mode():
    controlnet = ControlNetModel.from_pretrained(**net, subfolder="controlnet")
    down, mid = controlnet(sample, 500, states, condition, return_dict=False)
    found |= {str(index): value.numpy() for index, value in enumerate((*down, mid))}

    repo, revision = lora.values()
    adapted = PeftModel.from_pretrained(pipeline().unet, repo, subfolder="lora", revision=revision)
    found["peft"] = adapted(sample, 500, states).sample.numpy()
    adapted = pipeline()
    weights = "pytorch_lora_weights.safetensors"
    adapted.load_lora_weights(repo, subfolder="lora", revision=revision, weight_name=weights)
    found["diffusers"] = adapted.unet(sample, 500, states).sample.numpy()

assert "zoo" not in sys.modules
np.savez(sys.argv[4], **found)
"""


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata()


def arrays_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def draw(pipeline: StableDiffusionPipeline, **more: object) -> np.ndarray:
    noise = torch.Generator().manual_seed(3)
    return np.asarray(pipeline("hello", num_inference_steps=3, generator=noise, **more).images[0]).astype(int)


@pytest.fixture
def base(hub: Hub, base_folder: Path) -> str:
    """The commit of the base model on the Hub; it is not in the cache yet."""
    return hub.plant(BASE, base_folder)


@pytest.fixture
def condition(tmp_path: Path) -> Path:
    path = tmp_path / "condition.png"
    write_png(path, np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    return path


@pytest.fixture
def pipeline() -> StableDiffusionPipeline:
    return tiny_pipeline()


@KINDS
class TestEachKind:
    def test_what_is_saved_opens_alike(self, kind, tmp_path):
        model = MAKE[kind](BASE, "a" * 40)
        model.save(tmp_path)
        again = open_artefact(tmp_path)
        assert listing(tmp_path) == FILES[kind]
        assert type(again) is type(model)
        assert (again.base_model, again.base_revision) == (BASE, "a" * 40)
        assert (again.accepts, again.gives) == (model.accepts, model.gives)
        arrays_equal(again.probe(), model.probe())
        assert all(np.abs(value).max() > 0 for value in model.probe().values())

    def test_the_same_model_is_the_same_bytes(self, kind, tmp_path):
        for name in ("one", "two", "again"):
            (tmp_path / name).mkdir()
        MAKE[kind]().save(tmp_path / "one")
        MAKE[kind]().save(tmp_path / "two")
        open_artefact(tmp_path / "one").save(tmp_path / "again")
        for name in FILES[kind]:
            first, *others = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two", "again"))
            assert others == [first, first], name

    def test_half_precision_opens_in_single(self, kind, tmp_path):
        MAKE[kind]().save(tmp_path)
        for path in tmp_path.rglob("*.safetensors"):
            halves = {name: value.half() for name, value in load_file(path).items()}
            save_file(halves, path, metadata=metadata(path))
        wanted = MAKE[kind]().probe()
        for name, value in open_artefact(tmp_path).probe().items():
            np.testing.assert_allclose(value, wanted[name], rtol=0.02, atol=0.02)

    def test_from_the_hub(self, kind, hub, tmp_path):
        MAKE[kind]().save(tmp_path)
        commit = hub.plant("me/x", tmp_path)
        arrays_equal(zoo.load(f"me/x@{commit}").probe(), MAKE[kind]().probe())

    def test_it_draws_once_its_base_is_in_the_cache(self, kind, base, condition, tmp_path, offline, capsys):
        folder, picture = tmp_path / "model", tmp_path / "picture.png"
        folder.mkdir()
        MAKE[kind](BASE, base).save(folder)
        text = {CONTROLNET: str(condition), LORA: "hello"}[kind]
        command = ["run", str(folder), text, "-o", str(picture)]
        assert main(command) != 0
        assert not picture.exists()
        (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
        assert f"{BASE}@{base}: not in the Hub's cache; `hf download {BASE} --revision {base}" in error
        snapshot_download(BASE, revision=base)
        offline()
        assert main(command) == 0
        assert capsys.readouterr().out.splitlines() == [str(picture)]
        (again,) = open_artefact(folder).run(text, [tmp_path / "again.png"])
        assert cv2.imread(str(picture)).shape == (32, 32, 3)
        np.testing.assert_array_equal(cv2.imread(str(again)), cv2.imread(str(picture)))

    def test_it_goes_through_push_pull_and_load(self, kind, hub, base_folder, tmp_path, monkeypatch, capsys):
        """With its card, whose code opens it with the zoo and with diffusers and peft."""
        base = "stable-diffusion-v1-5/stable-diffusion-v1-5"  # of a licence that push knows
        revision = hub.plant(base, base_folder)
        snapshot_download(base, revision=revision)
        run = tmp_path / "run"
        run.mkdir()
        model = MAKE[kind](base, revision)
        model.save(run)
        write_records(run, f"tiny-{kind}")
        monkeypatch.setattr("zoo.card.prose", lambda name: PROSE)
        assert main(["push", str(run), "--repo", "me/x"]) == 0, capsys.readouterr().err
        records = {"README.md", "spec.yaml", "results.json", "provenance.json", ".gitattributes"}
        assert set(hub.files("me/x")) == FILES[kind] | records
        commit = hub.commits("me/x")[-1].id
        for name in FILES[kind]:
            assert hub.files("me/x")[name] == (run / name).read_bytes(), name
        arrays_equal(zoo.load(f"me/x@{commit}").probe(), model.probe())
        card = ModelCard(hub.files("me/x")["README.md"].decode()).data
        assert (card.library_name, card.base_model) == ("diffusers", base)

    def test_its_usage_runs(self, kind, base):
        snapshot_download(BASE, revision=base)
        names: dict[str, object] = {"model": MAKE[kind](BASE, base)}
        exec(names["model"].usage, names)
        assert names["picture"].size == (32, 32)

    def test_no_spec_trains_it(self, kind):
        with pytest.raises(ValueError, match=f"architecture '{kind}' opens what was trained elsewhere"):
            trainable_class(kind)

    def test_other_outputs_are_refused_before_anything_is_drawn(self, kind, tmp_path):
        with pytest.raises(ValueError, match=r"cannot write \.gif; use \.png"):
            MAKE[kind]().run("hello", [tmp_path / "x.gif"])

    @pytest.mark.parametrize("key", ["base_model", "base_revision"])
    @pytest.mark.parametrize("wrong", ["../sd", "/etc", "me/x --force", "$(x)/y", 7])
    def test_a_base_is_a_hub_id_at_a_commit_and_nothing_else(self, kind, key, wrong, tmp_path):
        MAKE[kind]().save(tmp_path)
        edit(tmp_path / "config.json", **{key: wrong})
        with pytest.raises(ValueError, match=rf"config\.json: {key}: found .*expected (null or )?a "):
            open_artefact(tmp_path)

    def test_a_base_that_names_other_classes_is_refused(self, kind, hub, base_folder, tmp_path):
        shutil.copytree(base_folder, tmp_path / "sd")
        edit(tmp_path / "sd" / "model_index.json", unet=["diffusers", "UNet2DModel"])
        commit = hub.plant(BASE, tmp_path / "sd")
        snapshot_download(BASE, revision=commit)
        with pytest.raises(
            ValueError, match=r"unet is diffusers\.UNet2DModel, expected diffusers\.UNet2DConditionModel"
        ):
            MAKE[kind](BASE, commit).base()

    def test_a_base_that_names_code_is_refused(self, kind, hub, base_folder, tmp_path):
        shutil.copytree(base_folder, tmp_path / "sd")
        edit(tmp_path / "sd" / "text_encoder" / "config.json", _attn_implementation="evil/kernel")
        commit = hub.plant(BASE, tmp_path / "sd")
        snapshot_download(BASE, revision=commit)
        with pytest.raises(ValueError, match=r"text_encoder/config.json: refused, .*evil/kernel"):
            MAKE[kind](BASE, commit).base()

    def test_a_base_with_pickles_only_is_refused(self, kind, hub, base_folder, tmp_path):
        shutil.copytree(base_folder, tmp_path / "sd")
        weights = tmp_path / "sd" / "unet" / "diffusion_pytorch_model.safetensors"
        torch.save(load_file(weights), weights.with_suffix(".bin"))
        weights.unlink()
        commit = hub.plant(BASE, tmp_path / "sd")
        snapshot_download(BASE, revision=commit)
        with pytest.raises(ValueError, match=r"not a whole Stable Diffusion .*hf download"):
            MAKE[kind](BASE, commit).base()

    @pytest.mark.parametrize("damage", ["missing", "extra", "shape"])
    def test_keys_are_strict(self, kind, damage, tmp_path):
        MAKE[kind]().save(tmp_path)
        for path in [tmp_path / name for name in FILES[kind] if name.endswith(".safetensors")]:
            weights = load_file(path)
            first = min(weights)
            if damage == "missing":
                del weights[first]
            elif damage == "extra":
                weights[f"{first}.more"] = torch.zeros(1)
            else:
                weights[first] = torch.zeros(3, 5)
            save_file(weights, path, metadata=metadata(path))
        with pytest.raises(ValueError, match=f"{kind}") as error:
            open_artefact(tmp_path)
        assert "\n" not in str(error.value)


def test_the_message_s_command_fetches_the_base(hub, base):
    with pytest.raises(ValueError, match="hf download") as error:
        tiny_lora(BASE, base).base()
    command = str(error.value).split("`")[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, shell=True, check=True, env=hub.environment(PATH=path), capture_output=True)
    np.testing.assert_array_equal(draw(tiny_lora(BASE, base).base()), draw(tiny_pipeline()))


def test_the_command_line_says_what_it_opened_and_no_more(hub, base, condition, tmp_path):
    snapshot_download(BASE, revision=base)
    code = "import sys; from zoo.cli import main; sys.exit(any([main(line.split()) for line in sys.argv[1:]]))"
    lines = []
    for kind, text in ((CONTROLNET, condition), (LORA, "hello")):
        (tmp_path / kind).mkdir()
        MAKE[kind](BASE, base).save(tmp_path / kind)
        lines.append(f"run {tmp_path / kind} {text} -o {tmp_path / kind}.png")
    command = [sys.executable, "-c", code, *lines]
    environment = hub.environment(HF_HUB_OFFLINE="1")
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["zoo", "zoo"], result.stderr


def test_plain_diffusers_and_peft_open_both_from_the_hub_with_equal_outputs(hub, base, tmp_path, pipeline):
    words = [f"{BASE}@{base}"]
    for kind in (CONTROLNET, LORA):
        (tmp_path / kind).mkdir()
        MAKE[kind]().save(tmp_path / kind)
        words.append(f"me/{kind}@{hub.plant(f'me/{kind}', tmp_path / kind)}")
    environment = {name: value for name, value in hub.environment().items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", PLAIN, *words, str(tmp_path / "found.npz")]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = dict(np.load(tmp_path / "found.npz"))

    noise = torch.Generator().manual_seed(0)
    sample, states = torch.randn(1, 4, 4, 4, generator=noise), torch.randn(1, 4, 8, generator=noise)
    with torch.inference_mode():
        plain = pipeline.unet(sample, 500, states).sample.numpy()
        ours = open_artefact(tmp_path / LORA).attach(pipeline).unet(sample, 500, states).sample.numpy()
    assert np.abs(ours - plain).max() > 0.1
    np.testing.assert_allclose(found.pop("peft"), ours, atol=1e-6)
    np.testing.assert_allclose(found.pop("diffusers"), ours, atol=1e-6)
    for name, value in tiny_controlnet().probe().items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)


class TestControlNet:
    def test_it_steers_what_the_pipeline_draws_and_shares_its_parts(self, pipeline):
        before, condition = draw(pipeline), torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        attached = tiny_controlnet().attach(pipeline)
        assert np.abs(draw(attached, image=condition) - before).mean() > 0.5
        assert np.abs(draw(attached, image=condition) - draw(attached, image=1 - condition)).max() > 0
        assert attached.unet is pipeline.unet
        np.testing.assert_array_equal(draw(pipeline), before)

    def test_an_untrained_one_changes_nothing(self, pipeline):
        """Its zero convolutions are zero."""
        network = ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=(16, 32))
        attached = ControlNet(network).attach(pipeline)
        np.testing.assert_array_equal(draw(attached, image=torch.rand(1, 3, 32, 32)), draw(pipeline))

    def test_it_follows_the_pipeline_into_half_precision(self, pipeline, caplog):
        pipeline.unet.to(dtype=torch.bfloat16)
        model = tiny_controlnet()
        caplog.clear()
        assert model.attach(pipeline).controlnet.dtype == torch.bfloat16
        assert not caplog.records
        assert model.probe()["0"].dtype == np.float32

    def test_a_pipeline_of_another_size_is_refused(self):
        with pytest.raises(ValueError, match=r"is for me/tiny-sd: block_out_channels is \(4, 16\), expected \(4, 8\)"):
            tiny_controlnet(BASE).attach(tiny_pipeline(width=16))

    def test_where_it_was_opened_from_is_not_told(self, tmp_path):
        (tmp_path / "diffusers").mkdir()
        tiny_controlnet().network.save_pretrained(tmp_path / "diffusers")
        ControlNet(ControlNetModel.from_pretrained(tmp_path / "diffusers")).save(tmp_path)
        assert str(tmp_path) not in (tmp_path / "controlnet" / "config.json").read_text()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"_class_name": "UNet2DConditionModel"}, "_class_name is 'UNet2DConditionModel', expected 'ControlNetM"),
            ({"_class_name": "os.system"}, "_class_name"),
            ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
            ({"anything": 1}, "found 'anything', which is no setting of a ControlNetModel"),
            ({"self": 1}, "found 'self'"),
            ({"addition_embed_type": "text_time"}, "addition_embed_type is 'text_time', expected None, as for"),
            ({"layers_per_block": 15_000}, "makes no ControlNetModel: .*describes more than"),
            ({"transformer_layers_per_block": 15_000}, "describes more than"),
            ({"layers_per_block": "two"}, "makes no ControlNetModel"),
            ({"layers_per_block": 3}, "does not fit config.json: Missing key"),
            ({"block_out_channels": [10**12, 10**12]}, "block_out_channels: found 1e"),
            ({"norm_num_groups": 0}, "makes no ControlNetModel"),
            ({"down_block_types": ["Evil", "DownBlock2D"]}, "makes no ControlNetModel: Evil does not exist"),
            ({"act_fn": "eval"}, "act_fn is 'eval', expected 'silu'"),
            ({"downsample_padding": 19_999}, "downsample_padding is 19999, expected 1"),
            ({"freq_shift": False}, "freq_shift is False, expected 0"),
            ({"norm_eps": [1]}, "norm_eps is"),
            ({"cross_attention_dim": 16}, "does not fit config.json: size mismatch"),
        ],
    )
    def test_a_forged_config_is_refused_in_one_line(self, changes, message, tmp_path):
        tiny_controlnet().save(tmp_path)
        edit(tmp_path / "controlnet" / "config.json", **changes)
        with pytest.raises(ValueError, match=message) as error:
            open_artefact(tmp_path)
        assert "\n" not in str(error.value)
        assert "controlnet" in str(error.value)

    def test_a_condition_that_is_no_picture_is_refused(self, tmp_path):
        (tmp_path / "x.png").write_text("no picture")
        with pytest.raises(ValueError, match=r"x\.png: 10 bytes that are no picture"):
            tiny_controlnet().run(str(tmp_path / "x.png"), [tmp_path / "y.png"])


class TestLoRA:
    def test_it_adds_alpha_by_rank_of_what_its_matrices_make(self, pipeline):
        """To each weight: the definition, by hand."""
        model, by_hand = tiny_lora(), tiny_pipeline()
        assert model.network.scaling == 0.5
        with torch.no_grad():
            for name, (first, second) in model.network.layers.items():
                by_hand.unet.get_submodule(name).weight += 0.5 * second @ first
        before = draw(pipeline)
        adapted = draw(model.attach(pipeline))
        assert np.abs(adapted - before).mean() > 1
        assert np.abs(adapted - draw(by_hand)).max() <= 1

    @pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
    def test_rank_64_with_alpha_32_keeps_its_alpha(self, tmp_path, pipeline):
        unet = tiny_unet()
        unet.add_adapter(LoraConfig(r=64, lora_alpha=32, target_modules=TARGETS))
        LoRA.of(unet).save(tmp_path)
        open_artefact(tmp_path).attach(pipeline, "ours")
        weights = {"subfolder": "lora", "weight_name": "pytorch_lora_weights.safetensors"}
        pipeline.load_lora_weights(tmp_path, adapter_name="theirs", **weights)
        name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
        assert pipeline.unet.get_submodule(name).scaling == {"ours": 0.5, "theirs": 0.5}
        adapted = PeftModel.from_pretrained(tiny_unet(), tmp_path, subfolder="lora")
        assert adapted.get_base_model().get_submodule(name).scaling == {"default": 0.5}

    def test_diffusers_finds_nothing_in_the_file_of_peft(self, tmp_path, pipeline):
        """Else one file would do."""
        tiny_lora().save(tmp_path)
        pipeline.load_lora_weights(tmp_path, subfolder="lora", weight_name="adapter_model.safetensors")
        assert not hasattr(pipeline.unet, "peft_config")

    def test_it_comes_off_again_and_its_strength_can_be_chosen(self, pipeline):
        before, model = draw(pipeline), tiny_lora()
        full = draw(model.attach(pipeline, "sign"))
        pipeline.set_adapters("sign", 0.5)
        half = draw(pipeline)
        pipeline.delete_adapters("sign")
        np.testing.assert_array_equal(draw(pipeline), before)
        np.testing.assert_array_equal(draw(model.attach(pipeline, "again", strength=0.5)), half)
        assert np.abs(full - half).max() > 0

    def test_a_second_one_takes_over_and_both_can_be_combined(self, pipeline):
        model = tiny_lora()
        once = draw(model.attach(pipeline, "one"))
        np.testing.assert_array_equal(draw(model.attach(pipeline, "two")), once)
        pipeline.set_adapters(["one", "two"], [0.5, 0.5])
        assert np.abs(draw(pipeline) - once).max() <= 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"name": "sign"}, "in use"),
            ({"name": "a.b"}, "no plain word"),
            ({"strength": float("nan")}, "strength=nan"),
        ],
    )
    def test_what_peft_would_stumble_over_is_refused(self, arguments, message, pipeline):
        model = tiny_lora()
        model.attach(pipeline, "sign")
        with pytest.raises(ValueError, match=message):
            model.attach(pipeline, **{"name": "other", **arguments})

    def test_a_unet_with_other_layers_is_refused(self):
        model = tiny_lora(BASE)
        with pytest.raises(ValueError, match=r"is for me/tiny-sd: .*to_k is \(16, 16\), expected linear \(8, 8\)"):
            model.attach(tiny_pipeline(width=16))

    def test_layers_that_are_not_the_unet_s_are_refused(self, tmp_path, pipeline):
        tiny_lora().save(tmp_path)
        for name in ("adapter_model", "pytorch_lora_weights"):
            self._rename(tmp_path / "lora" / f"{name}.safetensors", "mid_block.", "evil_block.")
        model = open_artefact(tmp_path)
        with pytest.raises(ValueError, match=r"evil_block\..*to_k is missing, expected linear \(8, 8\)"):
            model.attach(pipeline)
        assert not hasattr(pipeline.unet, "peft_config")

    def test_targets_that_mean_more_layers_than_it_has_are_refused(self, tmp_path, pipeline):
        """peft would adapt those too, with weights of its own making."""
        tiny_lora().save(tmp_path)
        for name in ("adapter_model", "pytorch_lora_weights"):
            path = tmp_path / "lora" / f"{name}.safetensors"
            self._keep(path, lambda key: "mid_block." not in key)
        with pytest.raises(ValueError, match=r"its targets also mean mid_block\..*to_k, for which it has no weights"):
            open_artefact(tmp_path).attach(pipeline)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"lora_alpha": 8}, "its metadata differ from adapter_config.json"),
            ({"use_dora": True}, "use_dora is True, expected None, as of a plain LoRA"),
            ({"megatron_config": {"a": 1}, "megatron_core": "os"}, "megatron_con?"),
            ({"auto_mapping": {"base_model_class": "x", "parent_library": "evil"}}, "auto_mapping"),
            ({"modules_to_save": ["conv_out"]}, "modules_to_save is"),
            ({"peft_type": "VERA"}, "peft_type is 'VERA', expected 'LORA'"),
            ({"target_modules": "(a+)+$"}, "expected a list of names"),
            ({"target_modules": ["to_q"]}, "do not mean the 32 layers"),
            ({"r": 8}, r"expected A \(8, in\) and B \(out, 8\)"),
            ({"r": True}, "r is True, expected a whole number"),
            ({"lora_alpha": -1}, "lora_alpha is -1, expected a number above 0"),
            ({"rank_pattern": {"to_q": 2}}, "rank_pattern is"),
        ],
    )
    def test_a_variant_or_a_forgery_is_refused_in_one_line(self, changes, message, tmp_path):
        tiny_lora().save(tmp_path)
        edit(tmp_path / "lora" / "adapter_config.json", **changes)
        if list(changes) != ["lora_alpha"] or changes["lora_alpha"] < 0:
            self._restate(tmp_path / "lora")
        with pytest.raises(ValueError, match=message) as error:
            open_artefact(tmp_path)
        assert "\n" not in str(error.value)
        assert "lora" in str(error.value)

    def test_two_files_that_differ_are_refused(self, tmp_path):
        tiny_lora().save(tmp_path)
        path = tmp_path / "lora" / "pytorch_lora_weights.safetensors"
        weights = load_file(path)
        weights[min(weights)] += 1
        save_file(weights, path)
        with pytest.raises(ValueError, match=r"adapter_model.safetensors and pytorch_lora_weights.safetensors differ"):
            open_artefact(tmp_path)

    def test_a_variant_in_training_is_refused(self):
        unet = tiny_unet()
        unet.add_adapter(LoraConfig(r=4, use_dora=True, target_modules=TARGETS))
        with pytest.raises(ValueError, match="use_dora is True"):
            LoRA.of(unet)

    @staticmethod
    def _restate(folder: Path) -> None:
        """Let diffusers' file say what adapter_config.json says."""
        settings = json.loads((folder / "adapter_config.json").read_text())
        named = json.dumps({f"unet.{key}": value for key, value in settings.items()})
        path = folder / "pytorch_lora_weights.safetensors"
        save_file(load_file(path), path, metadata={"lora_adapter_metadata": named})

    @classmethod
    def _rename(cls, path: Path, old: str, new: str) -> None:
        save_file({name.replace(old, new): value for name, value in load_file(path).items()}, path)
        cls._restate(path.parent)

    @classmethod
    def _keep(cls, path: Path, wanted: Callable[[str], bool]) -> None:
        save_file({name: value for name, value in load_file(path).items() if wanted(name)}, path)
        cls._restate(path.parent)


def test_diffusers_is_imported_by_who_needs_it(tmp_path):
    """Not by the table of loaders, nor to open a LoRA, which is matrices."""
    tiny_lora().save(tmp_path)
    code = f"""
import sys
import zoo.loaders
assert "torch" not in sys.modules
from pathlib import Path
from zoo.artefacts.artefact import open_artefact
open_artefact(Path({str(tmp_path)!r})).probe()
assert not {{"diffusers", "peft", "transformers"}} & set(sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
