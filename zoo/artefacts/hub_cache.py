"""What the Hub's cache on this machine holds, looked up without a request: commits, listings, files and their sums.

The layout is huggingface_hub's: models--user--name/ with refs/<name> (a commit each), snapshots/<commit>/<file> (links
into blobs/<etag>, or the files themselves where links cannot be made) and trees/<commit>.json (a commit's listing).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.safety.filenames import refuse_names, wanted
from zoo.spec.hub_reference import COMMIT, SHORT_COMMIT

TREE_FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """A file of a listing: its bytes, and the sum the Hub gives it: SHA-256 in LFS, else git's SHA-1 of the blob."""

    size: int
    blob_id: str
    sha256: str | None = None
    xet_hash: str | None = None


def storage(repo_id: str) -> Path:
    """The folder of a repository in the cache; it may be absent."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser() / f"models--{repo_id.replace('/', '--')}"


def is_offline() -> bool:
    """HF_HUB_OFFLINE, as huggingface_hub read it."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def cached(repo_id: str, revision: str | None = None) -> Path | None:
    """The folder of a revision of which all that a load needs is on this machine; its sums are not checked here."""
    commit = known_commit(repo_id, revision)
    if commit is None:
        return None
    snapshot = storage(repo_id) / "snapshots" / commit
    entries = listing(repo_id, commit) or {}
    refuse_names(entries, f"{repo_id}@{commit[:12]}")
    names = filter(wanted, entries)
    whole = all((snapshot / name).is_file() for name in ("config.json", *names))
    return snapshot if whole else None


def known_commit(repo_id: str, revision: str | None = None) -> str | None:
    """The commit that a branch or tag was when last asked for, or that a part of a commit is of one in the cache."""
    revision = revision or "main"
    if COMMIT.fullmatch(revision):
        return revision
    with suppress(OSError, UnicodeDecodeError):
        commit = (storage(repo_id) / "refs" / revision).read_text(encoding="utf-8").strip()
        if COMMIT.fullmatch(commit):
            return commit
    if SHORT_COMMIT.fullmatch(revision):
        found = [path.name for path in (storage(repo_id) / "snapshots").glob(f"{revision}*")]
        return found[0] if len(found) == 1 and COMMIT.fullmatch(found[0]) else None
    return None


def remember_commit(repo_id: str, revision: str, commit: str) -> None:
    """Note what a branch or tag is now, so that it opens offline."""
    from datamodules.files import write_text

    path = storage(repo_id) / "refs" / revision
    if not COMMIT.fullmatch(revision) and known_commit(repo_id, revision) != commit:
        write_text(path, commit)


def listing(repo_id: str, commit: str) -> dict[str, Entry] | None:
    """Name to entry of all files of a commit, if it was listed on this machine before; anybody may have written the
    names."""
    path = storage(repo_id) / "trees" / f"{commit}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format_version"] != TREE_FORMAT:
            return None
        return {name: _entry(info) for name, info in found["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember_listing(repo_id: str, commit: str, entries: dict[str, Entry]) -> None:
    """Write a listing where and as huggingface_hub does: each reads the other's."""
    from datamodules.files import write_json

    files = {
        name: {"size": entry.size, "blob_id": entry.blob_id}
        | ({"lfs_sha256": entry.sha256, "lfs_size": entry.size} if entry.sha256 else {})
        | ({"xet_hash": entry.xet_hash} if entry.xet_hash else {})
        for name, entry in entries.items()
    }
    write_json(storage(repo_id) / "trees" / f"{commit}.json", {"format_version": TREE_FORMAT, "files": files})


def present(snapshot: Path) -> dict[str, Entry]:
    """What lies in a snapshot, for one whose listing is not there: the sums are the names of the blobs it links to."""
    found = {}
    for path in sorted(snapshot.rglob("*")):
        if path.is_file():
            blob = path.resolve().name if path.is_symlink() else ""
            sha256 = blob if len(blob) == 64 else None
            found[path.relative_to(snapshot).as_posix()] = Entry(path.stat().st_size, blob, sha256)
    return found


def wrong_sums(snapshot: Path, entries: dict[str, Entry], pins: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each file whose content is not what was announced, and how: by the Hub's listing, and by the pins of a spec."""
    for name, entry in entries.items():
        path = snapshot / name
        for kind, expected, by in _expected(entry, pins.get(name)):
            found = checksum(path, kind)
            if found != expected:
                yield name, f"found {kind} {found}, {by} {expected} ({path.stat().st_size:,} of {entry.size:,} bytes)"
                break


def _expected(entry: Entry, pin: str | None) -> Iterable[tuple[str, str, str]]:
    if entry.sha256:
        yield "sha256", entry.sha256, "the Hub announces"
    elif len(entry.blob_id) == 40:
        yield "git sha1", entry.blob_id, "the Hub announces"
    if pin and pin != entry.sha256:
        yield "sha256", pin, "the spec pins"


def checksum(path: Path, kind: str = "sha256") -> str:
    """The SHA-256 of a file, or the "git sha1" that git names its content by, in hex."""
    with path.open("rb") as file:
        if kind == "sha256":
            return hashlib.file_digest(file, "sha256").hexdigest()
        head = b"blob %d\0" % path.stat().st_size
        return hashlib.file_digest(file, lambda: hashlib.sha1(head)).hexdigest()


def discard(snapshot: Path, name: str) -> None:
    """Take a file out of the cache: its link and, where it is in this cache, what it links to."""
    link = snapshot / name
    target = link.resolve()
    link.unlink(missing_ok=True)
    if target.is_relative_to(snapshot.parents[2].resolve()):
        target.unlink(missing_ok=True)


def _entry(info: dict[str, Any]) -> Entry:
    entry = Entry(int(info["size"]), str(info["blob_id"]), info.get("lfs_sha256"), info.get("xet_hash"))
    if not isinstance(entry.sha256, str | None) or not isinstance(entry.xet_hash, str | None):
        raise TypeError("not a listing")
    return entry
