"""MediaPipe's bundles: where they are looked for, and what a download survives (a server on this machine)."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from datamodules.features.bundles import HAND, POSE, Bundle, checksums, download, find_bundle, hand_bundle
from datamodules.files import cache_folder
from datamodules.poses.sequences import cache_path

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Vendor(BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self) -> None:
        Vendor.requests += 1
        if self.path == "/missing.task":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unsized.task":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/cut.task" else CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_MODELS", raising=False)
    monkeypatch.delenv("ZOO_CACHE", raising=False)
    return cache_folder()


def test_poses_and_bundles_have_one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, value, folder in (
        ("XDG_CACHE_HOME", "", tmp_path / ".cache" / "sign-zoo"),
        ("XDG_CACHE_HOME", "~/elsewhere", tmp_path / "elsewhere" / "sign-zoo"),
        ("ZOO_CACHE", "~/mine", tmp_path / "mine"),
    ):
        monkeypatch.setenv(variable, value)
        assert cache_folder() == cache_path(tmp_path / "train.skels").parent == folder
        (folder / "some.task").parent.mkdir(parents=True)
        (folder / "some.task").touch()
        assert find_bundle(bundle("http://127.0.0.1:9")) == folder / "some.task"


def bundle(vendor: str, name: str = "some.task", sha256: str = SHA256) -> Bundle:
    return Bundle(name, (name, f"other_{name}"), f"{vendor}/{name}", sha256)


@pytest.mark.parametrize("name", ["some.task", "unsized.task"])
def test_a_bundle_is_downloaded_once(vendor: str, name: str, cache: Path) -> None:
    before = Vendor.requests
    for _ in range(3):
        assert find_bundle(bundle(vendor, name)) == cache / name
    assert (cache / name).read_bytes() == CONTENT
    assert Vendor.requests == before + 1
    assert [path.name for path in cache.iterdir()] == [name]


def test_what_lies_here_is_taken_as_it_is(
    vendor: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in (("given", "other_some.task"), ("variable", "some.task"), ("cache/sign-zoo", "some.task")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).write_text(folder)
    wanted, before = bundle(vendor), Vendor.requests
    assert find_bundle(wanted).read_text() == "cache/sign-zoo"
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path / "variable"))
    assert find_bundle(wanted).read_text() == "variable"
    assert find_bundle(wanted, tmp_path / "given").read_text() == "given"
    assert Vendor.requests == before
    assert checksums([tmp_path / "given" / "other_some.task"]) == {
        "other_some.task": hashlib.sha256(b"given").hexdigest()
    }
    with pytest.raises(FileNotFoundError, match=r"nowhere: no some\.task or other_some\.task there; put http"):
        find_bundle(wanted, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "sha256", "kind", "message"),
    [
        ("missing.task", SHA256, ConnectionError, r"missing\.task: not downloaded \(.*404.*--models or \$ZOO_MODELS"),
        ("cut.task", SHA256, ConnectionError, r"cut\.task: broke off after 256000 of 512000 bytes; try again"),
        ("some.task", "0" * 64, ValueError, rf"found 512000 bytes of sha256 {SHA256}, expected 0000"),
    ],
)
def test_a_download_that_fails_leaves_nothing(
    vendor: str, name: str, sha256: str, kind: type[Exception], message: str, cache: Path
) -> None:
    with pytest.raises(kind, match=message):
        find_bundle(bundle(vendor, name, sha256))
    assert list(cache.iterdir()) == []


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="not downloaded"):
        download(bundle("http://127.0.0.1:9"), tmp_path / "some.task")
    assert list(tmp_path.iterdir()) == []


def test_the_vendors_addresses_are_pinned() -> None:
    for pinned in (HAND, POSE):
        assert "/float16/1/" in pinned.url
        assert pinned.url.startswith("https://storage.googleapis.com/mediapipe-models/")
        assert pinned.url.endswith(pinned.name)
        assert len(bytes.fromhex(pinned.sha256)) == 32


class TestHandBundle:
    def test_what_is_missing_is_said_in_a_line(self, capsys):
        assert hand_bundle("hand_pose and hand_found") is None
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("hand_pose and hand_found are left out: ")
        assert "pip install" in line or "hand_landmarker.task" in line

    def test_one_that_lies_there_is_used_without_a_word(self, bundle, monkeypatch, capsys):
        monkeypatch.setenv("ZOO_MODELS", str(bundle.parent))
        assert hand_bundle("hand_pose and hand_found") == bundle
        assert not capsys.readouterr().err
