"""What the parts of a model give on average over a text, for edits that put it in their place.

Knows ids, never text, and reads the model through the probe seam.

L layers, H heads, K head width, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from slm.attention.maps import Ids, one_row
from slm.model.inference import inference
from slm.model.transformer import Transformer


@dataclass(frozen=True)
class Means:
    """What the parts give on average over a text."""

    heads_LHK: Tensor
    feed_forward_LD: Tensor


def mean_outputs(model: Transformer, ids_T: Ids) -> Means:
    """What each head and each feed-forward part gives on average over this text's positions.

    Raises: DataError for a text that cannot be read whole.
    """
    config = model.config
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length).to(model.device)
    probe = OutputAverages()
    with inference(model):
        model(ids_BT, probe=probe, last_only=True)
    layers = range(config.n_layers)
    return Means(
        torch.stack([probe.found["head_out", layer] for layer in layers]),
        torch.stack([probe.found["mlp_out", layer] for layer in layers]),
    )


class OutputAverages:
    """A probe that averages what parts give over the positions of one text, as it passes.

    `found` holds head_out as (H, K) and mlp_out as (D), under (site, layer).
    """

    sites = frozenset({"head_out", "mlp_out"})
    layers = None

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], Tensor] = {}

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.found[site, layer] = tensor[0].mean(dim=-2)
