"""The page: its heading, its tabs, and how it looks."""

import html
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr

TITLE: Final = "Sign-language model zoo"
NOTE: Final = """\
All of this was generated or read by models that learnt from a signing avatar. **It was not reviewed by Deaf signers**:
do not learn signs from it, and do not rely on it to be understood."""
CSS: Final = Path(__file__).with_name("page.css")
KEPT: Final = 3600
"""Seconds for which a visitor's files stay."""
SWEPT: Final = 300
WAITING: Final = 40
"""Visitors whose work may wait at once; who comes then is told to come again."""
HEAVY: Final = {"concurrency_limit": 2, "concurrency_id": "heavy"}
"""Of events that keep a processor busy for seconds: all of them together leave the rest of the page its time."""

CAMERA: Final = {
    "sources": ["webcam"],
    "streaming": True,
    "webcam_options": gr.WebcamOptions(
        mirror=False, constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}}
    ),
    "elem_classes": "mirrored",
}
"""Of every camera: seen as in a mirror, and handed on as it is."""
MINUTES: Final = 10
"""For which a camera is watched without a break."""
CAMERAS: Final = 10
"""That are watched at once."""
WATCHED: Final = {
    "time_limit": 60 * MINUTES,
    "concurrency_limit": CAMERAS,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""Of events that take a camera's frames."""
NAMED: Final = """() => {
    const name = () => document.querySelectorAll("button:is(.capture-button, [aria-dropeffect])[aria-label]").forEach(
        button => button.removeAttribute("aria-label"));
    const changes = {childList: true, subtree: true, attributeFilter: ["aria-label"]};
    new MutationObserver(name).observe(document.body, changes);
    name();
}"""
"""So that gradio's buttons of cameras and uploads are called what stands on them, and not something else."""


def build(tabs: Mapping[str, Callable[[], None]]) -> Any:
    """The page, a `gradio.Blocks` with a queue of limited length; each of the tabs, by its title, is filled by a
    function that is called within it."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEPT, KEPT)) as page:
        gr.Markdown(f"# {TITLE}")
        gr.Markdown(NOTE, elem_id="note")
        with gr.Tabs():
            for title, fill in tabs.items():
                with gr.Tab(title, id=title):
                    fill()
        page.load(js=NAMED)
    return page.queue(max_size=WAITING, default_concurrency_limit=2)


def theme() -> Any:
    """Colours that the colour-blind can tell apart, and the system's own fonts, so that none is fetched."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        color_accent="*primary_600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
    )


def labelled(there: Mapping[str, bool]) -> list[tuple[str, str]]:
    """Choices of models, each with a word where it is not there; choosing that says how to get it."""
    return [(name if found else f"{name} (no weights yet)", name) for name, found in there.items()]


def answered(text: str) -> str:
    """A sentence that a screen reader reads out when it appears."""
    return f'<p role="status">{html.escape(text)}</p>'


def failed(error: Exception) -> str:
    """Why something could not be done, in a sentence; the traceback of a defect is the server's alone."""
    text = str(error)
    if not isinstance(error, ValueError):
        traceback.print_exception(error)
        text = "Something failed that should not have; whoever runs this page finds the reason in its terminal."
    return f'<p role="alert" class="failed">{html.escape(text)}</p>'
