"""What a test says: a row for each key, with the truth and the baselines beside the model. Imports no torch."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from datamodules.media.drawing_primitives import Image
    from lightning_modules.metrics.score import Score

Row = dict[str, Any]
Results = dict[str, Row]
"""Key of results.json to `value`, `interval`, `ground_truth` and baselines by name, `protocol` and `n`; of what a judge
read, `judge` too, and of texts the `variant` of their comparison. A row of another data set than the one that was
trained on, the real one of a twin, has its title as `dataset`."""

MODEL: Final = "value"
GROUND_TRUTH: Final = "ground_truth"


class Evaluation(Protocol):
    """What a LightningModule has as `test_scores` once its test has run."""

    def results(self) -> Results: ...

    def plots(self) -> "dict[str, Image]":
        """Pictures (H, W, 3) RGB that show the results, by the names of their files without suffix."""
        ...


class Comparison:
    """One measure of several contenders over the same items: a model, the ground truth, the baselines.

    make: gives an empty Score. contenders: their names; MODEL is the model.
    """

    def __init__(self, make: "Callable[[], Score]", contenders: Iterable[str]) -> None:
        self.scores = {name: make() for name in contenders}

    def update(self, answers: Mapping[str, Any], *references: Any) -> None:
        """Add items: the answer of every contender, and what the Score wants beside it."""
        for name, score in self.scores.items():
            score.update(answers[name], *references)

    def row(self, protocol: str, of: str = MODEL, beside: Iterable[str] | None = None, **more: Any) -> Row:
        """The row of one contender, with the values of others (`beside`; else all) and what else there is to say."""
        own = self.scores[of]
        others = [name for name in self.scores if name != of] if beside is None else beside
        return {
            "value": float(own.compute()),
            "interval": list(own.interval()),
            **{name: float(self.scores[name].compute()) for name in others},
            "protocol": protocol,
            "n": len(own.statistics),
            **more,
        }
