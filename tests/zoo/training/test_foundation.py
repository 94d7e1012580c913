"""What a model stands on: found, fetched once, recorded, and never exchanged without a word."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from every_spec import starter
from hub_server import Hub
from safetensors.torch import load_file, save_file
from tiny_diffusion import tiny_pipeline
from tiny_encoder import tiny_encoder

import zoo
from datamodules.files import write_json
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.base_model import BaseModel, Foundation
from zoo.card.licences import licence_of
from zoo.cli import main
from zoo.publishing import starters
from zoo.results.lineage import may_have_seen, of_the_avatar
from zoo.results.rows import data_note
from zoo.spec.registry import locate
from zoo.spec.validation import accepted
from zoo.training.memory import said_when_out_of_memory

Runs = Callable[[str], Path]
PROMPT = "signer 1 in the studio"
PLAIN = """
import sys, json, numpy, torch
from diffusers import StableDiffusionPipeline
pipeline = StableDiffusionPipeline.from_pretrained(sys.argv[1], safety_checker=None)
pictures = pipeline(sys.argv[2], num_inference_steps=2, guidance_scale=3.0, output_type="np",
                    generator=torch.Generator().manual_seed(3)).images
numpy.save(sys.argv[3], pictures)
assert not {"zoo", "lightning_modules", "datamodules"} & set(sys.modules)
assert pipeline.tokenizer.model_max_length == 77
"""


@pytest.fixture
def fit(twin_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Trains a tiny sd-starter on an autoencoder, into runs of the test's own."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    common = ["fit", "sd-starter", *starter("sd-starter", twin_root("sd-starter"))]
    return lambda autoencoder, *more: main([*common, f"--model.autoencoder={autoencoder}", *more])


def the_run(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "runs" / "sd-starter").iterdir()
    return folder


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "provenance.json").read_text())
    return found


def moved(folder: Path, into: Path) -> Path:
    """A copy of an artefact whose weights are a little different."""
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns("checkpoints", "logs"))
    (path,) = into.rglob("*.safetensors")
    weights = load_file(path)
    save_file({name: value * 1.001 for name, value in weights.items()}, path, metadata={"format": "pt"})
    return into


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion as its makers publish it, pickles and all."""
    folder = tmp_path_factory.mktemp("plain")
    tiny_pipeline().save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n# Tiny\n")
    return folder


class TestTraining:
    @pytest.fixture(scope="class")
    def run(self, tiny_runs: Runs, twin_root: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
        root, command = tmp_path_factory.mktemp("run"), starter("sd-starter", twin_root("sd-starter"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZOO_RUNS", str(root / "runs"))
            patch.setenv("ZOO_CACHE", str(root / "cache"))
            assert main(["fit", "sd-starter", *command, f"--model.autoencoder={tiny_runs('sd-starter-vae')}"]) == 0
            assert main(["test", str(the_run(root))]) == 0
        return the_run(root)

    def test_the_record_says_on_what_it_stands_and_what_that_was_trained_on(self, run: Path, tiny_runs: Runs) -> None:
        below, own = record(run)["stands_on"], tiny_runs("sd-starter-vae")
        assert (below["argument"], below["name"], below["address"]) == ("autoencoder", "sd-starter-vae", str(own))
        assert below["sha256"] == BaseModel.used(str(own)).sha256
        assert below["data"]["name"] == "picture-folder"
        assert of_the_avatar(record(run))
        assert "It stands on sd-starter-vae, trained on the avatar twin of" in data_note(record(run))
        assert "stands on" in (run / "README.md").read_text().casefold()
        assert licence_of(json.loads((run / "config.json").read_text()), record(run)).identifier == "mit"

    def test_plain_diffusers_draws_the_same_picture(self, run: Path, tmp_path: Path) -> None:
        """In a process without our packages."""
        output = tmp_path / "pictures.npy"
        done = subprocess.run(
            [sys.executable, "-c", PLAIN, str(run), PROMPT, str(output)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        theirs, own = np.load(output), zoo.load(run).draw(PROMPT, seed=3, steps=2, guidance=3.0)
        assert np.abs(theirs - own / 255).max() <= 0.5 / 255 + 1e-4
        assert theirs.std() > 0

    def test_a_picture_depends_on_its_seed_and_not_on_its_neighbours(self, run: Path) -> None:
        model = zoo.load(run)
        four = model.draw(PROMPT, n=4, seed=2)
        assert (np.abs(four[1].astype(int) - model.draw(PROMPT, seed=3)[0]) <= 1).all()
        assert not (four[0] == four[1]).all()

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"n": 0}, "n: found 0"),
            ({"steps": 0}, "steps: found 0"),
            ({"guidance": 0.5}, "guidance: found 0.5"),
            ({"prompt": 3}, "found int, expected a text to draw"),
        ],
    )
    def test_what_is_no_way_of_drawing_is_refused(self, run: Path, asked: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            zoo.load(run).draw(**{"prompt": PROMPT, **asked})

    def test_scores_stand_beside_those_of_training_pictures(self, run: Path) -> None:
        results = json.loads((run / "results.json").read_text())
        assert {"fid_autoencoder", "fid_pixels"} <= results.keys()
        for row in results.values():
            assert {"value", "train_caption_picture", "protocol", "n"} <= row.keys()
        assert (run / "plots" / "generated.png").is_file()

    @pytest.mark.parametrize(
        ("file", "change", "message"),
        [
            ("unet/config.json", {"act_fn": "gelu"}, "act_fn is 'gelu'"),
            ("vae/config.json", {"_class_name": "AutoencoderTiny"}, "_class_name is 'AutoencoderTiny'"),
            ("text_encoder/config.json", {"hidden_act": "relu"}, "hidden_act is 'relu'"),
            ("scheduler/scheduler_config.json", {"algorithm_type": "sde-dpmsolver++"}, "algorithm_type is"),
            ("scheduler/scheduler_config.json", {"_class_name": "PNDMScheduler"}, "_class_name is 'PNDMScheduler'"),
            ("tokenizer/tokenizer_config.json", {"model_max_length": 10**30}, "model_max_length: found"),
            ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": "evil.py"}}, "names code"),
        ],
    )
    def test_a_forged_component_is_refused(
        self, run: Path, tmp_path: Path, file: str, change: dict[str, Any], message: str
    ) -> None:
        forged = tmp_path / "forged"
        shutil.copytree(run, forged, ignore=shutil.ignore_patterns("checkpoints", "logs"))
        write_json(forged / file, {**json.loads((forged / file).read_text()), **change})
        with pytest.raises(ValueError, match=message):
            zoo.load(forged)

    def test_another_foundation_is_refused_by_a_test(self, run: Path, tiny_runs: Runs, tmp_path: Path) -> None:
        other = moved(tiny_runs("sd-starter-vae"), tmp_path / "other")
        spec = accepted(run / "spec.yaml")
        spec.config["model"]["init_args"]["autoencoder"] = str(other)
        foundation = Foundation.of(spec)
        assert foundation is not None
        with pytest.raises(
            ValueError, match=r"autoencoder: found weights \w{12} at .*other, expected \w{12}, on which"
        ):
            foundation.refuse_another(record(run), str(run))


def test_the_same_losses_with_and_without_cache(fit: Callable[..., int], tiny_runs: Runs, tmp_path: Path) -> None:
    losses = []
    for cache in ("true", "false"):
        assert fit(tiny_runs("sd-starter-vae"), f"--model.cache={cache}", "--trainer.log_every_n_steps=1") == 0
        run = the_run(tmp_path)
        lines = (run / "logs" / "metrics.csv").read_text().splitlines()
        losses.append([float(value) if value else 0.0 for line in lines[1:] for value in line.split(",")])
        shutil.rmtree(run)
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert len(list((tmp_path / "cache" / "latents").rglob("*.safetensors"))) == 2


def test_a_run_does_not_go_on_upon_other_weights(
    fit: Callable[..., int], tiny_runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from every_spec import ended_from

    autoencoder = tmp_path / "autoencoder"
    shutil.copytree(tiny_runs("sd-starter-vae"), autoencoder, ignore=shutil.ignore_patterns("checkpoints", "logs"))
    with monkeypatch.context() as patch:
        patch.setattr("zoo.training.resuming.LastCheckpoint._save", ended_from((1, 0)))
        assert fit(autoencoder) == 130
    shutil.rmtree(autoencoder)
    moved(tiny_runs("sd-starter-vae"), autoencoder)
    assert fit(autoencoder) == 2
    assert "on which it was trained; bring those back" in capsys.readouterr().err


def test_a_finished_run_is_not_what_other_weights_would_make(
    fit: Callable[..., int], tiny_runs: Runs, tmp_path: Path, capsys
) -> None:
    autoencoder = tmp_path / "autoencoder"
    shutil.copytree(tiny_runs("sd-starter-vae"), autoencoder, ignore=shutil.ignore_patterns("checkpoints", "logs"))
    assert fit(autoencoder) == fit(autoencoder) == 0
    assert f"already finished: {the_run(tmp_path)}" in capsys.readouterr().out
    shutil.rmtree(autoencoder)
    assert fit(autoencoder) == 0, "it is finished, whatever became of the autoencoder"
    moved(tiny_runs("sd-starter-vae"), autoencoder)
    assert fit(autoencoder) == 2
    assert re.search(rf"finished on weights \w{{12}} of {autoencoder}, found \w{{12}}", capsys.readouterr().err)
    the_run(tmp_path).rename(tmp_path / "before")
    assert fit(autoencoder) == 0


def test_what_is_not_there_yet_is_said_with_how_to_make_it(fit: Callable[..., int], tmp_path: Path, capsys) -> None:
    assert fit("sd-starter-vaes") == 2
    error = capsys.readouterr().err
    assert "model.init_args.autoencoder: sd-starter stands on sd-starter-vaes, which cannot be opened" in error
    assert "did you mean" in error or "sd-starter-vae" in error
    assert not (tmp_path / "runs").exists()


def test_a_network_of_another_kind_is_refused(fit: Callable[..., int], capsys) -> None:
    assert fit("letter-vae") == 2
    assert "found LetterGenerator, expected an AutoencoderKL" in capsys.readouterr().err


class TestHub:
    def test_of_a_repository_what_is_needed_is_fetched_once(
        self, hub: Hub, plain: Path, offline: Callable[[], None]
    ) -> None:
        """Neither pickles, nor other precisions, nor a checkpoint of everything, nor the safety checker."""
        files = {path.relative_to(plain).as_posix(): path.read_bytes() for path in plain.rglob("*") if path.is_file()}
        more = {
            "sd-v1-4.ckpt": b"\x80pickle",
            "unet/diffusion_pytorch_model.bin": b"\x80pickle",
            "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
            "safety_checker/model.safetensors": b"checker",
            "safety_checker/config.json": b"{}",
        }
        commit = hub.plant("me/sd", {**files, **more})
        found = BaseModel.used(f"me/sd@{commit}")
        assert (found.address, found.repo_id) == (f"me/sd@{commit}", "me/sd")
        there = {path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file()}
        assert not there & more.keys()
        assert "unet/diffusion_pytorch_model.safetensors" in there
        offline()
        again = BaseModel.used(f"me/sd@{commit}")
        assert again == found
        pipeline, own = again.open(), tiny_pipeline()
        assert all(torch.equal(a, b) for a, b in zip(pipeline.unet.parameters(), own.unet.parameters(), strict=True))
        kept = again.record()
        assert (kept["license"], kept["data"]) == ("creativeml-openrail-m", None)

    def test_its_licence_and_what_it_may_have_seen_follow(self, hub: Hub, plain: Path) -> None:
        found = BaseModel.used(f"me/sd@{hub.plant('me/sd', plain)}")
        run = starter_folder("letter-vae")
        kept = {**record(run), "stands_on": {**found.record(), "argument": "base"}}
        assert not of_the_avatar(kept)
        assert [base["repo_id"] for base in may_have_seen(kept)] == ["me/sd"]
        assert "It stands on me/sd, of whose training nothing is known" in data_note(kept)
        config = json.loads((run / "config.json").read_text())
        assert licence_of(config, kept).identifier == "creativeml-openrail-m"

    def test_what_was_tampered_with_on_the_way_is_not_kept(self, hub: Hub, plain: Path) -> None:
        commit = hub.plant("me/sd", plain)
        size = (plain / "vae/diffusion_pytorch_model.safetensors").stat().st_size
        hub.fault("*vae/diffusion_pytorch_model.safetensors", "GET", content=b"\0" * size, times=None)
        with pytest.raises(ValueError, match=r"vae/.* is not what was published"):
            BaseModel.used(f"me/sd@{commit}")

    def test_pickles_alone_are_refused(self, hub: Hub, plain: Path) -> None:
        files = {path.relative_to(plain).as_posix(): path.read_bytes() for path in plain.rglob("*") if path.is_file()}
        pickled = {name.replace(".safetensors", ".bin"): content for name, content in files.items()}
        with pytest.raises(ValueError, match="its pickles are not read"):
            BaseModel.used(f"me/sd@{hub.plant('me/sd', pickled)}")

    def test_of_a_video_encoder_no_more_than_that_is_fetched(self, hub: Hub, tmp_path: Path) -> None:
        tiny_encoder().save_pretrained(tmp_path / "encoder")
        files = {path.name: path.read_bytes() for path in (tmp_path / "encoder").iterdir()}
        more = {"pytorch_model.bin": b"\x80pickle", "original/vitl.pt": b"\x80pickle"}
        found = BaseModel.used(f"me/vjepa@{hub.plant('me/vjepa', {**files, **more})}")
        assert {path.name for path in found.folder.iterdir()} == {"config.json", "model.safetensors"}
        there, own = found.open(), BaseModel.used(str(tmp_path / "encoder")).open()
        assert all(torch.equal(a, b) for a, b in zip(there.parameters(), own.parameters(), strict=True))
        pickled = {"config.json": files["config.json"], **more}
        with pytest.raises(ValueError, match="pickled weights are not read"):
            BaseModel.used(f"me/vjepa@{hub.plant('me/vjepa', pickled)}")

    def test_another_family_is_refused(self, plain: Path, tmp_path: Path) -> None:
        other = tmp_path / "xl"
        shutil.copytree(plain, other)
        index = json.loads((other / "model_index.json").read_text())
        write_json(
            other / "model_index.json", {**index, "text_encoder": ["transformers", "CLIPTextModelWithProjection"]}
        )
        with pytest.raises(ValueError, match=r"text_encoder is transformers\.CLIPTextModelWithProjection, expected"):
            BaseModel.used(str(other)).open()


class TestStarters:
    def test_models_come_before_those_that_stand_on_them(self) -> None:
        assert starters.in_order(["sd-starter", "letter-judge", "sd-starter-vae"]) == [
            "letter-judge",
            "sd-starter-vae",
            "sd-starter",
        ]

    def test_a_starter_on_other_weights_is_out_of_date(
        self, tiny_runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spec = accepted(locate("sd-starter"), True, [f"model.autoencoder={tiny_runs('sd-starter-vae')}"])
        foundation = Foundation.of(spec)
        assert foundation is not None
        (tmp_path / "sd-starter").mkdir()
        kept = {"run": spec.run_id, "data": {"twin": {"avatar": starters.VERSION}}, "stands_on": foundation.record()}
        monkeypatch.setattr(starters, "starter_folder", lambda name: tmp_path / name)
        write_json(tmp_path / "sd-starter" / "provenance.json", kept)
        assert starters.stale("sd-starter", spec) is None
        kept["stands_on"]["sha256"] = "0" * 64
        write_json(tmp_path / "sd-starter" / "provenance.json", kept)
        assert "on which it stands, has other weights now" in str(starters.stale("sd-starter", spec))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried to"),
        MemoryError(),
    ],
)
def test_out_of_memory_says_what_to_change(error: Exception) -> None:
    config = accepted(locate("sd-starter"), True).config
    with pytest.raises(ValueError, match="out of memory") as caught, said_when_out_of_memory(config):
        raise error
    assert "--data.batch_size=8 --trainer.accumulate_grad_batches=2" in str(caught.value)
    assert "--model.checkpointing=true" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_error_is_left_alone() -> None:
    with pytest.raises(RuntimeError, match="shapes"), said_when_out_of_memory({}):
        raise RuntimeError("shapes do not match")
