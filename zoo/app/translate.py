"""The tab that translates a text into a video of signing."""

import gradio as gr

from zoo.app.models import Models


def tab(models: Models) -> None:
    """Text in, video out."""
    gr.Markdown("Translate")
