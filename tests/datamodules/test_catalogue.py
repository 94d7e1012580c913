"""What the catalogue says of each data set, and that everything it names is there."""

from importlib import import_module
from inspect import isabstract
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from datamodules.catalogue import CATALOGUE
from zoo.spec.classes import allowed_classes, named_class


@pytest.mark.parametrize("name", CATALOGUE)
def test_one_name_runs_through_everything(name: str) -> None:
    module = name.replace("-", "_")
    assert CATALOGUE[name].reader.startswith(f"datamodules.{module}")
    assert CATALOGUE[name].twin == f"datamodules.twins.{module}"
    assert callable(import_module(CATALOGUE[name].twin).write)
    assert CATALOGUE[name].size > 0


def test_every_data_module_reads_a_data_set_of_the_catalogue() -> None:
    made = [named_class(name, "data") for name in allowed_classes("data")]
    assert {of.dataset for of in made if not isabstract(of)} == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_data_set_says_whose_it_is_and_on_what_terms(name: str) -> None:
    about = CATALOGUE[name]
    assert about.title
    assert about.terms.endswith(".")
    assert about.licence or "academic" in about.terms or "no licence" in about.terms
    assert urlsplit(about.home).scheme == "https"
    assert about.citation.isalnum()
    assert callable(import_module(about.reader).survey)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_folder_of_something_else_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").touch()
    with pytest.raises((FileNotFoundError, ValueError)) as refusal:
        CATALOGUE[name].survey(tmp_path)
    assert str(refusal.value).startswith(str(tmp_path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [("wlasl", "C-UDA"), ("asl-alphabet", "GPL-2.0"), ("how2sign", "CC-BY-NC"), ("mnist", "CC-BY-SA")],
)
def test_licences_are_those_of_the_makers(name: str, words: str) -> None:
    assert words in str(CATALOGUE[name].licence)
