"""V-JEPA 2's attentive probe (Assran et al. 2025, arXiv 2506.09985, section 5): classes from all tokens of a video.

The network is transformers' `VJEPA2ForVideoClassification` without its encoder: three blocks of self-attention over the
tokens, one of cross-attention from a learnt query, and a linear layer.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import VJEPA2Config, VJEPA2ForVideoClassification

HEAD = ("pooler", "classifier")
"""What of a VJEPA2ForVideoClassification is the probe's."""


class AttentiveProbe(nn.Module):
    """Tokens (B, N, D) to the logits (B, classes) of a clip; named and initialised as transformers does.

    config: of the encoder whose tokens they are.
    """

    def __init__(self, config: "VJEPA2Config", classes: int) -> None:
        super().__init__()
        whole = classifier(config, classes, encoder_layers=0)
        self.pooler: nn.Module = whole.pooler
        self.classifier: nn.Module = whole.classifier

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.classifier(self.pooler(tokens))
        return found


def classifier(
    config: "VJEPA2Config", classes: int, encoder_layers: int | None = None
) -> "VJEPA2ForVideoClassification":
    """An untrained VJEPA2ForVideoClassification of an encoder's sizes, with another number of layers where one is
    given."""
    from transformers import VJEPA2Config, VJEPA2ForVideoClassification

    layers = config.num_hidden_layers if encoder_layers is None else encoder_layers
    sizes: dict[str, Any] = {**config.to_dict(), "num_hidden_layers": layers, "num_labels": classes}
    for name in ("architectures", "dtype", "id2label", "label2id", "transformers_version"):
        sizes.pop(name, None)
    if encoder_layers == 0:
        sizes["pred_num_hidden_layers"] = 0
    return VJEPA2ForVideoClassification(VJEPA2Config(**sizes, attn_implementation="sdpa"))


def attention_over_time(probe: Any, tokens: Tensor, tubelets: int) -> Tensor:
    """How much of a probe's last look at tokens (B, N, D) goes to each tubelet, (B, tubelets), a row's sum being 1.

    probe: an AttentiveProbe, or a VJEPA2ForVideoClassification.
    """
    pooler = probe.pooler
    for layer in pooler.self_attention_layers:
        tokens = layer(tokens, attention_mask=None)[0]
    looking = pooler.cross_attention_layer.cross_attn
    keys = looking.k_proj(pooler.cross_attention_layer.layer_norm1(tokens))
    queries = looking.q_proj(pooler.query_tokens).expand(len(tokens), -1, -1)
    heads = [of.reshape(*of.shape[:2], looking.num_heads, -1).transpose(1, 2) for of in (queries, keys)]
    weights: Tensor = torch.softmax(heads[0] @ heads[1].mT * looking.scale, dim=-1).mean(1)  # (B, 1, N)
    return weights.reshape(len(tokens), tubelets, -1).sum(-1)
