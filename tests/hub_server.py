"""A Hub on this machine: the HTTP that the real `huggingface_hub` speaks, in memory, with faults to order.

`huggingface_hub` reads HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE once, when it is imported. So one server serves a whole
test process: tests/conftest.py starts it and sets the environment before anything can import the client, and
subprocesses inherit it. The fixture `hub` empties the server and gives each test a cache folder of its own;
`offline()` closes the network; `tiny_runs(name)` is a run to plant.

    commit = hub.plant("me/x", {"config.json": b"{}"})      # a commit that replaces all files of main
    hub.files("me/x", "main")                               # {"config.json": b"{}"}
    hub.fault("*model.safetensors", "GET", status=500, times=2)
    hub.fault("*model.safetensors", "GET", reset_after=1000)
    hub.run_zoo("run", "asl-slp", "hello")                  # the command line, in a process of its own

Users are known by their token: HF_TOKEN="hf_me" is the user `me`, who may write to `me/...` alone. Files are kept apart
into git and LFS as the Hub does: by suffix, by size, by whether they are text.
"""

import base64
import fnmatch
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml

LFS_SUFFIXES = (".safetensors", ".bin", ".ckpt", ".pt", ".npy", ".npz", ".mp4", ".gif", ".png", ".pose", ".skels")
LFS_BYTES = 10 * 1024 * 1024
ASIDE = "/api/agent-harnesses"
"""What the client asks for once a day for its own ends: neither counted nor broken."""
DATE = "2026-01-01T00:00:00.000Z"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Commit:
    """One commit: all its files, immutable."""

    id: str
    parent: str | None
    message: str
    files: Files


@dataclass
class Repo:
    """`refs` maps branches, tags and `refs/pr/N` to commits; `commits` are in the order they were made."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    lfs: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong in requests whose method and path match, after `skip` of them, `times` times (None: always).

    status, error_code, retry_after: answer this instead.
    reset_after: the connection is reset once so many bytes of the body were sent (of a PUT or POST: were received).
    truncate_after: the body ends there, with the Content-Length of the whole.
    short: the body ends there, with a Content-Length that says so.
    content: these bytes in place of the file's, under its own ETag.
    lose_response: the request is carried out, and the connection reset before the answer.
    delay: seconds to wait first; alone, the request is then answered as usual.
    """

    pattern: str
    method: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    error_code: str | None = None
    retry_after: int | None = None
    reset_after: int | None = None
    truncate_after: int | None = None
    short: int | None = None
    content: bytes | None = None
    lose_response: bool = False
    delay: float = 0.0


class Refused(Exception):
    """An answer that is an error, as the Hub words it."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class Hub:
    """The repositories of a Hub, and the server in front of them."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.lock = threading.RLock()
        self.waits: list[float] = []
        self.reset()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def reset(self) -> None:
        """Forget every repository, fault and request."""
        with self.lock:
            self.repos: dict[str, Repo] = {}
            self.requests: list[tuple[str, str]] = []
            self._faults: list[Fault] = []
            self.tokens = {"hf_me": "me", "hf_you": "you"}
            self.waits.clear()

    # What tests do.

    def plant(self, repo_id: str, files: Files | Path, *, private: bool = False, gated: bool = False) -> str:
        """Replace all files of main, of a folder or by name, whatever the names are; returns the commit."""
        if isinstance(files, Path):
            files = {p.relative_to(files).as_posix(): p.read_bytes() for p in sorted(files.rglob("*")) if p.is_file()}
        with self.lock:
            repo = self.repos.setdefault(repo_id, Repo())
            repo.private, repo.gated = private, gated
            return self._commit(repo, "main", files, "planted")

    def ref(self, repo_id: str, name: str, commit: str, *, tag: bool = False) -> None:
        """Point a branch or tag at a commit."""
        self.repos[repo_id].refs[name] = commit
        if tag:
            self.repos[repo_id].tags.add(name)

    def commits(self, repo_id: str) -> list[Commit]:
        """All commits of a repository in the order they were made, those of pull requests too."""
        return list(self.repos[repo_id].commits.values())

    def files(self, repo_id: str, revision: str = "main") -> Files:
        """What a revision holds."""
        return self.resolve(repo_id, revision).files

    def fault(self, pattern: str, method: str = "*", **what: Any) -> None:
        """Order a fault: see `Fault`. The pattern is a shell pattern of the path without its query."""
        self._faults.append(Fault(pattern, method, **what))

    def count(self, pattern: str = "*", method: str = "*") -> int:
        """How many requests there were."""
        return sum(fnmatch.fnmatch(m, method) and fnmatch.fnmatch(path, pattern) for m, path in list(self.requests))

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a subprocess that uses this Hub and this process's caches."""
        return {**os.environ, "HF_ENDPOINT": self.endpoint, "HF_HUB_DISABLE_XET": "1", **more}

    def run_zoo(self, *arguments: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """`python -m zoo` in a process of its own; `more` goes into its environment."""
        root = str(Path(__file__).parents[1])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-m", "zoo", *arguments],
            env=self.environment(PYTHONPATH=paths, **more),
            cwd=cwd,
            capture_output=True,
            text=True,
        )

    # What the server does.

    def resolve(self, repo_id: str, revision: str) -> Commit:
        repo = self.repos[repo_id]
        found = repo.commits.get(repo.refs.get(revision.removeprefix("refs/heads/"), revision))
        if found is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def readable(self, repo_id: str, user: str | None) -> Repo:
        repo = self.repos.get(repo_id)
        if repo is None or (repo.private and user != repo_id.partition("/")[0]):
            if user is None:
                raise Refused(401, "Invalid username or password.", "RepoNotFound")
            raise Refused(404, "Repository not found", "RepoNotFound")
        return repo

    def writable(self, repo_id: str, user: str | None) -> Repo:
        repo = self.readable(repo_id, user)
        if user is None:
            raise Refused(401, "Invalid username or password.")
        if user != repo_id.partition("/")[0]:
            raise Refused(403, "You don't have the required permissions to perform this action")
        return repo

    def ungated(self, repo_id: str, user: str | None) -> None:
        if self.repos[repo_id].gated and user != repo_id.partition("/")[0]:
            message = f"Access to model {repo_id} is restricted. You must be authenticated and have access to it."
            raise Refused(403 if user else 401, message, "GatedRepo")

    def take_fault(self, method: str, path: str) -> Fault:
        with self.lock:
            for fault in self._faults:
                if not (fnmatch.fnmatch(method, fault.method) and fnmatch.fnmatch(path, fault.pattern)):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times is None or fault.times > 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return Fault(pattern="*")

    def create(self, repo_id: str, private: bool) -> None:
        with self.lock:
            if repo_id in self.repos:
                raise Refused(409, "You already created this model repo")
            repo = self.repos[repo_id] = Repo(private=private)
            self._commit(repo, "main", {".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")

    def commit(self, repo_id: str, revision: str, lines: list[dict[str, Any]], pull_request: bool) -> dict[str, Any]:
        with self.lock:
            repo = self.repos[repo_id]
            header = lines[0]["value"]
            parent = header.get("parentCommit")
            tip = self.resolve(repo_id, revision)
            if parent and not pull_request and parent != tip.id:
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            files = dict(self.resolve(repo_id, parent).files if parent else tip.files)
            for line in lines[1:]:
                self._apply(repo, files, line["key"], line["value"])
            ref = revision
            if pull_request:
                ref = f"refs/pr/{1 + sum(name.startswith('refs/pr/') for name in repo.refs)}"
                repo.refs[ref] = parent or tip.id
            message = "\n\n".join(filter(None, [header["summary"], header.get("description")]))
            commit = self._commit(repo, ref, files, message)
        answer = {"success": True, "commitOid": commit, "commitUrl": f"{self.endpoint}/{repo_id}/commit/{commit}"}
        if pull_request:
            answer["pullRequestUrl"] = f"{self.endpoint}/{repo_id}/discussions/{ref.rpartition('/')[2]}"
        return answer

    @staticmethod
    def _apply(repo: Repo, files: dict[str, bytes], key: str, value: dict[str, Any]) -> None:
        name = value["path"]
        if name.startswith("/") or ".." in name.split("/"):
            raise Refused(400, f"Invalid path {name}")
        if key == "file":
            files[name] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            if value["oid"] not in repo.lfs:
                raise Refused(400, f"Your push was rejected because an LFS pointer pointed to a missing file: {name}")
            files[name] = repo.lfs[value["oid"]]
        elif key == "deletedFile":
            if files.pop(name, None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        elif key == "deletedFolder":
            for inside in [other for other in files if other.startswith(name.rstrip("/") + "/")]:
                del files[inside]
        else:
            raise Refused(400, f"unknown operation {key}")

    @staticmethod
    def _commit(repo: Repo, ref: str, files: Files, message: str) -> str:
        parent = repo.refs.get(ref)
        listing = {name: hashlib.sha1(content).hexdigest() for name, content in files.items()}
        identity = json.dumps([parent, message, listing, len(repo.commits)])
        commit = hashlib.sha1(identity.encode()).hexdigest()
        repo.commits[commit] = Commit(commit, parent, message, MappingProxyType(dict(files)))
        repo.refs[ref] = commit
        return commit


def git_sha1(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(name: str, size: int, head: bytes) -> bool:
    """Whether the Hub keeps a file in LFS."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return True
    return name.endswith(LFS_SUFFIXES) or size > LFS_BYTES


def entry(name: str, content: bytes) -> dict[str, Any]:
    """A file as `tree` and `paths-info` list it."""
    if not is_lfs(name, len(content), content[:512]):
        return {"type": "file", "oid": git_sha1(content), "size": len(content), "path": name}
    sha256 = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()
    lfs = {"oid": sha256, "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "oid": git_sha1(pointer), "size": len(content), "path": name, "lfs": lfs}


def etag(name: str, content: bytes) -> str:
    """Of an LFS file its SHA-256, of another its git SHA-1."""
    found = entry(name, content)
    return str(found["lfs"]["oid"] if "lfs" in found else found["oid"])


class _Reset(Exception):
    """Close the connection as if the cable were pulled."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined, no-any-return]

    def log_message(self, *_: Any) -> None:
        """Tests print nothing."""

    def do_any(self) -> None:
        self.fault = Fault("*")
        self.address = urlsplit(self.path)
        self.query = parse_qs(self.address.query)
        path = unquote(self.address.path)
        if path == ASIDE:
            self._send(404, b"")
            return
        with self.hub.lock:
            self.hub.requests.append((self.command, path))
        self.fault = self.hub.take_fault(self.command, path)
        try:
            time.sleep(self.fault.delay)
            body = self._body()
            if self.fault.status is not None:
                raise Refused(self.fault.status, "ordered by the test", self.fault.error_code)
            self._route(body)
        except Refused as refusal:
            self._refuse(refusal)
        except (_Reset, ConnectionError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_any

    def finish(self) -> None:
        with suppress(OSError, ValueError):  # a connection that was reset on purpose
            super().finish()

    def _body(self) -> bytes:
        limit = self.fault.reset_after if self.command in ("POST", "PUT") else None
        received = bytearray()
        for chunk in self._chunks():
            received += chunk
            if limit is not None and len(received) >= limit:
                raise _Reset
        return bytes(received)

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (chunk := self.rfile.read(min(left, 16384))):
            left -= len(chunk)
            yield chunk

    @property
    def user(self) -> str | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not given:
            return None
        if given not in self.hub.tokens:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.hub.tokens[given]

    def _route(self, body: bytes) -> None:
        path = self.address.path
        for pattern, method in _ROUTES:
            if match := re.fullmatch(pattern, path):
                method(self, body, *map(unquote, match.groups()))
                return
        raise Refused(404, f"no such page: {self.command} {path}")

    def whoami(self, body: bytes) -> None:
        user = self.user
        if user is None:
            raise Refused(401, "Invalid username or password.")
        self._json({"type": "user", "name": user, "fullname": user, "orgs": [], "auth": {"type": "access_token"}})

    def create(self, body: bytes) -> None:
        given = json.loads(body)
        user = self.user
        if user is None:
            raise Refused(401, "Invalid username or password.")
        owner = given.get("organization") or user
        if owner != user:
            raise Refused(403, f"You don't have the rights to create a model under the namespace {owner!r}")
        repo_id = f"{owner}/{given['name']}"
        answer = {"url": f"{self.hub.endpoint}/{repo_id}", "name": repo_id}
        try:
            self.hub.create(repo_id, bool(given.get("private")) or given.get("visibility") == "private")
        except Refused as refusal:
            self._json({**answer, "error": refusal.message}, refusal.status)
            return
        self._json(answer)

    def validate(self, body: bytes) -> None:
        content = json.loads(body)["content"]
        match = re.match(r"\s*---\r?\n(.*?)\r?\n---", content, re.DOTALL)
        try:
            metadata = yaml.safe_load(match[1]) if match else None
        except yaml.YAMLError as error:
            self._json({"errors": [{"message": f"not YAML: {error}"}], "warnings": []}, 400)
            return
        warnings = [] if isinstance(metadata, dict) else [{"message": "empty or missing yaml metadata in repo card"}]
        self._json({"errors": [], "warnings": warnings})

    def preupload(self, body: bytes, repo_id: str, revision: str) -> None:
        self.hub.writable(repo_id, self.user)
        present = self.hub.resolve(repo_id, revision).files
        answer = []
        for file in json.loads(body)["files"]:
            name = file["path"]
            lfs = is_lfs(name, file["size"], base64.b64decode(file["sample"]))
            answer.append({"path": name, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False})
            if name in present:
                answer[-1]["oid"] = etag(name, present[name])
        self._json({"files": answer})

    def lfs_batch(self, body: bytes, repo_id: str) -> None:
        repo = self.hub.writable(repo_id, self.user)
        objects = []
        for item in json.loads(body)["objects"]:
            href = f"{self.hub.endpoint}/lfs-storage/{repo_id}/{item['oid']}"
            missing = item["oid"] not in repo.lfs
            objects.append({**item, **({"actions": {"upload": {"href": href}}} if missing else {})})
        self._json({"transfer": "basic", "objects": objects})

    def lfs_put(self, body: bytes, repo_id: str, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "the content does not have the SHA-256 that was announced")
        self.hub.repos[repo_id].lfs[oid] = body
        self._send(200, b"")

    def commit(self, body: bytes, repo_id: str, revision: str) -> None:
        self.hub.writable(repo_id, self.user)
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        self._json(self.hub.commit(repo_id, revision, lines, self.query.get("create_pr") == ["1"]))

    def info(self, body: bytes, repo_id: str, revision: str = "main") -> None:
        repo = self.hub.readable(repo_id, self.user)
        commit = self.hub.resolve(repo_id, revision)
        siblings = [{"rfilename": name} for name in commit.files]
        answer = {"id": repo_id, "modelId": repo_id, "sha": commit.id, "private": repo.private, "siblings": siblings}
        self._json({**answer, "gated": "auto" if repo.gated else False, "tags": [], "downloads": 0, "likes": 0})

    def tree(self, body: bytes, repo_id: str, revision: str) -> None:
        self.hub.readable(repo_id, self.user)
        self._json([entry(name, content) for name, content in self.hub.resolve(repo_id, revision).files.items()])

    def paths_info(self, body: bytes, repo_id: str, revision: str) -> None:
        self.hub.readable(repo_id, self.user)
        given = json.loads(body) if body[:1] == b"{" else parse_qs(body.decode())
        files = self.hub.resolve(repo_id, revision).files
        self._json([entry(name, files[name]) for name in given.get("paths", []) if name in files])

    def history(self, body: bytes, repo_id: str, revision: str) -> None:
        repo = self.hub.readable(repo_id, self.user)
        commit: Commit | None = self.hub.resolve(repo_id, revision)
        answer = []
        while commit:
            title, _, message = commit.message.partition("\n\n")
            answer.append({"id": commit.id, "title": title, "message": message, "date": DATE, "authors": []})
            commit = repo.commits.get(commit.parent or "")
        self._json(answer)

    def refs(self, body: bytes, repo_id: str) -> None:
        repo = self.hub.readable(repo_id, self.user)
        answer: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": [], "pullRequests": []}
        for name, commit in repo.refs.items():
            kind = "pullRequests" if name.startswith("refs/pr/") else "tags" if name in repo.tags else "branches"
            ref = name if kind == "pullRequests" else f"refs/{'tags' if kind == 'tags' else 'heads'}/{name}"
            answer[kind].append({"name": name, "ref": ref, "targetCommit": commit})
        self._json(answer)

    def download(self, body: bytes, repo_id: str, revision: str, name: str) -> None:
        self.hub.readable(repo_id, self.user)
        self.hub.ungated(repo_id, self.user)
        commit = self.hub.resolve(repo_id, revision)
        if name not in commit.files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        content = commit.files[name]
        headers = {
            "ETag": f'"{etag(name, content)}"',
            "X-Linked-Etag": f'"{etag(name, content)}"',
            "X-Linked-Size": str(len(content)),
            "X-Repo-Commit": commit.id,
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"inline; filename*=UTF-8''{quote(name)}; filename=\"{quote(Path(name).name)}\";",
        }
        if self.fault.content is not None:
            content = self.fault.content
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted:
            self._send(200, content, headers)
            return
        start, size = int(wanted[1]), len(content)
        if start >= size:
            raise Refused(416, f"the file ends at {size}")
        end = min(int(wanted[2] or size - 1), size - 1)
        self._send(206, content[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{size}"})

    def _json(self, content: Any, status: int = 200) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _refuse(self, refusal: Refused) -> None:
        headers = {"X-Error-Message": refusal.message, "Content-Type": "application/json"}
        if refusal.code:
            headers["X-Error-Code"] = refusal.code
        if self.fault.retry_after is not None:
            headers["Retry-After"] = str(self.fault.retry_after)
        self._send(refusal.status, json.dumps({"error": refusal.message}).encode(), headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        if self.fault.lose_response:
            raise _Reset
        size = len(body)
        if self.command == "GET" and self.fault.short is not None:
            size = min(size, self.fault.short)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        stops = [size]
        if self.command == "GET":
            stops += [stop for stop in (self.fault.reset_after, self.fault.truncate_after) if stop is not None]
        self.wfile.write(body[: min(stops)])
        self.wfile.flush()
        if self.command == "GET" and self.fault.reset_after is not None:
            time.sleep(0.05)  # let what was sent arrive: a reset throws away what waits
            raise _Reset
        if min(stops) < size:
            self.close_connection = True


_REPO = r"([^/]+/[^/]+)"
_ROUTES = (
    (r"/api/whoami-v2", _Handler.whoami),
    (r"/api/repos/create", _Handler.create),
    (r"/api/validate-yaml", _Handler.validate),
    (rf"/api/models/{_REPO}/preupload/([^/]+)", _Handler.preupload),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (rf"/lfs-storage/{_REPO}/([0-9a-f]+)", _Handler.lfs_put),
    (rf"/api/models/{_REPO}/commit/([^/]+)", _Handler.commit),
    (rf"/api/models/{_REPO}/revision/([^/]+)", _Handler.info),
    (rf"/api/models/{_REPO}/tree/([^/]+)", _Handler.tree),
    (rf"/api/models/{_REPO}/paths-info/([^/]+)", _Handler.paths_info),
    (rf"/api/models/{_REPO}/commits/([^/]+)", _Handler.history),
    (rf"/api/models/{_REPO}/refs", _Handler.refs),
    (rf"/api/models/{_REPO}", _Handler.info),
    (rf"/{_REPO}/resolve/([^/]+)/(.+)", _Handler.download),
)
"""Paths as they come, still quoted: a revision refs/pr/1 is one part of them."""
