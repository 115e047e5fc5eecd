"""Attention: the one place where positions look at each other.

Two ways to the same numbers: `attend`, to be read, and `attend_fused`, PyTorch's
kernel, which never holds all the weights at once. The fused one runs unless a
probe asks for scores or weights.

B batch, T query position, S key position, D width, H heads, K head width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slm.model.cache import KeyValueCache
from slm.model.config import ModelConfig
from slm.model.layers import make_norm, rotate
from slm.model.probe import Probe, tap, wants


def score(query_BHTK: Tensor, key_BHSK: Tensor) -> Tensor:
    """How well each query matches each key: dot products, divided by the root of K."""
    scale: float = query_BHTK.shape[-1] ** -0.5
    return query_BHTK @ key_BHSK.mT * scale


def weigh(scores_BHTS: Tensor, visible_TS: Tensor) -> Tensor:
    """Scores as shares of attention: what is not visible gets 0, each row sums to 1."""
    return scores_BHTS.masked_fill(~visible_TS, -torch.inf).softmax(dim=-1)


def attend(
    query_BHTK: Tensor, key_BHSK: Tensor, value_BHSK: Tensor, visible_TS: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix values by how well queries match keys.

    visible_TS (or B1TS) is True where position t may look at position s. Returns
    the mixture, and the weights (each row sums to 1) that the attention page draws.
    Key-value heads may be fewer than query heads; each then serves a group.

    Source: Vaswani et al. 2017, eq. 1; Ainslie et al. 2023 for groups.
    """
    n_heads = query_BHTK.shape[1]
    weights_BHTS = weigh(score(query_BHTK, share(key_BHSK, n_heads)), visible_TS)
    return weights_BHTS @ share(value_BHSK, n_heads), weights_BHTS


def attend_fused(
    query_BHTK: Tensor,
    key_BHSK: Tensor,
    value_BHSK: Tensor,
    visible_TS: Tensor | None,
    dropout: float = 0.0,
) -> Tensor:
    """The mixture that `attend` gives, in one kernel. None: see oneself and all before.

    `dropout` is the share of weights set to zero.

    Source: Dao et al. 2022 (FlashAttention).
    """
    return F.scaled_dot_product_attention(
        query_BHTK,
        key_BHSK,
        value_BHSK,
        attn_mask=visible_TS,
        dropout_p=dropout,
        is_causal=visible_TS is None and query_BHTK.shape[2] > 1,
        enable_gqa=key_BHSK.shape[1] != query_BHTK.shape[1],
    )


def share(heads_BHSK: Tensor, n_heads: int) -> Tensor:
    """Each key-value head repeated for its group of query heads."""
    groups = n_heads // heads_BHSK.shape[1]
    return heads_BHSK if groups == 1 else heads_BHSK.repeat_interleave(groups, dim=1)


def visibility(positions_T: Tensor, n_keys: int, window: int | None) -> Tensor:
    """True where a query at each position may look at key 0, 1, … n_keys - 1, (…, T, S).

    A position sees itself and what came before, at most `window` positions in all.

    >>> visibility(torch.tensor([1, 2]), 3, window=2).int().tolist()
    [[1, 1, 0], [0, 1, 1]]
    """
    keys_S = torch.arange(n_keys, device=positions_T.device)
    distance_TS = positions_T[..., None] - keys_S
    visible_TS = distance_TS >= 0
    return visible_TS if window is None else visible_TS & (distance_TS < window)


_FAST_TURN = 0.15  # radians a position: pairs that tell neighbours apart
_PLACES_BACK = 4


class SelfAttention(nn.Module):
    """Queries, keys and values from each position; every head's mixture back into the width."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads, self.kv_heads = config.n_heads, config.kv_heads
        self.head_width, self.dropout = config.head_width, config.dropout
        inner, with_bias = config.n_heads * config.head_width, config.bias != "none"
        kv_width = config.kv_heads * config.head_width
        self.query = nn.Linear(config.d_model, inner, bias=with_bias)
        self.key = nn.Linear(config.d_model, kv_width, bias=with_bias)
        self.value = nn.Linear(config.d_model, kv_width, bias=with_bias)
        self.query_norm = make_norm(config, config.head_width) if config.qk_norm else None
        self.key_norm = make_norm(config, config.head_width) if config.qk_norm else None
        self.output = nn.Linear(inner, config.d_model, bias=config.bias == "all")

    def forward(
        self,
        normed_BTD: Tensor,
        turns: tuple[Tensor, Tensor] | None,
        visible_TS: Tensor | None,
        layer: int = 0,
        cache: KeyValueCache | None = None,
        probe: Probe | None = None,
    ) -> Tensor:
        """The part's output, to be added to the residual stream.

        `turns` are the rotary tables of the positions given (None: no rotation),
        `visible_TS` as in `attend_fused`.
        """
        query_BHTK, key_BHSK, value_BHSK = self._project(normed_BTD)
        if turns is not None:
            query_BHTK, key_BHSK = rotate(query_BHTK, *turns), rotate(key_BHSK, *turns)
        if cache is not None:
            key_BHSK, value_BHSK = cache.append(layer, key_BHSK, value_BHSK)
        if probe is not None:
            query_BHTK = tap(probe, "q", layer, query_BHTK)
            key_BHSK = tap(probe, "k", layer, key_BHSK)
            value_BHSK = tap(probe, "v", layer, value_BHSK)
        if wants(probe, "scores", layer) or wants(probe, "weights", layer):
            mixed_BHTK = self._attend_probed(
                query_BHTK, key_BHSK, value_BHSK, visible_TS, layer, probe
            )
        else:
            dropout = self.dropout if self.training else 0.0
            mixed_BHTK = attend_fused(query_BHTK, key_BHSK, value_BHSK, visible_TS, dropout)
        mixed_BHTK = tap(probe, "head_out", layer, mixed_BHTK)
        output_BTD: Tensor = self.output(mixed_BHTK.transpose(1, 2).flatten(2))
        return output_BTD

    @torch.no_grad()
    def begin_as_copier(self, share_of_identity: float) -> None:
        """Add to output · value a share of the identity (of a projection, if heads are few).

        A head that looks at a token then makes that same token likelier from the first
        step on, so that where to look is learned at once instead of after a long plateau
        in which neither where nor what gets a gradient without the other.

        Source: Trockman and Kolter 2023, "Mimetic Initialization of Self-Attention
        Layers", who find such products in trained models; the sign and the one layer
        are our measurement (benchmarks/README.md).
        """
        width, group = self.output.weight.shape[0], self.n_heads // self.kv_heads
        turn_VD = torch.empty(self.kv_heads * self.head_width, width)
        nn.init.orthogonal_(turn_VD, gain=math.sqrt(share_of_identity))
        turn_VD = turn_VD.to(self.value.weight)
        back_DHK = turn_VD.mT.reshape(width, self.kv_heads, self.head_width) / group
        self.value.weight += turn_VD
        self.output.weight += back_DHK.repeat_interleave(group, dim=1).flatten(1)

    @torch.no_grad()
    def begin_looking_back(self, common_D: Tensor, frequencies: Tensor, size: float) -> None:
        """Let head h begin with its eye on the token 1 + h mod 4 places before.

        Queries and keys answer to the vector `common_D` that all tokens share, with pairs of
        numbers that turn fast. The queries' pairs are turned back by so many places, so that
        a query agrees best with the key that stands just there.

        Source: Su et al. 2021 (RoFormer), eq. 16: a product of turned pairs depends on their
        distance alone. That it is worth beginning with is our measurement
        (benchmarks/README.md).
        """
        fast = (frequencies > _FAST_TURN).to(common_D)
        reading_D = size * common_D / common_D.square().sum()
        straight_K = torch.cat([fast, torch.zeros_like(fast)])
        for head in range(self.kv_heads):
            rows = slice(head * self.head_width, (head + 1) * self.head_width)
            self.key.weight[rows] += torch.outer(straight_K, reading_D)
        for head in range(self.n_heads):
            angles = frequencies * (1 + head % _PLACES_BACK)
            back_K = torch.cat([fast * angles.cos(), -fast * angles.sin()])
            rows = slice(head * self.head_width, (head + 1) * self.head_width)
            self.query.weight[rows] += torch.outer(back_K, reading_D)

    def _project(self, normed_BTD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values by heads. In training by one product, which is faster."""
        parts = (self.query, self.key, self.value)
        if self.training and all(isinstance(part, nn.Linear) for part in parts):  # not adapted
            biases: list[Tensor] = [part.bias for part in parts if part.bias is not None]
            weights: list[Tensor] = [part.weight for part in parts]
            weight = torch.cat(weights)
            together = F.linear(normed_BTD, weight, torch.cat(biases) if biases else None)
            widths = [part.out_features for part in parts]
            query, key, value = torch.split(together, widths, dim=-1)
        else:
            query, key, value = (part(normed_BTD) for part in parts)
        return (
            self._heads(query, self.n_heads, self.query_norm),
            self._heads(key, self.kv_heads, self.key_norm),
            self._heads(value, self.kv_heads),
        )

    def _heads(self, flat: Tensor, n_heads: int, norm: nn.Module | None = None) -> Tensor:
        """(B, T, H·K) → (B, H, T, K), each head's vector normed where there is a norm."""
        heads_BTHK = flat.view(*flat.shape[:2], n_heads, self.head_width)
        if norm is not None:
            heads_BTHK = norm(heads_BTHK)
        return heads_BTHK.transpose(1, 2)

    def _attend_probed(
        self,
        query_BHTK: Tensor,
        key_BHSK: Tensor,
        value_BHSK: Tensor,
        visible_TS: Tensor | None,
        layer: int,
        probe: Probe | None,
    ) -> Tensor:
        """`attend`, step by step, with the probe in between."""
        if visible_TS is None:
            n_keys, n_queries = key_BHSK.shape[2], query_BHTK.shape[2]
            last_positions = torch.arange(n_keys - n_queries, n_keys, device=key_BHSK.device)
            visible_TS = visibility(last_positions, n_keys, None)
        scores_BHTS = score(query_BHTK, share(key_BHSK, self.n_heads))
        scores_BHTS = tap(probe, "scores", layer, scores_BHTS)
        weights_BHTS = weigh(scores_BHTS, visible_TS)
        weights_BHTS = tap(probe, "weights", layer, weights_BHTS)
        weights_BHTS = F.dropout(weights_BHTS, self.dropout, self.training)
        return weights_BHTS @ share(value_BHSK, self.n_heads)
