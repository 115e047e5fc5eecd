"""One number for every place of every layer, found a slice of places at a time.

What patching and ablation have in common: a text is read once, block by block, and from each
block on it is read again in many rows, each with another place changed. What stands before the
block is the same for all and is never computed twice. Knows ids, never text.

B batch (the rows of one slice), T position, D width, L layers, P places in one layer.
"""

import threading
from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor

from slm.attention.maps import Floats
from slm.model.config import ModelConfig
from slm.model.inference import inference
from slm.model.probe import Probe
from slm.model.transformer import Transformer

ROWS = 64
"""Rows of one slice, at most."""
_SLICE_NUMBERS = 12_000_000  # of activations and logits in one slice: 48 MB in float32


class LayerSweep(ABC):
    """The work, a slice at a time. Safe for several threads; one layer's values are held at once.

    `found_LP` is NaN where nothing has been found yet; places before `first` are left alone.
    """

    def __init__(
        self, model: Transformer, ids_BT: Tensor, n_places: int, rows: int, first: int = 0
    ) -> None:
        self.model = model
        self.found_LP = np.full((model.config.n_layers, n_places), np.nan, dtype=np.float32)
        self._rows, self._first = rows, first
        self._layer, self._place = 0, first
        self._lock = threading.Lock()
        with inference(model):
            self._stream_BTD, self._turns, self._visible_TS = model.enter(ids_BT.to(model.device))
        self._next_BTD: Tensor | None = None

    @property
    def fraction(self) -> float:
        """How much of the work is done, 0 to 1: early layers are longer, as more follows them."""
        n_layers, width = len(self.found_LP), max(1, self.found_LP.shape[1] - self._first)
        weights = np.arange(n_layers, 0, -1, dtype=np.float64)
        here = 0.0 if self.finished else weights[self._layer] * (self._place - self._first) / width
        return float((weights[: self._layer].sum() + here) / weights.sum())

    @property
    def finished(self) -> bool:
        """Whether every place has been changed once."""
        return self._layer >= len(self.found_LP)

    def advance(self) -> None:
        """Change the next slice of places; nothing when all are done.

        Raises: DivergedError for logits that are not numbers.
        """
        with self._lock:
            if self.finished:
                return
            with inference(self.model):
                if self._next_BTD is None:
                    reader = self._reader(self._layer)
                    self._next_BTD = self._block(self._stream_BTD, self._layer, reader)
                n_places = self.found_LP.shape[1]
                places = range(self._place, min(self._place + self._rows, n_places))
                found_P = self._measure(self._layer, places, self._stream_BTD)
                self.found_LP[self._layer, places.start : places.stop] = found_P
            self._place = places.stop
            if self._place == n_places:
                self._stream_BTD, self._next_BTD = self._next_BTD, None
                self._layer, self._place = self._layer + 1, self._first

    @abstractmethod
    def _reader(self, layer: int) -> Probe | None:
        """What watches the unchanged reading of this layer, once, before its places come."""

    @abstractmethod
    def _measure(self, layer: int, places: range, stream_BTD: Tensor) -> Floats:
        """found_P of these places; `stream_BTD` is what this layer reads, a row for each text.

        Raises: DivergedError for logits that are not numbers.
        """

    def _onward(self, stream_BTD: Tensor, layer: int, probe: Probe | None) -> Tensor:
        """What the last block leaves, where this layer reads `stream_BTD` under the probe."""
        for each in range(layer, len(self.found_LP)):
            stream_BTD = self._block(stream_BTD, each, probe)
        return stream_BTD

    def _block(self, stream_BTD: Tensor, layer: int, probe: Probe | None) -> Tensor:
        after_BTD: Tensor = self.model.blocks[layer](
            stream_BTD, self._turns, self._visible_TS, layer, probe=probe
        )
        return after_BTD


def rows_at_once(config: ModelConfig, n_tokens: int, n_logits: int) -> int:
    """How many rows one slice holds, so that it stays small.

    `n_logits` is how many positions of a row are turned into logits at once.

    >>> rows_at_once(ModelConfig(vocab_size=50_000), n_tokens=64, n_logits=64)
    3
    """
    a_row = n_tokens * (6 * config.d_model + 3 * config.d_ff) + n_logits * config.vocab_size
    return max(1, min(ROWS, _SLICE_NUMBERS // a_row))
