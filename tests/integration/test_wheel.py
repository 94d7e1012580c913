"""What an installed zoo consists of: the code, the data that it reads at run time, and the packages that it names."""

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from test_imports import imported

from datamodules.media.video import read_video

ROOT = Path(__file__).parents[2]
PACKAGES = ("datamodules", "lightning_modules", "zoo")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline."""
    for tool in ("hatchling", "pip"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} builds the wheel and is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run([*command, "--wheel-dir", str(folder)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def packed(wheel: Path) -> set[str]:
    """The names in the wheel."""
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel in it and no checkout; what the wheel depends on is this one's.

    A `.pth` file adds this environment's packages after its own. Those that are installed as a link to their sources,
    as the zoo is in a checkout, are not among them: their own `.pth` files are not followed.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return python


def run(python: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What the installed Python does in a folder, where nothing leads back to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ZOO_", "VIRTUAL_ENV"))}
    return subprocess.run([str(python), *command], cwd=folder, env=kept, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("specs", "**/*.yaml"),
        ("cards", "*.md"),
        ("cards", "*.j2"),
        ("datamodules/avatar", "**/*.yaml"),
        ("datamodules/features", "*.csv"),
        ("zoo/starters", "**/*"),
        ("datamodules", "**/*.py"),
        ("lightning_modules", "**/*.py"),
        ("zoo", "**/*.py"),
        ("zoo", "**/*.j2"),
    ],
)
def test_everything_that_is_read_at_run_time_is_packed(packed: set[str], folder: str, pattern: str) -> None:
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern) if path.is_file()}
    assert wanted
    assert wanted <= packed


def test_nothing_of_the_workshop_is_packed(packed: set[str]) -> None:
    tops = {name.partition("/")[0] for name in packed if ".dist-info/" not in name}
    assert tops == {"datamodules", "lightning_modules", "zoo", "specs", "cards"}
    assert not [name for name in packed if name.endswith((".pyc", ".pkl", ".ckpt"))]


def test_the_installed_zoo_is_the_wheel_s(installed: Path, tmp_path: Path) -> None:
    code = "import datamodules, zoo; print(zoo.__file__, datamodules.__file__, zoo.__version__)"
    done = run(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    zoo, datamodules, version = done.stdout.split()
    site = installed.parents[1] / "lib"
    assert Path(zoo).is_relative_to(site)
    assert Path(datamodules).is_relative_to(site)
    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_installed_zoo_lists_shows_and_checks(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "-m", "zoo", "list")
    assert listed.returncode == 0, listed.stderr
    for path in (ROOT / "specs").rglob("*.yaml"):
        assert re.search(rf"^([a-z-]+/)?{path.stem} ", listed.stdout, re.MULTILINE)
    shown = run(installed, tmp_path, "-m", "zoo", "show", "asl-slp")
    assert shown.stdout.startswith("name: asl-slp\n"), shown.stderr
    checked = run(installed, tmp_path, "-m", "zoo", "check", "asl-slp", "text-to-video")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_installed_zoo_signs(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-m", "zoo", "run", "asl-slp", "hello", "-o", "x.mp4")
    assert done.returncode == 0, done.stderr
    assert str(installed.parents[1] / "lib") in done.stderr, "it opens the starter that came with it"
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
    frames, fps = read_video(tmp_path / "x.mp4")
    assert len(list(frames)) > 5
    assert fps == pytest.approx(12.5)


def test_every_import_is_declared() -> None:
    """A package that only comes along with another one can stop doing so."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for extra, names in project["optional-dependencies"].items() if extra != "dev" for name in names]
    declared = set(map(_plain, [*project["dependencies"], *extras]))
    provided = packages_distributions()
    undeclared = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in imported(path) - set(sys.stdlib_module_names) - set(PACKAGES):
                if not declared & set(map(_plain, provided.get(name, [name]))):
                    undeclared.add(f"{path.relative_to(ROOT)} imports {name}")
    assert not undeclared


def _plain(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].replace("_", "-").lower()
