"""`python -m zoo import`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from datamodules.catalogue import CATALOGUE
from zoo.artefacts.importing import Data, import_folder
from zoo.card.licences import licence_key
from zoo.cli.parsing.arguments import OK
from zoo.loaders.base import Told
from zoo.loaders.foreign import NAMED

EXAMPLES: Final = """\
  python -m zoo import lora-output --as lora --base me/my-diffusion -o my-lora
      what `save_lora_weights` or `save_pretrained` of peft wrote
  python -m zoo import output --as controlnet --base me/my-diffusion --size 512"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, and what it does not say itself."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="what diffusers or peft saved into")
    parser.add_argument("--as", dest="kind", choices=tuple(NAMED), required=True, help="what it holds")
    parser.add_argument("--base", metavar="USER/NAME", required=True, help="the Stable Diffusion it was trained on")
    parser.add_argument("--revision", metavar="COMMIT", help="which commit, branch or tag of that")
    out = "the artefact's folder (default: runs/<name>/<id>)"
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, help=out)
    parser.add_argument("--name", help="of the model, lower-case words joined by '-' (default: the folder's name)")
    alpha = "of a LoRA whose files do not say its lora_alpha (default: its rank, as for diffusers)"
    parser.add_argument("--alpha", type=float, help=alpha)
    parser.add_argument("--prompt", metavar="TEXT", help="of a ControlNet, the text of every training picture")
    size = "of a ControlNet, height and width of the training pictures in pixels (default: 512)"
    parser.add_argument("--size", metavar="PIXELS", type=int, help=size)
    data = "what it was trained on: a data set of the zoo, or any other by its name; needed to publish it"
    parser.add_argument("--data", metavar="NAME", help=data)
    licence = "of data that the zoo does not know, such as cc-by-4.0; needed to publish what was trained on it"
    parser.add_argument("--data-license", metavar="ID", help=licence)


def run(options: argparse.Namespace) -> int:
    """Make an artefact of a ControlNet or LoRA that was trained with diffusers or peft."""
    data = _data(options.data, options.data_license)
    told = Told(options.base, options.revision, options.alpha, options.prompt, options.size)
    place, notes = import_folder(options.folder, options.kind, told, data, options.name, options.output)
    from zoo.card import write

    write(place)
    for note in notes:
        print(f"zoo: {options.folder}: {note}", file=sys.stderr)
    print(place)
    return OK


def _data(name: str | None, licence: str | None) -> Data:
    """What --data and --data-license say. Raises ValueError for a licence without data, for data whose licence is
    known, and for an unknown licence."""
    known = {word.casefold(): key for key, entry in CATALOGUE.items() for word in (key, entry.title)}
    if licence is None:
        return Data(name and known.get(name.casefold(), name))
    if name is None:
        raise ValueError(f"--data-license {licence}: needs --data NAME")
    if (key := known.get(name.casefold())) is not None:
        raise ValueError(f"--data-license {licence}: leave it out; the terms of {CATALOGUE[key].title} are known")
    return Data(name, licence_key(licence, "--data-license"))
