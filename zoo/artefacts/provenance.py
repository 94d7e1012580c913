"""What a run was made from: code, versions, hardware, data and time. Written before the first step."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from zoo.spec.spec import Spec

PACKAGES = (
    "sign-zoo",
    "torch",
    "lightning",
    "numpy",
    "omegaconf",
    "jsonargparse",
    "safetensors",
    "transformers",
    "diffusers",
    "peft",
    "opencv-contrib-python",
    "av",
    "pose-format",
)


def provenance(spec: Spec, dataset: str, twin: dict[str, Any] | None, fingerprint: str) -> dict[str, Any]:
    """The record of a run that starts now.

    dataset: name of the data set, as in the catalogue.
    twin: what the mark of the avatar's twin says; None for the data set itself.
    fingerprint: the data module's SHA-256 over what it read.
    """
    data = spec.config["data"]
    split = (data.get("init_args") or {}).get("split")
    return {
        "name": spec.name,
        "run": spec.run_id,
        "starter": spec.starter,
        "seed": spec.config["seed"],
        "started": now(),
        "resumed": [],
        "code": code(),
        "versions": versions(),
        "hardware": hardware(),
        "data": {
            "name": dataset,
            "class_path": data["class_path"],
            "fingerprint": fingerprint,
            "twin": twin,
            **({"split": split} if split else {}),
        },
    }


def continued(before: dict[str, Any]) -> dict[str, Any]:
    """What the record of a run that goes on from another has of that one's: what both halves owe, and what the first
    was made with."""
    half = ("run", "code", "versions", "hardware", "continued")
    kept: dict[str, Any] = {key: before[key] for key in ("started", "resumed", "base_model") if key in before}
    return {**kept, "continued": {key: before[key] for key in half if key in before}}


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code() -> dict[str, Any]:
    """Commit of the zoo's checkout, and whether it had uncommitted changes; nulls for an installed zoo."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {"commit": None, "dirty": None}
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def versions() -> dict[str, str]:
    """Python and the packages that can change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Machine, processors and accelerators."""
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
    }


def cores() -> int | None:
    """How many of them this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> str:
    """What this machine calls its processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def refuse_other_data(folder: Path, recorded: dict[str, Any], fingerprint: str, advice: str) -> None:
    """Raise ValueError, with what to do about it, unless the data is what the provenance of a folder recorded."""
    before = recorded["data"]["fingerprint"]
    if fingerprint != before:
        raise ValueError(
            f"{folder}: the data changed since this run started (fingerprint {fingerprint[:12]}, "
            f"recorded {before[:12]}); {advice}"
        )
