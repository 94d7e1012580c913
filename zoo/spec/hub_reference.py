"""How a repository of the Hub is written: "user/repo", and "user/repo@revision" to say which state of it."""

import re
from dataclasses import dataclass
from typing import Final

NAME: Final = r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
REPO: Final = re.compile(rf"{NAME}/{NAME}", re.ASCII)
REVISION: Final = re.compile(r"[\w.+/-]{1,200}", re.ASCII)
COMMIT: Final = re.compile(r"[0-9a-f]{40}")
SHORT_COMMIT: Final = re.compile(r"[0-9a-f]{7,39}")


@dataclass(frozen=True)
class Reference:
    """A repository and a branch, a tag or a commit of it; a revision of None is the branch main."""

    repo_id: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id

    def at(self, commit: str) -> "Reference":
        """The same repository at a commit, by 12 digits of it: enough to be opened by, and to be read out."""
        return Reference(self.repo_id, commit[:12])


def looks_like(text: str) -> bool:
    """Whether text is written as a repository is. A path may be too: "runs/asl-slp"."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def parse(text: str) -> Reference:
    """Read "user/repo" or "user/repo@revision". Raises ValueError.

    The revision becomes part of a path in the cache and of an address: what would lead elsewhere in either is refused.
    """
    repo_id, at, revision = text.partition("@")
    if not REPO.fullmatch(repo_id) or "--" in repo_id or ".." in repo_id or repo_id.endswith(".git"):
        raise ValueError(f"{text}: found {repo_id!r}, expected a repository as user/name")
    parts = revision.split("/")
    if at and not (
        REVISION.fullmatch(revision)
        and all(part and not part.startswith(("-", ".")) and not part.endswith((".", ".lock")) for part in parts)
        and ".." not in revision
    ):
        raise ValueError(f"{text}: found {revision!r} after the @, expected a branch, a tag or a commit")
    return Reference(repo_id, revision or None)
