"""What flows along attention, beyond its weights: how much is carried, and to what effect.

A weight says how large a share of a key's value a query takes; not how large that value is, what
the head's output makes of it, nor what other layers mixed into the key before. Knows ids, never
text, and reads the model through the probe seam.

L layers, H heads, B batch (1), T query position, S key position (as many as T), K head width,
D width, V vocabulary.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from slm.attention.maps import Floats, Ids, chosen, one_row
from slm.errors import DataError
from slm.model.inference import diverged, inference, require_known
from slm.model.self_attention import share
from slm.model.transformer import Block, Transformer

Target = Literal["next", "top"]
_SLICE = 64
"""Positions whose logits are held at once: all of them are large where the vocabulary is."""


def value_norms(
    model: Transformer,
    ids_T: Ids,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Floats:
    """norms_LHTT: the length of what query t takes from key s, as it enters the stream.

    The weight times the length of the key's value after the head's part of the output matrix.
    A head that rests on a token whose value is close to nothing carries nothing from there.

    Raises: as `attention_maps`.

    Source: Kobayashi et al. 2020, "Attention is Not Only a Weight": the norms ‖α f(x)‖.
    """
    found = _read(model, ids_T, layers, heads)
    with inference(model):
        for row, layer in enumerate(found.chosen_layers):
            lengths_HS = torch.linalg.vector_norm(_carried(model, layer, found), dim=-1)
            found.weights_LHTT[row] *= lengths_HS.cpu().numpy()[:, None, :]
    return _sound(found.weights_LHTT)


def logit_contributions(
    model: Transformer,
    ids_T: Ids,
    targets_T: Sequence[int] | npt.NDArray[np.int64],
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    *,
    against_mean: bool = True,
) -> Floats:
    """added_LHTT: what key s, through this head, adds at query t to the logit of targets_T[t].

    With `against_mean` to that logit's lead over the mean of all logits, which leaves out what
    is added to every token alike and changes no probability. Only the direct way counts: what
    later layers make of it does not. A row's sum is what the head as a whole adds
    (`attribute_logit`).

    Raises: as `attention_maps`; DataError for targets that are not one a position, or unknown.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits": the logits
    as a sum over heads and the positions that they read (the path expansion's terms).
    """
    found = _read(model, ids_T, layers, heads)
    targets = np.asarray(targets_T, dtype=np.int64).reshape(-1)
    n_tokens = found.weights_LHTT.shape[-1]
    if len(targets) != n_tokens:
        raise DataError(f"{len(targets)} targets for {n_tokens} positions: give one for each.")
    require_known(targets, model.config.vocab_size)
    with inference(model):
        rows_VD = model.unembedding_weight
        toward_TD = rows_VD[torch.from_numpy(targets).to(model.device)].float()
        if against_mean:
            toward_TD = toward_TD - rows_VD.mean(dim=0, dtype=torch.float32)
        toward_TD = _through_norm(model.final_norm, toward_TD, found.last_stream_TD)
        for row, layer in enumerate(found.chosen_layers):
            added_HTS = torch.einsum("td,hsd->hts", toward_TD, _carried(model, layer, found))
            found.weights_LHTT[row] *= added_HTS.cpu().numpy()
    return _sound(found.weights_LHTT)


def targets_of(model: Transformer, ids_T: Ids, target: Target = "next") -> npt.NDArray[np.int64]:
    """One token for each position: the one that came next, or the likeliest (`top`).

    Behind the last position nothing came; there it is the likeliest in either case.

    Raises: as `attention_maps`.
    """
    ids_BT = one_row(ids_T, model.config.vocab_size, model.config.context_length)
    probe = _Stream(model.config.n_layers - 1)
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
        assert probe.stream_BTD is not None
        stream_BTD = probe.stream_BTD[:, -1:] if target == "next" else probe.stream_BTD
        best = [
            model.read_out(part_BTD)[0].argmax(dim=-1).cpu()
            for part_BTD in torch.split(stream_BTD, _SLICE, dim=1)
        ]
    likeliest: npt.NDArray[np.int64] = torch.cat(best).numpy()
    came = ids_BT[0, 1:].numpy()
    return np.concatenate([came, likeliest]) if target == "next" else likeliest


def layer_means(model: Transformer, ids_T: Ids) -> Floats:
    """means_LTT: the weights averaged over the heads of each layer. Rows sum to 1.

    Raises: as `attention_maps`.
    """
    config = model.config
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    probe = _Means(config.n_layers, ids_BT.shape[1])
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
    return _sound(probe.means_LTT)


def rollout(means_LTT: Floats) -> Floats:
    """rolled_LTT: how much of each earlier position is in position t after each layer.

    Each layer passes on half of what a position held and half of what its heads, on average,
    took: 0.5·A + 0.5·I; layers multiply. It takes the residual connection and attention for
    equally strong and leaves values and feed-forward out, so it is a rough guide.

    Source: Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", eq. 1 and §3.

    >>> rollout(np.array([[[1.0, 0.0], [1.0, 0.0]]] * 2, dtype=np.float32))[-1].tolist()
    [[1.0, 0.0], [0.75, 0.25]]
    """
    rolled_LTT = np.empty_like(means_LTT)
    held_TT = np.eye(means_LTT.shape[-1], dtype=np.float32)
    for layer, means_TT in enumerate(means_LTT):
        held_TT = 0.5 * (means_TT @ held_TT + held_TT)
        rolled_LTT[layer] = held_TT
    return rolled_LTT


class _Read:
    """A probe that keeps weights and values of chosen heads, and the last stream."""

    sites = frozenset({"v", "weights", "resid_post"})

    def __init__(self, layers: list[int], heads: list[int], model: Transformer, n: int) -> None:
        self.chosen_layers, self.chosen_heads = layers, heads
        self.weights_LHTT: Floats = np.empty((len(layers), len(heads), n, n), dtype=np.float32)
        self.values: dict[int, Tensor] = {}
        self.last_stream_TD = torch.empty(0)
        self._n_heads, self._last = model.config.n_heads, model.config.n_layers - 1
        self.layers: frozenset[int] | None = frozenset({*layers, self._last})

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        if site == "resid_post":
            if layer == self._last:
                self.last_stream_TD = tensor[0].float()
        elif layer not in self.chosen_layers:
            return
        elif site == "v":
            values_HSK = share(tensor, self._n_heads)[0]
            self.values[layer] = values_HSK[self.chosen_heads].float()
        else:
            weights_HTT = tensor[0, self.chosen_heads].float().cpu().numpy()
            for row, wanted in enumerate(self.chosen_layers):
                if wanted == layer:
                    self.weights_LHTT[row] = weights_HTT


class _Stream:
    """A probe that keeps what one block leaves."""

    sites = frozenset({"resid_post"})

    def __init__(self, layer: int) -> None:
        self.layers: frozenset[int] | None = frozenset({layer})
        self.stream_BTD: Tensor | None = None

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.stream_BTD = tensor


class _Means:
    """A probe that averages each layer's weights over its heads as they pass."""

    sites = frozenset({"weights"})
    layers = None

    def __init__(self, n_layers: int, n_tokens: int) -> None:
        self.means_LTT: Floats = np.empty((n_layers, n_tokens, n_tokens), dtype=np.float32)

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.means_LTT[layer] = tensor[0].float().mean(dim=0).cpu().numpy()


def _read(
    model: Transformer, ids_T: Ids, layers: Sequence[int] | None, heads: Sequence[int] | None
) -> _Read:
    config = model.config
    which = chosen("layer", layers, config.n_layers), chosen("head", heads, config.n_heads)
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    found = _Read(*which, model, ids_BT.shape[1])
    with inference(model):
        model(ids_BT.to(model.device), probe=found, last_only=True)
    return found


def _carried(model: Transformer, layer: int, found: _Read) -> Tensor:
    """carried_HSD: each key's value as each chosen head writes it into the stream."""
    block = model.blocks[layer]
    assert isinstance(block, Block)
    output_DJ = block.attention.output.weight.float()
    output_DHK = output_DJ.view(len(output_DJ), model.config.n_heads, -1)[:, found.chosen_heads]
    return torch.einsum("hsk,dhk->hsd", found.values[layer], output_DHK)


def _through_norm(norm: nn.Module, toward_TD: Tensor, stream_TD: Tensor) -> Tensor:
    """Directions before the final norm whose products are those of `toward_TD` behind it.

    The norm divides each whole stream by one number, so it is linear in the stream's parts.
    """
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm)
    assert norm.eps is not None and norm.weight is not None
    before_TD = toward_TD * norm.weight.float()
    if isinstance(norm, nn.LayerNorm):
        before_TD = before_TD - before_TD.mean(dim=-1, keepdim=True)
        stream_TD = stream_TD - stream_TD.mean(dim=-1, keepdim=True)
    scale_T1 = (stream_TD.square().mean(dim=-1, keepdim=True) + norm.eps).rsqrt()
    return before_TD * scale_T1


def _sound(values: Floats) -> Floats:
    """Raises: DivergedError for values that are not numbers."""
    if not np.isfinite(values).all():
        raise diverged("its attention weights are")
    return values
