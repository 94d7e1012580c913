"""Where a spec says that its weights live: `hub`, with a repository, a commit and the sums of its files."""

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
