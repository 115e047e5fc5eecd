"""The model read one token at a time, with as little as possible around the arithmetic.

What `Transformer.forward` computes for one new position a row, written without modules,
probes and training: of a small model's time a half goes into being called. Same weights, same
cache, the same numbers within rounding. Sees ids, never text.

B rows, D width, H heads, G key-value heads, K head width, F feed-forward width, S key position,
V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slm.errors import DataError
from slm.model import int8 as int8_matrices
from slm.model.cache import KeyValueCache
from slm.model.self_attention import SelfAttention, visibility
from slm.model.transformer import Block, Transformer

_Map = Callable[[Tensor], Tensor]
_SMALL = 4_000_000  # numbers; larger matrices cost more to copy than to call for
_MANY = 6  # rows from which a processor multiplies faster with the weights on the left,
_LARGE = 1_000_000  # if they are so many numbers


class Stepper:
    """One more token for each row of a cache: `stepper(ids_B)` gives logits_BV.

    Fewer ids than rows go to the first ones. The cache, which may be changed for another
    between steps, says what each row has read; rows may have different lengths. Small matrices
    that are multiplied by the same vector are copied into one, so weights are those of now.
    With `int8`, few rows are multiplied by matrices of 8 bits (`slm.model.int8`), on
    processors and where PyTorch can: nearly the same numbers.
    """

    def __init__(self, model: Transformer, cache: KeyValueCache, *, int8: bool = False) -> None:
        self.cache, self._config = cache, model.config
        self._embedding_VD = model.token_embedding.weight.detach()
        position = model.position_embedding
        self._position_TD = None if position is None else position.weight.detach()
        self._cosine_TK, self._sine_TK = model.cosine, model.sine
        if self._cosine_TK is not None and self._sine_TK is not None:
            self._cosine_TK = self._cosine_TK.to(model.dtype)
            self._sine_TK = self._sine_TK.to(model.dtype)
        rounded = int8 and model.device.type == "cpu" and int8_matrices.available()
        self._layers = [
            _Layer.of(block, rounded) for block in model.blocks if isinstance(block, Block)
        ]
        self._final_norm = _norm(model.final_norm)
        self._unembed = _map(model.unembedding_weight.detach(), None, rounded)

    def __call__(self, ids_B: Tensor) -> Tensor:
        """Logits of what follows; the ids are added to the cache.

        Raises: DataError when the context or the cache is full.
        """
        cache = self.cache.first(len(ids_B))
        place = self._place(cache)
        logits_BV = self._pass(ids_B, cache, place)
        cache.advance(1)
        return logits_BV

    def _pass(self, ids_B: Tensor, cache: KeyValueCache, place: "Place") -> Tensor:
        """From ids to logits; keys and values go where `place` says."""
        stream_BD = F.embedding(ids_B, self._embedding_VD)
        if self._position_TD is not None:
            stream_BD = stream_BD + self._position_TD[place.positions]
        for number, layer in enumerate(self._layers):
            kept = cache.keys_LBHSK[number], cache.values_LBHSK[number]
            stream_BD = self._through(layer, stream_BD, place, *kept)
        return self._unembed(self._final_norm(stream_BD))

    def _through(
        self,
        layer: "_Layer",
        stream_BD: Tensor,
        place: "Place",
        keys_BGSK: Tensor,
        values_BGSK: Tensor,
    ) -> Tensor:
        config, n_rows = self._config, len(stream_BD)
        n_heads, n_shared = config.n_heads, config.kv_heads
        flat_BJ = layer.qkv(layer.attention_norm(stream_BD))
        heads_BH1K = flat_BJ.view(n_rows, n_heads + 2 * n_shared, 1, config.head_width)
        turned_BH1K = heads_BH1K[:, : n_heads + n_shared]
        if layer.qk_norm is not None:
            turned_BH1K = layer.qk_norm(turned_BH1K)
        if place.cosine is not None and place.sine is not None:
            swapped_BH1K = turned_BH1K.roll(config.head_width // 2, dims=-1)
            turned_BH1K = torch.addcmul(turned_BH1K * place.cosine, swapped_BH1K, place.sine)
        place.write(keys_BGSK, turned_BH1K[:, n_heads:])
        place.write(values_BGSK, heads_BH1K[:, n_heads + n_shared :])
        mixed_BH1K = F.scaled_dot_product_attention(
            turned_BH1K[:, :n_heads],
            keys_BGSK[:, :, place.first : place.end],
            values_BGSK[:, :, place.first : place.end],
            attn_mask=place.visible_B11S,
            enable_gqa=n_heads != n_shared,
        )
        mixed_BJ = mixed_BH1K.reshape(n_rows, -1)
        stream_BD = stream_BD + layer.output(mixed_BJ)
        hidden_BF = layer.up(layer.mlp_norm(stream_BD))
        if layer.gated:
            gate_BF, up_BF = hidden_BF.chunk(2, dim=-1)
            hidden_BF = F.silu(gate_BF) * up_BF
        else:
            hidden_BF = F.gelu(hidden_BF, approximate="tanh")
        return stream_BD + layer.down(hidden_BF)

    def _place(self, cache: KeyValueCache) -> "Place":
        """Where the next token of each row stands, and what it sees."""
        window = self._config.window
        end = self._require_room(cache)
        if cache.is_even:
            first = 0 if window is None else max(0, end - window)
            here = slice(end - 1, end)
            return Place(here, first, end, None, *self._turns(here))
        return self._ragged(cache.lengths_B.to(cache.keys_LBHSK.device), end, cache.max_length)

    def _require_room(self, cache: KeyValueCache) -> int:
        """How many positions the longest row has with the next token."""
        end = cache.longest + 1
        if end > self._config.context_length:
            raise DataError(
                f"{end} tokens do not fit the context of {self._config.context_length}. "
                "Start again with the last part of the text."
            )
        cache.require_room(1)
        return end

    def _ragged(self, positions_B: Tensor, end: int, max_length: int) -> "Place":
        """Each row at a position of its own, in a cache of `max_length`, of which `end` count."""
        device, n_heads = positions_B.device, self._config.kv_heads
        visible_BS = visibility(positions_B, end, self._config.window)
        cosine, sine = (None if t is None else t[:, None, None] for t in self._turns(positions_B))
        rows_B1 = torch.arange(len(positions_B), device=device)[:, None] * n_heads
        heads_BG = rows_B1 + torch.arange(n_heads, device=device)
        flat_N = (heads_BG * max_length + positions_B[:, None]).flatten()
        return Place(positions_B, 0, end, visible_BS[:, None, None], cosine, sine, flat_N)

    def _turns(self, positions: slice | Tensor) -> tuple[Tensor | None, Tensor | None]:
        if self._cosine_TK is None or self._sine_TK is None:
            return None, None
        return self._cosine_TK[positions], self._sine_TK[positions]


@dataclass(frozen=True)
class Place:
    """Positions of one step: a slice where all rows agree, else one for each row.

    flat_N then says where each row's key-value heads write, counted through rows, heads and
    positions: the same in all layers.
    """

    positions: slice | Tensor
    first: int
    end: int
    visible_B11S: Tensor | None
    cosine: Tensor | None
    sine: Tensor | None
    flat_N: Tensor | None = None

    def write(self, kept_BGSK: Tensor, new_BG1K: Tensor) -> None:
        """Put each row's new key or value behind what it has."""
        if self.flat_N is None:
            kept_BGSK[:, :, self.positions] = new_BG1K
        else:
            width = kept_BGSK.shape[-1]
            new_NK = new_BG1K.reshape(-1, width).to(kept_BGSK.dtype)
            kept_BGSK.view(-1, width).index_copy_(0, self.flat_N, new_NK)


@dataclass(frozen=True)
class _Layer:
    """One block's weights, ready to be used."""

    attention_norm: _Map
    qkv: _Map
    qk_norm: _Map | None
    output: _Map
    mlp_norm: _Map
    gated: bool
    up: _Map
    down: _Map

    @classmethod
    def of(cls, block: Block, int8: bool) -> "_Layer":
        attention, mlp = block.attention, block.mlp
        ups = (mlp.up,) if mlp.gate is None else (mlp.gate, mlp.up)
        qk_norm = None
        if attention.query_norm is not None and attention.key_norm is not None:
            qk_norm = _norm_of_heads(attention.query_norm, attention.key_norm, attention)
        return cls(
            _norm(block.attention_norm),
            _together(attention.query, attention.key, attention.value, int8=int8),
            qk_norm,
            _together(attention.output, int8=int8),
            _norm(block.mlp_norm),
            mlp.gate is not None,
            _together(*ups, int8=int8),
            _together(mlp.down, int8=int8),
        )


def _together(*parts: nn.Linear, int8: bool) -> _Map:
    """The outputs of all, side by side: by one product where the matrices are small."""
    if len(parts) > 1 and sum(part.weight.numel() for part in parts) > _SMALL:
        maps = [_together(part, int8=int8) for part in parts]
        return lambda x: torch.cat([each(x) for each in maps], dim=-1)
    weights: list[Tensor] = [part.weight.detach() for part in parts]
    biases: list[Tensor] = [part.bias.detach() for part in parts if part.bias is not None]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    bias = None if not biases else biases[0] if len(biases) == 1 else torch.cat(biases)
    return _map(weight, bias, int8)


def _map(weight: Tensor, bias: Tensor | None, int8: bool) -> _Map:
    if not int8:
        return lambda x: _product(x, weight, bias)
    rounded = int8_matrices.Int8Matrix(weight, bias)
    return lambda x: rounded(x) if rounded.suits(len(x)) else _product(x, weight, bias)


def _product(x_BJ: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear`; on a processor by the faster kernel for several rows and a large matrix."""
    if len(x_BJ) < _MANY or weight.numel() < _LARGE or x_BJ.device.type != "cpu":
        return F.linear(x_BJ, weight, bias)
    product_BI = torch.mm(weight, x_BJ.T).T.contiguous()
    return product_BI if bias is None else product_BI.add_(bias)


def _norm(norm: nn.Module) -> _Map:
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm)
    assert norm.weight is not None and norm.eps is not None
    weight, eps, shape = norm.weight.detach(), norm.eps, list(norm.normalized_shape)
    if isinstance(norm, nn.LayerNorm):
        bias = None if norm.bias is None else norm.bias.detach()
        return lambda x: torch.layer_norm(x, shape, weight, bias, eps)
    return _root_mean_square(weight, eps)


def _norm_of_heads(query_norm: nn.Module, key_norm: nn.Module, attention: nn.Module) -> _Map:
    """Both norms at once, over queries and keys that stand beside each other."""
    assert isinstance(attention, SelfAttention)
    weight_H1K = _of_heads(query_norm.weight, key_norm.weight, attention)
    if isinstance(query_norm, nn.LayerNorm) and isinstance(key_norm, nn.LayerNorm):
        eps, shape = query_norm.eps, list(query_norm.normalized_shape)
        bias_H1K = _of_heads(query_norm.bias, key_norm.bias, attention)
        return lambda x: torch.layer_norm(x, shape, None, None, eps) * weight_H1K + bias_H1K
    assert isinstance(query_norm, nn.RMSNorm) and query_norm.eps is not None
    return _root_mean_square(weight_H1K, query_norm.eps)


def _of_heads(of_query: object, of_key: object, attention: SelfAttention) -> Tensor:
    """A number for each place in each query head, then in each key head."""
    assert isinstance(of_query, Tensor) and isinstance(of_key, Tensor)
    query_H1K = of_query.detach().expand(attention.n_heads, 1, -1)
    return torch.cat([query_H1K, of_key.detach().expand(attention.kv_heads, 1, -1)])


def _root_mean_square(weight: Tensor, eps: float) -> _Map:
    width = weight.shape[-1]
    shape = [2 * width]

    def norm(x: Tensor) -> Tensor:
        # LayerNorm's kernel is four times faster than RMSNorm's: x beside -x has a mean of 0.
        both = torch.layer_norm(torch.cat([x, -x], dim=-1), shape, None, None, eps)
        return both[..., :width] * weight

    return norm
