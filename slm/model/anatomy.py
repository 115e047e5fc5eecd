"""The numbers of a Transformer taken apart: what leaves each part on a text, and its weights.

What leaves a part is read through the probe seam; where no site stands right behind a
part, the part's own module is applied to what a site gave. Sees ids, never text.

B batch, T position, D width. The parts and their shapes are in `parts.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from slm.errors import DataError
from slm.model import layers, self_attention
from slm.model.inference import inference, require_known
from slm.model.parts import Part
from slm.model.probe import OUTER_SITES, Recorder
from slm.model.transformer import Block, Transformer

_ATTENTION = self_attention.SelfAttention.forward
CODE: Mapping[str, tuple[Callable[..., Any], ...]] = MappingProxyType(
    {
        "token_embedding": (Transformer.forward,),
        "position_embedding": (Transformer.forward,),
        "stream": (Block.forward,),
        "attention_norm": (layers.make_norm,),
        "query": (_ATTENTION,),
        "key": (_ATTENTION,),
        "value": (_ATTENTION,),
        "query_ready": (layers.rotate, layers.rotary_frequencies, layers.rotary_tables),
        "key_ready": (layers.rotate, layers.rotary_frequencies, layers.rotary_tables),
        "scores": (self_attention.score,),
        "weights": (self_attention.weigh, self_attention.visibility),
        "mixture": (self_attention.attend, self_attention.attend_fused, self_attention.share),
        "attention_output": (_ATTENTION,),
        "attention_add": (Block.forward,),
        "mlp_norm": (layers.make_norm,),
        "gate": (layers.FeedForward.forward,),
        "up": (layers.FeedForward.forward,),
        "hidden": (layers.FeedForward.forward,),
        "down": (layers.FeedForward.forward,),
        "mlp_add": (Block.forward,),
        "final_norm": (layers.make_norm, Transformer.read_out),
        "logits": (Transformer.read_out,),
    }
)
"""What computes each part, to be read beside its numbers."""

_SITE: Mapping[str, str] = MappingProxyType(
    {
        "stream": "resid_pre",
        "value": "v",
        "query_ready": "q",
        "key_ready": "k",
        "scores": "scores",
        "weights": "weights",
        "mixture": "head_out",
        "attention_output": "attn_out",
        "hidden": "mlp_hidden",
        "down": "mlp_out",
        "mlp_add": "resid_post",
        "final_norm": "final_norm",
        "logits": "logits",
    }
)
"""Parts whose output a probe can see as it is."""


def weight_matrix(model: Transformer, name: str, part: Part, head: int | None = None) -> Tensor:
    """A learned tensor as rows and columns; with `head`, only what belongs to that head.

    Of queries, keys and values a head has rows, of the attention's output it has columns.
    """
    values = dict(model.named_parameters())[name].detach()
    width = model.config.head_width
    if values.ndim == 1:
        own = head is not None and part.name in {"query", "key", "value"}
        values = values[head * width : (head + 1) * width] if own and head is not None else values
        return values[None]
    if head is not None and part.name in {"query", "key", "value"}:
        return values[head * width : (head + 1) * width]
    if head is not None and part.name == "attention_output":
        return values[:, head * width : (head + 1) * width]
    return values


def values_of(
    model: Transformer, ids_T: Sequence[int], part: Part, layer: int = 0, head: int = 0
) -> Tensor:
    """What leaves a part on this text: a row for each position, float32.

    `head` holds where the part has heads: key-value heads for keys and values. Scores and
    weights of what may not be looked at (later positions) are NaN.

    Raises: DataError for no tokens, too many, or one outside the vocabulary.
    """
    config = model.config
    ids = np.asarray(ids_T).reshape(-1)
    if not ids.size:
        raise DataError("The text is empty: type at least one character.")
    require_known(ids, config.vocab_size)
    with inference(model):
        ids_BT = torch.as_tensor(ids, device=model.device)[None]
        values = _values(model, ids_BT, part.name, layer)[0].float()
        if part.heads is not None:
            values = values[head]
        if part.name in {"scores", "weights"}:
            positions_T = torch.arange(ids.size, device=values.device)
            visible_TS = self_attention.visibility(positions_T, ids.size, config.window)
            values = values.masked_fill(~visible_TS, torch.nan)
        return values.cpu()


def _values(model: Transformer, ids_BT: Tensor, name: str, layer: int) -> Tensor:
    if name == "token_embedding":
        return _call(model.token_embedding, ids_BT)
    if name == "position_embedding":
        assert model.position_embedding is not None
        return model.position_embedding.weight[None, : ids_BT.shape[1]]
    if name in _SITE:
        return _seen(model, ids_BT, (_SITE[name],), layer)[0]
    stream_BTD, attended_BTD = _seen(model, ids_BT, ("resid_pre", "attn_out"), layer)
    block = model.blocks[layer]
    assert isinstance(block, Block)
    if name == "attention_add":
        return stream_BTD + attended_BTD
    if name in {"attention_norm", "query", "key"}:
        normed_BTD = _call(block.attention_norm, stream_BTD)
        if name == "attention_norm":
            return normed_BTD
        flat = _call(getattr(block.attention, name), normed_BTD)
        return flat.view(*flat.shape[:2], -1, model.config.head_width).transpose(1, 2)
    normed_BTD = _call(block.mlp_norm, stream_BTD + attended_BTD)
    return normed_BTD if name == "mlp_norm" else _call(getattr(block.mlp, name), normed_BTD)


def _seen(
    model: Transformer, ids_BT: Tensor, sites: tuple[str, ...], layer: int
) -> tuple[Tensor, ...]:
    recorder = Recorder(sites, [layer])
    model(ids_BT, probe=recorder)
    return tuple(
        recorder.outer(site) if site in OUTER_SITES else recorder[site, layer] for site in sites
    )


def _call(module: nn.Module, values: Tensor) -> Tensor:
    result: Tensor = module(values)
    return result
