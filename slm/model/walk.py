"""Everything that one text meets on its way through a model, at one block in full.

Sees ids, never text. What flows is read through the probe seam; what lies between two
of its sites (a norm's output, queries before they are turned, the gate) is the model's
own part, asked once more with what the probe saw. Nothing is computed in a second way.

    stream before block l ─ norm ─ q, k, v ─ turn ─ scores ─ weights ─ heads ─ + ─ stream
                                                                            between ─ norm
    stream after block l  ─ + ─ down ─ hidden = SiLU(gate) · up ─────────────────────┘

L layers, T query position, S key position, D width, H heads, G key-value heads,
K head width, P pairs of a head's numbers (K/2), F feed-forward width, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model.config import ModelConfig
from slm.model.inference import diverged, inference, require_known
from slm.model.layers import rotary_frequencies
from slm.model.probe import Recorder
from slm.model.self_attention import visibility
from slm.model.transformer import Block, Transformer

Floats = npt.NDArray[np.float32]
MOST_TOKENS = 64
"""The longest text that is walked: every number of it is kept and may be looked at."""

_INSIDE = ("q", "k", "v", "scores", "weights", "head_out", "attn_out", "mlp_hidden")


@dataclass(frozen=True)
class BlockWalk:
    """What happens inside one block. `None`: this family has no such thing.

    `projected_*` are as the matrices give them, `even_*` after the query/key norm, and
    query, key as attention uses them: normed and turned where the family does so.
    """

    layer: int
    normed_TD: Floats
    projected_query_HTK: Floats
    projected_key_GTK: Floats
    even_query_HTK: Floats | None
    even_key_GTK: Floats | None
    angles_TP: Floats | None
    query_HTK: Floats
    key_GTK: Floats
    value_GTK: Floats
    scores_HTS: Floats
    visible_TS: npt.NDArray[np.bool_]
    weights_HTS: Floats
    head_out_HTK: Floats
    between_TD: Floats
    mlp_normed_TD: Floats
    gate_TF: Floats | None
    up_TF: Floats
    hidden_TF: Floats

    def group_of(self, head: int) -> int:
        """The key-value head that serves this query head."""
        return head * len(self.key_GTK) // len(self.query_HTK)

    def products_K(self, head: int, query: int, key: int) -> Floats:
        """q·k/√K, dimension by dimension: their sum is the score of that pair.

        Source: Vaswani et al. 2017, eq. 1.
        """
        query_K, key_K = self.query_HTK[head, query], self.key_GTK[self.group_of(head), key]
        products: Floats = query_K * key_K * np.float32(query_K.size**-0.5)
        return products

    def opened_F(self, position: int) -> Floats:
        """SiLU of the gate: how far it opens each hidden unit; empty without a gate.

        Source: Shazeer 2020, eq. 6.
        """
        if self.gate_TF is None:
            return np.zeros(0, dtype=np.float32)
        gate_F = self.gate_TF[position].astype(np.float64)
        return np.asarray(gate_F * 0.5 * (1 + np.tanh(gate_F / 2)), dtype=np.float32)

    def weighted_values_SK(self, head: int, query: int) -> Floats:
        """Every key position's value times its weight: their sum is the head's mixture."""
        values_SK = self.value_GTK[self.group_of(head)]
        weighted: Floats = self.weights_HTS[head, query][:, None] * values_SK
        return weighted


@dataclass(frozen=True)
class Walk:
    """One text on its way through one model. Arrays are float32 copies; read them only.

    stream_LTD has one entry more than there are blocks: what each block reads, and
    what the last one leaves. attention_LTD and feed_forward_LTD are what blocks add:
    stream[l] + attention[l] + feed_forward[l] = stream[l + 1].
    """

    config: ModelConfig
    ids_T: npt.NDArray[np.int64]
    token_TD: Floats
    position_TD: Floats | None
    stream_LTD: Floats
    attention_LTD: Floats
    feed_forward_LTD: Floats
    final_TD: Floats
    block: BlockWalk

    def growth(self, position: int) -> "Growth":
        """How the stream at one position grows from block to block."""
        stream_LD, attention_LD = self.stream_LTD[:, position], self.attention_LTD[:, position]
        between_LD = stream_LD[:-1] + attention_LD
        feed_forward_L = _lengths(self.feed_forward_LTD[:, position])
        return Growth(
            stream_L=_lengths(stream_LD),
            attention_share_L=_share(_lengths(attention_LD), _lengths(stream_LD[:-1])),
            feed_forward_share_L=_share(feed_forward_L, _lengths(between_LD)),
        )


@dataclass(frozen=True)
class Growth:
    """Lengths (√ of the sum of squares) of the stream before each block and after the last,

    and how long what a part adds is beside the stream that it is added to.
    """

    stream_L: Floats
    attention_share_L: Floats
    feed_forward_share_L: Floats


def take_walk(model: Transformer, ids_T: Sequence[int], layer: int) -> Walk:
    """Walk the text once, with block `layer` opened.

    Raises: DataError for no tokens, more than MOST_TOKENS or than the context holds, a
    token outside the vocabulary, or a block that the model lacks; DivergedError for
    numbers that are not finite.
    """
    ids = _walkable(ids_T, model.config)
    _require_block(model.config, layer)
    stream = Recorder(("resid_pre", "attn_out", "mlp_out", "resid_post"))
    ids_BT = torch.from_numpy(ids)[None].to(model.device)
    with inference(model):
        model(ids_BT, probe=stream, last_only=True)
        layers = range(model.config.n_layers)
        before = [stream["resid_pre", each][0] for each in layers]
        after_TD = stream["resid_post", len(layers) - 1][0]
        table = model.position_embedding
        walk = Walk(
            config=model.config,
            ids_T=ids,
            token_TD=_array(model.token_embedding.weight[ids_BT[0]]),
            position_TD=None if table is None else _array(table.weight[: len(ids)]),
            stream_LTD=_array(torch.stack([*before, after_TD])),
            attention_LTD=_array(torch.stack([stream["attn_out", each][0] for each in layers])),
            feed_forward_LTD=_array(torch.stack([stream["mlp_out", each][0] for each in layers])),
            final_TD=_array(model.final_norm(after_TD)),
            block=_open_block(model, ids_BT, layer, before[layer][None]),
        )
    if not (np.isfinite(walk.stream_LTD).all() and np.isfinite(walk.final_TD).all()):
        raise diverged("its residual stream is")
    return walk


def open_block(model: Transformer, walk: Walk, layer: int) -> Walk:
    """The same walk with another block opened: that block alone is run again, on its stream.

    Raises: DataError for a block that the model lacks.
    """
    _require_block(model.config, layer)
    if layer == walk.block.layer:
        return walk
    ids_BT = torch.from_numpy(walk.ids_T)[None].to(model.device)
    stream_TD = torch.from_numpy(walk.stream_LTD[layer])
    with inference(model):
        before_BTD = stream_TD[None].to(device=model.device, dtype=model.dtype)
        return replace(walk, block=_open_block(model, ids_BT, layer, before_BTD))


def _require_block(config: ModelConfig, layer: int) -> None:
    if not 0 <= layer < config.n_layers:
        raise DataError(f"There is no block {layer}: this model has 0 to {config.n_layers - 1}.")


def _walkable(ids_T: Sequence[int], config: ModelConfig) -> npt.NDArray[np.int64]:
    ids = np.asarray(ids_T, dtype=np.int64).reshape(-1)
    most = min(MOST_TOKENS, config.context_length)
    if ids.size == 0:
        raise DataError("The text is empty: there is nothing to walk. Type at least one word.")
    if ids.size > most:
        raise DataError(
            f"The text has {ids.size:,} tokens; a walk takes {most} at most with this model. "
            f"Shorten it by {ids.size - most:,} tokens."
        )
    require_known(ids, config.vocab_size)
    return ids


def _open_block(model: Transformer, ids_BT: Tensor, layer: int, before_BTD: Tensor) -> BlockWalk:
    """One block run on the stream that it reads, with everything recorded."""
    block, config = model.blocks[layer], model.config
    assert isinstance(block, Block)
    inside = Recorder(_INSIDE, [layer])
    _, turns, visible_TS = model.enter(ids_BT)
    block(before_BTD, turns, visible_TS, layer, probe=inside)
    normed_BTD = block.attention_norm(before_BTD)
    between_BTD = before_BTD + inside["attn_out", layer]
    mlp_normed_BTD = block.mlp_norm(between_BTD)
    attention, mlp, n_tokens = block.attention, block.mlp, before_BTD.shape[1]
    query_HTK = _heads(attention.query(normed_BTD), config.n_heads)
    key_GTK = _heads(attention.key(normed_BTD), config.kv_heads)
    query_norm, key_norm = attention.query_norm, attention.key_norm
    positions_T = torch.arange(n_tokens)
    return BlockWalk(
        layer=layer,
        normed_TD=_array(normed_BTD[0]),
        projected_query_HTK=_array(query_HTK),
        projected_key_GTK=_array(key_GTK),
        even_query_HTK=None if query_norm is None else _array(query_norm(query_HTK)),
        even_key_GTK=None if key_norm is None else _array(key_norm(key_GTK)),
        angles_TP=_angles(config, n_tokens),
        query_HTK=_array(inside["q", layer][0]),
        key_GTK=_array(inside["k", layer][0]),
        value_GTK=_array(inside["v", layer][0]),
        scores_HTS=_array(inside["scores", layer][0]),
        visible_TS=visibility(positions_T, n_tokens, config.window).numpy(),
        weights_HTS=_array(inside["weights", layer][0]),
        head_out_HTK=_array(inside["head_out", layer][0]),
        between_TD=_array(between_BTD[0]),
        mlp_normed_TD=_array(mlp_normed_BTD[0]),
        gate_TF=None if mlp.gate is None else _array(mlp.gate(mlp_normed_BTD)[0]),
        up_TF=_array(mlp.up(mlp_normed_BTD)[0]),
        hidden_TF=_array(inside["mlp_hidden", layer][0]),
    )


def _angles(config: ModelConfig, n_tokens: int) -> Floats | None:
    """By how many radians each pair of a head's numbers is turned at each position.

    Source: Su et al. 2021 (RoFormer), section 3.2.2.
    """
    if config.positions != "rotary":
        return None
    turns_P = rotary_frequencies(config.head_width, config.rope_theta, config.rope_scaling)
    return _array(torch.outer(torch.arange(n_tokens, dtype=torch.float32), turns_P))


def _heads(flat_BTJ: Tensor, n_heads: int) -> Tensor:
    """(1, T, H·K) → (H, T, K)."""
    return flat_BTJ[0].view(flat_BTJ.shape[1], n_heads, -1).transpose(0, 1)


def _array(tensor: Tensor) -> Floats:
    found: npt.NDArray[Any] = tensor.detach().float().cpu().numpy()
    return found.copy() if found.base is not None else found


def _share(part_L: Floats, whole_L: Floats) -> Floats:
    """Parts of wholes; 0 where there is no whole."""
    return np.divide(part_L, whole_L, out=np.zeros_like(part_L), where=whole_L > 0)


def _lengths(vectors_LD: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors_LD, axis=-1)
    return lengths
