"""What a model was trained on: in its own training and in those of the models that it started from, as provenance.json
has them."""

from collections.abc import Iterator
from typing import Any


def bases(provenance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The models that a training started from, as `zoo.artefacts.base_model` records them: its own, that one's, ..."""
    base = provenance.get("base_model")
    while isinstance(base, dict):
        yield base
        base = base.get("base_model")


def base_name(base: dict[str, Any]) -> str:
    """How print calls it: by its repository, where it is published; what its own record calls itself proves nothing."""
    return str(base.get("repo_id") or base["name"])


def of_the_avatar(provenance: dict[str, Any]) -> bool:
    """Whether a model was trained on the signing avatar alone. Its record, of unknown origin, may lack anything."""
    told = [record.get("data") for record in (provenance, *bases(provenance))]
    return all(isinstance(data, dict) and data.get("twin") for data in told)


def may_have_seen(provenance: dict[str, Any], real: bool = False) -> list[dict[str, Any]]:
    """Those of the models a training started from that may have been trained on what it is tested on: on the same data
    set, or on the avatar, in other files or with other splits; and those of which nothing is known.

    real: it is tested on the data set itself, of which its own data is the twin.
    """
    own = provenance["data"]
    twin = bool(own["twin"]) and not real

    def doubtful(theirs: dict[str, Any] | None) -> bool:
        if not theirs:
            return True
        alike = not real and all(theirs.get(key) == own.get(key) for key in ("fingerprint", "split"))
        related = bool(theirs["twin"]) == twin and (twin or theirs["name"] == own["name"])
        return related and not alike

    return [base for base in bases(provenance) if doubtful(base["data"])]
