"""Which head made this token likely? A logit taken apart into what every part wrote.

The stream before the final norm is a sum: the embedding, what every head adds, what every
feed-forward part adds. The final norm divides the whole by one number, and reading out is
linear, so the logit is a sum of the same parts. Knows ids, never text, and reads the model
through the probe seam, one layer at a time.

W writers, L layers, H heads, K head width, T position, D width, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.errors import DataError
from slm.model.inference import diverged, inference
from slm.model.readout import normed_apart
from slm.model.transformer import Block, Transformer

Against = int | Literal["mean"] | None


@dataclass(frozen=True)
class Attribution:
    """What each writer of the stream adds to one logit, or to its lead over another.

    heads_LH and feed_forward_L are by block. `rest` is what no head and no position wrote:
    the output bias of attention and the final norm's own bias (0 in models without them).
    All together they are the logit, or the lead.
    """

    position: int
    token: int
    against: Against
    embedding: float
    heads_LH: Floats
    feed_forward_L: Floats
    rest: float

    @property
    def total(self) -> float:
        """All parts together."""
        written = float(self.heads_LH.sum(dtype=np.float64))
        worked_out = float(self.feed_forward_L.sum(dtype=np.float64))
        return self.embedding + written + worked_out + self.rest

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The parts by name, for a file."""
        return {
            "embedding": np.array(self.embedding),
            "heads_LH": self.heads_LH,
            "feed_forward_L": self.feed_forward_L,
            "rest": np.array(self.rest),
        }


def attribute_logit(
    model: Transformer, ids_T: Ids, position: int, token: int, against: Against = None
) -> Attribution:
    """The logit of `token` as the one that follows `position`, part by part.

    `against` another token: its lead over that one. Against "mean": its lead over the mean of
    all logits, which leaves out what is added to every token alike and changes no probability.

    Raises: DataError for a position or a token that there is not, and as `one_row`;
    DivergedError for numbers that are not finite.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits" (the
    stream as a sum of its writers); Wang et al. 2022, §3.1 (heads by the logit difference).
    """
    config = model.config
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    n_tokens = ids_BT.shape[1]
    if not 0 <= position < n_tokens:
        raise DataError(f"There is no position {position}: the text has 0 to {n_tokens - 1}.")
    for each in (token, against):
        if isinstance(each, int) and not 0 <= each < config.vocab_size:
            raise DataError(f"There is no token {each}: there are 0 to {config.vocab_size - 1}.")
    writers = _Writers(model, position)
    with inference(model):
        # What stands behind the position cannot reach it, so the reading ends there.
        model(ids_BT[:, : position + 1].to(model.device), probe=writers, last_only=True)
        direction_D = model.unembedding_weight[token].float()
        if against == "mean":
            direction_D = direction_D - model.unembedding_weight.mean(dim=0, dtype=torch.float32)
        elif against is not None:
            direction_D = direction_D - model.unembedding_weight[against].float()
        scaled_WD, bias_D = normed_apart(model.final_norm, writers.written_WD(), writers.whole_D)
        parts_W = (scaled_WD @ direction_D).cpu().numpy()
        norm_bias = float(bias_D @ direction_D)
    if not np.isfinite(parts_W).all():
        raise diverged("its residual stream is")
    n_layers, n_heads = config.n_layers, config.n_heads
    by_layer = parts_W[1:].reshape(n_layers, n_heads + 2)
    return Attribution(
        position=position,
        token=token,
        against=against,
        embedding=float(parts_W[0]),
        heads_LH=by_layer[:, :n_heads],
        feed_forward_L=by_layer[:, n_heads + 1],
        rest=float(by_layer[:, n_heads].sum()) + norm_bias,
    )


class _Writers:
    """A probe that keeps what each part adds to the stream at one position, (D) each.

    Of every layer: its heads, what attention adds beside them (its bias), its feed-forward.
    """

    sites = frozenset({"embed", "head_out", "attn_out", "mlp_out", "resid_post"})
    layers = None

    def __init__(self, model: Transformer, position: int) -> None:
        self._model, self._position = model, position
        self._found: list[Tensor] = []
        self.whole_D = torch.empty(0)

    def written_WD(self) -> Tensor:
        """The embedding, then the parts of one layer after another."""
        return torch.cat(self._found)

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        if site == "resid_post":
            self.whole_D = tensor[0, self._position].float()
        elif site == "head_out":
            self._found.append(self._head_additions(layer, tensor[0, :, self._position].float()))
        elif site == "attn_out":
            beside_D = tensor[0, self._position].float() - self._found[-1].sum(dim=0)
            self._found.append(beside_D[None])
        else:
            self._found.append(tensor[0, self._position].float()[None])

    def _head_additions(self, layer: int, mixed_HK: Tensor) -> Tensor:
        """What each head adds: the output matrix has columns for each."""
        block = self._model.blocks[layer]
        assert isinstance(block, Block)
        output_DJ = block.attention.output.weight.float()
        return torch.einsum("hk,dhk->hd", mixed_HK, output_DJ.view(-1, *mixed_HK.shape))
