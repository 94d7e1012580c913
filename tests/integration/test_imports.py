"""The house: imports run one way, in the packages and between them, and importing the zoo costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import ENGINE, PACKAGES, fragments, imports, longest_chain, loose

from zoo.spec.classes import allowed_classes

ROOT = Path(__file__).parents[2]
ROOMS = {
    "datamodules": "files progress samples splits text text_repair orders catalogue < poses < media < features avatar "
    "< twins",
    "lightning_modules": "networks metrics < evaluation < common",
    "zoo": "files io_types subprocesses < spec results < safety < loaders < artefacts < pipelines < card < training "
    "< publishing sweep prepare < app < cli < __main__",
}
"""What may be imported by what stands to the right of it, and not the other way round; what is not named, the data sets
and the models, is last."""


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    later = set(PACKAGES[PACKAGES.index(package) + 1 :])
    for path in (ROOT / package).rglob("*.py"):
        assert not imported(path) & later, f"{path.relative_to(ROOT)} imports {imported(path) & later}"


def room(module: str) -> str:
    """The part of its package that a module belongs to; that of the package's own face is empty."""
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_what_comes_before_them(package: str) -> None:
    """Rooms of one rank do not import each other, the single files of the first and the models and data sets of the
    last excepted."""
    ranks = {name: rank for rank, names in enumerate(ROOMS[package].split(" < ")) for name in names.split()}
    last = 1 + max(ranks.values())
    wrong = []
    for module, found in imports().items():
        for other in found:
            own, its = room(module), room(other)
            if {module.partition(".")[0], other.partition(".")[0]} != {package} or "" in (own, its) or own == its:
                continue
            before, after = ranks.get(its, last), ranks.get(own, last)
            if before > after or (before == after and 0 < after < last):
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    assert max(loose().values()) <= 16


@pytest.mark.parametrize("package", [*PACKAGES, ENGINE])
def test_a_chain_of_imports_is_short(package: str) -> None:
    assert len(longest_chain(package)) <= 8


def test_few_modules_are_fragments_of_another() -> None:
    assert len(fragments()) <= 45


def test_networks_know_no_lightning() -> None:
    for path in (ROOT / "lightning_modules" / "networks").rglob("*.py"):
        assert not imported(path) & {"lightning", "pytorch_lightning"}, path


def test_signs_and_their_files_know_no_torch() -> None:
    """All of datamodules but its LightningDataModules and the encoder of videos, by what is written in them and by
    what they load."""
    package = ROOT / "datamodules"
    training = {package / "features" / f"{name}.py" for name in ("vjepa", "embeddings")}
    modules = {dotted.rpartition(".")[0] for dotted in allowed_classes("data").values()}
    training |= {ROOT / f"{name.replace('.', '/')}.py" for name in (*modules, "datamodules.kinds.labelled")}
    training |= {path for path in package.rglob("*.py") if "DataModule" in path.read_text(encoding="utf-8")}
    plain = sorted(set(package.rglob("*.py")) - training)
    assert {package / name for name in ("media/video.py", "poses/formats/skels.py", "avatar/perform.py")} <= set(plain)
    for path in plain:
        assert not imported(path) & {"torch", "lightning"}, path
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in plain]
    code = f"import sys, {', '.join(names)}\nassert not {{'torch', 'lightning'}} & set(sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_opening_a_model_loads_only_what_it_runs_on() -> None:
    """Each would take longer than all the rest, in every process that opens one; those of diffusers need it."""
    code = """
import sys
import zoo
from zoo.artefacts.artefact import open_artefact, starter_folder
from zoo.loaders import loader_class
from zoo.spec.architectures import ARCHITECTURES
from zoo.loaders.config import read_config
plain = [name for name in ARCHITECTURES if not hasattr(loader_class(name), "native")]
for folder in filter(lambda folder: folder.is_dir(), map(starter_folder, zoo.list_models())):
    if read_config(folder)["architecture"] in plain:
        open_artefact(folder)
loaded = {"lightning", "torch._dynamo", "diffusers", "transformers", "scipy.signal"} & set(sys.modules)
assert not loaded, loaded
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_importing_and_listing_loads_no_torch() -> None:
    code = """
import sys, time
start = time.process_time()
import zoo
from zoo.cli import main
assert main(["list"]) == 0
assert main(["show", "asl-slp", "--starter"]) == 0
loaded = {"torch", "lightning", "wandb", "numba", "numpy"} & set(sys.modules)
assert not loaded, loaded
print("seconds", time.process_time() - start)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "asl-slp-phoenix14t" in result.stdout
    assert float(result.stdout.rsplit("seconds ", 1)[1]) < 1.0
