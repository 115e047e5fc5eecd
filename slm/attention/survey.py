"""All heads on one text in a single pass, in bounded memory: small pictures, scores, any one whole.

All weights of 32 × 32 heads on 512 tokens are 1 GB. Here each layer's weights are reduced as they
pass; what is kept beside is the stream that each block read, so that a head that is opened needs
its own block alone. Knows ids, never text.

Legend: L layers, H heads, B batch (1), T query position, S key position, P side of a picture,
D width.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.attention.heads import TEXT_MEASURES, HeadScores, measure_text
from slm.attention.maps import Floats, Ids, attention_maps, chosen, one_row
from slm.errors import DataError
from slm.model.inference import diverged, inference
from slm.model.transformer import Block, Transformer

Bytes = npt.NDArray[np.uint8]

LARGEST_SIDE = 64
_ALL_PICTURES = 1_200_000
"""Bytes that the pictures of all heads take at most: what a browser is sent."""
_ALL_STREAMS = 96_000_000
"""Bytes that the kept streams take at most; above, a head that is opened needs a whole pass."""


@dataclass(frozen=True)
class Survey:
    """What one pass found. Shared between visitors: read it only.

    `pictures_LHPP` are as `shrink` makes them, `scores` are TEXT_MEASURES of this text;
    `streams_LBTD` is None where a model's streams take too much memory to be kept.
    """

    ids_T: tuple[int, ...]
    pictures_LHPP: Bytes
    scores: HeadScores
    streams_LBTD: Tensor | None


def survey(model: Transformer, ids_T: Ids, *, side: int | None = None) -> Survey:
    """Every head of the model on one text; `side` is the most pixels of a picture (None: enough).

    Raises: DataError for fewer than two tokens, too many, or unknown ones;
    DivergedError for weights that are not numbers.
    """
    config = model.config
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
    if ids_BT.shape[1] < 2:
        raise DataError("One token has nothing to attend to but itself. Type a longer text.")
    most = side_for(config.n_layers * config.n_heads) if side is None else side
    probe = _Survey(model, ids_BT.shape[1], most)
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
    if not np.isfinite(probe.values_LHM).all():
        raise diverged("its attention weights are")
    scores = HeadScores(TEXT_MEASURES, probe.values_LHM)
    return Survey(tuple(ids_BT[0].tolist()), probe.pictures_LHPP, scores, probe.streams_LBTD)


def head_weights(model: Transformer, found: Survey, layer: int, head: int) -> Floats:
    """weights_TT of one head, as `attention_maps` gives them, for the price of one attention.

    Raises: DataError for a layer or head that the model lacks.
    """
    chosen("layer", [layer], model.config.n_layers)
    chosen("head", [head], model.config.n_heads)
    if found.streams_LBTD is None:
        weights_LHTT = attention_maps(model, found.ids_T, [layer], [head])
        weights_TT: Floats = weights_LHTT[0, 0]
        return weights_TT
    probe = _OneHead(layer, head)
    with inference(model):
        ids_BT = torch.tensor([found.ids_T], device=model.device)
        _, turns, visible_TS = model.enter(ids_BT)
        stream_BTD = found.streams_LBTD[layer].to(model.device)
        block = model.blocks[layer]
        assert isinstance(block, Block)
        block.attention(block.attention_norm(stream_BTD), turns, visible_TS, layer, None, probe)
    assert probe.weights_TT is not None
    return probe.weights_TT


def side_for(n_heads: int) -> int:
    """The side of each picture so that all together stay small.

    >>> side_for(144), side_for(32 * 32)
    (64, 34)
    """
    return max(8, min(LARGEST_SIDE, isqrt(_ALL_PICTURES // n_heads)))


def shrink(weights_HTS: npt.NDArray[np.float32], side: int = LARGEST_SIDE) -> Bytes:
    """Heads small, HPP of 255 × √weight, P at most `side`.

    Where T is larger, a pixel holds the largest weight of its block: a mean would wash out the
    thin diagonals by which heads are recognised. The root keeps small weights apart.
    Weights that are not numbers count as 0.
    """
    n_heads, length, _ = weights_HTS.shape
    block = -(-length // side)
    if block > 1:
        P = -(-length // block)
        padding = P * block - length
        if padding:
            weights_HTS = np.pad(weights_HTS, ((0, 0), (0, padding), (0, padding)))
        rows_HPbS = weights_HTS.reshape(n_heads, P, block, P * block)
        rows_HPS = np.fmax.reduce(rows_HPbS, axis=2)  # fmax passes over what is no number
        weights_HTS = rows_HPS[..., ::block]
        for offset in range(1, block):
            weights_HTS = np.fmax(weights_HTS, rows_HPS[..., offset::block])
    sound = np.nan_to_num(weights_HTS, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    small: Bytes = np.rint(np.sqrt(sound) * 255).astype(np.uint8)
    return small


class _Survey:
    """A probe that makes pictures and scores of each layer, and keeps what its block read."""

    layers = None

    def __init__(self, model: Transformer, n_tokens: int, side: int) -> None:
        config = model.config
        block = -(-n_tokens // side)
        pixels = -(-n_tokens // block)
        grid = (config.n_layers, config.n_heads)
        self.pictures_LHPP = np.zeros((*grid, pixels, pixels), dtype=np.uint8)
        self.values_LHM = np.empty((*grid, len(TEXT_MEASURES)), dtype=np.float32)
        self.streams_LBTD: Tensor | None = None
        self._side = side
        stream = (config.n_layers, 1, n_tokens, config.d_model)
        kept = config.n_layers * n_tokens * config.d_model * model.dtype.itemsize
        if kept <= _ALL_STREAMS:
            self.streams_LBTD = torch.empty(stream, dtype=model.dtype)
        self.sites = frozenset({"weights"} if kept > _ALL_STREAMS else {"weights", "resid_pre"})

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        if site == "resid_pre":
            assert self.streams_LBTD is not None
            self.streams_LBTD[layer] = tensor.cpu()
            return
        self.values_LHM[layer] = measure_text(tensor).cpu().numpy()
        self.pictures_LHPP[layer] = shrink(tensor[0].float().cpu().numpy(), self._side)


class _OneHead:
    """A probe that copies the weights of one head."""

    sites = frozenset({"weights"})

    def __init__(self, layer: int, head: int) -> None:
        self.layers: frozenset[int] | None = frozenset({layer})
        self.weights_TT: Floats | None = None
        self._head = head

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.weights_TT = tensor[0, self._head].float().cpu().numpy().copy()
