"""What a model was trained on: in its own training and in those of the models that it started from or stands on, as
provenance.json has them."""

from collections.abc import Iterator
from typing import Any, Final

STARTED_FROM: Final = "base_model"
"""Whose weights a training took over and went on with."""
STANDS_ON: Final = "stands_on"
"""Whose weights it uses and leaves as they are."""


def chain(provenance: dict[str, Any], relation: str) -> Iterator[dict[str, Any]]:
    """The model that a training started from, or stands on, as `zoo.artefacts.base_model` records it, that one's ..."""
    base = provenance.get(relation)
    while isinstance(base, dict):
        yield base
        base = base.get(relation)


def bases(provenance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All models that a training started from or stands on, those of each behind it."""
    for relation in (STARTED_FROM, STANDS_ON):
        base = provenance.get(relation)
        if isinstance(base, dict):
            yield base
            yield from bases(base)


def base_name(base: dict[str, Any]) -> str:
    """How print calls it: by its repository, where it is published; what its own record calls itself proves nothing."""
    return str(base.get("repo_id") or base["name"])


def relation(base: dict[str, Any]) -> str:
    """What a training did with a model, in print: only one that it stands on is named by an argument."""
    return "stands on" if base.get("argument") else "started from the weights of"


def of_the_avatar(provenance: dict[str, Any]) -> bool:
    """Whether a model was trained on the signing avatar alone. Its record, of unknown origin, may lack anything."""
    told = [record.get("data") for record in (provenance, *bases(provenance))]
    return all(isinstance(data, dict) and data.get("twin") for data in told)


def may_have_seen(provenance: dict[str, Any], real: bool = False) -> list[dict[str, Any]]:
    """Those of the models a training started from or stands on that may have been trained on what it is tested on: on
    the same data set, or on the avatar, in other files or with other splits; and those of which nothing is known. What
    reads other files of the same twin by the same split has the same items for training.

    real: it is tested on the data set itself, of which its own data is the twin.
    """
    own = provenance["data"]
    twin = bool(own["twin"]) and not real

    def doubtful(theirs: dict[str, Any] | None) -> bool:
        if not theirs:
            return True
        split = own.get("split")
        same = theirs.get("fingerprint") == own.get("fingerprint") or bool(
            twin and split and theirs["twin"] == own["twin"]
        )
        alike = not real and same and theirs.get("split") == split
        related = bool(theirs["twin"]) == twin and (twin or theirs["name"] == own["name"])
        return related and not alike

    return [base for base in bases(provenance) if doubtful(base["data"])]
