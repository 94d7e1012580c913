"""BLEU, chrF and ROUGE-L equal to sacrebleu's own command, to its classes and to rouge-score, and moving as defined."""

import csv
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from datamodules.avatar.phonology.grammar import sentences
from lightning_modules.metrics.text import TEXT_SCORES, Bleu

PHOENIX = Path(__file__).parents[4] / "shared" / "data" / "phoenix14t_text" / "dev_phoenix2014t.csv"
BLEUS = [f"bleu_{order}" for order in (1, 2, 3, 4)]


def english() -> list[str]:
    return [sentence.text for sentence in sentences("train", 60, seed=0)]


def german() -> list[str]:
    if not PHOENIX.exists():
        pytest.skip(f"needs PHOENIX14T's sentences: {PHOENIX}")
    with PHOENIX.open(encoding="utf-8") as file:
        return [row["translation"] for row in csv.DictReader(file, delimiter="|")][:60]


@pytest.fixture(params=[english, german], ids=["english", "german"])
def references(request) -> list[str]:
    return request.param()


def spoilt(references: list[str], seed: int = 0) -> list[str]:
    """Some words lost, some swapped with the next, some shouted, and one text that says nothing."""
    rng = random.Random(seed)
    texts = []
    for reference in references:
        words = [word.upper() if rng.random() < 0.1 else word for word in reference.split() if rng.random() < 0.8]
        for at in range(len(words) - 1):
            if rng.random() < 0.1:
                words[at : at + 2] = words[at + 1], words[at]
        texts.append(" ".join(words))
    texts[0] = ""
    return texts


def shuffled(text: str, seed: int = 0) -> str:
    return " ".join(random.Random(seed).sample(text.split(), len(text.split())))


def scored(key: str, texts: list[str], references: list[str]) -> float:
    score = TEXT_SCORES[key]()
    for at in range(0, len(texts), 7):  # in batches, as a test gives them
        score.update(texts[at : at + 7], references[at : at + 7])
    return float(score.compute())


def command(texts: list[str], references: list[str], folder: Path, *options: str) -> float:
    """What sacrebleu prints for files of these."""
    paths = folder / "ref.txt", folder / "hyp.txt"
    for path, lines in zip(paths, (references, texts), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    line = [sys.executable, "-m", "sacrebleu", str(paths[0]), "-i", str(paths[1]), "-b", "-w", "9", *options]
    return float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)


class TestTheyAreTheFieldsOwn:
    def test_bleu_4_and_chrf_are_what_sacrebleu_prints(self, references, tmp_path):
        texts = spoilt(references)
        printed = command(texts, references, tmp_path, "-m", "bleu", "--lowercase", "--tokenize", "13a")
        assert 5 < printed < 95
        assert scored("bleu_4", texts, references) == pytest.approx(printed, abs=1e-8)
        printed = command(texts, references, tmp_path, "-m", "chrf", "--chrf-lowercase")
        assert scored("chrf", texts, references) == pytest.approx(printed, abs=1e-8)

    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_each_bleu_is_sacrebleus_of_that_order(self, references, order):
        texts = spoilt(references)
        whole = BLEU(lowercase=True, max_ngram_order=order).corpus_score(texts, [references]).score
        assert scored(f"bleu_{order}", texts, references) == pytest.approx(whole, abs=1e-9)

    def test_chrf_is_sacrebleus_of_the_whole(self, references):
        texts = spoilt(references)
        whole = CHRF(lowercase=True).corpus_score(texts, [references]).score
        assert scored("chrf", texts, references) == pytest.approx(whole, abs=1e-9)

    def test_rouge_l_is_the_mean_of_rouge_scores(self, references):
        texts, scorer = spoilt(references), RougeScorer(["rougeL"], use_stemmer=False)
        single = [scorer.score(*pair)["rougeL"].fmeasure for pair in zip(references, texts, strict=True)]
        assert scored("rouge_l", texts, references) == pytest.approx(100 * np.mean(single), abs=1e-9)

    def test_a_resample_scores_as_its_sentences_do(self, references):
        """The interval's values are those of the sets that it draws."""
        texts, drawn = spoilt(references), np.random.default_rng(0).integers(0, len(references), len(references))
        for key, make in TEXT_SCORES.items():
            score = make()
            score.update(texts, references)
            direct = scored(key, [texts[at] for at in drawn], [references[at] for at in drawn])
            weights = np.bincount(drawn, minlength=len(texts))
            assert float(score.score(weights @ score.statistics)) == pytest.approx(direct, abs=1e-9)
            low, high = score.interval()
            assert low < float(score.compute()) < high


class TestTheyMoveAsDefined:
    def test_the_truth_against_itself_is_100(self, references):
        for key in TEXT_SCORES:
            assert scored(key, references, references) == pytest.approx(100)

    def test_upper_case_costs_nothing(self):
        for key in TEXT_SCORES:
            assert scored(key, [text.upper() for text in english()], english()) == pytest.approx(100)

    def test_other_sentences_share_little(self, references):
        turned = references[1:] + references[:1]
        for key in TEXT_SCORES:
            assert scored(key, turned, references) < scored(key, spoilt(references), references)
        assert scored("bleu_4", turned, references) < 30

    def test_shuffled_words_keep_bleu_1_and_lose_the_rest(self, references):
        texts = [shuffled(text) for text in references]
        values = [scored(key, texts, references) for key in BLEUS]
        assert values[0] == pytest.approx(100)
        assert values == sorted(values, reverse=True)
        assert values[-1] < 60
        assert scored("rouge_l", texts, references) < 90

    def test_texts_that_break_off_pay_the_brevity_penalty_alone(self, references):
        """Every word sequence that is left is the reference's: only the length tells."""
        texts = [" ".join(text.split()[: len(text.split()) * 2 // 3]) for text in references]
        score = Bleu(4)
        score.update(texts, references)
        length, reference, *_ = score.statistics.sum(0)
        assert length < 0.8 * reference
        assert float(score.compute()) == pytest.approx(100 * math.exp(1 - reference / length))

    def test_a_worse_spoilt_word_is_chrfs_alone_to_see(self):
        reference = ["tomorrow the weather brightens"]
        assert scored("bleu_1", ["tomorrow the weather brighten"], reference) == scored(
            "bleu_1", ["tomorrow the weather zzzzzzzz"], reference
        )
        assert scored("chrf", ["tomorrow the weather brighten"], reference) > 90
        assert scored("chrf", ["tomorrow the weather zzzzzzzz"], reference) < 80


class TestTheyBearAnyText:
    @pytest.mark.parametrize(
        ("texts", "references"),
        [
            ([""], ["a word"]),
            (["a word"], [""]),
            ([""], [""]),
            ([" \n\t"], ["one\ntwo"]),
            (["word"], ["word"]),
            (["...", "?!"], ["...", "?!"]),
            (["你好", "💙"], ["你好吗", "💙"]),
        ],
    )
    def test_nothing_crashes_and_all_stay_in_range(self, texts, references):
        for make in TEXT_SCORES.values():
            score = make()
            score.update(texts, references)
            for value in (float(score.compute()), *score.interval(), *score.each()):
                assert 0 <= value <= 100 + 1e-9

    def test_silence_is_worth_nothing(self):
        for key in TEXT_SCORES:
            assert scored(key, [""] * 3, english()[:3]) == 0

    def test_a_text_without_a_reference_is_refused(self):
        for make in TEXT_SCORES.values():
            with pytest.raises(ValueError, match="found 2 texts and 1 references"):
                make().update(["a", "b"], ["a"])
