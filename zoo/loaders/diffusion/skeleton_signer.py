"""Word to skeleton frame, and words to a film: what `zoo.load("skeleton-lora")` returns."""

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file

from datamodules.media.drawing_primitives import Image
from datamodules.media.fades import faded
from datamodules.media.skeleton_drawing import contact_sheet, enlarged, write_png
from datamodules.media.video import Frame, write_video
from lightning_modules.networks.diffusion.text_to_image import draw
from zoo.io_types import Signal
from zoo.loaders.base import OPENING, Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.base_folder import BaseFolder, base_reference
from zoo.loaders.diffusion.gloss_words import GlossWords
from zoo.loaders.diffusion.lora import LoRA
from zoo.loaders.inputs import given_whole, is_number
from zoo.loaders.writing import refuse_unwritable

FPS: Final = 25.0
WORD: Final = 50
"""Frames of a word, those in which it fades into the next included."""
FADE: Final = 20
HOLD: Final = 25
"""Frames that the last picture stands longer."""
PREVIEWED: Final = 4
SHOWN: Final = 256
"""Sides of pictures on sheets and in films, at least: a person looks at them."""
MOST: Final = 1_000
"""Pictures in one call."""
SEEDS: Final = 2**63
REFERENCES: Final = "references.safetensors"

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Drawing:
    """How pictures are drawn unless somebody asks for another way.

    steps: from noise to picture. guidance: above 1, closer to the prompt and less varied. strength: None draws from
    the text alone; from 0 to 1 (the source's 0.4 to 0.8), how much of the gloss's own skeleton frame is drawn anew.

    Raises ValueError for what is no way of drawing.
    """

    steps: int = 30
    guidance: float = 7.5
    strength: float | None = None

    def __post_init__(self) -> None:
        given_whole("steps", self.steps, 1, 1_000)
        if not is_number(self.guidance) or not 0 <= self.guidance < math.inf:
            raise ValueError(f"guidance: found {self.guidance!r}, expected a number from 0")
        if self.strength is None:
            return
        if not is_number(self.strength) or not 1 / self.steps <= self.strength <= 1:
            raise ValueError(
                f"strength: found {self.strength!r}, expected a number up to 1, and at least 1/{self.steps}, one of "
                f"the {self.steps} steps; None draws from the text alone"
            )


class SkeletonSigner:
    """A LoRA that draws skeleton frames of glosses, the prompts it was trained with, and a true frame of each gloss.

    A picture depends on its gloss and seed alone, not on what is drawn beside it.
    """

    task: ClassVar[str] = "text-to-image"
    architecture: ClassVar[str] = "skeleton-lora"
    verb: ClassVar[str] = "sign"
    usage: ClassVar[str] = """\
from datamodules.media.video import write_video

frames = model.sign("hello", n=4, seed=0)  # uint8 RGB (4, S, S, 3)
write_video("film.mp4", model.translate("hello please stop"), 25)  # each word fades into the next
closer = model.sign("hello", strength=0.6)  # from a true skeleton frame of the sign
"""
    native: ClassVar[str] = """\
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import PeftModel

base = {"revision": "REVISION", "use_safetensors": True}
pipeline = StableDiffusionPipeline.from_pretrained("BASE", safety_checker=None, **base)
pipeline.load_lora_weights("ADDRESS", subfolder="lora", weight_name="pytorch_lora_weights.safetensors")
picture = pipeline("ASL sign for 'hello'", guidance_scale=GUIDANCE).images[0]

unet = UNet2DConditionModel.from_pretrained("BASE", subfolder="unet", **base)  # or with peft alone
unet = PeftModel.from_pretrained(unet, "ADDRESS", subfolder="lora")
"""
    native_with_base: ClassVar[str] = """\
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from huggingface_hub import snapshot_download
from peft import PeftModel

folder = FOLDER
pipeline = StableDiffusionPipeline.from_pretrained(f"{folder}/BASE", safety_checker=None, use_safetensors=True)
pipeline.load_lora_weights(folder, subfolder="lora", weight_name="pytorch_lora_weights.safetensors")
picture = pipeline("ASL sign for 'hello'", guidance_scale=GUIDANCE).images[0]

unet = UNet2DConditionModel.from_pretrained(f"{folder}/BASE", subfolder="unet")  # or with peft alone
unet = PeftModel.from_pretrained(unet, folder, subfolder="lora")
"""
    library: ClassVar[str] = "diffusers"
    accepts = Signal("text", language="en")

    def __init__(
        self,
        lora: LoRA,
        prompts: Mapping[str, str],
        size: int,
        drawing: Drawing,
        references: Mapping[str, Image] | None = None,
        base_folder: BaseFolder | None = None,
    ) -> None:
        """
        Args:
            lora: the adapter, with the base model that it is for where that is one of the Hub.
            prompts: by gloss, the text of its training pictures.
            size: S, in pixels.
            drawing: how pictures are drawn unless they are asked for in another way.
            references: by gloss, a true skeleton frame (S, S, 3) uint8 to draw from.
            base_folder: the base model that it is for, where that is none of the Hub.

        Raises ValueError for references of another size, or of glosses that have no prompt.
        """
        self.network = lora.network
        self.lora, self.prompts, self.size, self.drawing = lora, dict(prompts), size, drawing
        self.references = dict(references or {})
        self.base_folder = base_folder
        for gloss, frame in self.references.items():
            if gloss not in self.prompts or frame.shape != (size, size, 3) or frame.dtype != np.uint8:
                raise ValueError(
                    f"reference of {gloss!r}: found {frame.shape} {frame.dtype}, expected ({size}, {size}, 3) uint8 of "
                    f"one of its {len(self.prompts)} glosses"
                )
        self.gives = Signal("image", language="ase", size=size)
        self.words = GlossWords(self.prompts)
        self._pipeline: Any = None

    @property
    def base_model(self) -> str | None:
        return self.lora.base_model

    @property
    def classes(self) -> list[str]:
        """Its glosses."""
        return list(self.prompts)

    def base(self) -> Any:
        """The StableDiffusionPipeline that it was trained on. Raises ValueError where that is absent, or another one by
        now."""
        return self.lora.base() if self.base_folder is None else self.base_folder.open()

    @property
    def pipeline(self) -> Any:
        """The StableDiffusionPipeline with this LoRA, opened once; `model.pipeline.to("cuda")` moves it.

        Raises ValueError as `base` does, and for a base whose layers are not those of this LoRA.
        """
        with OPENING:
            if self._pipeline is None:
                self._pipeline = self.lora.attach(self.base())
            return self._pipeline

    def sign(
        self,
        gloss: str,
        n: int = 1,
        seed: int = 0,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        strength: float | None = None,
    ) -> Pictures:
        """Skeleton frames (n, S, S, 3) uint8 RGB of a gloss; picture i is that of seed + i.

        steps, guidance, strength: see `Drawing`; None is what the model was published with.

        Raises ValueError for a gloss that it never saw, naming the nearest, and for what is no way of drawing.
        """
        count = given_whole("n", n, 1, MOST)
        first = given_whole("seed", seed, 0, SEEDS - count)
        known = self.words.read_one(gloss)
        how = self._drawing(steps, guidance, strength)
        return self._pictures([(known, first + index) for index in range(count)], how)

    def translate(
        self,
        text: str,
        seed: int = 0,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        strength: float | None = None,
    ) -> Iterator[Frame]:
        """Frames (S, S, 3) of a film at 25 a second: 50 for each word, at whose end it fades into the next; the last
        is held for a second more. Words are signed in the order of the text.

        All words are of one seed; where a word comes again, it is drawn from the next one. Raises ValueError as `sign`,
        before the first frame.
        """
        return _film(self._words(self.words.read(text), seed, self._drawing(steps, guidance, strength)))

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Sign the words of a text and write each of `outputs`: .png (a sheet: of one word four pictures) or .mp4.

        Raises ValueError, before it draws, for a path that cannot be written and for a word that it never saw.
        """
        refuse_unwritable(outputs, (".png", ".mp4"))
        known = self.words.read(text)
        sheet = len(known) == 1 and all(output.suffix.lower() == ".png" for output in outputs)
        small = self.sign(known[0], PREVIEWED) if sheet else self._words(known, 0, self.drawing)
        pictures = [enlarged(picture, SHOWN) for picture in small]
        for output in outputs:
            if output.suffix.lower() == ".mp4":
                write_video(output, _film(pictures), FPS)
            else:
                write_png(output, contact_sheet(pictures, 4, None if sheet else known))
        return list(outputs)

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write four pictures of "hello", or of the first gloss where that is none, into `folder`."""
        gloss = "hello" if "hello" in self.prompts else self.classes[0]
        pictures = [enlarged(picture, SHOWN) for picture in self.sign(gloss, PREVIEWED)]
        write_png(folder / "preview.png", contact_sheet(pictures, PREVIEWED, [gloss] * PREVIEWED))
        return [folder / "preview.png"]

    def probe(self) -> dict[str, npt.NDArray[Any]]:
        """That of the LoRA: it needs no base model."""
        return self.lora.probe()

    def _drawing(self, steps: int | None, guidance: float | None, strength: float | None) -> Drawing:
        """How this model draws, in so far as nothing else is asked for."""
        given: dict[str, Any] = {"steps": steps, "guidance": guidance, "strength": strength}
        return replace(self.drawing, **{name: value for name, value in given.items() if value is not None})

    def _words(self, glosses: Sequence[str], seed: int, how: Drawing) -> Pictures:
        """A picture (S, S, 3) of each word."""
        first, before, asked = given_whole("seed", seed, 0, SEEDS - len(glosses)), Counter[str](), []
        for gloss in glosses:
            asked.append((gloss, first + before[gloss]))
            before[gloss] += 1
        return self._pictures(asked, how)

    def _pictures(self, asked: Sequence[tuple[str, int]], how: Drawing) -> Pictures:
        """Pictures of glosses and seeds."""
        return (255 * self._drawn(asked, how)).round().byte().permute(0, 2, 3, 1).contiguous().numpy()

    def _drawn(self, asked: Sequence[tuple[str, int]], how: Drawing) -> torch.Tensor:
        """The same (N, 3, S, S) in [0, 1]."""
        glosses, seeds = zip(*asked, strict=True)
        prompts = [self.prompts[gloss] for gloss in glosses]
        start = None if how.strength is None else self._start(glosses)
        return draw(
            self.pipeline,
            prompts,
            seeds,
            steps=how.steps,
            guidance=how.guidance,
            size=self.size,
            start=start,
            strength=how.strength or 1.0,
        )

    def _start(self, glosses: Sequence[str]) -> torch.Tensor:
        """The references (N, 3, S, S) in [0, 1]. Raises ValueError where one is missing."""
        for gloss in glosses:
            if gloss not in self.references:
                raise ValueError(f"strength: no frame of {gloss!r} is kept here to start from; None needs none")
        frames = np.stack([self.references[gloss] for gloss in glosses])
        return torch.from_numpy(frames).permute(0, 3, 1, 2) / 255

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `SkeletonLoRA` and its data; until it is saved, it draws with the module's own UNet,
        or with a copy of it where that is trained on and its average is published."""
        from datamodules.wlasl.skeletons import prompt

        reference = base_reference(module.address)
        with module.averaged():
            lora = LoRA.of(module.unet, *reference)
            unet = copy.deepcopy(module.unet) if module.ema_decay is not None else module.unet
        signer = cls(
            lora,
            {gloss: prompt(gloss) for gloss in datamodule.glosses},
            datamodule.image_size,
            Drawing(module.steps, module.guidance),
            datamodule.middle_frames(),
            BaseFolder.at(Path(module.base.name_or_path)) if reference == (None, None) else None,
        )
        signer._pipeline = type(module.base)(
            **{**module.base.components, "unet": unet.eval()}, requires_safety_checker=False
        )
        signer._pipeline.set_progress_bar_config(disable=True)
        return signer

    def inheritance(self) -> Inheritance:
        """All of the matrices, whatever the glosses, of the same ranks in the same layers."""
        settings = {"rank": self.network.rank, "alpha": self.network.alpha, "targets": list(self.network.targets)}
        return Inheritance("glosses", self.classes, (), settings)

    def save(self, folder: Path) -> None:
        """Write config.json, lora/ for peft and diffusers, references.safetensors, and in base/ a copy of a base model
        that is not on the Hub."""
        self.lora.save_weights(folder)
        if self.references:
            save_file({gloss: torch.from_numpy(frame) for gloss, frame in self.references.items()}, folder / REFERENCES)
        write_config(
            folder,
            self,
            base_revision=self.lora.base_revision,
            **(self.base_folder.save(folder) if self.base_folder else {}),
            prompts=self.prompts,
            sampling=asdict(self.drawing),
        )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config, lora, references = read_config(folder), LoRA.open(folder), {}
        if (folder / REFERENCES).is_file():
            references = {gloss: frame.numpy() for gloss, frame in load_file(folder / REFERENCES).items()}
        prompts, size = _texts(config["prompts"]), config["gives"]["size"]
        base = BaseFolder.read(folder, config)
        return cls(lora, prompts, size, Drawing(**config["sampling"]), references, base)


def _film(pictures: Sequence[Image] | Pictures) -> Iterator[Frame]:
    seconds = [(WORD - FADE) / FPS] * (len(pictures) - 1) + [(WORD + HOLD) / FPS]
    return faded(zip(pictures, seconds, strict=True), FPS, FADE / FPS)


def _texts(value: object) -> dict[str, str]:
    """The mapping of texts in a config.json. Raises ValueError for anything else."""
    if not isinstance(value, dict) or not value or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"prompts: found {str(value)[:80]}, expected the prompt of each gloss")
    return value
