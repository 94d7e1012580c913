"""How models are composed: the closed table of pipelines. A pipeline's spec names a component for each of its roles.

Between stages flow the kinds of `zoo.io_types`, in Python: text and letters (A-Z, digits, blanks between words) as str,
glosses as a list of str, a pose as `pose_format.Pose`, an image as uint8 RGB (H, W, 3) or a stack of them, a video as
frames. A component is called by its `verb` with what it accepts, and with `fps` after a video; one whose `stream`
takes the same gives its video, or the glosses in one, piece by piece. One that turns letters into images gives one for
each letter of a text, (L, H, W, 3); if it has `classes`, it is asked for no others.
"""

from dataclasses import dataclass

from zoo.io_types import Kind


@dataclass(frozen=True)
class Task:
    """A kind of pipeline.

    path: the class that runs it.
    roles: of its stages, in order.
    accepts: the kind that its first stage must take.
    gives: the kinds that its last stage may give.
    """

    path: str
    roles: tuple[str, ...]
    accepts: Kind
    gives: tuple[Kind, ...]


TASKS = {
    "text-to-video": Task("zoo.pipelines.text_to_video.TextToVideo", ("translator", "renderer"), "text", ("video",)),
    "fingerspelling": Task("zoo.pipelines.fingerspelling.Fingerspelling", ("speller",), "letters", ("video", "image")),
    "gloss-to-video": Task(
        "zoo.pipelines.gloss_to_video.GlossToVideo", ("performer", "renderer"), "glosses", ("video",)
    ),
    "live-gloss": Task("zoo.pipelines.live_gloss.LiveGloss", ("reader",), "video", ("glosses",)),
    "round-trip": Task(
        "zoo.pipelines.round_trip.RoundTrip", ("translator", "renderer", "reader"), "text", ("text", "glosses")
    ),
}
"""Nothing outside it is ever imported; a spec names its task."""
