"""What an installed zoo consists of: the code, and the data that it reads at run time."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the wheel, built offline."""
    for tool in ("hatchling", "pip"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} builds the wheel and is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run([*command, "--wheel-dir", str(folder)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("specs", "*.yaml"),
        ("cards", "*.md"),
        ("datamodules/avatar", "*.yaml"),
        ("zoo/starters", "*/*"),
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
