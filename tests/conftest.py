import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import avatar_skeletons
import pytest
from every_spec import ended_from, starter
from filelock import FileLock
from hub_server import Hub

ROOT = Path(__file__).parents[1]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]

HUB = Hub()
HF_HOME = tempfile.mkdtemp(prefix="zoo-hf-")
os.environ.update(HF_ENDPOINT=HUB.endpoint, HF_HUB_DISABLE_XET="1", HF_HOME=HF_HOME)  # read when it is imported
for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
    os.environ.pop(name, None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """The workers are the parallelism: torch, BLAS and numba share the cores among them, and so do subprocesses.

    They read this when they are imported, so it is set before a worker starts.
    """
    threads = str(max(1, (os.cpu_count() or 1) // len(specs)))
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ.setdefault(name, threads)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers begin with the zoo's files, which are long, and end with many short ones, so that all end together."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path, reverse=True)


def pytest_unconfigure() -> None:
    shutil.rmtree(HF_HOME, ignore_errors=True)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub (tests/hub_server.py), an empty cache, the user `me`; what the client waits between tries is noted
    in `hub.waits` instead of waited."""
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    from zoo.artefacts import hub_errors as errors

    HUB.reset()
    cache = tmp_path / "hub-cache"
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_TOKEN", "hf_me")
    clock = SimpleNamespace(sleep=HUB.waits.append)
    for module in (file_download, _http, errors):
        monkeypatch.setattr(module, "time", clock)
    yield HUB
    HUB.reset()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to close the network: HF_HUB_OFFLINE=1, and no socket connects."""

    def close() -> None:
        from huggingface_hub import constants

        def refuse(*_: Any) -> None:
            raise AssertionError("a socket was opened while offline")

        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(socket.socket, "connect", refuse)

    return close


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that all workers see."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "common"


@pytest.fixture(scope="session")
def made_once(common: Path) -> MadeOnce:
    """Name to a folder that a function fills, once over all workers: who asks first makes it, the others wait.

    Tests read it and change nothing in it.
    """

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        path, whole = common / name, common / f"{name}.whole"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(common / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(path, ignore_errors=True)  # what a failure left
                path.mkdir()
                make(path)
                whole.touch()
        return path

    return folder


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion in its own files."""
    from tiny_diffusion import tiny_pipeline

    folder = tmp_path_factory.mktemp("tiny-sd")
    tiny_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def twin_root(common: Path) -> Callable[[str], Path]:
    """Name of a spec to where the twin of its tiny runs is written; some specs share one.

    Who trains on it writes it if it is not there. Tests change nothing in it, nor ask there for another twin.
    """
    shared = {
        **dict.fromkeys(("letter-ddpm", "letter-gan", "letter-vae"), "letters-to-generate"),
        **dict.fromkeys(("sd-starter", "sd-starter-decoder", "sd-starter-vae"), "pictures-with-captions"),
        **dict.fromkeys(("gloss-classifier", "gloss-probe", "vjepa-starter"), "clips"),
        **dict.fromkeys(("signdiff", "signdiff-fast"), "signdiff"),
        **dict.fromkeys(("skeleton-judge", "skeleton-lora"), "skeletons"),
    }
    return lambda name: common / "twins" / shared.get(name, name)


@pytest.fixture(scope="session")
def skeletons(made_once: MadeOnce) -> Path:
    """The avatar's twin of WLASL as skeleton frames, of `avatar_skeletons.TWIN`; tests change nothing in it."""
    return made_once("skeletons", avatar_skeletons.write) / "twin"


@pytest.fixture(scope="session")
def tiny_runs(made_once: MadeOnce, twin_root: Callable[[str], Path]) -> Callable[[str], Path]:
    """Name of a spec to the folder of a tiny run of it, fitted and tested; made once, when first asked for.

    Tests read it and change nothing in it.
    """
    from zoo.cli import main

    def run(name: str) -> Path:
        def make(base: Path) -> None:
            few = ("--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ZOO_RUNS", str(base / "runs"))
                assert main(["fit", name, *starter(name, twin_root(name)), *few]) == 0
                (folder,) = (base / "runs" / name).iterdir()
                assert main(["test", str(folder)]) == 0

        (folder,) = (made_once(f"tiny-{name}", make) / "runs" / name).iterdir()
        return folder

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real samples that tests may measure against; absent on most machines."""
    folder = Path(os.environ.get("ZOO_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real samples at {folder} (set ZOO_SHARED)")
    return folder


@pytest.fixture(scope="session")
def bundle(shared: Path) -> Path:
    """MediaPipe's hand landmarker."""
    pytest.importorskip("mediapipe")
    path = shared / "models" / "hand_landmarker.task"
    if not path.exists():
        pytest.skip(f"needs {path}")
    return path


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Parsed data is kept apart from the user's."""
    os.environ["ZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def fit_few(tmp_path: Path, twin_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`fit` of a spec's tiny starter on a few batches, into a folder of runs below `tmp_path`; ended at the first
    checkpoint from `stop` on, where that is given."""
    from zoo.cli import main
    from zoo.training.resuming import LastCheckpoint

    few = ("--trainer.limit_train_batches=3", "--trainer.limit_val_batches=1", "--trainer.log_every_n_steps=1")

    def call(name: str, where: str, *more: str, stop: tuple[int, int] | None = None) -> int:
        with monkeypatch.context() as patch:
            patch.setenv("ZOO_RUNS", str(tmp_path / where))
            patch.setattr(LastCheckpoint, "MINUTES", 0.0)
            if stop is not None:
                patch.setattr(LastCheckpoint, "_save", ended_from(stop))
            return main(["fit", name, *starter(name, twin_root(name)), *few, *more])

    return call
