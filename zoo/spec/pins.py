"""Where a spec says that weights are: `hub`, with a repository, a commit and the sums of its files; and `from`, with
what its training starts from."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from zoo.spec.hub_reference import COMMIT, REPO
from zoo.spec.problems import Problem, nearest

SHA256: Final = re.compile(r"[0-9a-f]{64}")


def _text(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _sums(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text(SHA256), value.values()))


KEYS: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "repo_id": ("'user/name' or null", _text(REPO)),
    "revision": ("a commit (40 hex digits, in quotes where all are decimal) or null", _text(COMMIT)),
    "sha256": ("a mapping of file names to their SHA-256 (64 hex digits)", _sums),
}
BASE_KEYS: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "address": ("a model's name, a folder or user/repo@revision", _text(re.compile(r".*\S.*"))),
    "sha256": ("the SHA-256 of what is there (64 hex digits)", _text(SHA256)),
}


def pin_problems(raw: dict[str, Any], source: str) -> Iterator[Problem]:
    """What is wrong with the `hub` section of a spec; nothing where there is none."""
    hub = raw.get("hub", {})
    if not isinstance(hub, dict):
        yield Problem(source, "hub", f"found {hub!r}, expected a mapping")
        return
    for key, value in hub.items():
        if key not in KEYS:
            yield Problem(source, f"hub.{key}", f"unknown key{nearest(str(key), KEYS)}")
        elif value is not None and not KEYS[key][1](value):
            yield Problem(source, f"hub.{key}", f"found {value!r}, expected {KEYS[key][0]}")
    if hub.get("revision") and not hub.get("repo_id"):
        yield Problem(source, "hub.repo_id", "missing, although hub.revision is pinned")
    if hub.get("sha256") and not hub.get("revision"):
        yield Problem(source, "hub.revision", "missing, although hub.sha256 pins what it holds")


def base_problems(raw: dict[str, Any], source: str) -> Iterator[Problem]:
    """What is wrong with the `from` section of a spec, which `--from` writes; nothing where there is none."""
    if "from" not in raw:
        return
    base = raw["from"]
    if not isinstance(base, dict):
        yield Problem(source, "from", f"found {base!r}, expected a mapping; leave it out and add --from {base}")
        return
    for key in base:
        if key not in BASE_KEYS:
            yield Problem(source, f"from.{key}", f"unknown key{nearest(str(key), BASE_KEYS)}")
    for key, (expected, valid) in BASE_KEYS.items():
        if key not in base:
            yield Problem(source, f"from.{key}", "missing; leave `from` out and add --from ADDRESS, which finds it out")
        elif not valid(base[key]):
            yield Problem(source, f"from.{key}", f"found {base[key]!r}, expected {expected}")
