"""How does one weight come about? One query, one key, one head, number by number.

Knows ids, never text. What the head works with is read through the probe seam; what lies
before it (queries and keys before their norm, before they are turned) is the model's own
parts asked once more. All weights of a layer are never held: one head's vectors of a long
text are small, and a row of scores is made when it is asked for.

B batch (1), T query position, S key position, D width, G key-value heads, K head width,
P pairs of a head's numbers (K/2), R values that are told one by one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.attention.maps import Floats, Ids, chosen, one_row
from slm.errors import DataError
from slm.model.config import ModelConfig
from slm.model.inference import diverged, inference
from slm.model.layers import rotary_frequencies
from slm.model.probe import Recorder
from slm.model.self_attention import score, visibility, weigh
from slm.model.transformer import Block, Transformer


@dataclass(frozen=True)
class HeadVectors:
    """Everything that one head asks, offers and hands over on one text. Read the arrays only.

    `group` is the key-value head that serves it. `projected_*` are as the matrices give them,
    `even_*` after the query/key norm (None: this family has none), query and key as attention
    uses them. head_out_TK is the mixture that the model itself came to.
    """

    config: ModelConfig
    layer: int
    head: int
    group: int
    projected_query_TK: Floats
    projected_key_SK: Floats
    even_query_TK: Floats | None
    even_key_SK: Floats | None
    query_TK: Floats
    key_SK: Floats
    value_SK: Floats
    head_out_TK: Floats

    @property
    def n_tokens(self) -> int:
        """How many positions the text has."""
        return len(self.query_TK)

    def row(self, query: int) -> "Row":
        """Scores, mask and weights of one query over all keys.

        Raises: DataError for a position that there is not; DivergedError for scores that
        are not finite.

        Source: Vaswani et al. 2017, eq. 1.
        """
        self._require(query)
        query_11TK = torch.from_numpy(self.query_TK[query])[None, None, None]
        scores_11TS = score(query_11TK, torch.from_numpy(self.key_SK)[None, None])
        visible_TS = visibility(torch.tensor([query]), self.n_tokens, self.config.window)
        scores_S, visible_S = scores_11TS[0, 0, 0].numpy(), visible_TS[0].numpy()
        if not np.isfinite(scores_S[visible_S]).all():
            raise diverged("its attention scores are")
        return Row(query, scores_S, visible_S, weigh(scores_11TS, visible_TS)[0, 0, 0].numpy())

    def products_K(self, query: int, key: int) -> Floats:
        """q·k before scaling, dimension by dimension: their sum over √K is the pair's score.

        Raises: DataError for a position that there is not.
        """
        self._require(query, key)
        products: Floats = self.query_TK[query] * self.key_SK[key]
        return products

    def angles_P(self, position: int) -> Floats | None:
        """By how many radians each pair is turned at a position; None without rotary positions.

        Source: Su et al. 2021 (RoFormer), section 3.2.2.
        """
        config = self.config
        if config.positions != "rotary":
            return None
        turns_P = rotary_frequencies(config.head_width, config.rope_theta, config.rope_scaling)
        angles: Floats = (position * turns_P).numpy()
        return angles

    def mixture(self, row: "Row", most: int) -> "Mixture":
        """What the strongest `most` values bring to the head's output, and all the others."""
        order_S = np.argsort(-row.weights_S, kind="stable")
        keys_R = order_S[: min(most, int(row.visible_S.sum()))]
        parts_RK = row.weights_S[keys_R][:, None] * self.value_SK[keys_R]
        others_S = order_S[len(keys_R) :]
        rest_K = row.weights_S[others_S] @ self.value_SK[others_S]
        return Mixture(
            keys_R=keys_R,
            parts_RK=parts_RK,
            rest_weight=float(row.weights_S[others_S].sum()),
            rest_K=rest_K,
            head_out_K=self.head_out_TK[row.query],
        )

    def _require(self, *positions: int) -> None:
        for position in positions:
            if not 0 <= position < self.n_tokens:
                raise DataError(
                    f"There is no position {position}: the text has 0 to {self.n_tokens - 1}."
                )


@dataclass(frozen=True)
class Row:
    """One query's scores (scaled, before the mask), what it may see, and its weights."""

    query: int
    scores_S: Floats
    visible_S: npt.NDArray[np.bool_]
    weights_S: Floats

    @property
    def seen(self) -> int:
        """How many positions the query may look at."""
        return int(self.visible_S.sum())

    @property
    def strongest(self) -> int:
        """The key that gets most."""
        return int(self.weights_S.argmax())

    def rank(self, key: int) -> int:
        """The key's place among those that the query may see; 1 gets most."""
        return 1 + int((self.weights_S > self.weights_S[key]).sum())

    def exponentials(self, key: int) -> tuple[float, float]:
        """e to the key's score and the sum over the row, both after the row's largest is taken.

        Taking it from every score changes no share, and nothing grows too large for a number.
        A key that may not be seen has 0.
        """
        shown_S = self.scores_S[self.visible_S].astype(np.float64)
        total = float(np.exp(shown_S - shown_S.max()).sum())
        if not self.visible_S[key]:
            return 0.0, total
        return float(np.exp(float(self.scores_S[key]) - shown_S.max())), total


@dataclass(frozen=True)
class Mixture:
    """A head's output taken apart: parts_RK and rest_K add up to head_out_K."""

    keys_R: npt.NDArray[np.int64]
    parts_RK: Floats
    rest_weight: float
    rest_K: Floats
    head_out_K: Floats


def head_vectors(model: Transformer, ids_T: Ids, layer: int, head: int) -> HeadVectors:
    """The vectors of one head on one text, of any length that the context holds.

    Raises: DataError for no tokens, too many or unknown ones, or a layer or head that the
    model lacks; DivergedError for numbers that are not finite.
    """
    config = model.config
    chosen("layer", [layer], config.n_layers)
    chosen("head", [head], config.n_heads)
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length).to(model.device)
    group = head * config.kv_heads // config.n_heads
    inside = Recorder(("resid_pre", "q", "k", "v", "head_out"), [layer])
    block = model.blocks[layer]
    assert isinstance(block, Block)
    attention = block.attention
    with inference(model):
        model(ids_BT, probe=inside, last_only=True)
        normed_BTD = block.attention_norm(inside["resid_pre", layer])
        query_TK = _head(attention.query(normed_BTD), head, config.head_width)
        key_SK = _head(attention.key(normed_BTD), group, config.head_width)
        query_norm, key_norm = attention.query_norm, attention.key_norm
        found = HeadVectors(
            config=config,
            layer=layer,
            head=head,
            group=group,
            projected_query_TK=_array(query_TK),
            projected_key_SK=_array(key_SK),
            even_query_TK=None if query_norm is None else _array(query_norm(query_TK)),
            even_key_SK=None if key_norm is None else _array(key_norm(key_SK)),
            query_TK=_array(inside["q", layer][0, head]),
            key_SK=_array(inside["k", layer][0, group]),
            value_SK=_array(inside["v", layer][0, group]),
            head_out_TK=_array(inside["head_out", layer][0, head]),
        )
    if not all(np.isfinite(each).all() for each in (found.query_TK, found.key_SK, found.value_SK)):
        raise diverged("its queries, keys or values are")
    return found


def _head(flat_BTJ: Tensor, head: int, width: int) -> Tensor:
    """One head's part of a projection, (T, K)."""
    return flat_BTJ[0, :, head * width : (head + 1) * width]


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().float().cpu().numpy().copy()
    return found
