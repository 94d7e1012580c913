"""The artefact whose weights a training starts from: found, told from others by its content, recorded. No torch."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import yaml

from zoo.artefacts.hub import OnHub
from zoo.artefacts.resolve import find
from zoo.files import read_json
from zoo.loaders.config import read_config
from zoo.safety.filenames import visible
from zoo.safety.folders import refuse_folder
from zoo.spec.interpolation import bounded_yaml
from zoo.spec.registry import list_pipelines, list_trained
from zoo.spec.spec import Spec

CONTENT: Final = ("config.json", "tokens.json")
"""What tells artefacts apart beside their weights; scores, cards and samples do not."""
DATA: Final = ("name", "class_path", "fingerprint", "split", "twin")
LICENCE: Final = ("license", "license_name")
TEXTS: Final = ("address", "repo_id", "sha256", "builds_on", *LICENCE, "license_unread")
METADATA: Final = re.compile(r"\A\s*---[ \t]*[\r\n]+(?:(.*?)[\r\n]+)?---\s*?(?:[\r\n]|\Z)", re.DOTALL)
"""At the head of a card; as the Hub does, what is blank before it is passed over."""


@dataclass(frozen=True)
class BaseModel:
    """A model to start from.

    address: where it is found again: a model's name, a folder, or user/repo@commit. what: it is, in a phrase.
    sha256: of its weights, sizes and vocabulary, wherever they lie.
    """

    address: str
    what: str
    folder: Path
    repo_id: str | None
    sha256: str

    @classmethod
    def find(cls, address: str) -> Self:
        """The artefact that `zoo.load` would open. Raises ValueError where there is none."""
        if address in list_pipelines():
            raise ValueError(f"--from {address}: a pipeline has no weights of its own; name one of its models")
        artefact = find(address)
        folder = artefact.folder()
        refuse_folder(folder)
        repo_id = artefact.reference.repo_id if isinstance(artefact, OnHub) else None
        lasting = address if address in list_trained() else str(folder.resolve())
        if isinstance(artefact, OnHub):
            lasting = f"{repo_id}@{artefact.commit}"
        return cls(lasting, artefact.what, folder, repo_id, _content(folder))

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """That of a spec which has one. Raises ValueError where it is gone, and where it is another by now."""
        section = spec.config["from"]
        found = cls.find(section["address"])
        if found.sha256 != section["sha256"]:
            raise ValueError(
                f"{spec.source}: from.sha256: found {found.sha256[:12]} at {section['address']}, expected "
                f"{section['sha256'][:12]}; bring back what was there, or start another training with --from"
            )
        found.refuse_for(spec)
        return found

    def refuse_for(self, spec: Spec) -> None:
        """Raise ValueError where a spec trains another architecture."""
        theirs, own = read_config(self.folder)["architecture"], spec.config["architecture"]
        if theirs != own:
            raise ValueError(f"--from {self.address}: found architecture {theirs!r}, expected {spec.name}'s, {own!r}")

    def record(self) -> dict[str, Any]:
        """What provenance.json keeps of it, the models that it was itself started from included: what it owes to whom,
        and what it may have seen. Its own records may come from anybody; what is not as ours are counts as absent."""
        path = self.folder / "provenance.json"
        found = read_json(path) if path.is_file() else {}
        return {
            "address": self.address,
            "repo_id": self.repo_id,
            "sha256": self.sha256,
            "builds_on": read_config(self.folder).get("base_model"),
            **_licence(self.folder / "README.md"),
            **_training(found, self.repo_id or Path(self.address).name),
        }


def starting_from(spec: Spec, base: BaseModel) -> Spec:
    """A spec whose training starts from a model. Raises ValueError where that is of another architecture."""
    base.refuse_for(spec)
    return replace(spec, config={**spec.config, "from": {"address": base.address, "sha256": base.sha256}})


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    for path, _ in visible(folder):
        if path.suffix == ".safetensors" or path.name in CONTENT:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _training(record: dict[str, Any], name: str) -> dict[str, Any]:
    data, base = record.get("data"), record.get("base_model")
    told = isinstance(data, dict) and isinstance(data.get("name"), str) and "twin" in data and "fingerprint" in data
    return {
        "name": record["name"] if isinstance(record.get("name"), str) else name,
        "run": record.get("run"),
        "data": {key: data[key] for key in DATA if key in data} if isinstance(data, dict) and told else None,
        "base_model": {**_texts(base), **_training(base, "another model")} if isinstance(base, dict) else None,
    }


def _texts(base: dict[str, Any]) -> dict[str, str]:
    return {key: base[key] for key in TEXTS if isinstance(base.get(key), str)}


def _licence(card: Path) -> dict[str, str]:
    """What a card declares; `license_unread`, with the reason, for a card whose metadata cannot be read."""
    text = card.read_text(encoding="utf-8-sig", errors="replace") if card.is_file() else ""
    if not re.match(r"\s*---[ \t]*[\r\n]", text):
        return {}
    head = METADATA.match(text)
    if head is None:
        return {"license_unread": "found no second `---` behind the one that its metadata begin with"}
    try:
        found = bounded_yaml(head[1] or "")
    except (ValueError, yaml.YAMLError) as error:
        return {"license_unread": " ".join(str(error).split())[:200]}
    if not isinstance(found, dict | None):
        return {"license_unread": f"found {str(found)[:40]!r} as its metadata, expected a mapping"}
    known = found or {}
    return {key: str(known[key]) for key in LICENCE if known.get(key) is not None}
