"""What an experiment is: one YAML file, overlaid (spec < starter < command line), resolved. No torch."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from zoo.spec.classes import bare, bare_names
from zoo.spec.interpolation import BOUNDLESS, MAX_BYTES, bounded_yaml, boundless, resolvers
from zoo.spec.problems import Problem, SpecError, nearest

SECTIONS = (
    "name",
    "summary",
    "task",
    "architecture",
    "seed",
    "from",
    "model",
    "data",
    "trainer",
    "starter",
    "hub",
    "card",
)
OVERRIDABLE = ("model", "data", "trainer", "seed")
DEFAULTS: dict[str, Any] = {"seed": 0, "trainer": {"deterministic": True}}
NOT_TRAINING = ("summary", "card", "hub", "starter")
"""Sections that do not change what is trained, and so not the identity of a run."""
RESOLVER_REFUSED = "only keys of the spec itself can be interpolated; resolvers such as ${oc.env:...} are refused"


@dataclass(frozen=True)
class Spec:
    """A resolved spec: no interpolation, no starter section, defaults filled in."""

    source: str
    config: dict[str, Any]
    starter: bool = False

    @property
    def name(self) -> str:
        return str(self.config["name"])

    @property
    def run_id(self) -> str:
        """First 12 hex digits of the SHA-256 of everything that determines the training: of what it starts from the
        content, wherever that lies."""
        training = {key: value for key, value in self.config.items() if key not in NOT_TRAINING}
        if isinstance(base := training.get("from"), dict):
            training["from"] = base.get("sha256")
        canonical = json.dumps(training, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def yaml(self) -> str:
        """The resolved spec as YAML, in the order of SECTIONS."""
        ordered = {key: self.config[key] for key in SECTIONS if key in self.config}
        return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110)


def strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string in nested mappings and lists, with its dotted key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from strings(item, f"{key}.{name}" if key else str(name))


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, not yet interpolated. Raises SpecError with the line that is unreadable."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise SpecError([Problem(str(path), "", f"found {size:,} bytes, expected at most {MAX_BYTES:,}")])
        text = path.read_text(encoding="utf-8")
        loaded = OmegaConf.load(path) if isinstance(bounded_yaml(text), dict) else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        detail = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpecError([Problem(where, "", f"not readable as YAML: {detail}")]) from None
    except UnicodeDecodeError:
        raise SpecError([Problem(str(path), "", "not a text file in UTF-8")]) from None
    except OmegaConfBaseException as error:
        raise SpecError([_omegaconf_problem(str(path), error)]) from None
    except SpecError:
        raise
    except ValueError as error:  # a date that is none, a number of a thousand digits
        raise SpecError([Problem(str(path), "", f"not readable as a spec: {error}")]) from None
    if not isinstance(loaded, DictConfig):
        raise SpecError([Problem(str(path), "", "not a mapping; a spec starts with `name: ...`")])
    return _unresolved(loaded)


def resolve(raw: dict[str, Any], source: str, starter: bool = False, overrides: Sequence[str] = ()) -> Spec:
    """Overlay and resolve what `read` returned.

    Classes are named as people do, `ASLSLP`, also where the file has a dotted path to one of ours or of Lightning's.
    A list replaces a list; a mapping is merged; where `class_path` changes, the old class's `init_args` are
    dropped. `overrides` are `key=value` with YAML values. Raises SpecError.
    """
    raw = bare_names(raw)
    _refuse_interpolations(raw, source)  # a merge follows some of them
    config = OmegaConf.merge(DEFAULTS, {key: value for key, value in raw.items() if key != "starter"})
    assert isinstance(config, DictConfig)
    if starter:
        block = raw.get("starter")
        if not block:
            raise SpecError([Problem(source, "starter", "the spec has no starter block; leave --starter out")])
        _forget_old_classes(config, block)
        try:
            config.merge_with(block)
        except OmegaConfBaseException as error:
            detail = str(error).splitlines()[0]
            raise SpecError([Problem(source, "starter", f"does not fit the spec: {detail}")]) from None
    for override in overrides:
        _override(config, override)
    _refuse_interpolations(_unresolved(config), source)
    try:
        resolved = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    except OmegaConfBaseException as error:
        raise SpecError([_omegaconf_problem(source, error)]) from None
    return Spec(source, bare_names(resolved), starter)


def _refuse_interpolations(config: dict[str, Any], source: str) -> None:
    if problems := [Problem(source, key, RESOLVER_REFUSED) for key, text in strings(config) if resolvers(text)]:
        raise SpecError(problems)
    if (key := boundless(config)) is not None:
        raise SpecError([Problem(source, key, BOUNDLESS)])


def _override(config: DictConfig, override: str) -> None:
    key, _, text = override.partition("=")
    section, *rest = key.split(".")
    label = f"--{key}"
    if section not in OVERRIDABLE:
        message = f"unknown section {section!r} in an override{nearest(section, OVERRIDABLE)}"
        raise SpecError([Problem("command line", label, message)])
    if section in ("model", "data") and rest and rest[0] not in ("class_path", "init_args"):
        key = ".".join([section, "init_args", *rest])
    try:
        value = bare_names(_unresolved(OmegaConf.from_dotlist([f"value={text}"]))["value"])
        if rest and rest[-1] == "class_path" and isinstance(value, str):
            value = bare(value)
        parent = OmegaConf.select(config, key.rpartition(".")[0]) if rest else None
        if rest and rest[-1] == "class_path" and isinstance(parent, DictConfig) and parent.get("class_path") != value:
            parent.pop("init_args", None)
        OmegaConf.update(config, key, value, merge=True, force_add=True)
    except (yaml.YAMLError, OmegaConfBaseException, TypeError, ValueError, IndexError) as error:
        detail = str(error).splitlines()[0]
        raise SpecError([Problem("command line", label, f"cannot set {text!r}: {detail}")]) from None


def _forget_old_classes(base: DictConfig, top: dict[str, Any]) -> None:
    for key, value in top.items():
        if not isinstance(value, dict) or OmegaConf.is_interpolation(base, key):
            continue
        below = base.get(key)
        if isinstance(below, DictConfig):
            if "class_path" in value and value["class_path"] != below.get("class_path"):
                below.pop("init_args", None)
            _forget_old_classes(below, value)


def _unresolved(config: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=False))


def _omegaconf_problem(source: str, error: OmegaConfBaseException) -> Problem:
    key = str(getattr(error, "full_key", None) or "")
    return Problem(source, key, str(error).splitlines()[0])
