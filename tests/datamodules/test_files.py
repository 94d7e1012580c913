"""Where files are: the home folder by its sign, and caches where nothing else can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules import files
from datamodules.asl_alphabet import Letters
from datamodules.clips import list_clips
from datamodules.files import cache_folder, settle_caches, user_path

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_a_tilde_is_the_home_folder_wherever_a_path_is_given(home, monkeypatch):
    assert user_path("~/a") == home / "a"
    assert user_path(Path("~")) == home
    assert user_path("./~/a") == Path("~/a")
    monkeypatch.setenv("ZOO_CACHE", "~/cache")
    assert cache_folder() == home / "cache"
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/general")
    assert cache_folder() == home / "general" / "sign-zoo"
    assert Letters("~/letters").root == home / "letters"
    with pytest.raises(FileNotFoundError, match=f"{home}/clips: no such folder"):
        list_clips("~/clips")


def test_a_home_that_nobody_knows_is_one_message():
    with pytest.raises(ValueError, match="~nobody-here/a: nothing tells where this home folder is; set HOME"):
        user_path("~nobody-here/a")


def test_without_a_home_the_cache_must_be_named(monkeypatch):
    monkeypatch.setattr(files, "user_path", lambda path: user_path(str(path).replace("~", "~nobody-here")))
    for variable in ("ZOO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ValueError, match="no home folder to keep parsed poses and models in; set ZOO_CACHE"):
        cache_folder()
    monkeypatch.setenv("ZOO_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")


class TestCaches:
    """Nothing can be written within a file, whoever runs this."""

    @pytest.fixture(autouse=True)
    def _environment(self, tmp_path, monkeypatch):
        for variable in files.CACHES:
            monkeypatch.setenv(variable, "")  # so that what is set here goes again
            monkeypatch.delenv(variable)
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HOME", "/dev/null/none")

    def test_they_go_into_ours_where_nothing_else_can_be_written(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MPLCONFIGDIR", "/mine")
        settle_caches(Path("/dev/null/package"))
        assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "cache" / "numba")
        assert os.environ["HF_HOME"] == str(tmp_path / "cache" / "huggingface")
        assert os.environ["MPLCONFIGDIR"] == "/mine"

    def test_numba_keeps_to_the_package_where_it_can(self, tmp_path):
        settle_caches(tmp_path)
        assert "NUMBA_CACHE_DIR" not in os.environ
        assert "MPLCONFIGDIR" in os.environ

    def test_a_home_that_can_be_written_is_enough(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        settle_caches(Path("/dev/null/package"))
        assert not files.CACHES.keys() & os.environ.keys()

    def test_without_any_they_last_as_long_as_the_process(self):
        code = (
            "import os; from pathlib import Path; from datamodules.files import settle_caches\n"
            "settle_caches(Path('/dev/null/package')); import numba\n"
            "assert os.path.isdir(numba.config.CACHE_DIR); print(numba.config.CACHE_DIR)"
        )
        environment = {**os.environ, "ZOO_CACHE": "/dev/null/none", "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert not Path(done.stdout.strip()).exists()
