"""The model that a training starts from, and the one that its module or its data stands on, using its weights as they
are: found, told from others by their content, recorded. No torch."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import yaml

from datamodules.files import user_path
from zoo.artefacts.artefact import open_artefact
from zoo.artefacts.hub import HubBase, HubEncoder, OnHub
from zoo.artefacts.resolve import find, reference_of
from zoo.files import read_json
from zoo.loaders import loader_class
from zoo.loaders.config import read_config
from zoo.loaders.foreign import INDEX, encoder_folder, is_encoder
from zoo.results.lineage import STANDS_ON, STARTED_FROM
from zoo.safety.filenames import visible
from zoo.safety.folders import refuse_folder
from zoo.spec.classes import named_class
from zoo.spec.interpolation import bounded_yaml
from zoo.spec.registry import list_pipelines, list_trained
from zoo.spec.spec import Spec

CONTENT: Final = ("config.json", "tokens.json")
"""What tells artefacts apart beside their weights; scores, cards and samples do not."""
USED: Final = (*CONTENT, "scheduler_config.json", "merges.txt", "vocab.json")
"""What tells apart models that others stand on, and which they use as they are."""
DIGITS: Final = 12
"""Of a sum, in print."""
DATA: Final = ("name", "class_path", "fingerprint", "split", "twin")
LICENCE: Final = ("license", "license_name")
TEXTS: Final = ("address", "argument", "repo_id", "sha256", "builds_on", *LICENCE, "license_unread")
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
    def used(cls, address: str) -> Self:
        """A model to stand on: the weights that a name has in this package, whatever is published under it; a folder or
        a repository, of an artefact, of a Stable Diffusion in diffusers' own layout, or of a V-JEPA 2 in transformers'.
        Of a repository, what is not in the cache is downloaded.

        Raises ValueError where there is none.
        """
        if address in list_trained():
            artefact = find(address, "starter")
            return cls(address, artefact.what, artefact.folder(), None, _content(artefact.folder(), USED))
        reference = reference_of(address)
        if reference is not None:
            base, encoder = HubBase(address, reference), HubEncoder(address, reference)
            plain: OnHub | None = base if not base.is_artefact else encoder if encoder.is_encoder else None
            if plain is not None:
                folder, lasting = plain.folder(), f"{plain.reference.repo_id}@{plain.commit}"
                return cls(lasting, plain.what, folder, plain.reference.repo_id, _content(folder, USED))
        path = user_path(address)
        diffusion = (path / INDEX).is_file() and not (path / "config.json").is_file()
        if reference is None and (diffusion or is_encoder(path)):
            refuse_folder(path)
            return cls(str(path.resolve()), "from disk", path, None, _content(path, USED))
        found = cls.find(address)
        return replace(found, sha256=_content(found.folder, USED))

    def open(self) -> Any:
        """What others stand on: the StableDiffusionPipeline of a folder in diffusers' own layout, which it has as its
        `name_or_path`; the VJEPA2Model of one in transformers'; the loader of a model that itself needs a `base`; and
        the network of any other model. Raises ValueError."""
        if (self.folder / INDEX).is_file() or is_encoder(self.folder):
            plain: Any = loader_class("vjepa2" if is_encoder(self.folder) else "stable-diffusion")
            return plain.open_plain(self.folder)
        loader: Any = open_artefact(self.folder)
        return loader if hasattr(loader, "base") else loader.network

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
        path, config = self.folder / "provenance.json", self.folder / "config.json"
        found = read_json(path) if path.is_file() else {}
        return {
            "address": self.address,
            "repo_id": self.repo_id,
            "sha256": self.sha256,
            "builds_on": read_config(self.folder).get("base_model") if config.is_file() else None,
            **_licence(self.folder / "README.md"),
            **_training(found, self.repo_id or Path(self.address).name),
        }


@dataclass(frozen=True)
class Foundation:
    """The model that a spec's module stands on, or its data.

    section: "model" or "data". argument: of its class, which holds the address; the class says it as `stands_on`.
    """

    section: str
    argument: str
    model: BaseModel

    @classmethod
    def of(cls, spec: Spec) -> Self | None:
        """That of a spec which stands on one; it is downloaded where it is on the Hub and not in its cache.

        Raises ValueError where there is none yet, with what to do.
        """
        found = stands_on(spec)
        if found is None:
            return None
        section, argument, address = found
        try:
            return cls(section, argument, BaseModel.used(address))
        except ValueError as error:
            raise ValueError(
                f"{spec.source}: {section}.init_args.{argument}: {spec.name} stands on {address}, which cannot be "
                f"opened: {error}; --{section}.{argument} names another one, by its folder or repository"
            ) from None

    def hand_to(self, module: Any, data: Any) -> None:
        """Open it and let the module stand on it, or tell the data where it lies. Raises ValueError for what cannot be
        stood on."""
        try:
            if self.section == "data":
                folder = encoder_folder(self.model.folder)
                data.stand_on(folder, self.model.repo_id if folder == self.model.folder else None)
            else:
                module.stand_on(self.model.open())
        except ValueError as error:
            raise ValueError(f"{self.section}.init_args.{self.argument}: {self.model.address}: {error}") from None

    def record(self) -> dict[str, Any]:
        """What provenance.json keeps of it."""
        return {**self.model.record(), "argument": self.argument}

    def refuse_another(self, recorded: dict[str, Any], where: str) -> None:
        """Raise ValueError where a model was trained on other weights than these are."""
        before = str((recorded.get(STANDS_ON) or {}).get("sha256"))
        if before != self.model.sha256:
            raise ValueError(
                f"{where}: {self.section}.init_args.{self.argument}: found weights {self.model.sha256[:DIGITS]} at "
                f"{self.model.address}, expected {before[:DIGITS]}, on which it was trained; bring those back, name "
                f"where they are with --{self.section}.{self.argument}, or start another training"
            )


def refuse_outdated(recorded: dict[str, Any], where: str) -> None:
    """Raise ValueError where a finished run stands on a model of a name or a folder that has other weights by now: it
    is not what training would make today. One that is gone, or lies on the Hub at a commit, is no other.

    recorded: what its provenance.json says. where: it is, for the message.
    """
    base = recorded.get(STANDS_ON) or {}
    if not base or base.get("repo_id"):
        return
    try:
        now = BaseModel.used(str(base["address"])).sha256
    except ValueError:
        return
    if now != base["sha256"]:
        raise ValueError(
            f"{where}: finished on weights {str(base['sha256'])[:DIGITS]} of {base['address']}, found {now[:DIGITS]} "
            "there by now; move the run elsewhere, and the same command trains on these"
        )


def stands_on(spec: Spec) -> tuple[str, str, str] | None:
    """The section of a spec that stands on a model, the argument of its class that says on which, and the address in
    it; None where none does. Data may do without.

    Raises ValueError where a module has nothing to stand on.
    """
    for section in ("model", "data"):
        config = spec.config[section]
        argument = getattr(named_class(str(config["class_path"]), section), STANDS_ON, None)
        if argument is None:
            continue
        address = (config.get("init_args") or {}).get(argument)
        if isinstance(address, str) and address:
            return section, argument, address
        if section == "model":
            raise ValueError(
                f"{spec.source}: model.init_args.{argument}: found {address!r}, expected what {spec.name} stands on: "
                "the name of a model, a folder, or user/name@revision on the Hub"
            )
    return None


def starting_from(spec: Spec, base: BaseModel) -> Spec:
    """A spec whose training starts from a model. Raises ValueError where that is of another architecture."""
    base.refuse_for(spec)
    return replace(spec, config={**spec.config, "from": {"address": base.address, "sha256": base.sha256}})


def _content(folder: Path, names: Collection[str] = CONTENT) -> str:
    digest = hashlib.sha256()
    for path, _ in visible(folder):
        if path.suffix == ".safetensors" or path.name in names:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _training(record: dict[str, Any], name: str) -> dict[str, Any]:
    data = record.get("data")
    told = isinstance(data, dict) and isinstance(data.get("name"), str) and "twin" in data and "fingerprint" in data
    return {
        "name": record["name"] if isinstance(record.get("name"), str) else name,
        "run": record.get("run"),
        "data": {key: data[key] for key in DATA if key in data} if isinstance(data, dict) and told else None,
        STARTED_FROM: _inner(record.get(STARTED_FROM)),
        **({STANDS_ON: _inner(record[STANDS_ON])} if isinstance(record.get(STANDS_ON), dict) else {}),
    }


def _inner(base: object) -> dict[str, Any] | None:
    return {**_texts(base), **_training(base, "another model")} if isinstance(base, dict) else None


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
