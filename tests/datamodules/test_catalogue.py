"""What the catalogue says of each data set, and that everything it names is there."""

from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from datamodules.catalogue import CATALOGUE
from datamodules.twins import SIZES
from zoo.prepare.commands import DATASETS


def test_the_command_line_the_twins_and_the_catalogue_know_the_same_data_sets() -> None:
    assert tuple(CATALOGUE) == DATASETS == tuple(SIZES)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_data_set_says_whose_it_is_and_on_what_terms(name: str) -> None:
    about = CATALOGUE[name]
    assert about.title
    assert about.terms.endswith(".")
    assert about.licence or "academic" in about.terms or "no licence" in about.terms
    assert urlsplit(about.home).scheme == "https"
    assert about.citation.isalnum()
    assert callable(import_module(about.module).survey)


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
