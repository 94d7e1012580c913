"""Skeleton frame to gloss: what `zoo.load("skeleton-judge")` returns."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_frames import draw_skeletons, shrunk
from zoo.loaders.recognition.picture_classifier import PictureClassifier


@dataclass(frozen=True)
class Reading:
    """A gloss that a skeleton frame may be of, and how likely, in [0, 1]."""

    gloss: str
    probability: float


class SkeletonReader(PictureClassifier[Reading]):
    """A network that names the sign that one skeleton frame is of, with the glosses it knows."""

    named: ClassVar[Literal["letters", "glosses"]] = "glosses"
    lines: ClassVar[bool] = True
    task: ClassVar[str] = "image-to-gloss"
    architecture: ClassVar[str] = "skeleton-reader"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform
from datamodules.media.skeleton_frames import draw_skeletons
from datamodules.twins.wlasl import seen_pose, studio

camera, fps = studio(0)
frames = list(draw_skeletons(seen_pose(perform(["HELLO"], fps=fps), camera)))
print(model.read(frames[len(frames) // 2])[:3])  # or the path of a frame; the likeliest glosses first
"""

    @staticmethod
    def reading(name: str, probability: float) -> Reading:
        return Reading(name, probability)

    @staticmethod
    def scaled(picture: Image, size: int) -> Image:
        return shrunk(picture, size)

    @staticmethod
    def example() -> Image:
        from datamodules.avatar import perform
        from datamodules.twins.wlasl import seen_pose, studio

        camera, fps = studio(0)
        frames = list(draw_skeletons(seen_pose(perform(["HELLO"], fps=fps), camera)))
        return frames[len(frames) // 2]
