"""The tab that shows what the zoo has."""

import gradio as gr

from zoo.app.models import Models


def tab(models: Models) -> None:
    """Models, their cards, and where their weights come from."""
    gr.Markdown("Zoo")
