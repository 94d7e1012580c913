"""Artefacts made of what diffusers' and peft's own training scripts leave: `python -m zoo import`.

Of the folder nothing but its own files is looked at: folders in it, such as checkpoint-500/ with an optimiser's state,
are left alone. What is read passes every refusal that a load has.
"""

import hashlib
import json
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
from zoo.loaders.foreign import ADAPTER, NAMED, command, found_kind
from zoo.safety.folders import refuse_folder
from zoo.spec.hub_reference import REPO
from zoo.spec.importable import CONTROLNET, LORA
from zoo.spec.registry import list_pipelines, list_trained

NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OF_ONE_KIND: Final = {CONTROLNET: ("prompt", "size"), LORA: ("alpha",)}
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
    files = {path.name: checksum(path) for path in sorted(folder.iterdir()) if _is_source(path)}
    identity = json.dumps([kind, asdict(told), files], sort_keys=True)
    run = hashlib.sha256(identity.encode()).hexdigest()[:12]
    place = runs_root() / name / run if out is None else out
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ValueError(f"{place}: something stands there already; remove it, or name another place with -o")
    with TemporaryDirectory(prefix="zoo-import-") as scratch:
        laid_out = Path(scratch).resolve()
        notes = cast("type[Importable]", loader_class(kind)).lay_out(folder, told, laid_out)
        loader = _opened(laid_out, folder)
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


def _opened(laid_out: Path, folder: Path) -> Loader:
    """The loader of what was laid out, opened as every artefact is. Raises ValueError that names the user's files."""
    try:
        return open_artefact(laid_out)
    except ValueError as error:
        text = str(error)
        for place in (laid_out / CONTROLNET, laid_out / LORA, laid_out):
            text = text.replace(str(place), str(folder))
        raise ValueError(text) from None


def _refuse_told(kind: str, told: Told) -> None:
    if kind not in NAMED:
        raise ValueError(f"--as: found {kind!r}, expected one of {', '.join(NAMED)}")
    if not REPO.fullmatch(told.base):
        raise ValueError(f"--base: found {told.base!r}, expected a repository of the Hub as user/name")
    others = [(flag, other) for other, flags in OF_ONE_KIND.items() if other != kind for flag in flags]
    for flag, other in others:
        if getattr(told, flag) is not None:
            raise ValueError(f"--{flag} belongs to --as {other}; leave it out for --as {kind}")
    if told.size is not None and not (0 < told.size <= MAX_SIZE and told.size % 8 == 0):
        raise ValueError(f"--size: found {told.size}, expected pixels, a multiple of 8 up to {MAX_SIZE}")


def _refuse_other(folder: Path, kind: str) -> None:
    """Raise ValueError for a folder that is hostile or holds something else, with where that may be."""
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: {what}; give the folder that the training saved into")
    found, weights = found_kind(folder), sorted(folder.glob("[!.]*.safetensors"))
    pickled = sorted(folder.glob("[!.]*.bin"))
    if found is not None and pickled and not weights:
        raise ValueError(
            f"{pickled[0]}: refused, a pickle can run code when it is read; save it as safetensors (safe_serialization)"
        )
    refuse_folder(folder, deep=False)
    if (folder / "config.json").is_file() and "schema" in read_json(folder / "config.json"):
        raise ValueError(f"{folder}: an artefact already; zoo.load opens it as it is")
    if found == kind or (kind == LORA and found is None and weights):
        return
    if found is not None:
        raise ValueError(f"{folder}: holds {NAMED[found]}; {command(found, str(folder))} imports it")
    inside = [path for path in _folders(folder, DEEP) if found_kind(path) == kind]
    hint = f"; {command(kind, str(inside[-1]))} imports what is in there" if inside else ""
    raise ValueError(f"{folder}: found no {NAMED[kind].removeprefix('a ')} in it{hint}")


def _folders(folder: Path, deep: int) -> Iterator[Path]:
    """What is in a folder, its folders and theirs, so deep."""
    for path in sorted(folder.glob("[!.]*") if deep else ()):
        if path.is_dir() and not path.is_symlink():
            yield path
            yield from _folders(path, deep - 1)


def _is_source(path: Path) -> bool:
    """Whether an import may read a file."""
    return path.is_file() and (path.suffix == ".safetensors" or path.name in ("config.json", ADAPTER))


def _name(folder: Path, name: str | None, kind: str) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or kind
    if not NAME.fullmatch(name):
        raise ValueError(f"--name: found {name!r}, expected lower-case words joined by '-'")
    if name in [*list_trained(), *list_pipelines()]:
        raise ValueError(f"--name: {name} is a model or pipeline of the zoo; choose another")
    return name
