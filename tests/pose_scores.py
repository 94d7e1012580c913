"""Every score of motions at once, as a table of tests."""

from collections.abc import Sequence

from lightning_modules.metrics.pose import POSE_SCORES, Motion


def scores(hypotheses: Sequence[Motion], references: Sequence[Motion]) -> dict[str, float]:
    """Of a test set, by key; raises as `PoseScore.measure`."""
    found = {key: make() for key, make in POSE_SCORES.items()}
    for score in found.values():
        score.update(hypotheses, references)
    return {key: float(score.compute()) for key, score in found.items()}
