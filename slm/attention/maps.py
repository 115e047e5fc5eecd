"""What does every head look at? All attention weights of one text.

Knows ids, never text, and reads the model through the probe seam alone.

Legend: L layers, H heads, T query position, S key position (here S = T), B batch (here 1).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model.inference import diverged, inference, require_known
from slm.model.transformer import Transformer

Floats = npt.NDArray[np.float32]
Ids = Sequence[int] | npt.NDArray[Any] | Tensor


def attention_maps(
    model: Transformer,
    ids_T: Ids,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Floats:
    """weights_LHTT: how much position t (third axis) takes from position s (last axis).

    Every row sums to 1, and is 0 where t may not look. layers and heads are numbered
    from 0 and come in the order asked for; None is all of them.

    Raises: DataError for no tokens, more than the context holds, a token outside the
    vocabulary, or a layer or head that the model lacks; DivergedError for weights
    that are not numbers.
    """
    config = model.config
    chosen_layers = chosen("layer", layers, config.n_layers)
    chosen_heads = chosen("head", heads, config.n_heads)
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    n_tokens = ids_BT.shape[1]
    shape = (len(chosen_layers), len(chosen_heads), n_tokens, n_tokens)
    probe = _Collect(chosen_layers, chosen_heads, np.empty(shape, dtype=np.float32))
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
    if not np.isfinite(probe.weights_LHTT).all():
        raise diverged("its attention weights are")
    return probe.weights_LHTT


def one_row(ids_T: Ids, vocab_size: int, context_length: int) -> Tensor:
    """ids_BT of one text that the model can read whole.

    Raises: DataError, as `attention_maps`.
    """
    ids = np.asarray(ids_T).reshape(-1)
    if ids.size == 0:
        raise DataError("The text is empty: nothing to attend to. Type at least one character.")
    if ids.size > context_length:
        raise DataError(
            f"The text has {ids.size:,} tokens and the context of this model holds "
            f"{context_length:,}. Shorten it by {ids.size - context_length:,} tokens."
        )
    require_known(ids, vocab_size)
    return torch.from_numpy(ids.astype(np.int64))[None]


def chosen(what: str, numbers: Sequence[int] | None, count: int) -> list[int]:
    """These layers or heads, or all.

    Raises: DataError for one that the model lacks.
    """
    if numbers is None:
        return list(range(count))
    for number in numbers:
        if not 0 <= number < count:
            raise DataError(f"There is no {what} {number}: this model has 0 to {count - 1}.")
    return list(numbers)


class _Collect:
    """A probe that copies the weights of chosen heads, layer by layer, into one array."""

    sites = frozenset({"weights"})

    def __init__(self, layers: list[int], heads: list[int], weights_LHTT: Floats) -> None:
        self.layers: frozenset[int] | None = frozenset(layers)
        self.weights_LHTT = weights_LHTT
        self._layers, self._heads = layers, heads

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        weights_HTT = tensor[0].float().cpu().numpy()[self._heads]
        for row, wanted in enumerate(self._layers):
            if wanted == layer:
                self.weights_LHTT[row] = weights_HTT
