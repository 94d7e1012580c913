"""What the app refuses, how politely, and what ten visitors at once have of each other."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from app_visits import Server, Visit
from gradio_client import Client
from gradio_client.utils import Status

import zoo
from datamodules.media.video import write_video
from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import read_pose
from zoo.app import uploads

WORDS = ("hello", "yes", "no", "name", "good", "please", "help", "stop", "sorry")
BOUNDARY = "----visitor"


def asked(server: Server, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """What the server answers: a status and a text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.address}{path}", body, named)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def handed_in(server: Server, name: str, content: bytes) -> tuple[int, str]:
    """What is answered to a file of this name."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return asked(server, "/gradio_api/upload", body, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")


def translation(text: str, session: str) -> bytes:
    """A request to translate, of somebody with a session of that name."""
    data = [text, "asl-slp", "drawing", 0]
    return json.dumps({"data": data, "session_hash": session, "event_data": None}).encode()


class TestWhatIsTooLarge:
    def test_a_file_of_two_gigabytes_is_refused_before_it_is_sent(self, server: Server) -> None:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        line.putrequest("POST", "/gradio_api/upload")
        line.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        line.putheader("Content-Length", str(2 * 10**9))
        line.endheaders()
        answer = line.getresponse()
        assert answer.status == 413
        assert f"this page takes {uploads.MEGABYTES} MB at once" in answer.read().decode()

    def test_nobody_hands_in_what_has_no_end(self, server: Server) -> None:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        line.putrequest("POST", "/gradio_api/upload")
        line.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        line.putheader("Transfer-Encoding", "chunked")
        line.endheaders()
        assert line.getresponse().status == 411

    def test_a_file_that_is_a_little_too_large_is_heard_out_and_refused(self, server: Server) -> None:
        status, said = handed_in(server, "large.mp4", bytes((uploads.MEGABYTES + 1) * uploads.MEGABYTE))
        assert (status, said) == (413, f"This is too large: this page takes {uploads.MEGABYTES} MB at once.")

    def test_a_text_of_a_megabyte_is_refused_in_a_sentence(self, server: Server) -> None:
        client = Client(server.address, verbose=False)
        said, *_ = client.predict("word " * 200_000, "asl-slp", "drawing", 0, api_name="/translate")
        assert f"has 999,999 characters, and this page takes {uploads.CHARACTERS}" in said
        assert asked(server, "/gradio_api/queue/join", translation("x" * uploads.BODY, "me"))[0] == 413


class TestVideos:
    @pytest.mark.parametrize(("seconds", "refused"), [(60, ""), (65, "lasts 0:01:05, and this page takes 60 seconds")])
    def test_one_that_is_too_long_is_refused(self, tmp_path: Path, seconds: int, refused: str) -> None:
        path = tmp_path / "black.mp4"
        write_video(path, iter([np.zeros((32, 32, 3), np.uint8)] * seconds), 1.0)
        with pytest.raises(ValueError, match=refused) if refused else nullcontext():
            assert uploads.video(str(path)) == path

    def test_an_archive_under_the_name_of_a_video_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "hello.mp4"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", "hello" * 100)
        with pytest.raises(ValueError, match=r"hello\.mp4 is no video that can be read: choose an \.mp4 or \.webm"):
            uploads.video(str(path))

    def test_none_at_all_is_answered(self) -> None:
        with pytest.raises(ValueError, match="no video yet"):
            uploads.video(None)


class TestFilesOfOthers:
    @pytest.mark.parametrize("name", ["../../../etc/cron.d/mine", "/etc/passwd", "..\\..\\mine.mp4"])
    def test_a_path_in_a_name_leads_nowhere(self, server: Server, name: str) -> None:
        status, answer = handed_in(server, name, b"mine")
        assert status == 200
        (path,) = map(Path, json.loads(answer))
        assert ".." not in path.parts
        assert re.fullmatch(r"zoo-app-\w+", path.parts[-3]), "in the server's own folder"
        assert len(path.parts[-2]) >= 32, "in a folder whose name nobody guesses"

    @pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "{folder}", "{folder}/../..", "zoo/__init__.py"])
    def test_files_of_the_machine_are_not_served(self, server: Server, path: str) -> None:
        own = str(Path(json.loads(handed_in(server, "mine.txt", b"mine")[1])[0]).parents[1])
        assert asked(server, f"/gradio_api/file={path.format(folder=own)}")[0] == 403

    def test_files_of_the_machine_are_no_input_either(self, server: Server) -> None:
        path = json.dumps({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}})
        body = translation("hello", "thief").replace(b'"hello"', path.encode())
        status, _ = asked(server, "/gradio_api/run/translate", body, Content_Type="application/json")
        assert status != 200

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_the_server_fetches_nothing_for_anybody(self, server: Server, encoding: str) -> None:
        assert asked(server, "/gradio_api/file=http://example.com/")[0] == 403
        path = json.dumps({"path": "http://example.com/a.mp4", "meta": {"_type": "gradio.FileData"}})
        body = translation("hello", "thief").decode().replace('"hello"', path).encode(encoding)
        status, said = asked(server, "/gradio_api/queue/join", body, Content_Type="application/json")
        assert (status, said) == (403, "This page fetches nothing from the web: hand in the file itself.")


class TestTenVisitorsAtOnce:
    def test_each_gets_what_they_asked_for_and_is_told_how_long_to_wait(
        self, server: Server, visit: Callable[..., Visit]
    ) -> None:
        tenth = visit()
        with ThreadPoolExecutor(len(WORDS)) as visitors:
            clients = list(visitors.map(lambda _: Client(server.address, verbose=False), WORDS))
            jobs = [
                client.submit(word, "asl-slp", "drawing", 0, api_name="/translate")
                for _ in range(3)
                for client, word in zip(clients, WORDS, strict=True)
            ]
            while any(job.status().code in (Status.STARTING, Status.JOINING_QUEUE) for job in jobs[: len(WORDS)]):
                time.sleep(0.05)
            tenth.page.get_by_role("button", name="Translate", exact=True).click()
            tenth.page.get_by_text(re.compile(r"queue: \d+/\d+")).wait_for()
            found = [job.result(timeout=300) for job in jobs]
        tenth.page.locator("#translated video").wait_for()
        for word, (said, *_, mp4, pose) in zip(WORDS * 3, found, strict=True):
            assert "seconds of signing" in said
            assert Path(mp4["value"]).name == f"{word}.mp4"
            expected = to_joints(zoo.load("asl-slp").translate(word))
            np.testing.assert_allclose(to_joints(read_pose(pose["value"])), expected, atol=1e-3)
        opened = re.findall(r"^zoo: asl-slp: ", server.log.read_text(), re.MULTILINE)
        assert len(opened) == 1, "a model is opened once for all"


class TestAnAddressThatCannotBeHad:
    def refused(self, *options: str, without: str = "") -> str:
        code = f"import sys; sys.modules[{without!r}] = None; from zoo.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "app", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 2
        return done.stderr

    def test_a_port_in_use(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            assert f"error: --port {port}: in use; choose another" in self.refused("--port", port)

    def test_a_host_of_another_machine(self) -> None:
        assert "error: --host 192.0.2.1: no address of this machine" in self.refused("--host", "192.0.2.1")

    def test_a_machine_without_gradio(self) -> None:
        assert "pip install 'sign-zoo[app]'" in self.refused(without="gradio")
