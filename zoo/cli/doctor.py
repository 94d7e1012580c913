"""`python -m zoo doctor`: what a report of something that fails should say of the machine, and no secret."""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from datamodules.files import cache_folder
from zoo.artefacts.provenance import code, cores, processor, versions
from zoo.artefacts.runs import runs_root
from zoo.cli.parsing.arguments import OK
from zoo.results.formatting import quantity
from zoo.training.accounts import hub_account, wandb_account

EXAMPLES: Final = """\
  python -m zoo doctor
  python -m zoo doctor --json"""
EXTRAS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "app": (("gradio", "starlette"), "a page in a browser"),
    "carbon": (("codecarbon",), "fit measures energy"),
    "cluster": (("ray",), "data landmarks runs on a cluster"),
    "export": (("onnx", "onnxruntime", "onnxscript"), "export writes ONNX"),
    "landmarks": (("mediapipe",), "data landmarks, and scores that look for hands"),
}
"""What may be installed on top: its packages, and what they are for."""
FURTHER: Final = ("torchmetrics", "huggingface_hub", "numba", "rich", "wandb")
"""Packages that are named beside those that a run records."""
VARIABLES: Final = (
    *("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_HUB_DISABLE_XET", "HF_HOME", "HF_HUB_CACHE"),
    *("ZOO_RUNS", "ZOO_CACHE", "ZOO_MODELS", "WANDB_MODE", "WANDB_BASE_URL"),
    *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR", "NO_COLOR"),
)
ALWAYS: Final = ("HF_HUB_OFFLINE", "HF_ENDPOINT")
"""Those that are named where they are not set, too."""
PATIENCE: Final = 1.0
"""Seconds that are spent on the size of a folder."""

Facts = Iterator[tuple[str, str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it is printed."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Print what there is; whatever cannot be found out is said and ends nothing."""
    found = report()
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        _print_tables(found)
    else:
        for title, facts in found.items():
            print(title, *(f"  {label}: {text}" for label, text in facts.items()), sep="\n")
    return OK


def report() -> dict[str, dict[str, str]]:
    """Facts by what they are about."""
    return {title: _found(find) for title, find in SECTIONS.items()}


def _found(find: Callable[[], Facts]) -> dict[str, str]:
    facts: dict[str, str] = {}
    try:
        for label, text in find():
            facts[label] = text
    except Exception as error:  # whatever is broken here is what the report is for
        facts["not found out"] = " ".join(f"{type(error).__name__}: {error}".split())
    return facts


def _versions() -> Facts:
    commit = code()
    found = versions()
    yield "sign-zoo", found.pop("sign-zoo", "not installed, a source tree")
    if commit["commit"]:
        yield "commit", commit["commit"] + (", with changes" if commit["dirty"] else "")
    yield from found.items()
    for package in FURTHER:
        yield package, _version(package) or "missing"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _machine() -> Facts:
    yield "system", platform.platform()
    yield "processor", f"{processor()}, {cores()} cores"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield "memory", quantity(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "B")
    if (_version("torch") or "").endswith("+cpu"):
        yield "GPU", "none that this PyTorch can use: it is built for processors alone"
        return
    began = time.perf_counter()
    import torch

    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    names = [f"{gpu.name} with {quantity(gpu.total_memory, 'B')}" for gpu in gpus]
    names += ["Apple's"] if torch.backends.mps.is_available() else []
    took = f"asking PyTorch took {time.perf_counter() - began:.1f} s"
    yield "GPU", f"{'; '.join(names) or 'none'} (CUDA {torch.version.cuda}; {took})"


def _extras() -> Facts:
    for extra, (packages, purpose) in EXTRAS.items():
        there = {package: _version(package) for package in packages}
        if missing := [package for package, found in there.items() if found is None]:
            yield extra, f"missing {', '.join(missing)}: pip install 'sign-zoo[{extra}]'; for: {purpose}"
        else:
            installed = ", ".join(f"{package} {found}" for package, found in there.items())
            yield extra, f"installed, {installed}; for: {purpose}"


def _folders() -> Facts:
    from huggingface_hub import constants

    yield "runs", f"{_folder(runs_root())}; {sum(1 for _ in runs_root().glob('*/*/provenance.json'))} runs"
    yield "cache", _folder(cache_folder())
    yield "Hub's cache", _folder(Path(constants.HF_HUB_CACHE).expanduser())


def _folder(path: Path) -> str:
    """Where it is, how large, and how much room is left there."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    free = f"{quantity(shutil.disk_usage(there).free, 'B')} free"
    return f"{_shown(str(path.absolute()))}, {_size(path) if path.exists() else 'not there yet'}, {free}"


def _size(folder: Path) -> str:
    total, end = 0, time.monotonic() + PATIENCE
    for place, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(place, name))
            total += status.st_size
        if time.monotonic() > end:
            return f"more than {quantity(total, 'B')}"
    return quantity(total, "B")


def _accounts() -> Facts:
    for name, where in (("Hugging Face Hub", hub_account()), ("Weights & Biases", wandb_account())):
        yield name, f"there, in {where}" if where else "none"


def _bundles() -> Facts:
    from datamodules.features.bundles import HAND, POSE, lying_here

    for bundle in (HAND, POSE):
        path = lying_here(bundle)
        yield bundle.name, _shown(str(path)) if path else "not here; downloaded when it is needed"


def _settings() -> Facts:
    for name in VARIABLES:
        if name in os.environ or name in ALWAYS:
            yield name, _shown(os.environ[name]) if name in os.environ else "not set"


SECTIONS: Final[dict[str, Callable[[], Facts]]] = {
    "versions": _versions,
    "machine": _machine,
    "extras": _extras,
    "folders": _folders,
    "accounts": _accounts,
    "MediaPipe's models": _bundles,
    "settings": _settings,
}


def _shown(text: str) -> str:
    """A path without who is at home there, and an address without names, passwords and queries in it."""
    if "://" in text:
        try:
            parts = urlsplit(text)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        except ValueError:  # whose message may hold a part of it
            return "set, and no address"
    home = str(Path.home())
    return f"~{text[len(home) :]}" if text == home or text.startswith(f"{home}/") else text


def _print_tables(found: dict[str, dict[str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_header=False, show_edge=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, facts in found.items():
        table.add_row(Text(title, "bold"))
        for label, text in facts.items():
            bad = text.startswith(("missing", "not found out")) or label == "not found out"
            table.add_row(f"  {label}", Text(text, "yellow" if bad else ""))
        table.add_section()
    Console(highlight=False).print(table)
