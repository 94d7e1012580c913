"""Under which licence a model may be published: the strictest of its base model's and its data's. No network.

The tables are closed: what they do not know is refused, never guessed. They help a publisher to keep to other
people's terms and are no legal advice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from datamodules.catalogue import CATALOGUE
from zoo.results.lineage import base_name, bases, of_the_avatar
from zoo.spec.problems import nearest

COMMERCIAL, RESEARCH, USES, SHARE = "commercial use", "use outside research", "certain uses", "other licences"


@dataclass(frozen=True)
class Licence:
    """What a card says of a model's licence.

    identifier: the Hub's, lower case; "other" where the Hub has none.
    name: what to call it; of "other" the Hub's `license_name`.
    link: where its text is, or the terms are that it stands for; empty where nobody says.
    terms: sentences that a user must keep to, those of the data and of the base model included.
    why: in one line, what it follows from.
    """

    identifier: str
    name: str
    link: str
    terms: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class _Known:
    """A licence of the table. rank: strictness, among licences that rule out the same. rules_out: to others than the
    licensor. same: for a share-alike licence, what may be published on its terms instead of itself."""

    title: str
    link: str
    rank: int
    rules_out: frozenset[str]
    terms: str
    same: tuple[str, ...] = ()


def _known(title: str, link: str, rank: int, terms: str, *rules_out: str, same: tuple[str, ...] = ()) -> _Known:
    return _Known(title, link, rank, frozenset(rules_out), terms, same)


_CC: Final = "https://creativecommons.org/licenses"
_OPENRAIL_TERMS: Final = "Not for the uses that its Attachment A rules out; who passes the model on passes these on."
LICENCES: Final[dict[str, _Known]] = {
    "mit": _known("MIT", "https://opensource.org/license/mit", 0, "Keep the notice."),
    "apache-2.0": _known(
        "Apache 2.0", "https://www.apache.org/licenses/LICENSE-2.0", 1, "Keep the notices and say what was changed."
    ),
    "cc-by-4.0": _known("CC BY 4.0", f"{_CC}/by/4.0/", 2, "Name the authors."),
    "cc-by-sa-3.0": _known(
        "CC BY-SA 3.0",
        f"{_CC}/by-sa/3.0/",
        3,
        "Name the authors; share what is derived from it on the same terms.",
        SHARE,
        same=("cc-by-sa-4.0",),
    ),
    "cc-by-sa-4.0": _known(
        "CC BY-SA 4.0",
        f"{_CC}/by-sa/4.0/",
        3,
        "Name the authors; share what is derived from it on the same terms.",
        SHARE,
    ),
    "gpl-2.0": _known(
        "GNU GPL 2.0",
        "https://www.gnu.org/licenses/old-licenses/gpl-2.0.html",
        4,
        "Share what derives from it on the same terms, with its source.",
        SHARE,
    ),
    "openrail": _known("OpenRAIL", "https://www.licenses.ai/ai-licenses", 5, _OPENRAIL_TERMS, USES),
    "openrail++": _known(
        "CreativeML Open RAIL++-M",
        "https://huggingface.co/stabilityai/stable-diffusion-2/blob/main/LICENSE-MODEL",
        5,
        _OPENRAIL_TERMS,
        USES,
    ),
    "creativeml-openrail-m": _known(
        "CreativeML Open RAIL-M",
        "https://huggingface.co/spaces/CompVis/stable-diffusion-license",
        5,
        _OPENRAIL_TERMS,
        USES,
    ),
    "cc-by-nc-4.0": _known(
        "CC BY-NC 4.0", f"{_CC}/by-nc/4.0/", 6, "Not for commercial use; name the authors.", COMMERCIAL
    ),
    "cc-by-nc-sa-3.0": _known(
        "CC BY-NC-SA 3.0",
        f"{_CC}/by-nc-sa/3.0/",
        7,
        "Not for commercial use; name the authors; share what is derived from it on the same terms.",
        COMMERCIAL,
        SHARE,
        same=("cc-by-nc-sa-4.0",),
    ),
    "cc-by-nc-sa-4.0": _known(
        "CC BY-NC-SA 4.0",
        f"{_CC}/by-nc-sa/4.0/",
        7,
        "Not for commercial use; name the authors; share what is derived from it on the same terms.",
        COMMERCIAL,
        SHARE,
    ),
    "c-uda": _known(
        "C-UDA 1.0",
        "https://github.com/microsoft/Computational-Use-of-Data-Agreement",
        8,
        "For computational use in academic research only.",
        COMMERCIAL,
        RESEARCH,
    ),
    "research-only": _known("research only", "", 9, "For academic research only.", COMMERCIAL, RESEARCH),
}
"""By the Hub's identifiers, the laxest first; `research-only` stands for terms that it has no identifier for."""

ALIASES: Final = {"gpl-2.0-only": "gpl-2.0", "c-uda-1.0": "c-uda", "academic": "research-only"}
"""SPDX's and other names of the same, lower case."""

BASE_MODELS: Final = {
    "CompVis/stable-diffusion-v1-4": "creativeml-openrail-m",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "creativeml-openrail-m",
    "runwayml/stable-diffusion-v1-5": "creativeml-openrail-m",
    "Comfy-Org/stable-diffusion-v1-5-archive": "creativeml-openrail-m",
    "facebook/vjepa2-vitl-fpc64-256": "apache-2.0",
    "facebook/vjepa2-vith-fpc64-256": "apache-2.0",
    "facebook/vjepa2-vitg-fpc64-256": "apache-2.0",
    "facebook/vjepa2-vitg-fpc64-384": "apache-2.0",
}
"""By their ids on the Hub. V-JEPA 2 is MIT by its repository and Apache 2.0 by its page for vitg-fpc64-384; of the two,
the stricter is entered for all."""

AT_ODDS: Final = frozenset({("apache-2.0", "gpl-2.0")})
"""Left may not become right, although right rules out all that left does: patent terms that GPL 2.0 does not know."""


def licence_of(config: dict[str, Any], provenance: dict[str, Any], card: dict[str, Any] | None = None) -> Licence:
    """The licence to publish a model under: what its spec's `card` section declares if that is strict enough, or else
    the strictest of its sources'; where none covers all of them, all of them together, as licence "other".

    Args:
        config: config.json of the artefact; its `base_model` counts.
        provenance: of the run; the data it was trained on counts, and so do the models that it started from.
        card: `card` of its spec, `license` (and `license_name`) of which count where the model was trained on the data
            set itself, or a model that it started from was: training on the avatar owes nothing to its makers.

    Raises:
        ValueError: a licence that is unknown, sources that no licence satisfies together, or a declared licence that
            is laxer than they allow.
    """
    found = [*_base(config.get("base_model")), *_inherited(provenance), _data(provenance["data"])]
    sources = list(dict.fromkeys(found))
    why = " and ".join(f"{LICENCES[source.key].title} of {source.what}" for source in sources)
    keys = list(dict.fromkeys(source.key for source in sources))
    needed = _combined(keys, why)
    declared = {} if of_the_avatar(provenance) else card or {}
    chosen = _declared(declared) or needed
    if not all(any(_may_become(key, licence) for licence in chosen) for key in keys):
        raise ValueError(
            f"card.license of the spec declares {' and '.join(chosen)}, but {why} asks for {' and '.join(needed)}; "
            f"{_how_to_declare(needed)}"
        )
    if chosen != needed:
        why = f"its spec declares {' and '.join(chosen)}; {why} would allow {' and '.join(needed)}"
    known = [LICENCES[key] for key in chosen]
    own = [f"{item.title}: {item.terms}" for key, item in zip(chosen, known, strict=True) if key not in keys]
    terms = (*own, *(f"{source.what[:1].upper()}{source.what[1:]}: {source.terms}" for source in sources))
    imposed = [source.home for source in sources if source.home and source.key in (chosen[0], *needed)]
    link = declared.get("license_link") or known[0].link or next(iter(imposed), "")
    if len(chosen) > 1 or chosen[0] == "research-only":
        return Licence("other", "-and-".join(chosen), link, terms, why)
    return Licence(chosen[0], known[0].title, link, terms, why)


class Source(NamedTuple):
    """What a model owes to. key: of its licence. home: the page with its terms, for a licence that has no text."""

    what: str
    key: str
    terms: str
    home: str = ""


def _base(model: str | None) -> list[Source]:
    if model is None:
        return []
    if model not in BASE_MODELS:
        raise ValueError(
            f"base model {model}: its licence is unknown{nearest(model, BASE_MODELS)}; read it on the model's page and "
            "enter it in BASE_MODELS of zoo/card/licences.py"
        )
    key = BASE_MODELS[model]
    return [Source(model, key, LICENCES[key].terms, _page(model))]


def _page(repo_id: str) -> str:
    return f"https://huggingface.co/{repo_id}"


def _inherited(provenance: dict[str, Any]) -> Iterator[Source]:
    """What is owed to the models that a training started from or stands on: what their cards declare, what they build
    on, and their data, so that nothing of it is shaken off by training on other data."""
    for base in bases(provenance):
        what = f"base model {base_name(base)}"
        if reason := base.get("license_unread"):
            raise ValueError(
                f"{what}: its card's licence cannot be read: {reason}; have the metadata at the head of its README.md "
                "mended, or start from another model"
            )
        declared = _declared(base, "", f"the card of {what}")
        home = _page(base["repo_id"]) if base.get("repo_id") else ""
        yield from (Source(what, key, LICENCES[key].terms, home) for key in declared)
        yield from _base(base.get("builds_on"))
        if not declared and not base["data"] and base.get("repo_id") in BASE_MODELS:
            yield from _base(base["repo_id"])
            continue
        if base["data"]:
            yield _data(base["data"])
        elif not declared:
            raise ValueError(
                f"{what}: its licence is unknown: neither provenance.json nor a card beside its weights says what it "
                "was trained on; ask who made it, or start from another model"
            )


def _data(data: dict[str, Any]) -> Source:
    dataset = CATALOGUE.get(data["name"])
    if dataset is None and data.get("licence"):  # of what was imported, as its publisher says
        key = licence_key(str(data["licence"]), "data.licence of provenance.json")
        return Source(str(data["name"]), key, LICENCES[key].terms)
    if dataset is None:
        raise ValueError(
            f"data set {data['name']!r}: not in the catalogue{nearest(str(data['name']), CATALOGUE)}; enter it with "
            "its licence and terms in datamodules/catalogue.py"
        )
    if data["twin"]:
        return Source(f"the signing avatar's twin of {dataset.title}", "mit", "Synthetic, and free to use under MIT.")
    if dataset.licence is None:
        raise ValueError(
            f"{dataset.title}: its licence is unknown ({dataset.terms}); ask its makers ({dataset.home}) whether what "
            f"was trained on it may be published, and enter `licence` of {data['name']!r} in datamodules/catalogue.py, "
            "`research-only` if so"
        )
    key = licence_key(dataset.licence, f"{dataset.title}, datamodules/catalogue.py")
    return Source(dataset.title, key, dataset.terms, dataset.home)


def licence_key(name: str, where: str) -> str:
    """The key in LICENCES of a licence by any of its names. Raises ValueError, which begins with `where`."""
    key = ALIASES.get(name.lower(), name.lower())
    if key not in LICENCES:
        raise ValueError(
            f"{where}: licence {name!r} is unknown{nearest(key, LICENCES)}; enter it, with what it rules out, in "
            "LICENCES of zoo/card/licences.py"
        )
    return key


def _declared(card: dict[str, Any], prefix: str = "card.", of: str = "the spec") -> tuple[str, ...]:
    """Keys of the licence that a spec, or the card of another model, declares; empty where there is none."""
    name = card.get("license")
    if name is None:
        return ()
    if str(name).lower() != "other":
        return (licence_key(str(name), f"{prefix}license of {of}"),)
    where = f"{prefix}license_name of {of}"
    if not card.get("license_name"):
        told = f"{prefix}license of {of} is `other`"
        raise ValueError(f"{told}; {prefix}license_name must say which, such as research-only")
    return _combined([licence_key(part, where) for part in str(card["license_name"]).split("-and-")], where)


def _combined(keys: Sequence[str], why: str) -> tuple[str, ...]:
    """The laxest licence that everything may become; all of `keys` where none is and none insists on itself."""
    successors = [same for key in keys for same in LICENCES[key].same]
    for candidate in sorted({*keys, *successors}, key=_rank):
        if all(_may_become(key, candidate) for key in keys):
            return (candidate,)
    for key in keys:
        if SHARE in LICENCES[key].rules_out:
            others = " and ".join(LICENCES[other].title for other in keys if not _may_become(other, key))
            raise ValueError(
                f"{why}: no licence satisfies them together, as {LICENCES[key].title} asks that all be shared on its "
                f"own terms, and {others} does not allow that; train on other data or from another base model"
            )
    return tuple(sorted(set(keys), key=_rank))


def _may_become(source: str, licence: str) -> bool:
    """Whether what is under `source` may be published under `licence`."""
    if source == licence:
        return True
    mine, other = LICENCES[source], LICENCES[licence]
    if SHARE in mine.rules_out:
        return licence in mine.same
    return mine.rules_out <= other.rules_out and mine.rank <= other.rank and (source, licence) not in AT_ODDS


def _rank(key: str) -> tuple[int, str]:
    return LICENCES[key].rank, key


def _how_to_declare(keys: Sequence[str]) -> str:
    if len(keys) == 1 and keys[0] != "research-only":
        return f"declare `license: {keys[0]}` or a stricter one"
    return f"declare `license: other` and `license_name: {'-and-'.join(keys)}`"
