"""Pose to photographic frames, and to films of them: what `zoo.load("signdiff")` returns."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import torch
from pose_format import Pose
from torch import Tensor

from datamodules.media.conditions.frame_reinforcement import POSE_ONLY, FRNet
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.framing import Framing
from datamodules.media.images import resize, stack
from datamodules.media.video import Frame
from datamodules.poses.motions import slp_joints
from datamodules.poses.sequences import Joints
from lightning_modules.networks.diffusion.controlled import SOLVERS, Controlled, Rendering, Sampler
from lightning_modules.networks.diffusion.reference import mean_latents, text_errors
from lightning_modules.networks.diffusion.two_conditions import COLOURS, fused
from zoo.io_types import Signal
from zoo.loaders.base import OPENING, Inheritance
from zoo.loaders.config import read_config, write_config
from zoo.loaders.diffusion.base_folder import BaseFolder, base_reference
from zoo.loaders.diffusion.controlnet import SHARED, ControlNet, listed, open_weights
from zoo.loaders.diffusion.lcm_lora import RENDERING, with_lcm_lora
from zoo.loaders.inputs import given_whole
from zoo.loaders.pictures import GivenPicture, given_square
from zoo.loaders.rendering.drawings import PREVIEWED, Frames, framed, write_preview
from zoo.loaders.writing import film

DRAWN: Final = 16
"""Conditions that are drawn together."""
MOST: Final = 2_048
"""Pixels a side of a frame."""
SEEDS: Final = 2**63
RENDERED: Final = """\
pipeline.scheduler = SOLVER.from_config(pipeline.scheduler.config)
side = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
condition = torch.zeros(1, controlnet.config.conditioning_channels, side, side)  # `model.draw` fills it, / 255
asked = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "generator": torch.Generator().manual_seed(0)}
picture = pipeline("signer 1 in the studio", image=condition, **asked).images[0]
"""
"""How plain diffusers renders, once a pipeline is opened."""


class Asked(TypedDict, total=False):
    """How frames are to be rendered, so far as otherwise than a model was published with: see `Rendering`."""

    steps: int | None
    guidance: float | None
    conditioning_scale: float | None
    sampler: Sampler | None
    shared_noise: bool | None
    anchor: bool | None
    from_before: float | None


class PoseRenderer:
    """A ControlNet that renders drawings of poses, the prompts of the signers it was trained on, and how its training
    data have them in their pictures.

    A frame depends on its pose, its signer and the seed alone, unless the film is to be steadied by other frames.
    """

    task: ClassVar[str] = "pose-to-video"
    architecture: ClassVar[str] = "signdiff"
    verb: ClassVar[str] = "render"
    usage: ClassVar[str] = """\
from datamodules.avatar import perform
from datamodules.media.video import write_video

pose = perform(["HELLO"]).pose  # or a pose of your own: SLP-50, OpenPose or Holistic
frames = model.render(pose, signer=model.signers[0])  # uint8 RGB (T, H, W, 3)
film = model.stream(pose, reference=frames[0], seed=1)  # whom a picture shows, or "signer.png"; frame by frame
write_video("hello.mp4", film, pose.body.fps)
"""
    native: ClassVar[str] = f"""\
import torch
from diffusers import ControlNetModel, SOLVER, StableDiffusionControlNetPipeline

controlnet = ControlNetModel.from_pretrained("ADDRESS", subfolder="controlnet")
base = {{"revision": "REVISION", "safety_checker": None, "use_safetensors": True}}
pipeline = StableDiffusionControlNetPipeline.from_pretrained("BASE", controlnet=controlnet, **base)
{RENDERED}"""
    native_with_base: ClassVar[str] = f"""\
import torch
from diffusers import ControlNetModel, SOLVER, StableDiffusionControlNetPipeline
from huggingface_hub import snapshot_download

folder = FOLDER
controlnet = ControlNetModel.from_pretrained(folder, subfolder="controlnet")
base = {{"safety_checker": None, "use_safetensors": True}}
pipeline = StableDiffusionControlNetPipeline.from_pretrained(f"{{folder}}/BASE", controlnet=controlnet, **base)
{RENDERED}"""
    solvers: ClassVar[Mapping[str, str]] = SOLVERS
    library: ClassVar[str] = "diffusers"
    accepts = Signal("pose", skeleton="slp-50", normalisation="slp")

    def __init__(
        self,
        controlnet: ControlNet,
        prompts: Mapping[int, str],
        framing: Framing,
        rendering: Rendering,
        fr_net: FRNet | None = None,
        confidence: bool = False,
        base_folder: BaseFolder | None = None,
    ) -> None:
        """
        Args:
            controlnet: the network, its size S, and the base model that it is for where that is one of the Hub.
            prompts: by the numbers of signers, the text of their training pictures.
            framing: where these have the signer.
            rendering: how frames are rendered unless they are asked for in another way.
            fr_net: makes the second condition, for a network of six channels.
            confidence: whether drawings are as bright as keypoints are certain.
            base_folder: the base model that it is for, where that is none of the Hub.

        Raises ValueError for a network of another number of channels, for a size that latents do not come in, and where
        there is no prompt.
        """
        wanted = COLOURS if fr_net is None else 2 * COLOURS
        if (found := controlnet.network.config.conditioning_channels) != wanted:
            raise ValueError(
                f"conditioning_channels: found {found}, expected {wanted}, {'with' if fr_net else 'without'} fr_net"
            )
        if not prompts:
            raise ValueError("prompts: found none, expected that of a signer at least")
        _refuse_parts(controlnet.size, controlnet.factor)
        self.controlnet, self.network, self.size = controlnet, controlnet.network, controlnet.size
        self.prompts, self.framing, self.rendering = dict(sorted(prompts.items())), framing, rendering
        self.fr_net, self.confidence, self.base_folder = fr_net, confidence, base_folder
        self.gives = Signal("video", size=self.size)
        self._pipeline: Any = None
        self._presets: dict[str, Any] = {}

    @property
    def base_model(self) -> str | None:
        return self.controlnet.base_model

    @property
    def base_address(self) -> str:
        """Where its base model is found again, as a spec names one: a folder, or user/name@revision."""
        if self.base_folder is not None:
            return str(self.base_folder.folder)
        revision = self.controlnet.base_revision
        return f"{self.base_model}@{revision}" if revision else str(self.base_model)

    @property
    def signers(self) -> list[int]:
        """The numbers of the signers that it was trained on."""
        return list(self.prompts)

    def base(self) -> Any:
        """The StableDiffusionPipeline that it was trained on. Raises ValueError where that is absent, or another one by
        now."""
        return self.controlnet.base() if self.base_folder is None else self.base_folder.open()

    @property
    def pipeline(self) -> Any:
        """The StableDiffusionControlNetPipeline of base and network, opened once; `model.pipeline.to("cuda")` moves it.

        Raises ValueError as `base` does, and for a base that the network does not fit.
        """
        with OPENING:
            if self._pipeline is None:
                self._pipeline = self.controlnet.attach(self.base())
            return self._pipeline

    def render(
        self,
        pose: Pose,
        signer: int | None = None,
        *,
        reference: GivenPicture | None = None,
        seed: int = 0,
        size: int | None = None,
        preset: str | None = None,
        **asked: Unpack[Asked],
    ) -> Frames:
        """Frames (T, S, S, 3) uint8 RGB of a signer who does what a pose does; see `stream` for long ones.

        A pose of any layout is rendered by its SLP-50 joints (`datamodules.poses.motions.slp_joints`). These have no
        eyes, ears, face, hips or legs; where the drawings in training have them, they are placed as a signer of the
        same posture has them.

        Args:
            pose: of any frame rate.
            signer: the number of one of `signers`; None for the first, or for whom `reference` shows.
            reference: a picture of whom to render: a path, a PIL image, or uint8 RGB (H, W, 3), of which the middle
                square counts. Its signer is the `nearest_signer`, and within the UNet frames attend to it: it takes the
                place that `anchor` gives the first of them.
            seed: of the noise; the same one always gives the same frames.
            size: S, a multiple of the pixels of a latent; None for that of training, which looks best.
            preset: `lcm-lora` for four steps by that adapter of Stable Diffusion 1.5, which has to be in the Hub's
                cache; see `with_lcm_lora`. What else is asked for goes before how it renders.
            asked: steps, guidance, conditioning_scale, sampler, shared_noise, anchor and from_before, as `Rendering`
                has them; None is what the model was published with.

        Raises ValueError for anything but a pose, for one without shoulders or hands, for a signer that it was not
        trained on, for a signer and a reference at once, for what is no picture or a small one, for a preset that is
        not there or not for its base, and for what is no way of rendering.
        """
        given: dict[str, Any] = {"reference": reference, "seed": seed, "size": size, "preset": preset, **asked}
        return np.stack(list(self.stream(pose, signer, **given)))

    def stream(
        self,
        pose: Pose,
        signer: int | None = None,
        *,
        reference: GivenPicture | None = None,
        seed: int = 0,
        size: int | None = None,
        preset: str | None = None,
        **asked: Unpack[Asked],
    ) -> Iterator[Frame]:
        """The frames of `render` one by one, of which no more than a few are held at a time. Raises ValueError as it
        does, before the first."""
        given: dict[str, Any] = {} if preset is None else dict(RENDERING)
        given |= {name: value for name, value in asked.items() if value is not None}
        how, joints, side, seen = replace(self.rendering, **given), slp_joints(pose), self._side(size), None
        if reference is not None:
            if signer is not None:
                raise ValueError(
                    f"signer: found {signer!r} and a reference, which says who signs; leave out one of them"
                )
            square = given_square("reference", reference)
            signer, seen = self.nearest_signer(square), self._latents(square, side)
        return self._film(joints, how, self._prompt(signer), side, seed, seen, preset)

    def nearest_signer(self, picture: GivenPicture) -> int:
        """Who of `signers` a picture shows, or is most like whom it shows: by the prompt that the base model tells the
        picture best by. Raises ValueError for what is no picture or a small one."""
        square = given_square("picture", picture)
        if len(self.prompts) == 1:
            return self.signers[0]
        latents = self._latents(square, self.size)
        errors = text_errors(self.pipeline, latents, list(self.prompts.values()))
        return self.signers[int(errors.argmin())]

    def _latents(self, square: Frame, side: int) -> Tensor:
        """Of a square picture at the size of frames."""
        return mean_latents(self.pipeline.vae, 2 * _shares([resize(square, side, side)]) - 1)

    def draw(self, joints: Joints, size: int | None = None) -> Frames:
        """The network's conditions (T, S, S, 3 or 6) uint8 for joints (T, 50, 3) in SLP units: OpenPose drawings as in
        the training pairs and, behind them, what FR-Net makes of the poses. NaN joints are left out."""
        side = self._side(size)
        drawings = framed(joints, self.framing, side, partial(draw_openpose, confidence=self.confidence))
        if self.fr_net is None:
            return drawings
        return np.concatenate([drawings, framed(joints, self.framing, side, self.fr_net.of_pose)], axis=-1)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Render the .pose or .skels file or the folder of OpenPose JSON at the path `text`, of the first signer; see
        `film`."""
        return film(text, outputs, partial(self._film, how=self.rendering, prompt=self._prompt(None)))

    def preview(self, datamodule: Any, folder: Path) -> list[Path]:
        """Write a sheet of the first dev pairs into `folder`: drawing, what is rendered of it, frame."""
        dev = datamodule.examples("dev")
        pairs = [dev[index] for index in range(min(len(dev), PREVIEWED))]
        drawings, captions = [pair.condition for pair in pairs], [pair.caption for pair in pairs]
        shown = drawings
        if self.fr_net is not None:
            shown = [np.concatenate([pair.condition, pair.further[POSE_ONLY]], axis=-1) for pair in pairs]
        rendered = _pixels(self._controlled(self.rendering).draw(_shares(shown), captions, [0] * len(pairs)))
        return write_preview(folder, drawings, rendered, [pair.frame for pair in pairs])

    def probe(self) -> dict[str, npt.NDArray[Any]]:
        """That of the ControlNet: it needs no base model."""
        return self.controlnet.probe()

    def _film(
        self,
        joints: Joints,
        how: Rendering,
        prompt: str,
        side: int | None = None,
        seed: int = 0,
        reference: Tensor | None = None,
        preset: str | None = None,
    ) -> Iterator[Frame]:
        first = given_whole("seed", seed, 0, SEEDS - len(joints))
        parts = (joints[start : start + DRAWN] for start in range(0, len(joints), DRAWN))
        conditions = (_shares(self.draw(part, side)) for part in parts)
        frames = self._controlled(how, preset).film(conditions, prompt, first, reference)
        return (_pixels(frame[None])[0] for frame in frames)

    def _controlled(self, how: Rendering, preset: str | None = None) -> Controlled:
        pipeline = self.pipeline if preset is None else self._with(preset)
        return Controlled(pipeline, pipeline.controlnet, how)

    def _with(self, preset: str) -> Any:
        """The pipeline with a preset's adapter, opened once; where `pipeline` was moved to, its adapter goes too."""
        pipeline = self.pipeline
        with OPENING:
            if preset not in self._presets:
                self._presets[preset] = with_lcm_lora(pipeline, preset)
            adapted = self._presets[preset]
            torch.nn.Module.to(adapted.unet, pipeline.unet.device, pipeline.unet.dtype)
            return adapted

    def _prompt(self, signer: int | None) -> str:
        """The prompt of a signer. Raises ValueError for one that it was not trained on."""
        if signer is None:
            return next(iter(self.prompts.values()))
        if isinstance(signer, bool) or signer not in self.prompts:
            known = ", ".join(map(str, self.signers))
            raise ValueError(f"signer: found {signer!r}, expected a number of those it was trained on: {known}")
        return self.prompts[signer]

    def _side(self, size: int | None) -> int:
        """The size of frames. Raises ValueError for one that latents do not come in."""
        if size is None:
            return self.size
        _refuse_parts(given_whole("size", size, 1, MOST), self.controlnet.factor)
        return size

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained `SignDiff` and its data; until it is saved, it renders with the module's own network,
        or with a copy of it where that is trained on and its average is published."""
        reference = base_reference(module.address)
        with module.averaged():
            network = fused(module.network)
            if network is module.network and module.ema_decay is not None:
                network = copy.deepcopy(network)
        renderer = cls(
            ControlNet(network, *reference, size=datamodule.image_size),
            {number: datamodule.caption.format(signer=number) for number in datamodule.signers or [1]},
            datamodule.framing,
            module.rendering,
            datamodule.fr_net if module.fr_net else None,
            datamodule.confidence,
            BaseFolder.at(Path(module.base.name_or_path)) if reference == (None, None) else None,
        )
        renderer._pipeline = renderer.controlnet.attach(module.base)
        renderer._pipeline.set_progress_bar_config(disable=True)
        return renderer

    def inheritance(self) -> Inheritance:
        """All of the network, whoever the signers are."""
        config = self.network.config
        settings = {name: listed(config[name]) for name in (*SHARED, "conditioning_channels")}
        return Inheritance("", (), (), settings)

    def save(self, folder: Path) -> None:
        """Write config.json, controlnet/ as diffusers has it, and in base/ a copy of a base model that is not on the
        Hub."""
        self.controlnet.save_weights(folder)
        write_config(
            folder,
            self,
            base_revision=self.controlnet.base_revision,
            **(self.base_folder.save(folder) if self.base_folder else {}),
            prompts={str(number): prompt for number, prompt in self.prompts.items()},
            framing=asdict(self.framing),
            fr_net=asdict(self.fr_net) if self.fr_net else None,
            confidence=self.confidence,
            sampling=asdict(self.rendering),
        )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises ValueError when files do not belong together."""
        config, network = read_config(folder), open_weights(folder)
        controlnet = ControlNet(network, config["base_model"], config["base_revision"], size=config["gives"]["size"])
        return cls(
            controlnet,
            _numbered(config["prompts"]),
            Framing(**config["framing"]),
            Rendering(**config["sampling"]),
            FRNet(**config["fr_net"]) if config["fr_net"] else None,
            config["confidence"],
            BaseFolder.read(folder, config),
        )


def _shares(conditions: Sequence[Frame] | Frames) -> Tensor:
    """Pictures (N, S, S, C) uint8 as the network is shown them, (N, C, S, S) in [0, 1]."""
    return torch.from_numpy(stack(conditions)).float() / 255


def _pixels(frames: Tensor) -> Frames:
    """The pictures (N, S, S, 3) uint8 of frames (N, 3, S, S) in [0, 1]."""
    pixels: Frames = (255 * frames).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def _refuse_parts(size: int, factor: int) -> None:
    """Raise ValueError for a size of frames that latents do not come in."""
    if size % factor:
        raise ValueError(f"size: found {size}, expected a multiple of {factor}, the pixels of a latent")


def _numbered(value: object) -> dict[int, str]:
    """The prompts in a config.json by the signers' numbers. Raises ValueError for anything else."""
    if not isinstance(value, dict) or not all(
        key.isdecimal() and len(key) < 10 and isinstance(text, str) for key, text in value.items()
    ):
        raise ValueError(f"prompts: found {str(value)[:80]}, expected the prompt of each signer's number")
    return {int(key): text for key, text in value.items()}
