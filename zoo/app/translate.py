"""The tab that translates a text into a video of signing, take by take."""

import inspect
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gradio as gr
import numpy as np

from datamodules.media.video import Frame, write_video
from datamodules.poses.conversion import to_joints, to_pose
from datamodules.poses.formats import write_pose
from zoo.app import uploads
from zoo.app.models import Models, names
from zoo.app.page import HEAVY, answered, failed, labelled
from zoo.pipelines.text_to_video import each, signable
from zoo.results.formatting import duration

PIPELINE: Final = "text-to-video"
OFTEN: Final = 0.25
"""Seconds between two reports of progress."""
SEEDS: Final = 2**31 - 1

Tell = Callable[[float, str], object]


@dataclass(frozen=True)
class Take:
    """What a text became: files of a folder whose name nobody guesses, and a sentence on how it was made."""

    video: str
    pose: str
    said: str


class Cancelled(Exception):
    """The visitor no longer wants it."""


class Translations:
    """Translates for all visitors, one take at a time for each, and learns meanwhile how long a frame takes."""

    def __init__(self, models: Models, folder: Callable[[], Path]) -> None:
        """folder: that of the files of all visitors."""
        self._models, self._folder = models, folder
        self._guard = threading.Lock()
        self._paces: dict[str, float] = {}
        self._stops: dict[str, threading.Event] = {}

    def seeded(self, *components: str) -> bool:
        """Whether one of them leaves something to chance, so that takes differ."""
        opened = map(self._models.model, components)
        return any("seed" in inspect.signature(getattr(one, one.verb)).parameters for one in opened)

    def cancel(self, visitor: str) -> None:
        """End what is being made for a visitor, if anything is."""
        with self._guard:
            if stop := self._stops.get(visitor):
                stop.set()

    def take(self, visitor: str, text: str, translator: str, renderer: str, seed: int, tell: Tell) -> Take:
        """Translate a text and render it; `tell` hears what share is done, and how long the rest will take.

        Raises ValueError, which a visitor understands, and Cancelled.
        """
        pieces = signable(uploads.text(text))
        with self._guard:
            stop = self._stops[visitor] = threading.Event()
        try:
            return self._made(pieces, text, translator, renderer, seed, stop, tell)
        finally:
            with self._guard:
                self._stops.pop(visitor, None)

    def _made(
        self,
        pieces: list[str],
        text: str,
        translator: str,
        renderer: str,
        seed: int,
        stop: threading.Event,
        tell: Tell,
    ) -> Take:
        tell(0.0, f"opening {translator} and {renderer}")
        stages = self._models.pipeline(PIPELINE, translator=translator, renderer=renderer).components
        start, left_out = time.perf_counter(), list[str]()
        pose = _pose(stages["translator"], pieces, left_out)
        folder = self._folder() / secrets.token_urlsafe(16)
        folder.mkdir()
        stem = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "signing"
        video, total = folder / f"{stem}.mp4", len(pose.body.data)
        write_pose(folder / f"{stem}.pose", pose)
        render = stages["renderer"].stream
        chance = {"seed": seed} if "seed" in inspect.signature(render).parameters else {}
        write_video(video, self._watched(render(pose, **chance), total, renderer, stop, tell), pose.body.fps)
        took = time.perf_counter() - start
        said = f"{total} frames, {total / pose.body.fps:.1f} seconds of signing, made in {duration(took)}."
        return Take(str(video), str(video.with_suffix(".pose")), " ".join([said, *left_out]))

    def _watched(
        self, frames: Iterator[Frame], total: int, renderer: str, stop: threading.Event, tell: Tell
    ) -> Iterator[Frame]:
        """The frames, until it is enough; meanwhile, how long the rest will take by what was rendered so far."""
        start = told = time.perf_counter()
        pace = self._paces.get(renderer)
        for done in range(total + 1):
            if stop.is_set():
                raise Cancelled
            now = time.perf_counter()
            if done and now - start > 1:
                pace = (now - start) / done
            if done == 0 or now - told > OFTEN:
                rest = f", about {duration(pace * (total - done))} left" if pace else ""
                tell(done / total, f"frame {done} of {total}{rest}")
                told = now
            if (frame := next(frames, None)) is None:
                break
            yield frame
        self._paces[renderer] = (time.perf_counter() - start) / max(total, 1)


def _pose(translator: Any, pieces: list[str], left_out: list[str]) -> Any:
    """The pose of all sentences, one after another; what cannot be signed is left out, and said."""

    def translated(piece: str) -> Any:
        try:
            return translator.translate(piece)
        except ValueError as error:
            left_out.append(f"Left out: {error}.")
            raise

    poses = list(each(iter(pieces), translated))
    return to_pose(np.concatenate([to_joints(pose) for pose in poses]), poses[0].body.fps)


def tab(models: Models) -> None:
    """Text in; out come a video that plays, the same as a `.pose`, and the takes so far to compare."""
    translations = Translations(models, lambda: Path(gr.utils.get_upload_folder()))
    gr.Markdown("English text to a video of somebody who signs it.")
    with gr.Row():
        with gr.Column():
            text = gr.Textbox(
                "Hello, my name is Anna.",
                label="Text",
                info=f"English sentences, {uploads.CHARACTERS:,} characters at most; unknown words are spelled.",
                lines=3,
                max_length=uploads.CHARACTERS,
            )
            translator = gr.Radio(labelled(names("text", "pose")), value="asl-slp", label="Translator")
            renderer = gr.Radio(labelled(names("pose", "video")), value="drawing", label="Renderer")
            seed = gr.Number(0, label="Seed", info="Another one, another take.", precision=0, visible=False)
            with gr.Row():
                start = gr.Button("Translate", variant="primary")
                stop = gr.Button("Cancel")
            said = gr.HTML(answered("Nothing was translated yet."))
        with gr.Column():
            video = gr.Video(show_label=False, interactive=False, buttons=[], elem_id="translated")
            with gr.Row():
                mp4 = gr.DownloadButton("Download .mp4", interactive=False)
                pose = gr.DownloadButton("Download .pose", interactive=False)
            takes = gr.Radio([], label="Takes so far", visible=False)
    made = gr.State({}, time_to_live=3600)

    def translate(
        text: str,
        translator: str,
        renderer: str,
        number: float,
        before: dict[str, Take],
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008  # gradio looks for it here
    ) -> Any:
        try:
            seed = int(number or 0) % SEEDS
            visitor = str(request.session_hash)
            take = translations.take(visitor, text, translator, renderer, seed, lambda *told: progress(*told))
        except Exception as error:
            return {said: failed(error) if not isinstance(error, Cancelled) else answered("Cancelled.")}
        chance = f", seed {seed}" if translations.seeded(translator, renderer) else ""
        name = f"{len(before) + 1}: {text.strip()[:30]} ({translator}, {renderer}{chance})"
        taken = {**before, name: take}
        return {
            said: answered(take.said),
            made: taken,
            takes: gr.Radio(list(taken), value=name, visible=True),
            **show(take),
        }

    def show(take: Take) -> dict[Any, Any]:
        return {
            video: take.video,
            mp4: gr.DownloadButton(value=take.video, interactive=True),
            pose: gr.DownloadButton(value=take.pose, interactive=True),
        }

    def cancel(request: gr.Request) -> str:
        translations.cancel(str(request.session_hash))
        return answered("Cancelled.")

    def leave(request: gr.Request) -> None:
        translations.cancel(str(request.session_hash))

    def compare(name: str, taken: dict[str, Take]) -> Any:
        return {said: answered(taken[name].said), **show(taken[name])}

    def choose(translator: str, renderer: str) -> Any:
        try:
            return {seed: gr.Number(visible=translations.seeded(translator, renderer))}
        except Exception as error:
            return {said: failed(error), seed: gr.Number(visible=False)}

    inputs, outputs = [text, translator, renderer, seed, made], [said, made, takes, video, mp4, pose]
    asked = start.click(translate, inputs, outputs, show_progress_on=[video], api_name="translate", **HEAVY)
    stop.click(cancel, None, said, queue=False, cancels=[asked])
    takes.input(compare, [takes, made], [said, video, mp4, pose], queue=False)
    gr.on([translator.input, renderer.input], choose, [translator, renderer], [seed, said])
    gr.context.Context.root_block.unload(leave)
