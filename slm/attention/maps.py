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

from slm.errors import DataError, NoMemoryError
from slm.machine import available_memory
from slm.model.inference import diverged, inference, require_known
from slm.model.transformer import Transformer

Floats = npt.NDArray[np.float32]
Ids = Sequence[int] | npt.NDArray[Any] | Tensor
_LAYER_COPIES = 4  # scores, what is masked of them, weights, and the copy that is kept
_SURELY_FREE = 100_000_000  # bytes


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
    that are not numbers; NoMemoryError for more weights than the free memory holds.
    """
    config = model.config
    chosen_layers = chosen("layer", layers, config.n_layers)
    chosen_heads = chosen("head", heads, config.n_heads)
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    n_tokens = ids_BT.shape[1]
    shape = (len(chosen_layers), len(chosen_heads), n_tokens, n_tokens)
    _require_room(shape, config.n_heads)
    probe = _Collect(chosen_layers, chosen_heads, np.empty(shape, dtype=np.float32))
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
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
    """A probe that copies the weights of chosen heads, layer by layer, into one array.

    It stops at the first layer whose weights are not numbers.
    """

    sites = frozenset({"weights"})

    def __init__(self, layers: list[int], heads: list[int], weights_LHTT: Floats) -> None:
        self.layers: frozenset[int] | None = frozenset(layers)
        self.weights_LHTT = weights_LHTT
        self._layers, self._heads = layers, heads

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        weights_HTT = tensor[0].float()
        if not torch.isfinite(weights_HTT.sum(-1)).all():  # every row sums to 1
            raise diverged("its attention weights are")
        found_HTT = weights_HTT.cpu().numpy()
        for row, wanted in enumerate(self._layers):
            if wanted == layer:
                np.take(found_HTT, self._heads, axis=0, out=self.weights_LHTT[row], mode="clip")


def _require_room(shape_LHTT: tuple[int, int, int, int], n_heads: int) -> None:
    """Raises: NoMemoryError when the maps, and one layer in the making, would not fit."""
    n_layers, chosen_heads, n_tokens, _ = shape_LHTT
    pairs = n_tokens * n_tokens
    needed = 4 * pairs * (n_layers * chosen_heads + _LAYER_COPIES * n_heads)
    if needed > _SURELY_FREE and needed > (free := available_memory()):
        raise NoMemoryError(
            f"The weights of {n_tokens:,} tokens take {needed / 1e9:,.1f} GB of memory, and "
            f"{free / 1e9:,.1f} GB are free. Shorten the text, or ask for fewer layers or heads."
        )
