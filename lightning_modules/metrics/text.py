"""How like its reference a back-translated text is: BLEU-1 to 4 and chrF as sacrebleu has them, ROUGE-L as rouge-score.

One reference for each text. BLEU and chrF belong to a whole set: their counts are summed over its sentences before the
one score is taken, and smoothing (NIST's, "exp") matters only where a set shares no word or no sequence of them. What
`each` gives is then the score of a set of one sentence, 0 under BLEU-4 where that has fewer than four words.
All are lower-cased and out of 100.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.helpers import extract_all_char_ngrams

from lightning_modules.metrics.score import Array, Mean, Score

Texts = Sequence[str]


class Bleu(Score):
    """BLEU of 1 to `order` words in a row, out of 100 (Papineni et al. 2002; sacrebleu, Post 2018).

    BP exp((ln p_1 + ... + ln p_order) / order): p_n, the share of the set's sequences of n words that their references
    have, counted no more often than there; BP = min(1, exp(1 - r / c)) of the references' length r and the texts' c.
    `order` is sacrebleu's max_ngram_order, the k of BLEU-k. Words are those of the tokeniser 13a.

    Items: c, r, sequences found of each order, sequences of each order.
    """

    def __init__(self, order: int = 4) -> None:
        super().__init__()
        self.order = order
        self.bleu = BLEU(lowercase=True, tokenize="13a", smooth_method="exp", max_ngram_order=order)

    def measure(self, texts: Texts, references: Texts) -> Array:
        """Of texts (b,) and the reference of each (b,). Raises ValueError unless there are as many."""
        counts = [self.bleu.corpus_score([text], [[reference]]) for text, reference in _pairs(texts, references)]
        return np.array([[c.sys_len, c.ref_len, *c.counts, *c.totals] for c in counts], float)

    def score(self, sums: Array) -> Array:
        values = [self._score(row) for row in sums.reshape(-1, sums.shape[-1]).astype(int).tolist()]
        return np.array(values).reshape(sums.shape[:-1])

    def _score(self, row: list[int]) -> float:
        length, reference, *counts = row
        found, total = counts[: self.order], counts[self.order :]
        value = BLEU.compute_bleu(found, total, length, reference, "exp", max_ngram_order=self.order).score
        return float(value)


class Chrf(Score):
    """chrF (Popovic 2015), chrF2 in full: of up to 6 characters in a row, white space left out, out of 100.

    5 P R / (4 P + R): P, the share of the texts' sequences that their references have, and R, that of the references'
    sequences that the texts have, both means over lengths.

    Items: sequences of the text, of the reference and of both, by length.
    """

    def measure(self, texts: Texts, references: Texts) -> Array:
        """Of texts (b,) and the reference of each (b,). Raises ValueError unless there are as many."""
        return np.array([_sequences(*pair) for pair in _pairs(texts, references)], float).reshape(
            -1, CHRF.CHAR_ORDER, 3
        )

    def score(self, sums: Array) -> Array:
        counts = sums.reshape(*sums.shape[:-1], CHRF.CHAR_ORDER, 3)
        of_text, of_reference, shared = np.moveaxis(counts, -1, 0)
        valid = (of_text > 0) & (of_reference > 0)
        lengths = np.maximum(valid.sum(-1), 1)
        precision = np.divide(shared, of_text, out=np.zeros_like(shared), where=valid).sum(-1) / lengths
        recall = np.divide(shared, of_reference, out=np.zeros_like(shared), where=valid).sum(-1) / lengths
        weight = CHRF.BETA**2
        denominator = weight * precision + recall
        product = (1 + weight) * precision * recall
        value: Array = 100 * np.divide(product, denominator, out=np.zeros_like(product), where=denominator > 0)
        return value


class RougeL(Mean):
    """ROUGE-L (Lin 2004), out of 100: mean over sentences of F1 = 2 P R / (P + R).

    P and R are the length of the longest common subsequence of words by the text's number of words and by the
    reference's. Words are rouge-score's own: runs of a-z and 0-9, unstemmed; other letters, umlauts too, part them.
    """

    def __init__(self) -> None:
        from rouge_score.rouge_scorer import RougeScorer  # it loads all of nltk: over a second

        super().__init__()
        self.scorer = RougeScorer(["rougeL"], use_stemmer=False)

    def measure(self, texts: Texts, references: Texts) -> list[float]:
        """Of texts (b,) and the reference of each (b,). Raises ValueError unless there are as many."""
        pairs = _pairs(texts, references)
        return [100 * self.scorer.score(reference, text)["rougeL"].fmeasure for text, reference in pairs]


def _pairs(texts: Texts, references: Texts) -> list[tuple[str, str]]:
    if len(texts) != len(references):
        raise ValueError(f"found {len(texts)} texts and {len(references)} references, expected one for each")
    return list(zip(texts, references, strict=True))


def _sequences(text: str, reference: str) -> list[list[int]]:
    """Of each length, how many sequences of characters the text has, the reference, and both."""
    ours, theirs = (extract_all_char_ngrams(line.lower(), CHRF.CHAR_ORDER) for line in (text, reference))
    return [_match(a, b) for a, b in zip(ours, theirs, strict=True)]


def _match(ours: Counter[str], theirs: Counter[str]) -> list[int]:
    """As sacrebleu counts: a text's sequences only where its reference has some of their length."""
    return [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]


TEXT_SCORES: Final[dict[str, Callable[[], Score]]] = {
    **{f"bleu_{order}": partial(Bleu, order) for order in (1, 2, 3, 4)},
    "chrf": Chrf,
    "rouge_l": RougeL,
}
"""By key of results.json; each makes an empty one."""

SIGNATURE: Final = "one reference, lower-cased; BLEU 13a, exp; chrF2, 6 characters; ROUGE-L F1 of a-z 0-9 unstemmed"
"""The variants' names, which stand in a row: all else is sacrebleu's and rouge-score's default."""
