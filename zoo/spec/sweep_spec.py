"""A sweep's spec: a base and the rows of a table, each a set of overrides of it. No torch."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from zoo.spec.interpolation import BOUNDLESS, boundless, resolvers
from zoo.spec.problems import Problem, SpecError, key_problems, nearest
from zoo.spec.registry import list_trained, locate
from zoo.spec.spec import OVERRIDABLE, RESOLVER_REFUSED, read, strings

SECTIONS: Final = ("name", "summary", "base", "shared", "rows", "starter", "compare", "published")
REQUIRED: Final = ("name", "summary", "base", "rows", "compare")
PUBLISHED: Final = ("source", "columns", "rows")
LONGEST_NAME: Final = 60


@dataclass(frozen=True)
class Layer:
    """Overrides that stand in one place of a sweep's file.

    where: that place, as in "rows.Just Counter".
    overrides: dotted keys with YAML values, as the command line has them: "model.width=16".
    """

    where: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """A sweep's spec that is well formed; whether its rows are good specs is told by `zoo.sweep.rows`.

    base: the file of the spec that is varied. base_name: how a command line names it.
    compare: keys of results.json, the columns of the table.
    published: `source`, `columns` and `rows` of figures that others reported; empty where there are none.
    """

    file: Path
    name: str
    summary: str
    base: Path
    base_name: str
    shared: Layer
    starter: Layer
    rows: dict[str, Layer]
    compare: tuple[str, ...]
    published: dict[str, Any]

    def layers(self, row: str, starter: bool) -> list[Layer]:
        """What a row sets on top of its base and of its base's starter, the last word last."""
        return [self.shared, *([self.starter] if starter else []), self.rows[row]]


def is_sweep(raw: dict[str, Any]) -> bool:
    """Whether what `zoo.spec.spec.read` found is meant as a sweep's."""
    return "rows" in raw and "model" not in raw


def read_sweep(path: Path) -> Sweep:
    """The sweep in a file. Raises SpecError with every problem of its own keys."""
    raw = read(path)
    if not is_sweep(raw):
        raise SpecError(
            [Problem(str(path), "", "no sweep: it has no `rows`; `python -m zoo fit` trains a single spec")]
        )
    if found := list(structure(raw, path)):
        raise SpecError(found)
    base, base_name = _base(raw["base"], path)
    return Sweep(
        file=path,
        name=raw["name"],
        summary=raw["summary"],
        base=base,
        base_name=base_name,
        shared=Layer("shared", tuple(flattened(raw.get("shared") or {}))),
        starter=Layer("starter", tuple(flattened(raw.get("starter") or {}))),
        rows={name: Layer(f"rows.{name}", tuple(flattened(block or {}))) for name, block in raw["rows"].items()},
        compare=tuple(raw["compare"]),
        published=raw.get("published") or {},
    )


def flattened(block: dict[str, Any]) -> Iterator[str]:
    """Nested overrides as a command line gives them one by one: `model: {init_args: {width: 16}}` as "model.width=16".

    A class comes before its arguments, since to change it forgets the old one's.
    """
    for section, content in block.items():
        for keys, value in _leaves(content, (section,)):
            if section in ("model", "data") and keys[1:2] == ("init_args",) and len(keys) > 2:
                keys = (section, *keys[2:])
            yield f"{'.'.join(keys)}={_inline(value)}"


def _leaves(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value and all(isinstance(key, str) and re.fullmatch(r"\w+", key) for key in value):
        for key in sorted(value, key=lambda key: key != "class_path"):
            yield from _leaves(value[key], (*keys, key))
    else:
        yield keys, value


def _inline(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()


def _base(target: str, path: Path) -> tuple[Path, str]:
    """A shipped spec's name, or a file beside the sweep. Raises ValueError."""
    if target in list_trained():
        return locate(target), target
    file = path.parent / target
    if not file.is_file():
        raise ValueError(f"found {target!r}, which is neither a model nor a file here{nearest(target, list_trained())}")
    return file, str(file)


def structure(raw: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Everything wrong with a sweep's own keys; the values of overrides are held against their base elsewhere."""
    source = str(path)
    yield from key_problems(raw, source, REQUIRED, SECTIONS)
    for key, text in strings(raw):
        if resolvers(text):
            yield Problem(source, key, RESOLVER_REFUSED)
    if (endless := boundless(raw)) is not None:
        yield Problem(source, endless, BOUNDLESS)
    for key in ("name", "summary", "base"):
        if key in raw and not is_line(raw[key]):
            yield Problem(source, key, f"found {raw[key]!r}, expected a line of text")
    if is_line(raw.get("name")) and raw["name"] != path.stem:
        yield Problem(source, "name", f"found {raw['name']!r}, expected {path.stem!r}, the name of the file")
    if is_line(raw.get("base")):
        try:
            _base(raw["base"], path)
        except ValueError as error:
            yield Problem(source, "base", str(error))
    for section in ("shared", "starter"):
        yield from _overrides(raw.get(section), section, source)
    if "rows" in raw:
        yield from _rows(raw["rows"], source)
    if "compare" in raw:
        yield from _compare(raw["compare"], source)
    if raw.get("published") is not None:
        yield from _published(raw["published"], raw.get("rows"), source)


def _rows(rows: Any, source: str) -> Iterator[Problem]:
    if not isinstance(rows, dict) or not rows:
        yield Problem(source, "rows", f"found {rows!r}, expected a mapping from the name of each row to its overrides")
        return
    for name, block in rows.items():
        if not is_line(name) or len(name) > LONGEST_NAME:
            expected = f"a name of at most {LONGEST_NAME} letters in a line"
            yield Problem(source, "rows", f"found {name!r}, expected {expected}")
            continue
        yield from _overrides(block, f"rows.{name}", source)


def _overrides(block: Any, where: str, source: str) -> Iterator[Problem]:
    if block is None:
        return
    if not isinstance(block, dict):
        yield Problem(source, where, f"found {block!r}, expected a mapping of model, data and trainer overrides")
        return
    for section, content in block.items():
        key = f"{where}.{section}"
        if section not in OVERRIDABLE:
            yield Problem(source, key, f"unknown key{nearest(str(section), OVERRIDABLE)}")
        elif section != "seed" and (not isinstance(content, dict) or not content):
            yield Problem(source, key, f"found {content!r}, expected a mapping")
        elif section in ("model", "data"):
            for name in (name for name in content if name not in ("class_path", "init_args")):
                yield Problem(source, f"{key}.{name}", "unknown key; arguments of a class stand under `init_args`")
            if "init_args" in content and not isinstance(content["init_args"], dict):
                yield Problem(source, f"{key}.init_args", f"found {content['init_args']!r}, expected a mapping")


def _compare(keys: Any, source: str) -> Iterator[Problem]:
    if not isinstance(keys, list) or not keys or not all(map(is_line, keys)):
        yield Problem(source, "compare", f"found {keys!r}, expected a list of keys of results.json, such as [dtw_p]")
    else:
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield Problem(source, "compare", f"{key!r} stands there twice")


def _published(block: Any, rows: Any, source: str) -> Iterator[Problem]:
    if not isinstance(block, dict):
        yield Problem(source, "published", f"found {block!r}, expected a mapping of {', '.join(PUBLISHED)}")
        return
    for key in (key for key in PUBLISHED if key not in block):
        yield Problem(source, f"published.{key}", "missing")
    for key in (key for key in block if key not in PUBLISHED):
        yield Problem(source, f"published.{key}", f"unknown key{nearest(str(key), PUBLISHED)}")
    columns, figures = block.get("columns"), block.get("rows")
    if "source" in block and not is_line(block["source"]):
        yield Problem(source, "published.source", f"found {block['source']!r}, expected who reported the figures")
    if "columns" in block and not (isinstance(columns, list) and columns and all(map(is_line, columns))):
        yield Problem(source, "published.columns", f"found {columns!r}, expected a list of names")
        return
    if "rows" in block and not isinstance(figures, dict):
        yield Problem(source, "published.rows", f"found {figures!r}, expected a mapping from rows to their figures")
    if not isinstance(columns, list) or not isinstance(figures, dict):
        return
    for name, values in figures.items():
        if isinstance(rows, dict) and name not in rows:
            yield Problem(source, f"published.rows.{name}", f"no such row{nearest(str(name), map(str, rows))}")
        numbers = isinstance(values, list) and all(map(_is_number, values))
        if not numbers or len(values) != len(columns):
            expected = f"{len(columns)} numbers, one a column"
            yield Problem(source, f"published.rows.{name}", f"found {values!r}, expected {expected}")


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def is_line(value: Any) -> bool:
    """Whether it is text that fits in a line, without characters that steer a terminal."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()
