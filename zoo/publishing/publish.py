"""One commit on the Hub, or none: whatever breaks, main is as it was, and the same command goes on from there."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo.artefacts.hub_cache import checksum, is_offline
from zoo.artefacts.hub_errors import HubError, http, persistently, told
from zoo.files import read_json
from zoo.publishing.build import FILES, names
from zoo.publishing.prose import ASIDE, is_ours, keep_prose
from zoo.safety.filenames import refuse_names

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    Listing = dict[str, RepoFile]

Say = Callable[[str], None]

CONFLICT, OVERTAKEN = 409, 412
TIMEOUT: Final = 30.0


@dataclass(frozen=True)
class Shipment:
    """What goes where.

    folder: what zoo.publishing.build made, with its card.
    repo_id: user/name.
    message: of the commit.
    prose: the file that the card's prose comes from, for messages.
    """

    folder: Path
    repo_id: str
    message: str
    prose: str

    def files(self) -> list[str]:
        return [name for name in names(self.folder) if name != ASIDE]


@dataclass(frozen=True)
class Published:
    """What is on the Hub now.

    url: of the repository at the commit, or of the pull request.
    revision: the commit, 40 hex digits.
    new: false where it was all there already.
    pull_request: its number.
    """

    url: str
    revision: str
    new: bool = True
    pull_request: int | None = None


def refuse_without_token() -> None:
    """Raise ValueError where nothing can be published from: offline, or without a token."""
    from huggingface_hub import get_token

    if is_offline():
        raise ValueError("HF_HUB_OFFLINE is set, and a push needs the network; unset it, or stop before with --dry-run")
    if not get_token():
        raise ValueError("no token: `hf auth login` keeps one, HF_TOKEN gives one; it must be allowed to write")


def publish(shipment: Shipment, private: bool, pull_request: bool, say: Say) -> Published:
    """Make main of the repository hold the files of the folder, in one commit or one pull request.

    The repository is created where there is none, private if so asked. Files of an earlier push that the folder lacks
    go, and none that people added; prose that they edited on the Hub stays, and is written into the folder (prose.py).
    `say` prints a line of progress.

    Raises ValueError, and leaves main as it was: no token, no network, no right to write, a repository that somebody
    changed meanwhile, edits that would be lost, files there beside which nothing opens, and whatever else the Hub
    answers.
    """
    from huggingface_hub import HfApi

    refuse_without_token()
    api, repo_id = HfApi(), shipment.repo_id
    with told(repo_id), _bars_on_terminals():
        head = persistently(repo_id, lambda: _head(api, repo_id, private, pull_request))
        there = persistently(repo_id, lambda: _listing(api, repo_id, head))
        sealed = "README.md" in there and _keep_card(api, shipment, head, pull_request, say)
        sent = [name for name in shipment.files() if not _same(there.get(name), shipment.folder / name)]
        left = _pushed_before(api, repo_id, head) if sealed and "provenance.json" in there else set()
        gone = sorted((left & there.keys()).difference(shipment.files()))
        _refuse_unopenable({*there, *shipment.files()}.difference(gone), repo_id)
        if not sent and not gone:
            return Published(f"{api.endpoint}/{repo_id}/tree/{head}", head, new=False)
        say(f"sending {len(sent)} files to {repo_id}" + (f", removing {', '.join(gone)}" if gone else ""))
        done = _commit(api, shipment, sent, gone, head, pull_request, say)
        state = f"refs/pr/{done.pull_request}" if pull_request else done.revision
        if wrong := _wrong(persistently(repo_id, lambda: _listing(api, repo_id, state)), shipment, gone):
            raise ValueError(f"{done.url} lists other content than was sent, of {', '.join(wrong)}; pin nothing of it")
    return done


def _head(api: "HfApi", repo_id: str, private: bool, pull_request: bool) -> str:
    """The commit that main is at, of a repository that may have to be created first."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        info = api.model_info(repo_id, timeout=TIMEOUT)
    except RepositoryNotFoundError:
        if pull_request:
            raise ValueError(f"{repo_id}: no such repository; without --pr a push creates it") from None
        try:
            api.create_repo(repo_id, private=private)
        except HfHubHTTPError as error:
            if _status(error) != CONFLICT:  # made meanwhile, or by a request whose answer was lost
                raise
        info = api.model_info(repo_id, timeout=TIMEOUT)
    if private and not info.private:
        raise ValueError(
            f"{repo_id} is public, and --private makes new repositories private only; leave it out, or make the "
            "repository private in its settings first"
        )
    return str(info.sha)


def _listing(api: "HfApi", repo_id: str, revision: str) -> "Listing":
    from huggingface_hub.hf_api import RepoFile

    entries = api.list_repo_tree(repo_id, recursive=True, revision=revision)
    return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}


def _keep_card(api: "HfApi", shipment: Shipment, head: str, pull_request: bool, say: Say) -> bool:
    """Whether the card on the Hub is of an earlier push. Keeps its prose or refuses; a pull request refuses nothing."""
    path = persistently(shipment.repo_id, lambda: api.hf_hub_download(shipment.repo_id, "README.md", revision=head))
    theirs = Path(path).read_text(encoding="utf-8", errors="replace")
    try:
        keep_prose(shipment.folder, theirs, shipment.repo_id, shipment.prose, say)
    except ValueError as refusal:
        if not pull_request:
            raise
        say(f"{str(refusal).partition(', which')[0]}; the pull request shows what it would replace")
    return is_ours(theirs)


def _refuse_unopenable(names: Iterable[str], repo_id: str) -> None:
    """Raise ValueError for names among which no load opens anything: to pin such a commit would break the spec."""
    try:
        refuse_names(sorted(names), repo_id)
    except ValueError as error:
        raise ValueError(f"{error}; no load would open what is pushed, so remove that there first") from None


def _pushed_before(api: "HfApi", repo_id: str, head: str) -> set[str]:
    """What the last push published, as it noted; nothing where that cannot be read."""
    path = persistently(repo_id, lambda: api.hf_hub_download(repo_id, "provenance.json", revision=head))
    try:
        files = read_json(Path(path)).get(FILES)
    except ValueError:
        return set()
    return {name for name in files if isinstance(name, str)} if isinstance(files, list) else set()


def _commit(
    api: "HfApi", shipment: Shipment, sent: Sequence[str], gone: Sequence[str], head: str, pull_request: bool, say: Say
) -> Published:
    """Upload what the Hub does not have, then commit on `head` and nothing else.

    A commit whose answer is lost is tried again on the same head: had it arrived, the Hub refuses the second as
    overtaken, and what main holds then tells whose commit it was. A second pull request would be opened, so one whose
    answer is lost is not tried again.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [CommitOperationAdd(name, shipment.folder / name) for name in sent]
    operations: list[CommitOperationAdd | CommitOperationDelete] = [*additions, *map(CommitOperationDelete, gone)]
    try:
        api.preupload_lfs_files(shipment.repo_id, additions, create_pr=pull_request, free_memory=False)
    except (RuntimeError, ValueError) as error:  # what it wraps the cause in, and what a Hub says of single files
        raise error.__cause__ or HubError(f"{shipment.repo_id}: {' '.join(str(error).split())}") from None

    def commit() -> Published:
        try:
            info = api.create_commit(
                shipment.repo_id,
                operations,
                commit_message=shipment.message,
                parent_commit=head,
                create_pr=pull_request,
            )
        except Exception as error:
            if pull_request and isinstance(error, http().TransportError):
                raise ValueError(
                    f"{shipment.repo_id}: the answer to the pull request was lost; look at {api.endpoint}/"
                    f"{shipment.repo_id}/discussions whether it is there before another push"
                ) from None
            if isinstance(error, ValueError):  # of the card's metadata
                raise HubError(f"{shipment.repo_id}: {' '.join(str(error).split())}") from None
            if _status(error) != OVERTAKEN:
                raise
            now = str(api.model_info(shipment.repo_id, timeout=TIMEOUT).sha)
            if _wrong(_listing(api, shipment.repo_id, now), shipment, gone):
                raise ValueError(
                    f"{shipment.repo_id}: somebody else pushed meanwhile, to {now[:12]}; nothing of this push is "
                    "there, run it again"
                ) from None
            return Published(f"{api.endpoint}/{shipment.repo_id}/tree/{now}", now)
        if pull_request:
            return Published(str(info.pr_url), info.oid, pull_request=info.pr_num)
        return Published(f"{api.endpoint}/{shipment.repo_id}/tree/{info.oid}", info.oid)

    return persistently(shipment.repo_id, commit)


def _wrong(listing: "Listing", shipment: Shipment, gone: Iterable[str]) -> list[str]:
    """What a revision lists that is not what the folder holds."""
    other = [name for name in shipment.files() if not _same(listing.get(name), shipment.folder / name)]
    return [*other, *(name for name in gone if name in listing)]


def _same(entry: "RepoFile | None", path: Path) -> bool:
    """Whether the Hub has this content: it knows files in LFS by SHA-256, others as git does."""
    if entry is None or entry.size != path.stat().st_size:
        return False
    if entry.lfs is not None:
        return entry.lfs.sha256 == checksum(path)
    return entry.blob_id == checksum(path, "git sha1")


@contextmanager
def _bars_on_terminals() -> Iterator[None]:
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    silent = not sys.stderr.isatty() and not are_progress_bars_disabled()
    if silent:
        disable_progress_bars()
    try:
        yield
    finally:
        if silent:
            enable_progress_bars()


def _status(error: BaseException) -> int | None:
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status
