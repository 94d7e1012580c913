"""The local Hub answers the real client as the Hub does, and fails as ordered."""

import hashlib
import time
from pathlib import Path

import pytest
from hub_server import Hub, git_sha1
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

WEIGHTS = bytes(range(256)) * 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "samples").mkdir(parents=True)
    (tmp_path / "in" / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "in" / "README.md").write_text("---\nlicense: mit\n---\n# x\n")
    (tmp_path / "in" / "samples" / "0.gif").write_bytes(b"GIF89a\xff")
    return tmp_path / "in"


def contents(folder: str | Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


class TestPushing:
    def test_a_folder_becomes_one_commit_and_comes_back(self, hub: Hub, folder: Path) -> None:
        api = HfApi()
        assert api.whoami()["name"] == "me"
        assert api.create_repo("me/x", exist_ok=True).repo_id == "me/x"
        assert api.create_repo("me/x", exist_ok=True).repo_id == "me/x"
        info = api.upload_folder(repo_id="me/x", folder_path=folder, commit_message="first", commit_description="why")
        assert [commit.message for commit in hub.commits("me/x")] == ["initial commit", "first\n\nwhy"]
        assert hub.repos["me/x"].refs["main"] == info.oid
        pulled = contents(snapshot_download("me/x"))
        assert {**contents(folder), ".gitattributes": pulled[".gitattributes"]} == pulled == hub.files("me/x")

    def test_what_has_not_changed_is_not_sent_again(self, hub: Hub, folder: Path) -> None:
        api = HfApi()
        api.create_repo("me/x")
        first = api.upload_folder(repo_id="me/x", folder_path=folder)
        assert api.upload_folder(repo_id="me/x", folder_path=folder).oid == first.oid
        assert len(hub.commits("me/x")) == 2

    def test_a_stale_parent_is_refused(self, hub: Hub, folder: Path) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        stale = hub.repos["me/x"].refs["main"]
        hub.plant("me/x", {"a.txt": b"b"})
        with pytest.raises(HfHubHTTPError, match="412"):
            HfApi().upload_folder(repo_id="me/x", folder_path=folder, parent_commit=stale)
        assert hub.files("me/x") == {"a.txt": b"b"}

    def test_a_pull_request_leaves_main_alone(self, hub: Hub, folder: Path) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        info = HfApi().upload_folder(repo_id="me/x", folder_path=folder, create_pr=True)
        assert info.pr_revision == "refs/pr/1"
        assert hub.files("me/x") == {"a.txt": b"a"}
        assert set(hub.files("me/x", "refs/pr/1")) == {"a.txt", *contents(folder)}
        assert (Path(snapshot_download("me/x", revision="refs/pr/1")) / "README.md").is_file()

    def test_deleted_files_and_folders(self, hub: Hub) -> None:
        hub.plant("me/x", {"a.txt": b"a", "b/c.txt": b"c", "b/d.txt": b"d", "e.txt": b"e"})
        HfApi().delete_folder("b", "me/x")
        HfApi().delete_file("a.txt", "me/x")
        assert set(hub.files("me/x")) == {"e.txt"}

    def test_only_the_owner_writes(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(HfHubHTTPError, match="403"):
            HfApi().create_repo("you/x")
        with pytest.raises(HfHubHTTPError, match="Invalid user token"):
            HfApi(token="hf_forged").whoami()

    def test_a_body_that_is_not_what_was_announced(self, hub: Hub) -> None:
        from huggingface_hub.utils import get_session

        hub.plant("me/x", {"a.txt": b"a"})
        address = f"{hub.endpoint}/lfs-storage/me/x/{hashlib.sha256(b'x').hexdigest()}"
        assert get_session().put(address, content=b"y").status_code == 400
        assert get_session().put(address, content=b"x").status_code == 200


class TestPulling:
    def test_sums_are_gits_and_lfs(self, hub: Hub) -> None:
        hub.plant("me/x", {"config.json": b"{}", "model.safetensors": WEIGHTS})
        listed = {item.path: item for item in HfApi().list_repo_tree("me/x") if isinstance(item, RepoFile)}
        assert listed["config.json"].blob_id == git_sha1(b"{}") == "9e26dfeeb6e641a33dae4961196235bdb965b21b"
        assert listed["config.json"].lfs is None
        assert listed["model.safetensors"].lfs is not None
        assert listed["model.safetensors"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
        (info,) = HfApi().get_paths_info("me/x", ["config.json", "nowhere"])
        assert info == listed["config.json"]

    def test_revisions(self, hub: Hub) -> None:
        old = hub.plant("me/x", {"a.txt": b"old"})
        hub.ref("me/x", "v1", old, tag=True)
        new = hub.plant("me/x", {"a.txt": b"new"})
        assert HfApi().model_info("me/x", revision="v1").sha == old
        assert HfApi().model_info("me/x", revision=old).sha == old
        assert HfApi().model_info("me/x").sha == new
        assert [commit.commit_id for commit in HfApi().list_repo_commits("me/x")] == [new, old]
        refs = HfApi().list_repo_refs("me/x")
        assert [ref.name for ref in refs.branches] == ["main"]
        assert [ref.target_commit for ref in refs.tags] == [old]

    def test_what_is_not_there_or_not_for_you(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        hub.plant("me/secret", {"a.txt": b"a"}, private=True)
        hub.plant("you/gated", {"a.txt": b"a"}, gated=True)
        with pytest.raises(RepositoryNotFoundError, match="404"):
            hf_hub_download("me/nowhere", "a.txt")
        with pytest.raises(RevisionNotFoundError):
            hf_hub_download("me/x", "a.txt", revision="v9")
        with pytest.raises(RemoteEntryNotFoundError):
            hf_hub_download("me/x", "b.txt")
        with pytest.raises(GatedRepoError):
            hf_hub_download("you/gated", "a.txt")
        assert hf_hub_download("me/secret", "a.txt")
        monkeypatch.delenv("HF_TOKEN")
        with pytest.raises(RepositoryNotFoundError, match="401"):
            hf_hub_download("me/secret", "b.txt")

    def test_forged_names_are_listed_as_planted(self, hub: Hub) -> None:
        hub.plant("me/x", {"../x": b"a", "/etc/x": b"b"})
        assert [item.path for item in HfApi().list_repo_tree("me/x")] == ["../x", "/etc/x"]


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [{"status": 429, "retry_after": 7}, {"truncate_after": 70000}, {"status": 503, "method": "HEAD"}],
        ids=str,
    )
    def test_the_client_gets_over_it(self, hub: Hub, fault: dict[str, object]) -> None:
        hub.plant("me/x", {"model.safetensors": WEIGHTS})
        hub.fault("*model.safetensors", **{"method": "GET", **fault})
        assert Path(hf_hub_download("me/x", "model.safetensors")).read_bytes() == WEIGHTS
        assert hub.count("*model.safetensors", str(fault.get("method", "GET"))) == 2
        if "retry_after" in fault:
            assert hub.waits == [8.0]

    @pytest.mark.parametrize("fault", [{"reset_after": 70000}, {"short": 70000}, {"status": 500}, {"status": 401}])
    def test_the_client_does_not(self, hub: Hub, fault: dict[str, object]) -> None:
        hub.plant("me/x", {"model.safetensors": WEIGHTS})
        hub.fault("*model.safetensors", "GET", **fault)
        with pytest.raises(Exception, match=r"reset|size 102400 but has size 70000|500|401"):
            hf_hub_download("me/x", "model.safetensors")
        assert Path(hf_hub_download("me/x", "model.safetensors")).read_bytes() == WEIGHTS

    def test_wrong_bytes_under_the_right_etag(self, hub: Hub) -> None:
        hub.plant("me/x", {"model.safetensors": WEIGHTS})
        hub.fault("*model.safetensors", "GET", content=WEIGHTS[::-1])
        assert Path(hf_hub_download("me/x", "model.safetensors")).read_bytes() == WEIGHTS[::-1]

    def test_counted_skipped_and_delayed(self, hub: Hub) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        hub.fault("*/a.txt", "HEAD", skip=1, delay=0.2)
        times = []
        for _ in range(3):
            start = time.monotonic()
            HfApi().file_exists("me/x", "a.txt")
            times.append(time.monotonic() - start > 0.2)
        assert times == [False, True, False]
        assert hub.count("/me/x/resolve/*", "HEAD") == 3

    def test_an_upload_that_breaks_off(self, hub: Hub, folder: Path) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        hub.fault("/lfs-storage/*", "PUT", reset_after=1000, times=None)
        with pytest.raises(Exception, match=r"while uploading 'model.safetensors'"):
            HfApi().upload_folder(repo_id="me/x", folder_path=folder)
        assert hub.files("me/x") == {"a.txt": b"a"}

    def test_a_commit_whose_answer_is_lost(self, hub: Hub, folder: Path) -> None:
        hub.plant("me/x", {"a.txt": b"a"})
        hub.fault("*/commit/main", "POST", lose_response=True)
        with pytest.raises(Exception, match=r"(?i)reset|disconnected"):
            HfApi().upload_folder(repo_id="me/x", folder_path=folder)
        assert set(hub.files("me/x")) == {"a.txt", *contents(folder)}


def test_the_command_line_in_a_process_of_its_own(hub: Hub) -> None:
    assert "asl-slp" in hub.run_zoo("list").stdout
    result = hub.run_zoo("run", "asl-slq", "hello", "-o", "x.pose")
    assert result.returncode == 2
    assert "did you mean 'asl-slp'?" in result.stderr
