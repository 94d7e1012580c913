"""A V-JEPA 2 of any size (Assran et al. 2025, arXiv 2506.09985): transformers' network, and what training it takes.

transformers' own forward pass encodes every patch and masks afterwards, as whoever uses a trained one wants it. In
training the encoder must not see what is to be predicted, so here it encodes the patches that are left, by the same
layers and the same weights.
"""

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.features.signing_points import HANDS, POINTS
from datamodules.features.vjepa import MEAN, STD

if TYPE_CHECKING:  # transformers takes seconds to import
    from transformers import VJEPA2Config, VJEPA2Model

BLOCKS: Final = ((8, 0.15), (2, 0.7))
"""Short-range and long-range masks: how many blocks, and the share of the picture that each covers, in all frames."""
ASPECTS: Final = (0.75, 1.5)
"""Of a block's height to its width, from and to."""

FITTING: Final = 200
"""Steps in which the biases of an untrained encoder's heads are fitted."""
REACH: Final = 2
"""Tubelets before and after a patch's own in which it says where points are."""
AROUND: Final = 0.1
"""What each of these moments weighs, for a patch's own. Where points are is learnt first and from what is seen; where
they will be is partly chance."""
UNITS: Final = (0.5, 0.12)
"""Half sides of a picture: about how far points are from patches, and fingers from their wrists."""
FINGERS: Final = torch.tensor([any(hand.start < point < hand.stop for hand in HANDS) for point in range(len(POINTS))])
"""Which points are told for the wrist of their hand."""

Places = tuple[Tensor, Tensor]
"""Places of the patches that the encoder sees, and of those that it does not and that are predicted: (n,) int64 each,
ascending. Patches are counted over the rows of a picture and then over tubelets."""


def standardised(frames: Tensor) -> Tensor:
    """Windows (B, F, S, S, 3) uint8, or float of the same range, to pixels (B, F, 3, S, S) as `Encoder` has them."""
    mean, std = (torch.tensor(of, device=frames.device) for of in (MEAN, STD))
    return ((frames / 255.0 - mean) / std).movedim(-1, 2).contiguous()


def video_encoder(
    size: int,
    frames: int,
    *,
    patch: int,
    tubelet: int,
    width: int,
    layers: int,
    heads: int,
    predictor_width: int,
    predictor_layers: int,
) -> "VJEPA2Model":
    """An untrained VJEPA2Model of windows of `frames` pictures, `size` pixels a side.

    patch: side in pixels of what a token is made of. tubelet: frames that it spans. width, layers, heads: of the
    encoder. predictor_width, predictor_layers: of the predictor, whose heads are as wide as half of the encoder's.

    Raises ValueError for sizes that do not divide.
    """
    from transformers import VJEPA2Config, VJEPA2Model

    for name, value, by in (("patch", size, patch), ("tubelet", frames, tubelet), ("heads", width, heads)):
        if value % by:
            raise ValueError(f"model.init_args.{name}: found {by}, expected what divides {value}")
    if patch == size:
        raise ValueError(f"model.init_args.patch: found {patch}, expected at most half of {size}, or a mask hides all")
    config = VJEPA2Config(
        crop_size=size,
        frames_per_clip=frames,
        patch_size=patch,
        tubelet_size=tubelet,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        pred_hidden_size=predictor_width,
        pred_num_hidden_layers=predictor_layers,
        pred_num_attention_heads=heads,
        pred_num_mask_tokens=1,
        pred_zero_init_mask_tokens=False,
        attn_implementation="sdpa",
    )
    network = VJEPA2Model(config)
    _look_at_neighbours(network)
    return network


def _look_at_neighbours(network: "VJEPA2Model") -> None:
    """Let each head of an untrained encoder begin by looking from each patch at a neighbour, one by lot in space and
    time or the patch itself, as the kernel of a convolution does (d'Ascoli et al. 2021, "ConViT", arXiv 2103.10697).

    V-JEPA 2 tells places by rotating queries and keys alone. Heads that begin by looking everywhere alike must first
    learn to tell places at all, which takes more clips than a few thousand. What a head looks at whatever is there is
    the product of the biases of its queries and keys; here they are fitted.
    """
    layers = network.encoder.layer
    first = layers[0].attention
    tubelets, side = grid(network.config)
    numbers = torch.arange(tubelets * side**2)
    heads, width = first.num_attention_heads, first.attention_head_size
    steps = torch.randint(-1, 2, (3, len(layers), heads, 1))
    lasts = (tubelets - 1, side - 1, side - 1)
    places = (numbers // side**2, numbers // side % side, numbers % side)
    moved = [(place + step).clamp(0, last) for place, step, last in zip(places, steps, lasts, strict=True)]
    goal = (moved[0] * side**2 + moved[1] * side + moved[2]).flatten()
    biases = [torch.randn(len(layers), heads, 1, width, requires_grad=True) for _ in range(2)]
    optimizer = torch.optim.Adam(biases, lr=0.1)
    with torch.enable_grad():
        for _ in range(FITTING):
            queries, keys = (
                first.apply_rotary_embeddings(bias.expand(-1, -1, len(numbers), -1), places) for bias in biases
            )
            looks = queries @ keys.transpose(2, 3) / math.sqrt(width)
            loss = functional.cross_entropy(looks.flatten(0, 2), goal)
            optimizer.zero_grad()
            torch.autograd.backward(loss, inputs=biases)
            optimizer.step()
    with torch.no_grad():
        for layer, query, key in zip(layers, *biases, strict=True):
            layer.attention.query.bias.copy_(query.flatten())
            layer.attention.key.bias.copy_(key.flatten())
            for part in (layer.attention.value, layer.attention.proj, layer.mlp.fc1, layer.mlp.fc2):
                nn.init.xavier_uniform_(part.weight)


def grid(config: "VJEPA2Config") -> tuple[int, int]:
    """Tubelets of a window, and patches along each side of its pictures."""
    return config.frames_per_clip // config.tubelet_size, config.crop_size // int(config.patch_size)


def encode(network: "VJEPA2Model", pixels: Tensor, seen: Tensor | None = None) -> Tensor:
    """Tokens (B, n, D) of windows (B, F, 3, S, S), standardised pixels; of the patches `seen` (n,) alone, or of all.

    The same numbers as the network's `last_hidden_state` where all are seen.
    """
    encoder, projection = network.encoder, network.encoder.embeddings.patch_embeddings.proj
    side, tubelet = int(network.config.patch_size), network.config.tubelet_size
    batch, frames, _, size, _ = pixels.shape
    cut = pixels.view(batch, frames // tubelet, tubelet, 3, size // side, side, size // side, side)
    patches = cut.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(1, 3)
    if seen is not None:
        patches = patches[:, seen]
    tokens = functional.linear(patches, projection.weight.flatten(1), projection.bias)
    places = None if seen is None else seen.expand(batch, -1)
    for layer in encoder.layer:
        tokens = layer(tokens, places)[0]
    found: Tensor = encoder.layernorm(tokens)
    return found


def predict(network: "VJEPA2Model", tokens: Tensor, places: Places) -> Tensor:
    """What the predictor makes of the tokens (B, n, D) of seen patches for the hidden ones, (B, m, D)."""
    seen, hidden = (of.expand(len(tokens), -1) for of in places)
    whole = tokens.new_zeros(len(tokens), seen.shape[1] + hidden.shape[1], tokens.shape[2])
    whole = whole.scatter(1, seen[:, :, None].expand_as(tokens), tokens)  # the predictor takes out what is seen
    found: Tensor = network.predictor(whole, context_mask=[seen], target_mask=[hidden]).last_hidden_state
    return found


def pooled(tokens: Tensor, config: "VJEPA2Config") -> Tensor:
    """Tokens (B, N, D) of all patches to rows (B, tubelets, D), their means over the picture."""
    count, _, width = tokens.shape
    return tokens.view(count, -1, grid(config)[1] ** 2, width).mean(2)


def draw_places(config: "VJEPA2Config", generator: torch.Generator | None = None) -> Places:
    """Which patches of a window are seen and which are predicted, by lot: short-range masks as often as long-range.

    Blocks cover the same part of the picture in every frame, so that no patch can be copied from the frame before it.
    One draw is for all of a batch, whose windows then keep as many patches each.
    """
    tubelets, side = grid(config)

    def lot(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    count, share = BLOCKS[lot(0, 1) < 0.5]
    hidden = torch.ones(side, side, dtype=torch.bool)
    while hidden.all():
        hidden = torch.zeros(side, side, dtype=torch.bool)
        for _ in range(count):
            aspect = math.exp(lot(*map(math.log, ASPECTS)))
            height, width = (
                min(side, max(1, round(math.sqrt(share * side**2 * stretch)))) for stretch in (aspect, 1 / aspect)
            )
            top, left = (int(lot(0, side - length + 1)) for length in (height, width))
            hidden[top : top + height, left : left + width] = True
    everywhere = hidden.flatten().repeat(tubelets)
    return torch.nonzero(~everywhere).squeeze(1), torch.nonzero(everywhere).squeeze(1)


class GlossHead(nn.Module):
    """Names a gloss while an encoder is trained, and is dropped afterwards: one learnt query attends to the rows.

    It reads rows, and not tokens, because rows are what is left of a video for whoever uses the encoder.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 1)
        self.output = nn.Linear(width, classes)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows (B, T, D) to logits (B, classes)."""
        rows = self.norm(rows)
        weights = self.attention(rows).softmax(1)
        logits: Tensor = self.output((weights * rows).sum(1))
        return logits


class PointHead(nn.Module):
    """Says from each patch where a signer's points are around its moment, and is dropped after training.

    V-JEPA 2 knows no places, but how far patches are apart, by which attention turns. So a patch can learn where a hand
    is as seen from itself, in space and in time, and the mean over all patches then says where it is in the picture.
    A single row then tells where hands were and will be, so that movements can be told apart even where rows are pooled
    without regard to their order.

    config: of the encoder.
    """

    def __init__(self, config: "VJEPA2Config") -> None:
        super().__init__()
        self.tubelets, side = grid(config)
        self.moments = 1 if config.tubelet_size % 2 else 2
        width = int(config.hidden_size)
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, (2 * REACH + 1) * self.moments * len(POINTS) * 2)
        middles = (torch.arange(side) + 0.5) / side * 2 - 1
        patches = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).flatten(0, 1)
        self.register_buffer("fingers", FINGERS, persistent=False)
        self.register_buffer("origins", patches[:, None, None] * ~FINGERS[:, None], persistent=False)
        self.register_buffer("units", torch.where(FINGERS, UNITS[1], UNITS[0])[:, None], persistent=False)
        weights = torch.full((2 * REACH + 1, self.moments, 1), AROUND)
        weights[REACH] = 1
        self.register_buffer("weights", weights.flatten(0, 1), persistent=False)
        self.fingers: Tensor
        self.origins: Tensor
        self.units: Tensor
        self.weights: Tensor

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, D) to places (B, tubelets, patches, moments, 49, 2): of the body for the patch, of fingers for
        their wrist, in UNITS; moments are those of the tubelets from REACH before its own to REACH after it."""
        said = self.output(self.norm(tokens)).unflatten(1, (self.tubelets, -1))
        places: Tensor = said.unflatten(-1, (-1, len(POINTS), 2))
        return places

    def error(self, tokens: Tensor, points: Tensor) -> Tensor:
        """Mean absolute error in UNITS, of the body and of fingers alike, of moments as AROUND says.

        points: (B, frames, 49, 3), see `WindowBatch`. A point that nobody saw has no error, nor has a finger without a
        wrist, nor what lies before or after the window.
        """
        places, seen = self._at_moments(points)
        wanted = (places[:, :, None] - self.origins) / self.units
        counted = seen * self.weights
        errors = (self(tokens).float() - wanted).abs().mean(-1) * counted[:, :, None]
        sums, count = errors.sum((0, 1, 2, 3)), counted.sum((0, 1, 2)) * len(self.origins)
        parts = self.fingers, ~self.fingers
        return torch.stack([sums[part].sum() / count[part].sum().clamp(min=AROUND) for part in parts]).mean()

    def _at_moments(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Mean places (B, tubelets, moments, 49, 2) at the moments around each tubelet, of fingers for their wrist, and
        whether each is known."""
        cut = points.reshape(len(points), self.tubelets, self.moments, -1, *points.shape[2:])
        known = cut[..., 2].sum(3)
        places, seen = cut[..., :2].sum(3) / known.clamp(min=1)[..., None], (known >= cut.shape[3] / 2).float()
        for hand in HANDS:
            wrist, fingers = hand.start, slice(hand.start + 1, hand.stop)
            places[..., fingers, :] -= places[..., wrist, None, :].clone()
            seen[..., fingers] *= seen[..., wrist, None].clone()
        around = (
            functional.pad(places, (0, 0, 0, 0, 0, 0, REACH, REACH)),
            functional.pad(seen, (0, 0, 0, 0, REACH, REACH)),
        )
        places, seen = (
            torch.cat([of[:, start : start + self.tubelets] for start in range(2 * REACH + 1)], 2) for of in around
        )
        return places, seen
