"""`python -m zoo export`: a part of a model as a file of ONNX, which onnxruntime runs without the zoo and PyTorch.

What the file computes is compared with the model before it is there: one that differs is not left behind.
"""

import io
import json
import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import zoo
from datamodules.files import atomic
from zoo.artefacts.hub import OnHub
from zoo.artefacts.resolve import Artefact, find, opened
from zoo.card.licences import licence_of
from zoo.files import read_json
from zoo.loaders import loader_class
from zoo.spec.registry import list_models, locate
from zoo.spec.spec import read

if TYPE_CHECKING:
    from onnx import ModelProto

    from zoo.loaders.exportable import Exportable, Part

OPSET: Final = 18
"""The one that PyTorch's exporter writes by itself; onnxruntime reads it since 1.14."""
TOLERANCE: Final = 1e-4
"""How much what the file computes may differ, in any number of its output."""
MOST: Final = 2_000_000_000
"""Bytes of weights; a file of ONNX that holds more cannot be read."""
NEEDED: Final = ("onnx", "onnxruntime", "onnxscript")


def export(name: str, out: Path, part: str | None = None, weights: str | None = None) -> dict[str, float]:
    """Write a part of a model, its first unless one is named, and return how much it differs, by kind of input.

    name, weights: as `zoo.load` takes them.

    Raises:
        ValueError: a model or part that cannot be exported, a file that would differ from the model by more than
            `TOLERANCE`, packages that are missing, and what `zoo.load` raises.
        OSError: a file that cannot be written.
    """
    if out.suffix != ".onnx":
        raise ValueError(f"{out}: expected a path that ends in .onnx")
    if missing := [package for package in NEEDED if find_spec(package) is None]:
        raise ValueError(f"export needs {', '.join(missing)}: pip install 'sign-zoo[export]'")
    artefact = find(name, weights)
    config = artefact.config()
    parts = _parts(artefact, config)
    part = parts[0] if part is None else part
    if part not in parts:
        raise ValueError(f"{name}: found no part {part!r} to export, expected {' or '.join(parts)}")
    loader = cast("Exportable", opened(artefact))
    found = loader.part(part)
    return write_onnx(found, out, {"part": part, **_about(artefact, config)})


def _parts(artefact: Artefact, config: Mapping[str, Any]) -> list[str]:
    """What can be exported of an artefact. Raises ValueError where nothing can."""
    loader = loader_class(config["architecture"])
    if not hasattr(loader, "parts"):
        able = [name for name in list_models() if hasattr(loader_class(read(locate(name))["architecture"]), "parts")]
        raise ValueError(
            f"{artefact.name}: architecture {config['architecture']!r} cannot be exported; of the zoo's models "
            f"{', '.join(able)} can"
        )
    return list(cast("type[Exportable]", loader).parts(config))


def write_onnx(part: "Part", out: Path, about: Mapping[str, Any]) -> dict[str, float]:
    """Write a part, and `about` it and the rest into the file; returns how much it differs, by kind of input.

    Raises ValueError, and leaves what was at `out`, for one that differs by more than `TOLERANCE` and for one that is
    too large for a file.
    """
    size = sum(value.nbytes for value in part.module.state_dict().values())
    if size > MOST:
        raise ValueError(f"{out}: found weights of {size:,} bytes, expected at most {MOST:,} in a file of ONNX")
    import onnx

    model = _traced(part)
    inputs = {f"input.{entry.name}": entry.made for entry in part.inputs}
    facts = {**about, **inputs, **part.about, "made by": f"sign-zoo {zoo.__version__}"}
    words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()}
    onnx.helper.set_model_props(model, words)
    with atomic(out) as file:
        onnx.save(model, file)
        found = _differences(part, file)
        worst = max(found, key=lambda kind: (math.isnan(found[kind]), found[kind]))
        if not found[worst] <= TOLERANCE:
            raise ValueError(
                f"{out}: not written, since its {part.output} would differ from the model's by {found[worst]:.2g} for "
                f"{worst}, expected at most {TOLERANCE:g}; please report it, with the output of `python -m zoo doctor`"
            )
    return found


def _traced(part: "Part") -> "ModelProto":
    """The graph of a part with its weights, and without what the tracing leaves in it of this machine's paths."""
    import torch

    example = next(iter(part.examples.values()))
    with _silent():
        program = torch.onnx.export(
            part.module.eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=[entry.name for entry in part.inputs],
            output_names=[part.output],
            dynamic_shapes=tuple(dict(entry.free) for entry in part.inputs),
            verbose=False,
        )
    assert program is not None
    model: ModelProto = program.model_proto
    graph = model.graph
    for thing in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer, graph, model):
        del thing.metadata_props[:]
        thing.doc_string = ""
    return model


def _differences(part: "Part", file: Path) -> dict[str, float]:
    """The largest difference between what a file and a part make of each of the part's examples."""
    import numpy as np
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(os.fspath(file), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in part.inputs]
    found = {}
    for kind, example in part.examples.items():
        with torch.inference_mode():
            expected = part.module(*example).numpy()
        (made,) = session.run(None, dict(zip(names, (value.numpy() for value in example), strict=True)))
        same = made.shape == expected.shape and made.dtype == expected.dtype
        found[kind] = float(np.abs(made - expected).max()) if same else float("inf")
    return found


@contextmanager
def _silent() -> Iterator[None]:
    """Without what PyTorch's exporter says of itself: packages that it looks for, and its own deprecated calls."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _about(artefact: Artefact, config: Mapping[str, Any]) -> dict[str, str]:
    """What a file says of the artefact that it was made from; its licence is "unknown" where none follows."""
    folder = artefact.folder()
    record, spec = folder / "provenance.json", folder / "spec.yaml"
    facts = {"name": folder.name, "architecture": config["architecture"], "licence": "unknown"}
    if record.is_file():
        provenance = read_json(record)
        facts |= {"name": provenance["name"], "revision": f"run {provenance['run']}"}
        try:
            licence = licence_of(dict(config), provenance, read(spec).get("card") if spec.is_file() else None)
            facts |= {"licence": licence.name, "terms": " ".join(licence.terms)}
        except ValueError:
            pass
    if isinstance(artefact, OnHub):
        facts["revision"] = artefact.reference.at(artefact.commit)
    return facts
