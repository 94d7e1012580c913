"""The data sets, an entry each: their names, whose they are, on which terms, and what reads and writes them."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from datamodules.samples import Survey

SPOKEN, SIGNED = "en", "ase"
"""The avatar's languages, which are those of every twin."""


@dataclass(frozen=True)
class DataSet:
    """One data set as its makers present it.

    title: its published name.
    licence: its SPDX identifier, or None where the makers' terms have none.
    terms: in one sentence, what a user must keep to.
    home: its page.
    citation: key of its publication, author, year and first word.
    size: training items (pictures, clips, pairs, sentences) that `python -m zoo data twin` writes unless told.
    reader: the module whose `survey(root)` lists its samples.
    twin: the module whose `write(root, twin)` writes the avatar's twin of it in its own files; where training on poses
        needs less than all, `write_poses` writes that, `write_skeletons` the skeleton frames of its clips, and
        `write_landmarks` what MediaPipe would find in them.
    signed: code of its sign language, ISO 639-3; None where nobody signs in it.
    spoken: code of the language of its texts, ISO 639-1; None where it has none.
    labels: what its labels are; None where it has none.
    """

    title: str
    licence: str | None
    terms: str
    home: str
    citation: str
    size: int
    reader: str
    twin: str
    signed: str | None = None
    spoken: str | None = None
    labels: str | None = None

    def survey(self, root: Path, **settings: str) -> Survey:
        """Its samples in `root`; `settings` are its reader's. Raises ValueError or FileNotFoundError where there is no
        telling what they are."""
        survey: Survey = import_module(self.reader).survey(root, **settings)
        return survey


CATALOGUE: Final[dict[str, DataSet]] = {
    "asl-alphabet": DataSet(
        title="ASL Alphabet",
        licence="GPL-2.0-only",
        terms="Free to use, change and share under the GNU GPL 2.0; what derives from it is shared on the same terms.",
        home="https://www.kaggle.com/datasets/grassknoted/asl-alphabet",
        citation="nagaraj2018asl",
        size=5800,
        reader="datamodules.asl_alphabet",
        twin="datamodules.twins.asl_alphabet",
        signed="ase",
        labels="letters",
    ),
    "wlasl": DataSet(
        title="WLASL",
        licence="C-UDA-1.0",
        terms="For computational use in academic research only; the videos remain their makers'.",
        home="https://dxli94.github.io/WLASL/",
        citation="li2020word",
        size=240,
        reader="datamodules.wlasl.survey",
        twin="datamodules.twins.wlasl",
        signed="ase",
        labels="glosses",
    ),
    "rwth-boston50": DataSet(
        title="RWTH-BOSTON-50",
        licence=None,
        terms="For academic research only, on the terms of RWTH Aachen and Boston University; cite the publication.",
        home="https://www-i6.informatik.rwth-aachen.de/aslr/database-rwth-boston-50.php",
        citation="zahedi2005combination",
        size=345,
        reader="datamodules.rwth_boston50",
        twin="datamodules.twins.rwth_boston50",
        signed="ase",
    ),
    "how2sign": DataSet(
        title="How2Sign",
        licence="CC-BY-NC-4.0",
        terms="Not for commercial use; name the authors.",
        home="https://how2sign.github.io/",
        citation="duarte2021how2sign",
        size=40,
        reader="datamodules.how2sign.survey",
        twin="datamodules.twins.how2sign",
        signed="ase",
        spoken="en",
    ),
    "phoenix14t": DataSet(
        title="RWTH-PHOENIX-Weather-2014T",
        licence="CC-BY-NC-SA-3.0",
        terms="Not for commercial use; name the authors; share what is derived from it on the same terms.",
        home="https://www-i6.informatik.rwth-aachen.de/~koller/RWTH-PHOENIX-2014-T/",
        citation="camgoz2018neural",
        size=2000,
        reader="datamodules.phoenix14t",
        twin="datamodules.twins.phoenix14t",
        signed="gsg",
        spoken="de",
    ),
    "picture-folder": DataSet(
        title="Picture folder",
        licence=None,
        terms="It has no licence of its own; the makers of the pictures decide how they may be used.",
        home="https://huggingface.co/docs/datasets/image_dataset",
        citation="lhoest2021datasets",
        size=900,
        reader="datamodules.picture_folder",
        twin="datamodules.twins.picture_folder",
        signed="ase",
        spoken="en",
    ),
    "mnist": DataSet(
        title="MNIST",
        licence="CC-BY-SA-3.0",
        terms="Name the authors; share what is derived from it on the same terms.",
        home="https://yann.lecun.com/exdb/mnist/",
        citation="lecun1998gradient",
        size=6000,
        reader="datamodules.mnist",
        twin="datamodules.twins.mnist",
        labels="digits",
    ),
    "cifar10": DataSet(
        title="CIFAR-10",
        licence=None,
        terms="Its makers publish no licence; they ask that their technical report be cited.",
        home="https://www.cs.toronto.edu/~kriz/cifar.html",
        citation="krizhevsky2009learning",
        size=5000,
        reader="datamodules.cifar10",
        twin="datamodules.twins.cifar10",
        labels="things",
    ),
}
"""By the name that `python -m zoo data` knows them by."""
