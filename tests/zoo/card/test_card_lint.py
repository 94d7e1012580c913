"""Every kind of fault that a card can have, planted one at a time in a card that has none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lightning_modules.evaluation.glossary import meaning
from zoo.artefacts.artefact import starter_folder
from zoo.card import check, records, split, text, with_prose, write
from zoo.card.document import CLOSE, OPEN, sealed
from zoo.card.figures import figures
from zoo.card.lint import findings
from zoo.card.page import read

EDITED = "edited by hand outside"

BASELINES = ("mean_pose", "frozen_pose", "other_reference", "nearest_train")


def row(value: float, *baselines: float, **more: object) -> dict[str, object]:
    return {"value": value, **more, **dict(zip(BASELINES, baselines, strict=False)), "protocol": "free", "n": 800}


RESULTS = {
    "dtw_p": row(
        0.11190170735664236, 1.14599, 1.993273, 0.924638, 0.351613, interval=[0.1077, 0.1152], ground_truth=0.001234
    ),
    "dtw_pt": row(0.7089544, 8.18867, 13.15838, 8.603835, 2.500991),
    "dtw_mje": row(0.00979, 0.1219, 0.2083, 0.1012, 0.0332),
    "ndtw_mje": row(0.5378, 6.724, 11.47, 5.317, 1.499),
    "total_distance": row(0.9663027, 0.0, 0.0, 1.0, 0.9963303),
    "length_within_25": row(1.0),
}
"""What the card is written for, whatever the bundled weights score."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled asl-slp with other results, a card written today, a sample and a plot."""
    folder = Path(shutil.copytree(starter_folder("asl-slp"), tmp_path_factory.mktemp("card") / "starter"))
    (folder / "results.json").write_text(json.dumps(RESULTS))
    for picture in ("samples/preview.png", "plots/length.png"):
        (folder / picture).parent.mkdir(exist_ok=True)
        (folder / picture).touch()
    (folder / "README.md").unlink()
    write(folder)
    return folder


@pytest.fixture(scope="module")
def lint(folder: Path) -> Callable[[str], list[str]]:
    """What is wrong with another card for the same folder, as `line: complaint`."""
    fresh, of = text(folder), records(folder)

    def found(card: str) -> list[str]:
        return [f"{line}: {message}" for line, message in findings(folder, card, fresh, of)]

    return found


@pytest.fixture(scope="module")
def card(folder: Path, lint: Callable[[str], list[str]]) -> str:
    """A card without a fault."""
    card = (folder / "README.md").read_text()
    assert lint(card) == []
    return card


Lint = Callable[[str], list[str]]


def with_more(card: str, more: str) -> str:
    """The card with another paragraph in its prose."""
    return with_prose(card, f"{split(card).prose}\n\n{more}")


def line_of(card: str, part: str) -> int:
    return card[: card.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("TODO write this", "placeholder: TODO"),
        ("Accuracy: TBD", "placeholder: TBD"),
        ("**Demo [optional]:** none", "placeholder: [optional]"),
        ("[More Information Needed]", "placeholder: [More Information Needed]"),
        ("Compute region: N/A", "placeholder: N/A"),
        ("Lorem ipsum dolor", "placeholder: Lorem ipsum"),
        ("Trained on {{ dataset }}", "placeholder: "),
        ("git clone https://github.com/yourusername/zoo", "placeholder: yourusername"),
        ("### Caveats\n\n### More\n\nText.", "empty section: Caveats"),
        ("See [below](#nowhere).", "dead anchor: #nowhere"),
        ("See [the log](logs/train.txt).", "dead link: logs/train.txt is not in"),
        ("![hands](samples/hands.png)", "dead link: samples/hands.png is not in"),
        ('<video src="samples/gone.mp4"></video>', "dead link: samples/gone.mp4 is not in"),
        ("[spec](../spec.yaml)", "link out of the repository: ../spec.yaml"),
        ("Data lies in /home/jane/How2Sign/train.", "path of one machine: /home/jane/How2Sign/train"),
        (r"Data lies in C:\Users\jane.", "path of one machine: C:"),
        ("It reaches 0.3516 on hands.", "0.3516 is of no score: name its key in the sentence"),
        ("It is right in 100 % of cases.", "100 % is of no score: name its key in the sentence"),
        ("| key | ours |\n|---|---|\n| `dtw_p` | 0.2 |", "0.2 is not what results.json has for dtw_p"),
        ("| dtw_p | n |\n|---|---|\n| 0.2 | 800 |", "0.2 is not what results.json has for dtw_p"),
        ("Its DTWp is 0.2.", "0.2 is not what results.json has for dtw_p"),
        ("Its `dtw_p` is `0.2`.", "0.2 is not what results.json has for dtw_p"),
        ("The 95 % interval of dtw_p ends at 0.2.", "0.2 is not what results.json has for dtw_p"),
        ("In 95 % of cases it is right.", "95 % is of no score: name its key in the sentence"),
        ("Its dtw_p is 0.709.", "0.709 is not what results.json has for dtw_p"),
        ("Its total distance is 0.001.", "0.001 is not what results.json has for total_distance"),
    ],
)
def test_what_is_wrong_in_prose_is_found_with_its_line(more: str, complaint: str, card: str, lint: Lint) -> None:
    bad = with_more(card, more)
    first = line_of(bad, more)
    found = lint(bad)
    assert found
    assert all(complaint in each for each in found), found
    assert all(first <= int(each.partition(":")[0]) <= first + more.count("\n") for each in found), found


@pytest.mark.parametrize(
    "more",
    [
        "Its `dtw_p` is 0.112, the mean pose's 1.15.",
        "Its `dtw_p` is 0.112, with a 95 % interval of 0.108 to 0.115, the references themselves 0.0012.",
        "A 95 percent confidence interval stands beside each.",
        "It moves 96.6 % of the way, `total_distance` 0.9663.",
        "Trained at a learning rate of 0.001, on 8,000 sentences for 30 epochs.",
        "SignDiff reports a BLEU-4 of 12.85.",
        "`length_within_25`: 100 % of 800 sentences.",
        "| key | ours |\n|---|---|\n| `dtw_p` | 0.112 |",
        "Written for Python 3.11.7, section 3.3.1, and V-JEPA2.1.",
        "See [how to start](#how-to-get-started-with-the-model), [the spec](spec.yaml) and [the web](https://a.example/x).",
        "![hands](samples/preview.png) and/or 1/2, produced / true.",
        "```sh\npython -m zoo fit asl-slp --model.learning_rate 0.35\n```",
        "```python\nprint(0.35)  # {not a placeholder}\n```",
    ],
)
def test_what_is_right_in_prose_is_let_alone(more: str, card: str, lint: Lint) -> None:
    assert lint(with_more(card, more)) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("**0.1119**", "**0.1019**", "`dtw_p`, this model: found **0.1019**, but results.json has **0.1119**"),
        (
            "[0.1077, 0.1152]",
            "[0.1077, 0.1252]",
            "`dtw_p`, 95 % interval: found [0.1077, 0.1252], but results.json has",
        ),
        ("| 0.001234 |", "| 0.002 |", "`dtw_p`, ground truth: found 0.002, but results.json has 0.001234"),
        ("      config: free\n", "      config: oracle-length\n", "found 'oracle-length', measured as 'free'"),
        ("![A dot a sentence", "![In 7 of 9 a dot a sentence", EDITED),
        ("| 1.146 |", "| 2.146 |", "`dtw_p`, mean pose: found 2.146, but results.json has 1.146"),
        ("0.9963 ▲", "0.9963", "`total_distance`, nearest train: found 0.9963, but results.json has 0.9963 ▲"),
        ("test split, 800 items.", "test split, 900 items.", "900 is not in results.json"),
        ("Of 5 scores that", "Of 9 scores that", "9 is not in results.json"),
        ("| 0.001 | of Adam", "| 0.003 | of Adam", "0.003 is not what the run recorded"),
        ("value: 0.11190170735664236", "value: 0.01", "model-index: dtw_p is 0.01, but results.json has 0.1119"),
        ("- type: dtw_p\n", "- type: dtw_q\n", "model-index: dtw_q is not in results.json"),
        ("How2Sign (avatar twin)\n", "How2Sign\n", "expected 'How2Sign (avatar twin)'"),
        ("license: mit\n", "", "license: missing, expected mit"),
        ("license: mit\n", "license: apache-2.0\n", "license: found apache-2.0, expected mit"),
        ("library_name: sign-zoo\n", "library_name: diffusers\n", "library_name: found 'diffusers'"),
        (
            "library_name: sign-zoo\n",
            "library_name: sign-zoo\nbase_model: a/b\n",
            "base_model: found 'a/b', expected None",
        ),
        ("- ase\n", "- English\n", "language: found 'English', expected a code of ISO 639"),
        ("library_name: sign-zoo\n", "library_name: [\n", "metadata that huggingface_hub refuses"),
        ("  results:\n", "  resultz:\n", "metadata that huggingface_hub refuses"),
        ("## Glossary\n", "## Glossary\n\n## Caveats\n", "empty section: Glossary"),
        ("](spec.yaml)", "](gone.yaml)", "dead link: gone.yaml"),
        ("samples/preview.png", "samples/gone.png", "dead link: samples/gone.png"),
    ],
)
def test_what_is_wrong_in_the_generated_part_is_found(
    old: str, new: str, complaint: str, card: str, lint: Lint
) -> None:
    assert old in card
    found = lint(card.replace(old, new, 1))
    assert [each for each in found if complaint in each], found
    assert [each for each in found if EDITED in each], found


def test_a_missing_score_is_found(card: str, lint: Lint) -> None:
    entry = card[card.index("    - type: dtw_p\n") : card.index("    - type: total_distance\n")]
    found = lint(card.replace(entry, ""))
    assert [each for each in found if "model-index: dtw_p of results.json is missing" in each]


@pytest.mark.parametrize(
    ("heading", "missing"),
    [("### Out-of-scope use", "Out-of-scope use"), ("## Bias, risks and limitations", "Bias, risks and limitations")],
)
def test_prose_must_say_what_a_model_is_not_for(heading: str, missing: str, card: str, lint: Lint) -> None:
    (found,) = lint(card.replace(heading, "### Other"))
    assert f"found no section '{missing}' in the prose" in found


class TestMarks:
    def test_an_edit_of_the_prose_is_nobodys_fault(self, card: str, lint: Lint) -> None:
        assert lint(with_more(card, "More.")) == []

    def test_an_edit_elsewhere_would_be_lost(self, card: str, lint: Lint) -> None:
        (found,) = lint(card.replace("## Training details\n", "## Training details\n\nIn spring.\n"))
        assert EDITED in found

    def test_blanks_that_editors_change_are_no_edit(self, card: str, lint: Lint) -> None:
        assert lint(card.replace("\n## Training", "  \n## Training").replace("\n", "\r\n")) == []

    @pytest.mark.parametrize("mark", [OPEN, CLOSE])
    def test_a_lost_mark_is_missed(self, mark: str, card: str, lint: Lint) -> None:
        assert [each for each in lint(card.replace(mark, "")) if "expected <!-- prose -->" in each]

    def test_lost_sums_and_lost_marks_are_missed(self, card: str, lint: Lint) -> None:
        assert [each for each in lint(card[: card.index("<!-- sha256")]) if "found no checksums" in each]
        bare = card.replace(OPEN, "").replace(CLOSE, "")
        assert [each for each in lint(bare) if "between which what people write is kept" in each]

    def test_lost_metadata_is_missed(self, card: str, lint: Lint) -> None:
        assert [each for each in lint(card[card.index("# asl-slp") :]) if "found no metadata" in each]

    def test_prose_and_the_rest_come_apart_and_together(self, card: str) -> None:
        parts = split(card)
        assert sealed(parts.generated, parts.prose) == card
        assert with_prose(card, parts.prose) == card
        other = split(with_prose(card, "## Uses\n\nNone."))
        assert other.prose == "## Uses\n\nNone."
        assert other.prose_edited
        assert not other.rest_edited
        assert other.generated == parts.generated

    @pytest.mark.parametrize("prose", [OPEN, f"a {CLOSE} b"])
    def test_prose_with_marks_of_its_own_is_refused(self, prose: str, card: str) -> None:
        with pytest.raises(ValueError, match="take it out"):
            with_prose(card, prose)


def test_the_command_reports_all_at_once_with_the_line_of_the_code(folder: Path, tmp_path: Path) -> None:
    bad = Path(shutil.copytree(folder, tmp_path / "bad"))
    path = bad / "README.md"
    path.write_text(with_more(path.read_text(), "TODO").replace("model.translate(", "model.transcribe("))
    line = line_of(path.read_text(), "model.transcribe(")
    found = [str(problem) for problem in check(bad)]
    assert len(found) == 3
    assert found[0].startswith(f"{path}: edited by hand outside")
    assert found[1] == f"{path}:{line_of(path.read_text(), 'TODO')}: placeholder: TODO"
    assert found[2].startswith(f"{path}:{line}: this Python does not run: AttributeError: 'TextToPose' object has no")


def test_scores_of_others_are_licensed_by_the_spec(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    spec = yaml.safe_load((other / "spec.yaml").read_text())
    spec["card"]["reported"] = ["41.5 % by hand"]
    (other / "spec.yaml").write_text(yaml.safe_dump(spec))
    write(other)
    text_now = with_more((other / "README.md").read_text(), "Others report 41.5 %, not 42.5 %.")
    (found,) = findings(other, text_now, text(other), records(other))
    assert "42.5 % is of no score" in found[1]


def test_numbers_are_read_as_people_print_them() -> None:
    found = [figure.text for figure in figures("a 0.5, .25; 1,200 and 3.5e-4 (52 %) v1.2 2.13.0 x2 70x70 3/4 7.")]
    assert found == ["0.5", ".25", "1,200", "3.5e-4", "52 %", "3", "4", "7"]
    (half,) = figures("0.50")
    assert half.prints(0.4962)
    assert half.prints(0.504)
    assert not half.prints(0.51)
    (percent,) = figures("52 %")
    assert percent.prints(0.5249)
    assert not percent.prints(0.5251)
    (whole,) = figures("1")
    assert whole.prints(1.0)
    assert not whole.prints(0.97)


def test_anchors_are_githubs() -> None:
    page = read("# What's new? `code` & more\n\n## A\n\n## A\n\n<a id='x'></a>\n")
    assert page.anchors == {"whats-new-code--more", "a", "a-1", "x"}


def test_every_score_says_which_way_is_better() -> None:
    assert not meaning("unheard-of")
    for key, better, worse in (
        ("dtw_p", 0.1, 0.2),
        ("top1", 0.2, 0.1),
        ("total_distance", 0.9, 1.2),
        ("fid_vit", 1, 2),
    ):
        known = meaning(f"{key}@free")
        assert known
        assert known.beats(better, worse)
        assert not known.beats(worse, better)
        assert not known.beats(better, better)


def test_results_of_every_shape_are_compared(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    row = {"value": 0.25, "mean_pose": 12345.678, "interval": [0.2, 0.3], "protocol": "a | b", "n": 1200}
    (other / "results.json").write_text(json.dumps({"dtw_p": row, "fid_vit": {"value": 1e-5, "n": 1200}}))
    write(other)
    assert findings(other, (other / "README.md").read_text(), text(other), records(other)) == []
