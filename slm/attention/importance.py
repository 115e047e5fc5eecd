"""How much does each part matter? Every head and feed-forward part left out by itself.

The measure is the change of the mean surprise at a text's tokens. It is a part's use for this
text while all others are there: two heads that do the same can stand in for each other, and
then neither seems to matter. Knows ids, never text.

Source: Michel et al. 2019, §3.2 (one head at a time left out, and the loss measured again).

B batch (one left-out part a row), T position, K head width, L layers, P places: the heads,
then the feed-forward part.
"""

from typing import Literal

import numpy as np
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.attention.means import OutputAverages
from slm.attention.readings import nats_of
from slm.attention.sweeping import LayerSweep, rows_at_once
from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.model.inference import diverged, inference
from slm.model.transformer import Transformer

Left = Literal["off", "mean"]


class Importance(LayerSweep):
    """Every part of every layer left out by itself, or replaced by its mean over the text.

    `base_nats` is the untouched mean.

    Raises: DataError for a text that cannot be read whole, or with nothing to foresee;
    DivergedError for logits that are not numbers.
    """

    def __init__(self, model: Transformer, ids_T: Ids, act: Left = "off") -> None:
        config = model.config
        ids_BT = one_row(ids_T, config.vocab_size, config.context_length)
        n_tokens = ids_BT.shape[1]
        if n_tokens < 2:
            raise DataError("One token leaves nothing to foresee. Give a text of at least two.")
        rows = rows_at_once(config, n_tokens, n_logits=n_tokens)
        super().__init__(model, ids_BT, config.n_heads + 1, rows)
        self._ids_T, self._act = ids_BT[0].to(model.device), act
        self._averages = OutputAverages()
        with inference(model):
            untouched_BTD = self._onward(self._stream_BTD, 0, None)
            self.base_nats = float(self._mean_nats(untouched_BTD)[0])

    @property
    def change_LP(self) -> Floats:
        """Nats per token more than untouched: above 0 where the text is harder without the part.

        The last column is the feed-forward part; NaN where it has not been measured yet.
        """
        return self.found_LP

    def _reader(self, layer: int) -> OutputAverages:
        return self._averages

    def _measure(self, layer: int, places: range, stream_BTD: Tensor) -> Floats:
        probe = _LeftOut(layer, places, self.model.config.n_heads)
        if self._act == "mean":
            probe.heads_HK = self._averages.found["head_out", layer]
            probe.feed_forward_D = self._averages.found["mlp_out", layer]
        rows_BTD = stream_BTD.expand(len(places), -1, -1)
        return self._mean_nats(self._onward(rows_BTD, layer, probe)) - self.base_nats

    def _mean_nats(self, stream_BTD: Tensor) -> Floats:
        found: Floats = nats_of(self.model, stream_BTD, self._ids_T).mean(dim=1).cpu().numpy()
        if not np.isfinite(found).all():
            raise diverged("its logits are")
        return found


def importance(
    model: Transformer, ids_T: Ids, act: Left = "off", report: Reporter = silent
) -> Importance:
    """An `Importance`, run to its end, or to where it is asked to stop.

    Raises: as `Importance`.
    """
    work = Importance(model, ids_T, act)
    while not work.finished and not report.should_stop():
        report(work.fraction, "leaving parts out")
        work.advance()
    return work


class _LeftOut:
    """A probe that replaces another part in each row of a batch, in one layer."""

    sites = frozenset({"head_out", "mlp_out"})

    def __init__(self, layer: int, places: range, n_heads: int) -> None:
        self.layers: frozenset[int] | None = frozenset({layer})
        self._places, self._n_heads = places, n_heads
        self.heads_HK: Tensor | None = None
        self.feed_forward_D: Tensor | None = None

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor | None:
        rows = [
            (row, place)
            for row, place in enumerate(self._places)
            if (place < self._n_heads) == (site == "head_out")
        ]
        if not rows:
            return None
        changed = tensor.clone()
        for row, place in rows:
            if site == "head_out":
                changed[row, place] = 0 if self.heads_HK is None else self.heads_HK[place]
            else:
                changed[row] = 0 if self.feed_forward_D is None else self.feed_forward_D
        return changed
