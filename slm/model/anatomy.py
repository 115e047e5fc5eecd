"""A Transformer taken apart: its parts in order, the shape of what leaves each, its numbers.

What leaves a part on a given text is read through the probe seam; where no site stands
right behind a part, the part's own module is applied to what a site gave. Sees ids,
never text.

T position, S key position (here as many), D width, H heads, G key-value heads, K head
width, F feed-forward width, V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from slm.errors import DataError
from slm.model import layers, self_attention
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.inference import inference, require_known
from slm.model.probe import OUTER_SITES, Recorder
from slm.model.transformer import Block, Transformer

Heads = Literal["query", "key-value"]


@dataclass(frozen=True)
class Part:
    """One step of the model.

    letters   shape of what leaves it, for one text
    weights   names of its tensors, below "blocks.<layer>." where it is in a block
    heads     which heads its values have one of each; None: they are not by head
    code      what computes it
    """

    name: str
    letters: str
    weights: tuple[str, ...] = ()
    heads: Heads | None = None
    in_block: bool = True
    code: tuple[Callable[..., Any], ...] = ()


_ATTENTION = self_attention.SelfAttention.forward
PARTS: Mapping[str, Part] = MappingProxyType(
    {
        part.name: part
        for part in (
            Part(
                "token_embedding",
                "T×D",
                ("token_embedding.weight",),
                in_block=False,
                code=(Transformer.forward,),
            ),
            Part(
                "position_embedding",
                "T×D",
                ("position_embedding.weight",),
                in_block=False,
                code=(Transformer.forward,),
            ),
            Part("stream", "T×D", code=(Block.forward,)),
            Part("attention_norm", "T×D", ("attention_norm.weight",), code=(layers.make_norm,)),
            Part("query", "H×T×K", ("attention.query.weight",), "query", code=(_ATTENTION,)),
            Part("key", "G×T×K", ("attention.key.weight",), "key-value", code=(_ATTENTION,)),
            Part("value", "G×T×K", ("attention.value.weight",), "key-value", code=(_ATTENTION,)),
            Part(
                "query_ready",
                "H×T×K",
                ("attention.query_norm.weight",),
                "query",
                code=(layers.rotate, layers.rotary_frequencies, layers.rotary_tables),
            ),
            Part(
                "key_ready",
                "G×T×K",
                ("attention.key_norm.weight",),
                "key-value",
                code=(layers.rotate, layers.rotary_frequencies, layers.rotary_tables),
            ),
            Part("scores", "H×T×S", (), "query", code=(self_attention.score,)),
            Part(
                "weights",
                "H×T×S",
                (),
                "query",
                code=(self_attention.weigh, self_attention.visibility),
            ),
            Part(
                "mixture",
                "H×T×K",
                (),
                "query",
                code=(self_attention.attend, self_attention.attend_fused, self_attention.share),
            ),
            Part("attention_output", "T×D", ("attention.output.weight",), code=(_ATTENTION,)),
            Part("attention_add", "T×D", code=(Block.forward,)),
            Part("mlp_norm", "T×D", ("mlp_norm.weight",), code=(layers.make_norm,)),
            Part("gate", "T×F", ("mlp.gate.weight",), code=(layers.FeedForward.forward,)),
            Part("up", "T×F", ("mlp.up.weight",), code=(layers.FeedForward.forward,)),
            Part("hidden", "T×F", code=(layers.FeedForward.forward,)),
            Part("down", "T×D", ("mlp.down.weight",), code=(layers.FeedForward.forward,)),
            Part("mlp_add", "T×D", code=(Block.forward,)),
            Part(
                "final_norm",
                "T×D",
                ("final_norm.weight",),
                in_block=False,
                code=(layers.make_norm, Transformer.read_out),
            ),
            Part(
                "logits",
                "T×V",
                ("unembedding.weight",),
                in_block=False,
                code=(Transformer.read_out,),
            ),
        )
    }
)
"""Every part that a model may have, in the order in which a token meets them."""

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


def parts_of(config: ModelConfig) -> tuple[Part, ...]:
    """The parts that a model of these settings has, in order."""
    absent = set()
    if config.positions != "learned":
        absent.add("position_embedding")
    if config.mlp != "swiglu":
        absent.add("gate")
    if not config.qk_norm and config.positions != "rotary":
        absent |= {"query_ready", "key_ready"}
    return tuple(part for part in PARTS.values() if part.name not in absent)


def shape_of(config: ModelConfig, part: Part, n_tokens: int) -> tuple[int, ...]:
    """The sizes that `part.letters` stand for, on a text of so many tokens."""
    sizes = {
        "T": n_tokens,
        "S": n_tokens,
        "D": config.d_model,
        "H": config.n_heads,
        "G": config.kv_heads,
        "K": config.head_width,
        "F": config.d_ff,
        "V": config.vocab_size,
    }
    return tuple(sizes[letter] for letter in part.letters.split("×"))


def weights_of(config: ModelConfig, part: Part, layer: int) -> dict[str, tuple[int, ...]]:
    """The learned tensors of a part with their shapes, biases too; none where it only computes.

    With tied embeddings the last part reads the token embedding again.
    """
    shapes = tensor_shapes(config)
    names = part.weights
    if part.name == "logits" and config.tie_embeddings:
        names = PARTS["token_embedding"].weights
    before = f"blocks.{layer}." if part.in_block else ""
    wanted = [before + name for name in names]
    wanted += [name.removesuffix("weight") + "bias" for name in wanted]
    return {name: shapes[name] for name in wanted if name in shapes}


def heads_of(config: ModelConfig, part: Part) -> int:
    """How many heads a part's values have; 1 where they are not by head."""
    return {"query": config.n_heads, "key-value": config.kv_heads, None: 1}[part.heads]


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

    `head` holds where the part has heads: key-value heads for keys and values. Scores that may not be looked at (later positions) are NaN.

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
        if part.name == "scores":
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
