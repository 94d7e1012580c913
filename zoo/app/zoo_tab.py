"""The tab that shows what the zoo has: models, their cards, what was measured, and where their weights come from."""

import base64
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

import gradio as gr

from zoo.app.models import Models
from zoo.app.page import failed
from zoo.card import prose, records
from zoo.card.listing import Listed, weight_bytes
from zoo.card.page import METADATA
from zoo.results.formatting import quantity
from zoo.results.rows import data_note
from zoo.results.tables import tables, testing
from zoo.spec.registry import list_models, list_pipelines, locate
from zoo.spec.spec import read

COMMENTS: Final = re.compile(r"<!--.*?-->", re.DOTALL)
PICTURES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
FIRST: Final = "asl-slp"


def overview() -> str:
    """All models in a table and all pipelines in another, as HTML."""
    rows = []
    for model in map(Listed.of, list_models()):
        size = quantity(weight_bytes(model.opened), "B").replace(" ", "\u00a0") if model.opened else ""
        rows.append([f"`{model.name}`", model.summary, "; ".join(filter(None, (_short_origin(model), size)))])
    pipelines = []
    for name in list_pipelines():
        spec = read(locate(name))
        stages = ", ".join(f"{role} `{component}`" for role, component in spec["stages"].items() if component)
        pipelines.append([f"`{name}`", str(spec["summary"]), stages])
    models = _table(["model", "what it does", "weights"], rows)
    below = _table(["pipeline", "what it does", "stages"], pipelines)
    return html(f"# Models\n\n{models}\n\n# Pipelines\n\n{below}", Path())


def shown(name: str) -> str:
    """A model as HTML: what it is, where its weights come from, what was measured, and its card.

    Raises ValueError for a name that is no model's, and for records that cannot be read.
    """
    if name not in list_models():
        raise ValueError(f"{name[:40]!r} is no model of the zoo: choose one of the list.")
    model = Listed.of(name)
    parts = [f"# {model.name}", model.summary + ".", f"**Weights.** {origin(model)}"]
    folder = model.opened
    if folder is None:
        return html("\n\n".join([*parts, prose(name)]), Path())
    found = records(folder)
    parts += [data_note(found["provenance"]), *measured(found)]
    card = (folder / "README.md").read_text(encoding="utf-8")
    whole = f'<details class="card"><summary>Model card of {escape(name)}</summary>{html(card, folder)}</details>'
    return html("\n\n".join(parts), folder) + whole


def origin(model: Listed) -> str:
    """Where the weights of a model come from, or how to get some."""
    if model.revision:
        there = (
            "which is here" if model.cached else f"which `python -c 'import zoo; zoo.load(\"{model.name}\")'` fetches"
        )
        return f"From the Hugging Face Hub, `{model.repo_id}` at `{model.revision[:12]}`, {there}."
    train = f"`python -m zoo fit {model.name}` trains it on the real data"
    if model.starter:
        return f"A starter, {quantity(weight_bytes(model.starter), 'B')}, comes with the package; {train}."
    return f"None yet. `python -m zoo fit {model.name} --starter` trains a small one on the signing avatar, {train}."


def measured(found: dict[str, Any]) -> Iterator[str]:
    """The tables of what was measured of an artefact, in Markdown, by its records."""
    results = found["results"]
    if not results:
        yield "Nothing was measured of these weights."
        return
    yield "## Measured"
    yield testing(results, found["provenance"])
    for table in tables(results):
        if table["protocol"]:
            yield f"Protocol: {table['protocol']}"
        yield _table(table["columns"], table["rows"])


def html(markdown: str, folder: Path) -> str:
    """Markdown as HTML in which nothing is fetched: pictures of `folder` are part of it, others and HTML left out, for
    they may be anybody's. Wide tables are scrolled."""
    from markdown_it import MarkdownIt

    text = COMMENTS.sub("", METADATA.sub("", markdown.replace("\r\n", "\n")))
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", lambda _, tokens, index, *rest: _picture(tokens[index], folder))
    parser.add_render_rule(
        "table_open", lambda *_: '<div class="wide" role="region" aria-label="Table" tabindex="0"><table>'
    )
    parser.add_render_rule("table_close", lambda *_: "</table></div>")
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # below the heading of the page
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    return f'<div class="text">{parser.renderer.render(tokens, parser.options, {})}</div>'


def _picture(token: Any, folder: Path) -> str:
    path, what = folder / str(token.attrGet("src")), escape(token.content)
    inside = path.resolve().is_relative_to(folder.resolve()) and path.suffix in PICTURES and path.is_file()
    if not inside:
        return f"<em>{what}</em>"
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{what}" src="data:{PICTURES[path.suffix]};base64,{data}">'


def _short_origin(model: Listed) -> str:
    if model.revision:
        return "Hub" if model.cached else "Hub, not fetched yet"
    return "starter" if model.starter else "none yet"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tab(models: Models) -> None:
    """The table of all, and one of them from near."""
    gr.HTML(overview())
    name = gr.Dropdown(list_models(), value=FIRST, label="Model", info="Its scores, its card and its weights.")
    said = gr.HTML(shown(FIRST), elem_id="model")

    def choose(name: str) -> str:
        try:
            return shown(name)
        except Exception as error:
            return failed(error)

    name.input(choose, name, said, queue=False)
