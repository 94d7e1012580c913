"""The tab that reads signs: of a camera while it runs, or of a file."""

import html
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import gradio as gr

from datamodules.features.bundles import HAND, POSE, lying_here
from datamodules.files import write_json
from zoo.app import shown, uploads
from zoo.app.live import Answer, Sessions, watch
from zoo.app.models import Models, names
from zoo.app.page import CAMERA, HEAVY, MINUTES, WATCHED, answered, failed, labelled
from zoo.loaders.recognition.gloss_reader import GlossReader
from zoo.loaders.recognition.sightings import Sighting, changes

LANDMARKS: Final = "gloss-landmarks"
SLOWER: Final = "gloss-classifier"
EVERY: Final = 0.1
"""Seconds between two frames, where answers are as quick as that."""
OFTEN: Final = 0.25
"""Seconds between two reports on a file."""


def lacking() -> str | None:
    """What MediaPipe lacks here to find landmarks, and how to get it; None where nothing does."""
    if find_spec("mediapipe") is None:
        return f"{LANDMARKS} needs MediaPipe: pip install 'sign-zoo[landmarks]'. {SLOWER} does without."
    if lying_here(POSE) and lying_here(HAND):
        return None
    return (
        f"{LANDMARKS} needs MediaPipe's models, 17 MB: `python -m zoo run {LANDMARKS} VIDEO -o glosses.json` fetches "
        f"them once, or put {POSE.name} and {HAND.name} into the folder $ZOO_MODELS. {SLOWER} does without."
    )


def tab(models: Models) -> None:
    """A camera or a file in; out come glosses, how likely they are, and which moments counted."""
    sessions, without = Sessions(), lacking()

    def reader(name: str) -> GlossReader[Any]:
        """Raises ValueError, which says how to get it, for one that is not there."""
        if name == LANDMARKS and (without := lacking()):
            raise ValueError(without)
        opened: GlossReader[Any] = models.model(name)
        return opened

    def usual(name: str) -> float:
        """The threshold of a reader; of one that is not there, any."""
        try:
            return reader(name).threshold
        except ValueError:
            return GlossReader.threshold

    gr.Markdown("Single signs, read while they are signed. Not reviewed by Deaf signers.")
    with gr.Row():
        with gr.Column():
            name = gr.Radio(
                labelled(names("video", "glosses")),
                value=SLOWER if without else LANDMARKS,
                label="Reader",
                info=without or f"{LANDMARKS} is the quick one; {SLOWER} needs a quicker machine.",
            )
            threshold = gr.Slider(
                0.1,
                1.0,
                GlossReader.threshold,
                step=0.05,
                label="Threshold",
                info="The probability from which a gloss is shown; each reader begins with its own.",
            )
            with gr.Tabs():
                with gr.Tab("Camera") as before_camera:
                    camera = gr.Image(label="Camera", elem_id="camera", **CAMERA)
                    gr.Markdown(
                        "Show head, shoulders and both hands. You see yourself as in a mirror; the reader does not. "
                        f"After {MINUTES} minutes the camera stops; start it again if you like."
                    )
                with gr.Tab("File"):
                    video = gr.Video(label="Video", sources=["upload"], elem_id="watched")
                    gr.Markdown(f"At most {uploads.MEGABYTES} MB and {uploads.SECONDS:.0f} seconds.")
                    start = gr.Button("Read the signs", variant="primary")
        with gr.Column():
            headline = gr.HTML(answered("Nothing was seen yet. The first answer takes some seconds."), elem_id="seen")
            detail = gr.HTML(elem_id="detail")
            heat = gr.Image(
                show_label=False,
                alt_text="Frames, which moments counted, and how likely the best gloss was, over seconds",
                interactive=False,
                buttons=[],
                visible=False,
            )
            with gr.Row():
                png = gr.DownloadButton("Download .png", visible=False)
                written = gr.DownloadButton("Download .json", visible=False)
    with gr.Accordion("The signs that it knows", open=False) as accordion:
        known = gr.HTML()

    def live(frame: Any, name: str, threshold: float, request: gr.Request) -> Any:
        if frame is None:
            return gr.skip(), gr.skip()
        try:
            session = sessions.of(str(request.session_hash), reader(name))
            answer = session.push(frame, threshold)
        except Exception as error:
            return failed(error), ""
        return told(answer, session.windows) if answer else (gr.skip(), gr.skip())

    def without_files() -> dict[Any, Any]:
        hidden = {button: gr.DownloadButton(visible=False) for button in (png, written)}
        return {heat: gr.Image(visible=False), **hidden}

    def read(path: str, name: str, threshold: float) -> Iterator[dict[Any, Any]]:
        try:
            film, reported = uploads.video(path), 0.0
            yield {headline: answered(f"Opening {name}."), detail: "", **without_files()}
            for answer, drawing in watch(reader(name), film, threshold):
                if time.monotonic() - reported > OFTEN:
                    reported = time.monotonic()
                    yield dict(zip((headline, detail), told(answer, drawing.windows), strict=True))
        except Exception as error:
            yield {headline: failed(error), detail: "", **without_files()}
            return
        folder = Path(gr.utils.get_upload_folder()) / secrets.token_urlsafe(16)
        folder.mkdir()
        drawing.write(folder / "heat-map.png")
        seen = list(changes(drawing.windows))
        write_json(folder / "glosses.json", {"video": film.name, "glosses": list(map(asdict, seen))})
        yield {
            headline: _read(seen),
            detail: "",
            heat: gr.Image(str(folder / "heat-map.png"), visible=True),
            png: gr.DownloadButton(value=str(folder / "heat-map.png"), visible=True),
            written: gr.DownloadButton(value=str(folder / "glosses.json"), visible=True),
        }

    def vocabulary(name: str) -> str:
        try:
            return f"<p>{', '.join(map(html.escape, sorted(reader(name).glosses)))}</p>"
        except Exception as error:
            return failed(error)

    camera.stream(
        live,
        [camera, name, threshold],
        [headline, detail],
        stream_every=EVERY,
        **WATCHED,
    )
    start.click(read, [video, name, threshold], [headline, detail, heat, png, written], show_progress="hidden", **HEAVY)
    begins = [gr.context.Context.root_block.load, name.input]
    gr.on(begins, usual, name, threshold, queue=False, show_progress="hidden", trigger_mode="always_last")
    before_camera.select(without_files, None, [heat, png, written], queue=False)
    gr.on([accordion.expand, name.input], vocabulary, name, known, show_progress="hidden")


def told(answer: Answer, windows: list[Sighting]) -> tuple[str, str]:
    """The headline of an answer, and all that there is to say beside it."""
    guesses = shown.ranking((guess.gloss, guess.probability) for guess in answer.guesses)
    sighting = answer.sighting
    took = "" if sighting.state == "no sign" else shown.latency(sighting.latency)
    return shown.headline(sighting), took + shown.timeline(windows) + guesses


def _read(seen: list[Sighting]) -> str:
    """Which signs a file showed, in order."""
    glosses = [sighting.gloss for sighting in seen if sighting.gloss]
    return answered(f"Signs in this video: {', '.join(glosses)}." if glosses else "No sign was seen in this video.")
