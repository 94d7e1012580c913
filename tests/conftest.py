import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real samples that tests may measure against; absent on most machines."""
    folder = Path(os.environ.get("ZOO_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real samples at {folder} (set ZOO_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Parsed data is kept apart from the user's."""
    os.environ["ZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))
