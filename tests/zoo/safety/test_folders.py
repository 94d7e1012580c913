"""What somebody else's repository or folder can do to who loads it: nothing but be refused, by name and in time."""

import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hub_server import Hub
from tiny_diffusion import tiny_controlnet, tiny_lora, tiny_pipeline

import zoo
from datamodules.features.vjepa import Encoder
from zoo.artefacts.artefact import open_artefact, save_artefact, starter_folder
from zoo.artefacts.runs import Run
from zoo.cli import main
from zoo.loaders.config import read_config
from zoo.safety.filenames import REFUSED, refuse_names, wanted
from zoo.spec.architectures import ARCHITECTURES
from zoo.spec.problems import SpecError
from zoo.spec.registry import shipped_folder
from zoo.spec.spec import read, resolve

STARTER = starter_folder("asl-slp")
SLOW = 5.0
"""Seconds after which a refusal counts as a hang; each takes a small part of one."""


class Payload:
    """Creates the marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """The file that every planted payload would create; it must not be there in the end."""
    marker = tmp_path / "marker"
    yield marker
    assert not marker.exists(), "code of a planted file was run"


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A copy of a good artefact, to be spoilt."""
    return Path(shutil.copytree(STARTER, tmp_path / "artefact"))


def pickled(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker))


def torch_archive(marker: Path) -> bytes:
    """What `torch.save` writes: a zip with a pickle in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(marker))
        archive.writestr("archive/version", "3")
    return packed.getvalue()


def numpy_objects(marker: Path) -> bytes:
    """A `.npy` of objects, which NumPy unpickles where it is allowed to."""
    packed = io.BytesIO()
    np.save(packed, np.array([Payload(marker)], dtype=object), allow_pickle=True)
    return packed.getvalue()


def changed(change: Callable[[dict[str, Any]], Any], of: Path = STARTER) -> bytes:
    """config.json of the starter, changed."""
    config = json.loads((of / "config.json").read_text())
    change(config)
    return json.dumps(config).encode()


def spec_with(marker: Path, **changes: Any) -> bytes:
    content = yaml.safe_load((STARTER / "spec.yaml").read_text())
    return yaml.safe_dump({**content, **changes}).encode()


def test_the_payload_would_work(tmp_path: Path) -> None:
    """Or else this file proves nothing."""
    for number, packed in enumerate((pickled, numpy_objects)):
        there = tmp_path / str(number)
        content = packed(there)
        if packed is pickled:
            pickle.loads(content)
        else:
            np.load(io.BytesIO(content), allow_pickle=True)
        assert there.exists()


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *(f"weights{suffix}" for suffix in REFUSED),
            *("MODEL.BIN", "encoder/pytorch_model.bin", "model.ｂin", "a．pt", "model.tar.gz", "model.pt.zip"),
            *("../config.json", "a/../../config.json", "..", "a/..", "．．/config.json", "‥/config.json", "a/./b.json"),
            *("/etc/passwd", "~/.bashrc", "~root/x.json", "//host/share.json", "a//b.json", "a/", ""),
            *("C:/x.json", "C:x.json", "a\\b.json", "..\\x.json", "config.json:stream", "a*.json", "what?.json"),
            *(
                "a\0.json",
                "a\n.json",
                "\x1b[2J.json",
                "a\u202enosj.json",
                "a\u200b.json",
                "\ufeffconfig.json",
                "\ud800",
            ),
            *("config.json.", "config.json ", " config.json", "a ./b.json", "... ", "..."),
            *("aux.json", "CON", "nul.txt", "a/com1.json", "LPT9"),
            *(".git/config", ".env", "a/.hidden.json", "a/.gitattributes", ".ssh/id_rsa"),
            *("a/" * 9 + "b.json", "x" * 256 + ".json", "a/b/c/d/e/f.json"),
        ],
    )
    def test_what_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"^me/x@1: refused, it holds ") as caught:
            refuse_names(["config.json", name], "me/x@1")
        assert repr(name) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1

    def test_what_artefacts_hold_is_not(self) -> None:
        names = [path.relative_to(STARTER).as_posix() for path in STARTER.rglob("*") if path.is_file()]
        more = [".gitattributes", "encoder/config.json", "lora/adapter_model.safetensors", "samples/hello there.mp4"]
        refuse_names([*names, *more, "samples/preview.png", "LICENSE", "vocab/großes Wörterbuch.txt"], "me/x")

    @pytest.mark.parametrize(
        "names",
        [
            ("config.json", "Config.json"),
            ("encoder/a.json", "Encoder/b.json"),
            ("straße.json", "STRASSE.json"),
            ("e\u0301.json", "\u00e9.json"),
            ("a.json", "a.json"),
            ("a", "a/b.json"),
            ("a/b.json", "a"),
        ],
    )
    def test_names_of_one_file_are_refused(self, names: tuple[str, str]) -> None:
        with pytest.raises(ValueError, match="refused, it holds"):
            refuse_names(names, "me/x")

    def test_a_listing_without_end_is_refused_early(self) -> None:
        def endless() -> Iterator[str]:
            number = 0
            while True:
                number += 1
                yield f"{number}.json"

        with pytest.raises(ValueError, match="more than 10,000 files"):
            refuse_names(endless(), "me/x")

    def test_a_load_wants_what_loaders_read(self) -> None:
        assert all(wanted(path.name) for path in STARTER.iterdir() if path.is_file())
        assert all(map(wanted, ("encoder/config.json", "lora/adapter_model.safetensors", "tokenizer/merges.txt")))
        for name in ("samples/preview.mp4", "samples/preview.json", "checkpoints/a.safetensors", "hub/config.json"):
            assert not wanted(name)
        assert not any(map(wanted, ("plots/length.png", "plots/length.json", "plots/a.safetensors")))
        assert not any(map(wanted, (".gitattributes", "a/spec.yaml", "other.yaml", "train.py", "weights.bin")))


def _config(key: str, value: Any) -> Callable[[Path], bytes]:
    return lambda marker: changed(lambda config: config.update({key: value}))


def _network(key: str, value: Any) -> Callable[[Path], bytes]:
    return lambda marker: changed(lambda config: config["network"].update({key: value}))


def _text(text: str) -> Callable[[Path], bytes]:
    return lambda marker: text.encode()


def _header(claimed: int, rest: bytes = b"{}") -> Callable[[Path], bytes]:
    return lambda marker: struct.pack("<Q", claimed) + rest


def _forged_tensor(shape: list[int], end: int) -> Callable[[Path], bytes]:
    header = json.dumps({"embedding.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    return lambda marker: struct.pack("<Q", len(header)) + header + bytes(64)


RUNS_CODE = {"auto_map": {"AutoModel": "evil/code--modeling.Model"}}
PLANTED: list[tuple[str, Callable[[Path], bytes]]] = [
    ("last.ckpt", torch_archive),
    ("pytorch_model.bin", torch_archive),
    ("encoder/pytorch_model.bin", pickled),
    ("embeddings.npy", numpy_objects),
    ("model.pkl", pickled),
    ("modeling.py", lambda marker: f"open({str(marker)!r}, 'w')".encode()),
    ("model.safetensors", pickled),
    ("model.safetensors", torch_archive),
    ("model.safetensors", numpy_objects),
    ("model.safetensors", _text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5643082\n")),
    ("model.safetensors", _text("/etc/passwd")),
    ("model.safetensors", _text("")),
    ("model.safetensors", _header(100_000_000_000)),
    ("model.safetensors", _header(2**64 - 1)),
    ("model.safetensors", _header(2, b"[]")),
    ("model.safetensors", _header(4000, b"[" * 4000)),
    ("model.safetensors", _header(4000, b'{"a":' * 800)),
    ("model.safetensors", _forged_tensor([10**12], 4 * 10**12)),
    ("model.safetensors", _forged_tensor([4], 64)),
    ("encoder/model.safetensors", pickled),
    ("config.json", _text("/etc/passwd")),
    ("config.json", _text("[" * 100_000)),
    ("config.json", _text('{"a":' * 100_000)),
    ("config.json", _text("[]")),
    ("config.json", _text('{"schema": ' + "1" * 5000 + "}")),
    ("config.json", lambda marker: (STARTER / "config.json").read_bytes() + b" " * 2_000_000),
    ("config.json", lambda marker: changed(lambda config: None).replace(b'"dropout": 0.0', b'"dropout": NaN')),
    ("config.json", lambda marker: changed(lambda config: None).replace(b'"fps": 12.5', b'"fps": Infinity')),
    ("config.json", lambda marker: changed(lambda config: None).replace(b'"fps": 12.5', b'"fps": 1e999')),
    ("config.json", lambda marker: changed(lambda config: None)[:-1] + b', "task": "text-to-pose"}'),
    ("config.json", _config("task", "os.system")),
    ("config.json", _config("task", "zoo.loaders.text_to_pose.text_to_pose.TextToPose")),
    ("config.json", _config("task", "../text-to-pose")),
    ("config.json", _config("task", "text-to-pose\u200b")),
    ("config.json", _config("task", ["text-to-pose"])),
    ("config.json", _config("task", {"text-to-pose": 1})),
    ("config.json", _config("task", None)),
    ("config.json", _config("task", "pose-to-text")),
    ("config.json", _config("architecture", "pose-transformer")),
    ("config.json", _config("architecture", "os.system")),
    ("config.json", _config("architecture", ["progressive-transformer"])),
    ("config.json", _config("architecture", None)),
    ("config.json", _config("schema", 999)),
    ("config.json", _config("schema", [2])),
    ("config.json", _config("network", {"class_path": "os.system", "init_args": {"command": "touch marker"}})),
    ("config.json", _config("network", {"_target_": "os.system"})),
    ("config.json", _config("network", ["os.system"])),
    ("config.json", _config("network", None)),
    ("config.json", _config("auto_map", RUNS_CODE["auto_map"])),
    ("config.json", _config("custom_pipelines", {"x": {"impl": "evil.Pipeline"}})),
    ("config.json", _config("_class_name", "evil.module:Pipeline")),
    ("config.json", _config("_attn_implementation", "evil/kernels")),
    ("encoder/config.json", lambda marker: b'{"attn_implementation": {"": "evil/kernels"}}'),
    ("encoder/config.json", lambda marker: b'{"text_config": {"_experts_implementation": "evil/kernels"}}'),
    ("config.json", _config("accepts", "text")),
    ("config.json", _config("gives", {"kind": "pose", "fps": "12.5"})),
    ("config.json", _config("gives", {"kind": "pose", "fps": -1})),
    ("config.json", _config("gives", {"kind": "pose", "fps": True})),
    ("config.json", _config("gives", {"kind": "video", "size": 10**6})),
    ("config.json", _config("gives", {"kind": ["pose"]})),
    ("config.json", _config("base_model", "../../home")),
    ("config.json", _config("size", 19_999)),
    *(("config.json", _network(key, 10**9)) for key in ("vocabulary", "width", "heads", "layers", "feedforward")),
    ("config.json", _network("layers", 10**30)),
    ("config.json", _network("layers", 19_999)),
    ("config.json", _network("layers", -1)),
    ("config.json", _network("layers", "2")),
    ("config.json", _network("layers", [2])),
    ("config.json", _network("vocabulary", -5)),
    ("config.json", _network("evil", 1)),
    ("encoder/config.json", lambda marker: json.dumps(RUNS_CODE).encode()),
    ("encoder/config.json", lambda marker: b'{"_class_name": "evil.Model"}'),
    ("model_index.json", lambda marker: b'{"_class_name": "Pipeline", "unet": ["evil_package", "UNet"]}'),
    ("adapter_config.json", lambda marker: b'{"auto_mapping": {"base_model_class": "x", "parent_library": "os"}}'),
    ("model.safetensors.index.json", lambda marker: b'{"weight_map": {"a": "../../weights.bin"}}'),
    ("tokens.json", lambda marker: b'{"__reduce__": ["os.system", "touch marker"]}'),
    ("tokens.json", _text("../../../../../../etc/passwd")),
    ("tokens.json", _text("[" * 100_000)),
    ("tokenizer_config.json", lambda marker: b'{"auto_map": {"AutoTokenizer": ["evil/code--tokenization.T", null]}}'),
    ("tokenizer/tokenizer_config.json", lambda marker: json.dumps(RUNS_CODE).encode()),
    ("spec.yaml", lambda marker: f"name: !!python/object/apply:os.system [touch {marker}]\n".encode()),
    ("spec.yaml", lambda marker: spec_with(marker, model={"class_path": "os.system", "init_args": {"command": "id"}})),
    ("spec.yaml", lambda marker: spec_with(marker, summary="${oc.env:HOME}")),
    ("spec.yaml", lambda marker: spec_with(marker, summary="oc.env", seed="${${summary}:HOME}")),
    ("spec.yaml", _text("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 12)))),
    ("spec.yaml", _text("a0: xxxxxxxx\n" + "".join(f"a{i}: {f'${{a{i - 1}}}' * 9}\n" for i in range(1, 12)))),
    ("spec.yaml", _text("a: " + "[" * 50_000)),
    ("spec.yaml", _text("#" * 10_000_000)),
    ("../config.json", _text("{}")),
    ("../../../.bashrc", _text("touch marker")),
    ("a\\..\\config.json", _text("{}")),
    ("CONFIG.json", _text("{}")),
]


def _title(value: Any) -> str | None:
    return repr(value) if isinstance(value, str) else None


@pytest.mark.parametrize(("name", "content"), PLANTED, ids=_title)
def test_a_repository_with_a_planted_file_is_refused(
    hub: Hub, marker: Path, tmp_path: Path, name: str, content: Callable[[Path], bytes]
) -> None:
    good = {path.name: path.read_bytes() for path in STARTER.iterdir() if path.is_file()}
    hub.plant("me/evil", {**good, name: content(marker)})
    started = time.process_time()
    with pytest.raises(ValueError, match=r".") as caught:
        zoo.load("me/evil@main")
    assert time.process_time() - started < SLOW
    message = str(caught.value)
    said = name if name not in ("CONFIG.json",) else "onfig.json"
    assert repr(said)[1:-1].rpartition("/")[2].casefold() in message.casefold(), message
    assert len(message.splitlines()) == 1, message
    assert not [path for path in tmp_path.rglob("*") if path.suffix in REFUSED], "it was downloaded"


class TestDownloadedSpec:
    """`fit`, `show` and `check` take the folder of a download like any run's: through the closed list of classes."""

    @pytest.mark.parametrize("verb", ["fit", "show", "check"])
    @pytest.mark.parametrize(
        "changes",
        [
            {"model": {"class_path": "os.system", "init_args": {"command": "touch MARKER"}}},
            {"data": {"class_path": "subprocess.Popen", "init_args": {"args": "touch MARKER"}}},
            {"model": {"class_path": "torch.load", "init_args": {"f": "model.pkl"}}},
            {"trainer": {"max_epochs": 1, "callbacks": [{"class_path": "os.system"}]}},
            {"trainer": {"max_epochs": 1, "strategy": "os.system"}},
            {"summary": "${oc.env:HOME}"},
            {"summary": "oc.env", "task": "${${summary}:HOME}"},
            {"model": "${oc.create:{class_path: os.system}}"},
            {"name": "../../elsewhere"},
        ],
        ids=repr,
    )
    def test_foreign_code_in_it_is_refused(
        self,
        artefact: Path,
        marker: Path,
        changes: dict[str, Any],
        verb: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(artefact.parent / "runs"))
        text = spec_with(marker, **changes).replace(b"MARKER", str(marker).encode())
        (artefact / "spec.yaml").write_bytes(text)
        assert main([verb, str(artefact)]) in (1, 2)
        said = "".join(capsys.readouterr())
        assert f"{artefact}/spec.yaml: {next(reversed(changes))}" in said
        assert os.environ["HOME"] not in said
        assert not (artefact.parent / "runs").exists()

    def test_python_in_yaml_is_refused(self, artefact: Path, marker: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (artefact / "spec.yaml").write_text(f"name: !!python/object/apply:os.system [touch {marker}]\n")
        for verb in ("fit", "show", "check"):
            assert main([verb, str(artefact)]) in (1, 2)
            assert "not readable as YAML: could not determine a constructor" in "".join(capsys.readouterr())


class TestGrowth:
    """A few lines of YAML that would become gigabytes."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 12)), "aliases"),
            (
                "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: [{f'*a{i - 1}, ' * 9}]}}\n" for i in range(1, 12)),
                "aliases",
            ),
            ("a: &a [*a]\n", "deeper than 32"),
            ("a: " + "[" * 50_000, "deeper than 32"),
            ("\n".join(" " * i + "a:" for i in range(400)), "deeper than 32"),
            ("a0: xxxxxxxx\n" + "".join(f"a{i}: {f'${{a{i - 1}}}' * 9}\n" for i in range(1, 12)), "interpolation"),
            (
                "a0: {x: 1}\n" + "".join(f"a{i}: ['${{a{i - 1}}}', '${{a{i - 1}}}']\n" for i in range(1, 40)),
                "interpolation",
            ),
            ("a: ${b}\nb: ${a}\n", "refers to itself"),
            ("a: {b: '${.c}', c: '${.b}'}\n", "refers to itself"),
            ("a: {b: ['${..b}']}\n", "refers to itself"),
            ("a: 2026-13-45\n", "month must be in 1..12"),
            ("a: " + "1" * 5000, "Exceeds the limit"),
            ("x" * 100_000_000, "at most 100,000"),
        ],
        ids=lambda value: value[:30],
    )
    def test_is_refused_in_time(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "bomb.yaml"
        path.write_text(text)
        started = time.process_time()
        with pytest.raises(SpecError, match=said):
            resolve(read(path), str(path))
        assert time.process_time() - started < SLOW

    def test_a_merge_does_not_follow_a_resolver_before_it_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET", "hunter2")
        raw = {"summary": "oc.env", "model": "${${summary}:SECRET}", "starter": {"model": {"init_args": {"width": 1}}}}
        with pytest.raises(SpecError, match=r"model: only keys of the spec itself"):
            resolve(raw, "x", starter=True)

    def test_anchors_within_reason_are_a_convenience(self, tmp_path: Path) -> None:
        path = tmp_path / "fine.yaml"
        path.write_text("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: '${b.x}'}\nd: ${c}\n")
        assert resolve(read(path), "x").config["d"] == {"x": 1, "y": 1}


def _link(name: str, target: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return plant


def _fifo(name: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return plant


def _sparse(name: str, size: int) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.truncate(size)

    return plant


def _deep(folder: Path) -> None:
    (folder / "/".join("abcdefgh")).mkdir(parents=True)


class TestFolder:
    """A folder on disk, such as a clone: what a listing cannot show."""

    @pytest.mark.parametrize(
        ("plant", "said"),
        [
            (_link("model.safetensors", "/etc/passwd"), "model.safetensors: refused, a link that leaves its folder"),
            (_link("tokens.json", "../../../../../../../../etc/passwd"), "tokens.json: refused, a link that leaves"),
            (_link("extra.json", "/dev/zero"), "extra.json: refused, a link that leaves its folder"),
            (_link("encoder", "/etc"), "encoder: refused, a link that leaves its folder"),
            (_link("encoder", "."), "encoder: refused, a link that leaves its folder"),
            (_link("model.safetensors", "gone"), "model.safetensors: a link to nothing"),
            (_link("a.json", "a.json"), "a.json: a link to nothing"),
            (_link("config.json", "/dev/zero"), "not finished"),
            (_fifo("config.json"), "not finished"),
            (_fifo("tokens.json"), "tokens.json: neither a file nor a folder"),
            (_fifo("model.safetensors"), "model.safetensors: neither a file nor a folder"),
            (_sparse("config.json", 10**11), "config.json: found 100,000,000,000 bytes, expected at most 1,000,000"),
            (_sparse("tokens.json", 10**11), "tokens.json: found 100,000,000,000 bytes, expected at most 50,000,000"),
            (_sparse("model.safetensors", 10**11), "model.safetensors: damaged: its header announces 5,6"),
            (_deep, "5 levels"),
        ],
    )
    def test_is_refused(self, artefact: Path, plant: Callable[[Path], None], said: str) -> None:
        plant(artefact)
        started = time.process_time()
        with pytest.raises(ValueError, match=r".") as caught:
            zoo.load(artefact)
        assert time.process_time() - started < SLOW
        assert said in str(caught.value)
        assert str(artefact) in str(caught.value)

    def test_a_folder_without_end_is_no_artefact(self, artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("zoo.safety.folders.MAX_NAMES", 20)
        for number in range(20):
            (artefact / f"{number}.txt").touch()
        with pytest.raises(ValueError, match="more than 20 files"):
            zoo.load(artefact)

    def test_pickled_weights_beside_the_others_are_not_left_for_a_library_to_find(
        self, artefact: Path, marker: Path
    ) -> None:
        (artefact / "encoder").mkdir()
        (artefact / "encoder" / "pytorch_model.bin").write_bytes(torch_archive(marker))
        with pytest.raises(ValueError, match=r"encoder/pytorch_model\.bin: refused, it can run code when it is read"):
            zoo.load(artefact)

    def test_what_a_run_keeps_for_itself_is_left_alone(self, artefact: Path, marker: Path) -> None:
        for name in (
            "checkpoints/last.ckpt",
            "logs/a.npy",
            "samples/x.bin",
            "plots/x.ckpt",
            "wandb/run/files/x.pkl",
            "hub/a.bin",
            ".lock",
        ):
            (artefact / name).parent.mkdir(parents=True, exist_ok=True)
            (artefact / name).write_bytes(pickled(marker))
        (artefact / "checkpoints" / "elsewhere").symlink_to("/tmp")
        zoo.load(artefact)

    def test_links_within_the_folder_and_to_the_folder_are_fine(self, artefact: Path, tmp_path: Path) -> None:
        (artefact / "model.safetensors").rename(artefact / "weights.safetensors")
        (artefact / "model.safetensors").symlink_to("weights.safetensors")
        (tmp_path / "latest").symlink_to(artefact)
        zoo.load(tmp_path / "latest")

    def test_a_snapshot_of_the_cache_links_to_its_own_blobs_alone(self, tmp_path: Path) -> None:
        def snapshot(target: Path) -> Path:
            folder = tmp_path / "hub" / "models--me--x" / "snapshots" / target.parent.name
            shutil.copytree(STARTER, folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / "tokens.json").rename(target)
            (folder / "tokens.json").symlink_to(os.path.relpath(target, folder))
            return folder

        zoo.load(snapshot(tmp_path / "hub" / "models--me--x" / "blobs" / "1234"))
        zoo.load(snapshot(tmp_path / "hub" / "blobs" / "12" / "1234"))
        with pytest.raises(ValueError, match="a link that leaves its folder"):
            zoo.load(snapshot(tmp_path / "hub" / "models--you--y" / "1234"))

    def test_a_run_of_our_own_is_written_so_that_it_opens(self, tmp_path: Path) -> None:
        save_artefact(open_artefact(STARTER), Run(tmp_path))
        assert read_config(tmp_path) == read_config(STARTER)
        open_artefact(tmp_path)


AUDIT = """
import io, json, sys, traceback
from pathlib import Path

reached, opening = [], None
ALWAYS = "pickle.find_class os.system os.exec os.fork os.posix_spawn subprocess.Popen socket.connect".split()

def audit(event, arguments):
    if opening is None:
        return
    if event in ALWAYS:
        reached.append([event, str(arguments)[:200]])
    elif event == "exec" and getattr(arguments[0], "co_filename", "").startswith(opening):
        reached.append([event, arguments[0].co_filename])
    elif event == "open" and str(arguments[0]).startswith(opening) and set(str(arguments[1])) & set("wax+"):
        reached.append([event, str(arguments[0])])

def refuse(name):
    def refused(*_, **__):
        reached.append([name, "called"])
        raise AssertionError(name)
    return refused

sys.addaudithook(audit)
import numpy, pickle, torch
import zoo
from datamodules.media.conditions.openpose_drawing import draw_openpose
draw_openpose(numpy.zeros((137, 3)), 8, 8)  # numba keeps what it compiled for our own code as pickles
torch.load, numpy.load = refuse("torch.load"), refuse("numpy.load")
pickle.load, pickle.loads = refuse("pickle.load"), refuse("pickle.loads")
told = {}
for task, folder in json.loads(sys.argv[1]).items():
    reached, opening = [], str(Path(folder).resolve())
    try:
        model = zoo.load(folder)
        model.probe()
        made = type(model).__name__
    except Exception:
        made = traceback.format_exc()
    opening = None
    told[task] = [made, reached]
reached, opening = [], "nothing"
pickle.Unpickler(io.BytesIO(pickle.dumps(Path.cwd))).load()
told["a pickle"] = ["seen", reached]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, tiny_runs: Callable[[str], Path]) -> Callable[[str], Path]:
    """A real artefact of an architecture: a shipped starter, what a tiny run leaves, or one that no spec trains."""
    native = {"controlnet": tiny_controlnet, "lora": tiny_lora}

    def artefact(architecture: str) -> Path:
        if architecture in native:
            folder = tmp_path_factory.mktemp(architecture)
            native[architecture]().save(folder)
            return folder
        specs = {name: read(shipped_folder() / f"{name}.yaml") for name in zoo.list_models()}
        name = next(name for name, spec in specs.items() if spec["architecture"] == architecture)
        shipped = starter_folder(name)
        return shipped if (shipped / "config.json").is_file() else tiny_runs(name)

    return artefact


@pytest.fixture(scope="module")
def audited(opened: Callable[[str], Path]) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """By architecture, the loader that a process of its own made of a real artefact, and what it was seen to reach."""
    folders = {architecture: str(opened(architecture)) for architecture in ARCHITECTURES}
    command = [sys.executable, "-c", AUDIT, json.dumps(folders)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    told = dict(json.loads(done.stdout.splitlines()[-1]))
    assert told["a pickle"][1][0][0] == "pickle.find_class", "the audit sees nothing"
    return told


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_load_reaches_a_pickle_a_process_or_the_network(
    architecture: str, audited: dict[str, tuple[str, list[tuple[str, str]]]]
) -> None:
    made, reached = audited[architecture]
    assert made == ARCHITECTURES[architecture].loader.rpartition(".")[2]
    assert not reached


def test_an_encoder_is_not_sought_where_a_stranger_says(opened: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(opened("attention-classifier"), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    for place in ("/etc", "../../elsewhere", "//host/share", "encoder/..", ["encoder"], None):
        config["embeddings"]["model"] = place
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(
            ValueError, match=r"config\.json: embeddings\.model is .*, expected 'encoder', a model of this version"
        ):
            open_artefact(folder)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_an_encoder_of_the_cache_brings_no_compiled_code(
    key: str, opened: Callable[[str], Path], tmp_path: Path
) -> None:
    """transformers downloads the kernels that a config.json names; without the package for it, it raises."""
    folder = Path(shutil.copytree(opened("vjepa2") / "encoder", tmp_path / "encoder"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: "evil/kernels"}))
    assert Encoder.open(folder).config._attn_implementation == "sdpa"


def test_a_base_model_of_the_cache_is_held_to_the_same(hub: Hub) -> None:
    """Which one it is, the artefact says, so somebody else; it is never downloaded, but may be in the cache."""
    base = Path(os.environ["HF_HUB_CACHE"]) / "models--me--base"
    commit = "0" * 40
    (base / "refs").mkdir(parents=True)
    (base / "refs" / "main").write_text(commit)
    folder = base / "snapshots" / commit
    tiny_pipeline().save_pretrained(folder)
    tiny_lora("me/base", commit).base()
    config = json.loads((folder / "text_encoder" / "config.json").read_text())
    (folder / "text_encoder" / "config.json").write_text(json.dumps({**config, "attn_implementation": "evil/kernels"}))
    with pytest.raises(
        ValueError, match=r"text_encoder/config\.json: refused, `attn_implementation` names compiled code"
    ):
        tiny_lora("me/base", commit).base()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forged_numbers_of_every_architecture_are_refused_in_time(
    architecture: str, opened: Callable[[str], Path], tmp_path: Path
) -> None:
    """Each whole number in a config.json, replaced by one that no weights bear, and by the most that is let by."""
    folder = Path(
        shutil.copytree(opened(architecture), tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoints", "logs"))
    )
    for path in (folder / "config.json", *folder.glob("*/config.json")):
        whole = path.read_text()
        numbers = list(_numbers(json.loads(whole)))
        for keys in numbers:
            for forged in (10**12, 19_999) if keys[0] == "network" else (10**12,):
                content = json.loads(whole)
                place = content
                for key in keys[:-1]:
                    place = place[key]
                place[keys[-1]] = forged
                path.write_text(json.dumps(content))
                started = time.process_time()
                with pytest.raises(ValueError, match=r".") as caught:
                    open_artefact(folder)
                assert time.process_time() - started < SLOW, (keys, forged)
                assert str(path.parent) in str(caught.value), (keys, forged)
        path.write_text(whole)


def _numbers(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(content, dict | list):
        for key, item in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _numbers(item, (*keys, key))
    elif type(content) is int:
        yield keys
