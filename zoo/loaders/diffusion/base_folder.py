"""A Stable Diffusion that is not on the Hub, and on which a LoRA or ControlNet stands: an artefact has a copy of it."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from datamodules.files import user_path, write_json
from zoo.files import read_json
from zoo.loaders.diffusion.stable_diffusion import open_pipeline
from zoo.loaders.foreign import COMPONENTS, INDEX
from zoo.spec.hub_reference import looks_like, parse
from zoo.spec.registry import list_models, list_trained, starters

FOLDER: Final = "base"
"""Where in an artefact the copy lies."""


@dataclass(frozen=True)
class BaseFolder:
    """A base model that is not on the Hub, in Stable Diffusion's layout.

    sha256: of what it draws with, by `fingerprint`: another base of the same sizes would draw something else, without
    a word.
    """

    folder: Path
    sha256: str

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The one that lies in a folder now."""
        return cls(folder, fingerprint(folder))

    def open(self) -> Any:
        """Its StableDiffusionPipeline. Raises ValueError where it is absent, or another one by now."""
        if not (self.folder / INDEX).is_file():
            raise ValueError(
                f"{self.folder}: found no {INDEX}, so the base model is not there; train it, or copy it anew"
            )
        if (found := fingerprint(self.folder)) != self.sha256:
            raise ValueError(
                f"{self.folder}: found a base model of weights {found[:12]}, and this model was trained on "
                f"{self.sha256[:12]}; install the version of the zoo that it came with, or train it anew"
            )
        return open_pipeline(self.folder)

    def save(self, artefact: Path) -> dict[str, str | None]:
        """Copy it into an artefact, so that this stands alone; returns what config.json says of it."""
        for path in [self.folder / INDEX, *_parts(self.folder)]:
            target = artefact / FOLDER / path.relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return {"base_sha256": self.sha256}

    @classmethod
    def read(cls, artefact: Path, config: dict[str, Any]) -> Self | None:
        """Of what `save` wrote, and `leave_out` may have taken away; None where the base is one of the Hub.

        Raises ValueError for a model that this version of the zoo does not have.
        """
        name, digest = config.get("base"), config.get("base_sha256")
        if name is not None and name not in list_models():
            raise ValueError(f"base: found {name!r}, which is no model of this version of the zoo; upgrade sign-zoo")
        if digest is None:
            return None
        return cls(artefact / FOLDER if name is None else starters() / name, str(digest))


def base_reference(address: str) -> tuple[str | None, str | None]:
    """Repository and revision of a base that an address in a spec names; None for a model's name and for a folder."""
    if address in list_trained() or user_path(address).exists() or not looks_like(address):
        return None, None
    found = parse(address)
    return found.repo_id, found.revision


def leave_out(artefact: Path) -> None:
    """Take the copy of a base out of an artefact that the package brings along together with that base."""
    config = read_json(artefact / "config.json")
    digest = config.get("base_sha256")
    name = next((name for name in list_models() if digest and fingerprint(starters() / name) == digest), None)
    if name is not None and (artefact / FOLDER).is_dir():
        write_json(artefact / "config.json", {**config, "base": name})
        shutil.rmtree(artefact / FOLDER)


def fingerprint(folder: Path) -> str:
    """SHA-256 of the files of a Stable Diffusion's parts, by their names."""
    digest = hashlib.sha256()
    for path in _parts(folder):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _parts(folder: Path) -> list[Path]:
    """Without what else the folder holds, such as the records of its training."""
    return sorted(path for name in COMPONENTS for path in (folder / name).glob("[!.]*") if path.is_file())
