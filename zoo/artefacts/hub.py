"""Artefacts of the Hub, and Stable Diffusions as their makers published them: found, listed, downloaded into its
standard cache, and verified, all at one commit."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo.artefacts import hub_cache as cache
from zoo.artefacts.hub_cache import Entry
from zoo.artefacts.hub_errors import HubError, persistently, told
from zoo.files import MAX_JSON, read_json
from zoo.loaders.config import read_config
from zoo.loaders.foreign import COMPONENTS, ENCODER_FILES, INDEX, NAMED, NETWORK_WEIGHTS, command, is_encoder, kind_of
from zoo.safety.filenames import MAX_NAMES, refuse_names, wanted
from zoo.spec.hub_reference import COMMIT, SHORT_COMMIT, Reference
from zoo.spec.problems import nearest

WEIGHTS: Final = (f"{NETWORK_WEIGHTS}.safetensors", "model.safetensors")
"""Of a network of diffusers, and of the text encoder."""


class OnHub:
    """An artefact in a repository of the Hub: the `Artefact` protocol of zoo/artefacts/resolve.py.

    The revision is resolved once, and every file is of that commit. `sha256` maps names to the sums that a spec pins.
    What is in the cache is not requested again; with HF_HUB_OFFLINE=1 nothing is requested at all.
    """

    def __init__(self, name: str, reference: Reference, sha256: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.reference = reference
        self.pins = dict(sha256 or {})
        self._note = ""
        self._reached = False

    @property
    def what(self) -> str:
        return f"from the Hub, {self.reference.at(self.commit)}{self._note}"

    @cached_property
    def commit(self) -> str:
        """The commit that the revision is, 40 digits; of a Hub that cannot be reached, what it was when last seen."""
        repo_id, revision = self.reference.repo_id, self.reference.revision or "main"
        known = cache.known_commit(repo_id, revision)
        if known and (cache.is_offline() or COMMIT.fullmatch(revision) or SHORT_COMMIT.fullmatch(revision)):
            return known
        try:
            commit = self._ask(revision)
        except HubError as error:
            if known is None or not error.unreachable:
                raise
            self._note = f", which {revision} was when the Hub was last reached"
            return known
        if not SHORT_COMMIT.fullmatch(revision):
            with suppress(OSError):
                cache.remember_commit(repo_id, revision, commit)
        return commit

    @cached_property
    def snapshot(self) -> Path:
        """Where the cache has, or will have, the files of this commit."""
        return cache.storage(self.reference.repo_id) / "snapshots" / self.commit

    def listed(self) -> dict[str, Entry]:
        """The listing of the commit, whatever its names are. Raises ValueError."""
        repo_id, commit = self.reference.repo_id, self.commit
        entries = cache.listing(repo_id, commit)
        if entries is None and cache.is_offline():
            entries = cache.present(self.snapshot)
        if entries is None:
            if not self._reached:
                self._ask(commit)  # listing a repository takes half a minute to find that there is no network
            entries = self._list()
            if len(entries) <= MAX_NAMES:
                with suppress(OSError):  # a cache that may not be written is still read
                    cache.remember_listing(repo_id, commit, entries)
        return entries

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The files of the commit, their names checked. Raises ValueError."""
        entries = self.listed()
        refuse_names(entries, str(self))
        if "config.json" not in entries:
            if cache.is_offline():
                raise self._not_cached(["config.json"])
            holds = ", ".join(sorted(entries)[:5]) or "nothing"
            raise HubError(
                self._foreign(entries, {})
                or f"{self}: no config.json, so this is no artefact of the zoo; it holds {holds}"
            )
        return entries

    def config(self) -> dict[str, Any]:
        """config.json, checked; nothing else is downloaded."""
        self._bring(["config.json"])
        content = read_json(self.snapshot / "config.json")
        if "schema" not in content and (message := self._foreign(self.entries, content)):
            raise HubError(message)
        return read_config(self.snapshot)

    def folder(self) -> Path:
        """The snapshot in the cache: whole, and every sum as announced. config.json is read before weights are
        downloaded that this version could not open."""
        if missing := sorted(self.pins.keys() - self.entries.keys()):
            raise HubError(f"{self}: no {missing[0]}, of which the spec pins the sha256")
        self.config()
        self._bring(list(filter(wanted, self.entries)))
        return self.snapshot

    def _foreign(self, names: Iterable[str], config: Mapping[str, Any]) -> str | None:
        """How to import what is no artefact, but what diffusers or peft saved; None for anything else."""
        kind = kind_of(list(names), config)
        if kind is None:
            return None
        folder = self.reference.repo_id.partition("/")[2]
        fetched = f"`hf download {self.reference.repo_id} --revision {self.commit} --local-dir {folder}`"
        return f"{self}: {NAMED[kind]}, no artefact yet; {fetched}, then {command(kind, folder)} makes one of it"

    def __str__(self) -> str:
        return str(self.reference.at(self.commit))

    def _bring(self, names: Sequence[str]) -> None:
        """Have these files in the cache, with the right sums. Raises ValueError."""
        for name in names:
            if not name.endswith(".safetensors") and self.entries[name].size > MAX_JSON:
                raise HubError(f"{self}: {name} has {self.entries[name].size:,} bytes, expected at most {MAX_JSON:,}")
        self._download([name for name in names if not (self.snapshot / name).is_file()])
        wrong = self._wrong(names)
        if wrong and cache.is_offline():
            name, how = next(iter(wrong.items()))
            raise HubError(f"{self.snapshot / name}: damaged: {how}; without HF_HUB_OFFLINE it is downloaded again")
        if wrong:
            self._discard(wrong)
            self._download(list(wrong))
            wrong = self._wrong(list(wrong))
            self._discard(wrong)
        if wrong:
            name, how = next(iter(wrong.items()))
            raise HubError(f"{self}: {name} is not what was published: {how}, twice; it was not kept")

    def _wrong(self, names: Sequence[str]) -> dict[str, str]:
        return dict(cache.wrong_sums(self.snapshot, {name: self.entries[name] for name in names}, self.pins))

    def _discard(self, names: Iterable[str]) -> None:
        for name in names:
            cache.discard(self.snapshot, name)

    def _download(self, names: Sequence[str]) -> None:
        """One file after the other, in this thread: Ctrl-C ends it at once, and each shows its own progress."""
        if not names:
            return
        if cache.is_offline():
            raise self._not_cached(names)
        from huggingface_hub import constants, hf_hub_download

        where = {"revision": self.commit, "cache_dir": constants.HF_HUB_CACHE}
        for name in names:
            with told(f"{self}: {name}"):
                persistently(f"{self}: {name}", partial(hf_hub_download, self.reference.repo_id, name, **where))

    def _not_cached(self, names: Sequence[str]) -> HubError:
        what = ", ".join(names[:3]) + (f" and {len(names) - 3} more files" if len(names) > 3 else "")
        return HubError(f"{self}: {what} not in the cache, and HF_HUB_OFFLINE forbids downloading")

    def _ask(self, revision: str) -> str:
        """The commit that the Hub says a revision is."""
        if cache.is_offline():
            raise HubError(f"{self.reference}: not in the cache, and HF_HUB_OFFLINE forbids asking the Hub")
        from huggingface_hub import HfApi, constants
        from huggingface_hub.errors import RevisionNotFoundError

        def ask() -> str | None:
            timeout = constants.HF_HUB_ETAG_TIMEOUT
            return HfApi().model_info(self.reference.repo_id, revision=revision, timeout=timeout).sha

        with told(str(self.reference)):
            try:
                commit = str(persistently(str(self.reference), ask))
            except RevisionNotFoundError:
                commit = self._only_candidate(revision)
        if not COMMIT.fullmatch(commit):  # it becomes part of paths
            raise HubError(f"{self.reference}: found {commit[:80]!r} for the commit, expected 40 hex digits")
        self._reached = True
        return commit

    def _only_candidate(self, revision: str) -> str:
        """The commit that a shortened one means; the Hub does not say. Raises ValueError with the names there are."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        repo_id, api = self.reference.repo_id, HfApi()
        if SHORT_COMMIT.fullmatch(revision):
            found = {commit.commit_id for commit in api.list_repo_commits(repo_id)}
            found = {commit for commit in found if commit.startswith(revision)}
            if len(found) == 1:
                return found.pop()
        names: list[str] = []
        with suppress(HfHubHTTPError):
            refs = api.list_repo_refs(repo_id)
            names = [ref.name for ref in (*refs.branches, *refs.tags)]
        raise HubError(f"{repo_id}: no branch, tag or commit {revision!r}{nearest(revision, names)}")

    def _list(self) -> dict[str, Entry]:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        with told(str(self)):
            found = HfApi().list_repo_tree(self.reference.repo_id, recursive=True, revision=self.commit)
            files = (item for item in found if isinstance(item, RepoFile))
            return {
                item.path: Entry(item.size, item.blob_id, item.lfs.sha256 if item.lfs else None, item.xet_hash)
                for item in islice(files, MAX_NAMES + 1)
            }


class HubBase(OnHub):
    """A repository of which the components of a Stable Diffusion alone are downloaded, once.

    Its makers' pickles, and the same weights in one file or in other precisions, stay where they are; so do the parts
    that nothing here uses, such as the safety checker. Every file that is brought has the sum that the Hub announces.
    """

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The files to download. Raises ValueError where the repository holds no Stable Diffusion of safetensors."""
        listed = self.listed()
        entries = {name: entry for name, entry in listed.items() if _needed(name)}
        refuse_names(entries, str(self))
        networks = {name: WEIGHTS[name == "text_encoder"] for name in ("vae", "text_encoder", "unet")}
        wanted = [INDEX, *(f"{folder}/{weights}" for folder, weights in networks.items())]
        if missing := [name for name in wanted if name not in entries]:
            pickled = any(name.endswith((".bin", ".ckpt")) for name in listed)
            advice = "; its pickles are not read, so choose a revision that has safetensors" if pickled else ""
            raise HubError(f"{self}: no {missing[0]}, expected a Stable Diffusion in diffusers' layout{advice}")
        return entries

    @cached_property
    def is_artefact(self) -> bool:
        """Whether the zoo published it, so that it is opened as an artefact."""
        return "config.json" in self.listed()

    def folder(self) -> Path:
        """The snapshot in the cache: whole, and every sum as announced; the index first, which says what it is."""
        self._bring([INDEX])
        self._bring(list(self.entries))
        return self.snapshot


class HubEncoder(OnHub):
    """A repository with a V-JEPA 2 as transformers saves one, of which no more is downloaded than that, once."""

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The files to download, their names checked. Raises ValueError."""
        listed = self.listed().items()
        entries = {name: entry for name, entry in listed if "/" not in name and name.endswith(ENCODER_FILES)}
        refuse_names(entries, str(self))
        return entries

    @cached_property
    def is_encoder(self) -> bool:
        """Whether it holds one."""
        if "config.json" not in self.entries:
            return False
        self._bring(["config.json"])
        return is_encoder(self.snapshot)

    def folder(self) -> Path:
        """The snapshot in the cache: whole, and every sum as announced. Raises ValueError where its weights are
        pickles."""
        if not any(name.endswith(".safetensors") for name in self.entries):
            raise HubError(f"{self}: no *.safetensors; pickled weights are not read, choose a revision that has them")
        self._bring(list(self.entries))
        return self.snapshot


def _needed(name: str) -> bool:
    if name in (INDEX, "README.md"):
        return True
    path = PurePosixPath(name)
    below = len(path.parts) == 2 and path.parts[0] in COMPONENTS
    return below and (path.suffix in (".json", ".txt") or path.name in WEIGHTS)
