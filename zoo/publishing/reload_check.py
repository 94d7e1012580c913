"""That a folder which is about to be published gives what the run gives: opened in a process that knows nothing else.

python -m zoo.publishing.reload_check FOLDER PROBE.npz
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo import subprocesses as fresh

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoo.loaders.base import Loader

    Probe = dict[str, npt.NDArray[Any]]

TOLERANCE: Final = 1e-5
"""Of an array's largest magnitude. Sums of another memory layout differ by some 1e-7; half precision by 1e-3."""


def prove(loader: "Loader", folder: Path) -> float:
    """Open `folder` in a fresh process without network and hold what its probe gives against the loader's.

    Returns the largest difference, as a share of its array's largest magnitude. Raises ValueError that names the array
    and the difference, or says why the folder does not open.
    """
    import numpy as np

    expected = loader.probe()
    with tempfile.TemporaryDirectory(prefix="zoo-proof-") as scratch:
        path = Path(scratch) / "probe.npz"
        _elsewhere(folder, path)
        with np.load(path, allow_pickle=False) as file:
            found = dict(file)
    if set(found) != set(expected):
        raise ValueError(
            f"{folder}: what is published differs from the run: its probe has {_list(found)}, "
            f"expected {_list(expected)}"
        )
    return max((_difference(name, found[name], array, folder) for name, array in expected.items()), default=0.0)


def _elsewhere(folder: Path, path: Path) -> None:
    code, reason = fresh.run("zoo.publishing.reload_check", str(folder), str(path), stdin=subprocess.DEVNULL)
    if code or not path.is_file():
        raise ValueError(f"{folder}: what is published does not open again: {reason.removeprefix('ValueError: ')}")


def _difference(name: str, found: "npt.NDArray[Any]", expected: "npt.NDArray[Any]", folder: Path) -> float:
    import numpy as np

    def refuse(what: str) -> ValueError:
        return ValueError(f"{folder}: what is published differs from the run: {name!r} of its probe {what}")

    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        raise refuse(f"is {found.dtype} {found.shape}, expected {expected.dtype} {expected.shape}")
    if not np.issubdtype(expected.dtype, np.number):
        if not np.array_equal(found, expected):
            raise refuse(f"differs in {np.count_nonzero(found != expected)} of {expected.size} elements")
        return 0.0
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        raise refuse("is not finite everywhere")
    scale = float(np.abs(expected.astype(np.float64)).max(initial=0.0))
    apart = float(np.abs(found.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0))
    allowed = TOLERANCE * scale if np.issubdtype(expected.dtype, np.floating) else 0.0
    if apart > allowed:
        raise refuse(f"is up to {apart:.3g} off where {allowed:.3g} is allowed, in an array of magnitude {scale:.3g}")
    return apart / scale if scale else 0.0


def _list(names: "Probe") -> str:
    return ", ".join(sorted(names)) or "nothing"


def main(folder: str, path: str) -> None:
    """Write the probe of the artefact in `folder` to an .npz."""
    import numpy as np

    from zoo.artefacts.artefact import open_artefact

    np.savez(path, allow_pickle=False, **open_artefact(Path(folder)).probe())


if __name__ == "__main__":
    main(*sys.argv[1:])
