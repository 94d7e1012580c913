"""`python -m zoo export`."""

import argparse
from pathlib import Path
from typing import Final

from zoo.cli.parsing.arguments import BASE, OK

EXAMPLES: Final = """\
  python -m zoo export letter-judge letter-judge.onnx
  python -m zoo export runs/letter-judge/ID letter-judge.onnx
  python -m zoo export me/letter-judge@0123456 letter-judge.onnx
  python -m zoo export gloss-classifier encoder.onnx --part encoder
      the V-JEPA 2 that its artefact carries"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, the file, and which part of the one goes into the other."""
    parser.add_argument("model", metavar=BASE, help="a model, a run's folder, or user/repo@revision")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file, which ends in .onnx")
    part = "which part of it, such as the encoder that gloss-classifier's artefact carries (default: what reads)"
    parser.add_argument("--part", metavar="PART", help=part)
    parser.add_argument("--starter", action="store_true", help="the bundled starter weights")


def run(options: argparse.Namespace) -> int:
    """Write a file of ONNX that computes what the model does, and say how nearly."""
    from zoo.publishing.exporting import export

    found = export(options.model, options.out, options.part, "starter" if options.starter else None)
    print(options.out)
    print(f"differs from the model by {', '.join(f'{value:.1g} for {kind}' for kind, value in found.items())}")
    return OK
