"""A card as a reader of Markdown sees it: headings, sentences, links and code, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from zoo.card.document import CLOSE, OPEN

if TYPE_CHECKING:
    from markdown_it.token import Token

Area = Literal["prose", "evaluation", "generated"]
METADATA: Final = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
SOURCES: Final = re.compile(r"""\b(?:src|href)\s*=\s*["']([^"']*)["']""")
ANCHORS: Final = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']*)["']""")
BARE: Final = re.compile(r"[\d.,%\s-]+")
"""A code span that holds a number and nothing else."""
SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")


class Heading(NamedTuple):
    line: int
    level: int
    text: str
    area: Area


class Passage(NamedTuple):
    """A sentence, or a row of a table.

    text: code spans are left out, unless a number is all they hold.
    about: the same with its code spans, and of a row what stands at the head of its table: what it speaks of.
    """

    line: int
    text: str
    about: str
    area: Area


class Fence(NamedTuple):
    """A block of code; `line` is that of its first line of code."""

    line: int
    language: str
    code: str
    area: Area


class Row(NamedTuple):
    """A row of a table as it is written, cell by cell."""

    line: int
    cells: tuple[str, ...]
    area: Area


@dataclass(frozen=True)
class Page:
    """What stands in a card. Lines count from 1, as editors count them."""

    lines: list[str]
    headings: list[Heading]
    passages: list[Passage]
    fences: list[Fence]
    rows: list[Row]
    links: list[tuple[int, str]]
    anchors: frozenset[str]
    empty: list[Heading]
    """Headings with nothing below them."""


def read(text: str) -> Page:
    """Take a card apart as GitHub and the Hub read it: CommonMark with tables; metadata is skipped."""
    from markdown_it import MarkdownIt

    text = text.replace("\r\n", "\n")
    text = METADATA.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    areas = _areas(lines)
    page = Page(lines, [], [], [], [], [], frozenset(_slugs(tokens)), [])
    head = ""
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 0
        area = areas[line - 1] if line else "generated"
        if token.type == "fence":
            page.fences.append(Fence(line + 1, token.info.strip().lower(), token.content, area))
        elif token.type == "html_block":
            page.links.extend((line, source) for source in SOURCES.findall(token.content))
        elif token.type == "heading_open":
            page.headings.append(Heading(line, int(token.tag[1]), _plain(tokens[index + 1]), area))
            if _is_empty(tokens, index):
                page.empty.append(page.headings[-1])
        elif token.type == "tr_open":
            cells = _cells(tokens, index)
            page.rows.append(Row(line, tuple(cell.content for cell in cells), area))
            texts, abouts = zip(*map(_spoken, cells), strict=True)
            head = "  ".join(abouts) if tokens[index - 1].type == "thead_open" else head
            page.passages.append(Passage(line, "  ".join(texts), f"{head}  {'  '.join(abouts)}", area))
        elif token.type == "inline":
            page.links.extend(_links(token, line))
            if tokens[index - 1].type not in ("td_open", "th_open"):
                page.passages.extend(_passages(token, line, area))
    return page


def _areas(lines: list[str]) -> list[Area]:
    """Of each line: between the marks, below the heading Evaluation, or elsewhere."""
    found: list[Area] = []
    prose = evaluation = False
    for line in lines:
        if line.startswith(("# ", "## ")):
            evaluation = line.strip().lower() == "## evaluation"
        prose = (prose or line.strip() == OPEN) and line.strip() != CLOSE
        found.append("prose" if prose else "evaluation" if evaluation else "generated")
    return found


def _passages(token: "Token", line: int, area: Area) -> Iterator[Passage]:
    """The sentences of a paragraph, a heading or an item of a list."""
    text, about = _spoken(token)
    ends = [match.start() for match in SENTENCE.finditer(about)]
    for start, end in zip([0, *ends], [*ends, len(about)], strict=True):
        yield Passage(line + about.count("\n", 0, start), text[start:end], about[start:end], area)


def _spoken(token: "Token") -> tuple[str, str]:
    """The text of an inline token, once with blanks for code spans and once with them; both of the same length."""
    text, about = "", ""
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            code = child.type == "code_inline" and not BARE.fullmatch(child.content)
            text += " " * len(child.content) if code else child.content
            about += child.content
        elif child.type in ("softbreak", "hardbreak"):
            text, about = f"{text}\n", f"{about}\n"
    return text, about


def _links(token: "Token", line: int) -> Iterator[tuple[int, str]]:
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "link_open":
            yield line, str(child.attrGet("href"))
        elif child.type == "image":
            yield line, str(child.attrGet("src"))
        elif child.type == "html_inline":
            yield from ((line, source) for source in SOURCES.findall(child.content))


def _cells(tokens: "list[Token]", index: int) -> "list[Token]":
    """Of the row that starts at `index`."""
    end = next(place for place in range(index, len(tokens)) if tokens[place].type == "tr_close")
    return [token for token in tokens[index:end] if token.type == "inline"]


def _is_empty(tokens: "list[Token]", index: int) -> bool:
    """A heading without text, or one that nothing follows but a heading that is not below it."""
    if not tokens[index + 1].content.strip():
        return True
    for token in tokens[index + 3 :]:
        if token.type == "heading_open":
            return token.tag <= tokens[index].tag
        if token.type != "html_block" or not re.fullmatch(r"\s*<!--.*-->\s*", token.content, re.DOTALL):
            return False
    return True


def _plain(token: "Token") -> str:
    kept = ("text", "code_inline")
    return "".join(child.content for child in token.children or [] if child.type in kept)


def _slugs(tokens: "list[Token]") -> Iterator[str]:
    """The anchors of headings as GitHub makes them, and those in HTML."""
    counts: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", _plain(tokens[index + 1]).strip().lower()).replace(" ", "-")
            count = counts.get(slug, 0)
            counts[slug] = count + 1
            yield f"{slug}-{count}" if count else slug
        elif token.type == "html_block" or token.type == "inline":
            yield from ANCHORS.findall(token.content)
