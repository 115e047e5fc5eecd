"""The model: ids in, logits out. One class; the published families are settings of it.

Sees ids, never text. Which settings make which family stands in `config.py`.

B batch, T position, S key position, D width, V vocabulary.
"""

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slm.errors import DataError
from slm.model.cache import KeyValueCache
from slm.model.config import ModelConfig
from slm.model.layers import FeedForward, make_norm, rotary_frequencies, rotary_tables
from slm.model.probe import NO_LAYER, Probe, tap
from slm.model.self_attention import SelfAttention, visibility

if TYPE_CHECKING:
    from slm.model.lora import Adapter

INITIAL_STD = 0.02
LOOKING_BACK = 2  # blocks, at most, that begin with the tokens just before


class Block(nn.Module):
    """One layer: attention, then feed-forward, each reading a normed copy of the stream.

    Source: Vaswani et al. 2017; norms before the parts as in Radford et al. 2019 (GPT-2).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = make_norm(config, config.d_model)
        self.attention = SelfAttention(config)
        self.mlp_norm = make_norm(config, config.d_model)
        self.mlp = FeedForward(config)
        self.dropout = config.dropout

    def forward(
        self,
        stream_BTD: Tensor,
        turns: tuple[Tensor, Tensor] | None,
        visible_TS: Tensor | None,
        layer: int = 0,
        cache: KeyValueCache | None = None,
        probe: Probe | None = None,
    ) -> Tensor:
        """The residual stream with what this block adds to it."""
        stream_BTD = tap(probe, "resid_pre", layer, stream_BTD)
        attended_BTD = self.attention(
            self.attention_norm(stream_BTD), turns, visible_TS, layer, cache, probe
        )
        attended_BTD = F.dropout(attended_BTD, self.dropout, self.training)
        stream_BTD = stream_BTD + tap(probe, "attn_out", layer, attended_BTD)
        worked_out_BTD = self.mlp(self.mlp_norm(stream_BTD), layer, probe)
        worked_out_BTD = F.dropout(worked_out_BTD, self.dropout, self.training)
        stream_BTD = stream_BTD + tap(probe, "mlp_out", layer, worked_out_BTD)
        return tap(probe, "resid_post", layer, stream_BTD)


class Transformer(nn.Module):
    """A decoder-only Transformer with fresh weights, drawn from torch's generator.

    >>> model = Transformer(ModelConfig(vocab_size=50))
    >>> model(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 50])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.adapter: Adapter | None = None  # as `lora.adapt` sets it
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = None
        if config.positions == "learned":
            self.position_embedding = nn.Embedding(config.context_length, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = make_norm(config, config.d_model)
        self.unembedding = None
        if not config.tie_embeddings:
            self.unembedding = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.cosine: Tensor | None
        self.sine: Tensor | None
        cosine, sine = rotary_tables(config) if config.positions == "rotary" else (None, None)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        if not self.token_embedding.weight.is_meta:  # a shape alone, whose weights are loaded
            self._initialise()

    @property
    def n_parameters(self) -> int:
        """Learned numbers, tied ones counted once."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.token_embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the weights."""
        return self.token_embedding.weight.dtype

    @property
    def unembedding_weight(self) -> Tensor:
        """What turns the normed stream into logits, (V, D): the token embedding, if tied."""
        unembedding = self.token_embedding if self.unembedding is None else self.unembedding
        return unembedding.weight

    def new_cache(self, batch_size: int = 1, max_length: int | None = None) -> KeyValueCache:
        """An empty cache on this model's device, in its number format."""
        return KeyValueCache(self.config, batch_size, max_length, self.device, self.dtype)

    def forward(
        self,
        ids_BT: Tensor,
        cache: KeyValueCache | None = None,
        probe: Probe | None = None,
        last_only: bool = False,
    ) -> Tensor:
        """Logits of the token that follows each given one, (B, T, V); `last_only`: (B, 1, V).

        With a cache the ids stand behind what each row of it holds, and are added to it.

        Raises: DataError for more positions than the context, or than the cache, has.
        """
        stream_BTD, turns, visible_TS = self.enter(ids_BT, cache, probe)
        for layer, block in enumerate(self.blocks):
            stream_BTD = block(stream_BTD, turns, visible_TS, layer, cache, probe)
        if cache is not None:
            cache.advance(ids_BT.shape[1])
        if last_only:
            stream_BTD = stream_BTD[:, -1:]
        return self.read_out(stream_BTD, probe)

    def enter(
        self, ids_BT: Tensor, cache: KeyValueCache | None = None, probe: Probe | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None, Tensor | None]:
        """What the first block is given: the residual stream, rotary tables, who sees whom.

        In autocast the stream is in its number format, which halves what is read and written.

        Raises: DataError as `forward`.
        """
        positions, visible_TS = self._places(ids_BT, cache)
        stream_BTD = self.token_embedding(ids_BT)
        if self.position_embedding is not None:
            stream_BTD = stream_BTD + self.position_embedding.weight[positions]
        if torch.is_autocast_enabled(stream_BTD.device.type):
            stream_BTD = stream_BTD.to(torch.get_autocast_dtype(stream_BTD.device.type))
        stream_BTD = tap(probe, "embed", NO_LAYER, stream_BTD)
        stream_BTD = F.dropout(stream_BTD, self.config.dropout, self.training)
        return stream_BTD, self._turns(positions, stream_BTD.dtype), visible_TS

    def read_out(self, stream_BTD: Tensor, probe: Probe | None = None) -> Tensor:
        """Logits from the residual stream: final norm, then the (un)embedding."""
        normed_BTD = tap(probe, "final_norm", NO_LAYER, self.final_norm(stream_BTD))
        return tap(probe, "logits", NO_LAYER, F.linear(normed_BTD, self.unembedding_weight))

    def _places(
        self, ids_BT: Tensor, cache: KeyValueCache | None
    ) -> tuple[slice | Tensor, Tensor | None]:
        """Where the ids stand (a slice, or BT if rows differ); who sees whom (None: causal)."""
        n_new, window = ids_BT.shape[1], self.config.window
        if n_new == 0:
            raise DataError("There is nothing to read: give the model at least one token.")
        seen = 0 if cache is None else cache.longest
        if seen + n_new > self.config.context_length:
            raise DataError(
                f"{seen + n_new} tokens do not fit the context of {self.config.context_length}. "
                "Shorten the text, or use a model with a longer context."
            )
        if cache is not None:
            cache.require_room(n_new)
        total = seen + n_new
        fits_window = window is None or total <= window
        if cache is not None and not cache.is_even:
            positions_BT = cache.positions(n_new, ids_BT.device)
            return positions_BT, visibility(positions_BT, total, window)[:, None]
        if fits_window and (n_new == 1 or seen == 0):
            return slice(seen, total), None
        positions_T = torch.arange(seen, total, device=ids_BT.device)
        return slice(seen, total), visibility(positions_T, total, window)

    def _turns(self, positions: slice | Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor] | None:
        """Rotary tables of these positions, (T, K) or (B, 1, T, K)."""
        if self.cosine is None or self.sine is None:
            return None
        cosine, sine = self.cosine[positions].to(dtype), self.sine[positions].to(dtype)
        return (cosine, sine) if cosine.ndim == 2 else (cosine[:, None], sine[:, None])

    def _initialise(self) -> None:
        """Small random matrices; the ones that write to the stream smaller the more blocks write.

        The last block's attention begins as a copier, see `copy_start`; that of the first
        ones with the tokens just before, see `look_back_start`.

        Source: Radford et al. 2019 (GPT-2), section 2.3.
        """
        writers = 2 * self.config.n_layers
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                writes = name.endswith(("attention.output.weight", "mlp.down.weight"))
                std = INITIAL_STD / math.sqrt(writers) if writes else INITIAL_STD
                nn.init.normal_(parameter, std=std)
        if self.config.copy_start > 0:
            last = self.blocks[-1]
            assert isinstance(last, Block)
            last.attention.begin_as_copier(self.config.copy_start)
        if self.config.look_back_start > 0 and self.config.positions == "rotary":
            self._begin_looking_back()

    @torch.no_grad()
    def _begin_looking_back(self) -> None:
        """Give all tokens one vector in common, which queries and keys of the first blocks know.

        With tied embeddings it adds the same to every logit, which changes no probability.
        """
        embedding_VD = self.token_embedding.weight
        common_D = torch.randn(self.config.d_model).to(embedding_VD)
        common_D *= self.config.d_model**0.5 / common_D.norm()
        embedding_VD += INITIAL_STD * common_D
        frequencies = rotary_frequencies(
            self.config.head_width, self.config.rope_theta, self.config.rope_scaling
        ).to(embedding_VD)
        for block in self.blocks[: min(LOOKING_BACK, max(1, self.config.n_layers // 2))]:
            assert isinstance(block, Block)
            block.attention.begin_looking_back(common_D, frequencies, self.config.look_back_start)
