"""Artefacts made of what diffusers' and peft's own training scripts leave: `python -m zoo import`.

Of the folder the weights and their settings alone are read; what a training leaves beside them, such as an optimiser's
state, is left alone, and folders in it are but looked through for a message to name. What is read passes every refusal
that a load has.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import yaml

from datamodules.files import replacing, write_json, write_text
from zoo.artefacts.artefact import open_artefact
from zoo.artefacts.hub_cache import checksum
from zoo.artefacts.provenance import now, versions
from zoo.artefacts.runs import runs_root
from zoo.files import read_json
from zoo.loaders import loader_class
from zoo.loaders.base import Importable, Loader, Told
from zoo.loaders.config import MAX_SIZE
from zoo.loaders.foreign import ADAPTER, DIFFUSERS_WEIGHTS, NAMED, NETWORK_WEIGHTS, PEFT_WEIGHTS, command, found_kind
from zoo.safety.filenames import PICKLED
from zoo.safety.folders import refuse_file
from zoo.spec.hub_reference import REPO
from zoo.spec.importable import CONTROLNET, LORA
from zoo.spec.registry import MODEL_NAME, list_pipelines, list_trained

OF_ONE_KIND: Final = {CONTROLNET: ("prompt", "size"), LORA: ("alpha",)}
PICKLED_WEIGHTS: Final = (PEFT_WEIGHTS, DIFFUSERS_WEIGHTS, NETWORK_WEIGHTS)
DEEP: Final = 2
"""How far down a message looks for what a folder lacks itself."""


@dataclass(frozen=True)
class Data:
    """What it was trained on, and under which licence that is; None for what nobody said yet. A push asks for both."""

    name: str | None = None
    licence: str | None = None


def import_folder(
    folder: Path, kind: str, told: Told, data: Data, name: str | None = None, out: Path | None = None
) -> tuple[Path, list[str]]:
    """Make an artefact with spec.yaml and provenance.json; returns its folder, and what a user should know of it.

    Args:
        folder: what `ControlNetModel.save_pretrained`, `PeftModel.save_pretrained`, `save_lora_weights` or
            `save_lora_adapter` wrote, in single or half precision.
        kind: the architecture, "controlnet" or "lora".
        name: of the model; None for that of the folder.
        out: the artefact's folder, in which nothing is yet; None for runs/<name>/<id>.

    Raises:
        ValueError: not what `kind` says, a variant of it, not whole, pickled or hostile, for another base model than
            Stable Diffusion 1 or 2; or a place where something stands.
    """
    _refuse_told(kind, told)
    _refuse_other(folder, kind)
    name = _name(folder, name, kind)
    files = {path.name: checksum(path) for path in _sources(folder)}
    identity = json.dumps([kind, asdict(told), files], sort_keys=True)
    run = hashlib.sha256(identity.encode()).hexdigest()[:12]
    place = runs_root() / name / run if out is None else out
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ValueError(f"{place}: already exists and is not an empty folder; remove it, or choose another with -o")
    with TemporaryDirectory(prefix="zoo-import-") as scratch:
        loader, notes = _laid_out(cast("type[Importable]", loader_class(kind)), folder, told, Path(scratch).resolve())
    title = {CONTROLNET: "ControlNet", LORA: "LoRA"}[kind]
    spec = {
        "name": name,
        "summary": f"A {title} for {told.base}, trained elsewhere",
        "task": loader.task,
        "architecture": kind,
    }
    record = {
        "name": name,
        "run": run,
        "imported": {"date": now(), "files": files, "versions": versions()},
        "data": {**asdict(data), "twin": None},
    }
    with replacing(place) as part:
        write_text(part / "spec.yaml", yaml.safe_dump(spec, sort_keys=False, allow_unicode=True))
        write_json(part / "provenance.json", record)
        loader.save(part)
    return place, notes


def is_import(folder: Path) -> bool:
    """Whether an artefact was made by an import."""
    record = folder / "provenance.json"
    return record.is_file() and "imported" in read_json(record)


def _laid_out(kind: type[Importable], folder: Path, told: Told, into: Path) -> tuple[Loader, list[str]]:
    """The loader of what was laid out, opened as every artefact is, and what a user should know of it.

    Raises ValueError that names the user's files.
    """
    from safetensors import SafetensorError

    try:
        notes = kind.lay_out(folder, told, into)
        return open_artefact(into), notes
    except (SafetensorError, KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{folder}: damaged, or nothing that {NAMED[kind.architecture]} has: {reason}") from None
    except ValueError as error:
        text = str(error)
        for place in (into / kind.subfolder, into):
            text = text.replace(str(place), str(folder))
        raise ValueError(text if str(folder) in text else f"{folder}: {text}") from None


def _refuse_told(kind: str, told: Told) -> None:
    if kind not in NAMED:
        raise ValueError(f"--as: found {kind!r}, expected one of {', '.join(NAMED)}")
    if not REPO.fullmatch(told.base):
        raise ValueError(f"--base: found {told.base!r}, expected a repository of the Hub as user/name")
    others = [(flag, other) for other, flags in OF_ONE_KIND.items() if other != kind for flag in flags]
    for flag, other in others:
        if getattr(told, flag) is not None:
            raise ValueError(f"--{flag} belongs to --as {other}; leave it out for --as {kind}")
    from zoo.loaders.diffusion.stable_diffusion import check_revision

    check_revision(told.revision, "--revision")
    if told.alpha is not None and not 0 < told.alpha < math.inf:
        raise ValueError(f"--alpha: found {told.alpha:g}, expected a number above 0")
    if told.size is not None and not (0 < told.size <= MAX_SIZE and told.size % 8 == 0):
        raise ValueError(f"--size: found {told.size}, expected pixels, a multiple of 8 up to {MAX_SIZE}")


def _refuse_other(folder: Path, kind: str) -> None:
    """Raise ValueError for a folder that is hostile or holds something else, with where that may be."""
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: {what}; give the folder that the training saved into")
    for path in sorted(folder.glob("[!.]*")):
        if path.suffix.casefold() in PICKLED.split() and path.name.partition(".")[0] in PICKLED_WEIGHTS:
            raise ValueError(
                f"{path}: refused, a pickle can run code when it is read; save the weights as safetensors "
                "(safe_serialization), and remove it"
            )
    found, sources = found_kind(folder), _sources(folder)
    for path in sources:
        refuse_file(path, folder.resolve())
    if (folder / "config.json").is_file() and "schema" in read_json(folder / "config.json"):
        raise ValueError(f"{folder}: an artefact already; zoo.load opens it as it is")
    if found == kind or (kind == LORA and found is None and any(path.suffix == ".safetensors" for path in sources)):
        return
    if found is not None:
        raise ValueError(f"{folder}: holds {NAMED[found]}; {command(found, str(folder))} imports it")
    inside = max((path for path in _folders(folder, DEEP) if found_kind(path) == kind), key=_age, default=None)
    hint = f"; {command(kind, str(inside))} imports what is in there" if inside else ""
    raise ValueError(f"{folder}: found no {NAMED[kind].removeprefix('a ')} in it{hint}")


def _folders(folder: Path, deep: int) -> Iterator[Path]:
    """What is in a folder, its folders and theirs, so deep."""
    for path in sorted(folder.glob("[!.]*") if deep else ()):
        if path.is_dir() and not path.is_symlink():
            yield path
            yield from _folders(path, deep - 1)


def _age(folder: Path) -> tuple[float, list[int]]:
    """By which the newest of several folders is the largest: when its weights were written, or else the steps in its
    name, as in checkpoint-1000."""
    written = max((path.stat().st_mtime for path in _sources(folder) if path.is_file()), default=0.0)
    return written, [int(number) for number in re.findall(r"\d+", str(folder))]


def _sources(folder: Path) -> list[Path]:
    """What an import may read of a folder."""
    names = ("config.json", ADAPTER)
    found = (path for path in folder.glob("[!.]*") if path.suffix == ".safetensors" or path.name in names)
    return sorted(path for path in found if not path.is_dir())


def _name(folder: Path, name: str | None, kind: str) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or kind
    if not MODEL_NAME.fullmatch(name):
        raise ValueError(f"--name: found {name!r}, expected lower-case words joined by '-'")
    if name in [*list_trained(), *list_pipelines()]:
        raise ValueError(f"--name: {name} is a model or pipeline of the zoo; choose another")
    return name
