"""What the command line says of itself, and how its verbs end."""

import shlex
from pathlib import Path

import pytest

from zoo.cli import list as listing
from zoo.cli import main
from zoo.cli.data import COMMANDS
from zoo.cli.parsing.arguments import FAILED, INTERRUPTED, OK, PROBLEMS, REFUSED
from zoo.cli.parsing.command_line import VERBS, parser_of, split_overrides

PAGES = [(), *((verb,) for verb in VERBS), *(("data", command) for command in COMMANDS)]
START = "  python -m zoo "


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def page(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main([*words, "--help"]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
class TestEveryPage:
    def test_fits_a_terminal(self, words: tuple[str, ...], narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
        assert [line for line in page(capsys, *words) if len(line) > 80] == []

    def test_teaches_by_commands_that_are_ones(
        self, words: tuple[str, ...], narrow: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        commands = [shlex.split(line)[3:] for line in page(capsys, *words) if line.startswith(START)]
        assert commands
        for command in commands:
            assert tuple(command[: len(words)]) == words
            arguments, overrides = split_overrides(command) if command[0] != "data" else (command, [])
            options = parser_of(arguments[:1]).parse_args(arguments)
            assert options.takes_overrides or not overrides


def test_the_exit_codes_are_on_the_page_of_each_verb(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("fit",), ("data",)):
        told = " ".join(" ".join(page(capsys, *words)).split())
        assert all(f" {code} " in told for code in (OK, PROBLEMS, REFUSED, FAILED, INTERRUPTED))


class TestWhatShouldNotBeRaised:
    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """`list` fails in a package; returns where temporary files go."""

        def fail(pattern: str) -> list[str]:
            return [str({}["of no use\nto anybody"])]

        monkeypatch.setattr(listing, "list_models", fail)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        return tmp_path

    def test_is_one_line_and_its_traceback_is_kept(self, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list"]) == FAILED
        (line,) = capsys.readouterr().err.splitlines()
        (kept,) = broken.iterdir()
        assert line.startswith("error: KeyError: ")
        assert f"where it comes from is in {kept}; please report it" in line
        assert "in fail" in kept.read_text()

    def test_is_shown_with_traceback_if_asked(self, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list", "--traceback"]) == FAILED
        told = capsys.readouterr().err
        assert "Traceback (most recent call last)" in told
        assert "in fail" in told
        assert not list(broken.iterdir())


def test_traceback_shows_where_a_refusal_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "nothing-is-called-so"]) == REFUSED
    assert "Traceback" not in capsys.readouterr().err
    assert main(["list", "nothing-is-called-so", "--traceback"]) == REFUSED
    assert "in run\n" in capsys.readouterr().err
