"""The models of the zoo in a few facts each: what they are for, and where their weights come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.hub_cache import cached
from zoo.card.licences import licence_of
from zoo.files import read_json
from zoo.loaders.config import read_config
from zoo.spec.registry import locate
from zoo.spec.spec import read


@dataclass(frozen=True)
class Listed:
    """A model.

    licence: of what its recipe trains, as its spec has it; empty where it has none.
    repo_id, revision: the repository of the Hub and the commit that its spec pins; empty while it pins none.
    cached: the folder of that in the Hub's cache; None where it was not downloaded, or would be refused.
    starter: the folder of the bundled starter weights; None where there are none.
    """

    name: str
    task: str
    summary: str
    licence: str
    repo_id: str
    revision: str
    cached: Path | None
    starter: Path | None

    @classmethod
    def of(cls, name: str) -> Self:
        """The model of a name. Nobody is asked: what it says of the Hub is what this machine knows."""
        spec = read(locate(name))
        hub, card, starter = spec.get("hub") or {}, spec.get("card") or {}, starter_folder(str(spec["name"]))
        pinned = bool(hub.get("revision"))
        return cls(
            str(spec["name"]),
            str(spec["task"]),
            str(spec["summary"]),
            str(card.get("license_name") or card.get("license") or ""),
            str(hub["repo_id"]) if pinned else "",
            str(hub["revision"]) if pinned else "",
            _cached(hub["repo_id"], hub["revision"]) if pinned else None,
            starter if (starter / "config.json").is_file() else None,
        )

    @property
    def opened(self) -> Path | None:
        """The folder of the weights that its name opens, so far as they are here."""
        return self.cached if self.revision else self.starter

    @property
    def starter_licence(self) -> str:
        """The identifier of the starter's licence; empty where there is no starter."""
        if self.starter is None:
            return ""
        return licence_of(read_config(self.starter), read_json(self.starter / "provenance.json")).identifier


def _cached(repo_id: str, revision: str) -> Path | None:
    try:
        return cached(repo_id, revision)
    except ValueError:
        return None


def weight_bytes(folder: Path) -> int:
    """Of all safetensors in an artefact."""
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
