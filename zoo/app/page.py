"""The page: its heading, its tabs, and how it looks."""

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


def build(tabs: Mapping[str, Callable[[], None]]) -> Any:
    """The page, a `gradio.Blocks` with a queue of limited length; each of the tabs, by its title, is filled by a
    function that is called within it."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEPT, KEPT)) as page:
        gr.Markdown(f"# {TITLE}")
        gr.Markdown(NOTE, elem_classes="note")
        with gr.Tabs():
            for title, fill in tabs.items():
                with gr.Tab(title, id=title):
                    fill()
    return page.queue(max_size=WAITING, default_concurrency_limit=2)


def theme() -> Any:
    """Colours that the colour-blind can tell apart, and the system's own fonts, so that none is fetched."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
