"""What if a part were silent? Heads and feed-forward parts changed while a text is read.

An edit names one part and what is done with it; a painted row names one query of a head and
the weights it is given. Any number of them is one probe, so that the model goes on from each
changed value as if it were its own. Knows ids, never text.

    off       nothing: what the part would have added is left out
    scale     what it gives, times a factor
    uniform   a head looks at everything it may see, at each token alike
    mean      what it gives on average over a text, whatever stands there

A head's part in a bias that all heads of a layer share stays when the head is off.

Source: Michel et al. 2019, §2.3 (heads switched off one by one); Wang et al. 2022, §2.1 (the
mean instead of nothing, which leaves the sizes that later layers expect).

B batch, T query position, S key position, D width, H heads, K head width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from slm.attention.means import Means
from slm.errors import DataError
from slm.model.config import ModelConfig
from slm.model.self_attention import visibility

Act = Literal["off", "scale", "uniform", "mean"]
ACTS: tuple[Act, ...] = get_args(Act)
_MOST_WEIGHT = 1e6  # only proportions count


@dataclass(frozen=True)
class Edit:
    """One part of a model, and what is done with it.

    `head` None is the feed-forward part of the layer, which has no weights to make uniform.
    `factor` counts for "scale" alone.
    """

    layer: int
    head: int | None
    act: Act = "off"
    factor: float = 1.0


@dataclass(frozen=True)
class PaintedRow:
    """The weights that one query of one head is given, for keys 0 to `query`; any sum."""

    layer: int
    head: int
    query: int
    weights_S: tuple[float, ...]

    @property
    def shares_S(self) -> tuple[float, ...]:
        """The same weights, with a sum of 1.

        >>> PaintedRow(0, 0, 1, (1, 3)).shares_S
        (0.25, 0.75)
        """
        total = math.fsum(self.weights_S)
        return tuple(weight / total for weight in self.weights_S)


Change = Edit | PaintedRow


class Interventions:
    """All edits as one probe. Of two edits of the same part the later one counts.

    With a cache a painted row counts in the call that reads its query, and "uniform" in each.
    Rows of a batch are treated alike; all of them stand at the same positions.

    Raises: DataError for a part that the model lacks, a factor or weights that cannot be
    meant, and for "mean" without `means`.
    """

    def __init__(
        self, config: ModelConfig, edits: Sequence[Change], means: Means | None = None
    ) -> None:
        self._outputs: dict[int, dict[int | None, Edit]] = {}
        self._uniform: dict[int, list[int]] = {}
        self._rows: dict[int, list[PaintedRow]] = {}
        self._means, self._window = means, config.window
        for edit in _last_ones(edits):
            require_sound(edit, config)
            if isinstance(edit, PaintedRow):
                self._rows.setdefault(edit.layer, []).append(edit)
            elif edit.act == "uniform":
                assert edit.head is not None
                self._uniform.setdefault(edit.layer, []).append(edit.head)
            else:
                self._outputs.setdefault(edit.layer, {})[edit.head] = edit
                if edit.act == "mean" and means is None:
                    raise DataError("A mean is asked for, and of which text is not said.")

    @property
    def sites(self) -> frozenset[str]:
        """Only those where something is to be done; weights cost the fused kernel."""
        of_parts = {
            "mlp_out" if head is None else "head_out"
            for edits in self._outputs.values()
            for head in edits
        }
        return frozenset(of_parts | ({"weights"} if self._uniform or self._rows else set()))

    @property
    def layers(self) -> frozenset[int]:
        """The layers with an edit."""
        return frozenset({*self._outputs, *self._uniform, *self._rows})

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor | None:
        if site == "weights":
            return self._reweigh(layer, tensor)
        here = self._outputs.get(layer, {})
        if site == "mlp_out":
            edit = here.get(None)
            return None if edit is None else self._changed(edit, tensor)
        heads = {head: edit for head, edit in here.items() if head is not None}
        if not heads:
            return None
        changed_BHTK = tensor.clone()
        for head, edit in heads.items():
            changed_BHTK[:, head] = self._changed(edit, tensor[:, head])
        return changed_BHTK

    def _changed(self, edit: Edit, given: Tensor) -> Tensor:
        """What one part gives, (B, T, its width), after its edit."""
        if edit.act == "off":
            return torch.zeros_like(given)
        if edit.act == "scale":
            return given * edit.factor
        assert self._means is not None
        means = self._means
        mean = (
            means.feed_forward_LD[edit.layer]
            if edit.head is None
            else means.heads_LHK[edit.layer, edit.head]
        )
        return mean.to(given).expand_as(given)

    def _reweigh(self, layer: int, weights_BHTS: Tensor) -> Tensor | None:
        n_queries, n_keys = weights_BHTS.shape[2:]
        first = n_keys - n_queries
        rows = [row for row in self._rows.get(layer, []) if first <= row.query < n_keys]
        even = self._uniform.get(layer, [])
        if not rows and not even:
            return None
        changed_BHTS = weights_BHTS.clone()
        if even:
            positions_T = torch.arange(first, n_keys, device=weights_BHTS.device)
            visible_TS = visibility(positions_T, n_keys, self._window).to(weights_BHTS)
            changed_BHTS[:, even] = visible_TS / visible_TS.sum(dim=-1, keepdim=True)
        for row in rows:
            place = changed_BHTS[:, row.head, row.query - first]
            place.zero_()
            place[:, : row.query + 1] = torch.tensor(row.shares_S).to(place)
        return changed_BHTS


def require_sound(edit: Change, config: ModelConfig) -> None:
    """Raises: DataError for a part that the model lacks, and numbers that cannot be meant."""
    _require("layer", edit.layer, config.n_layers)
    if edit.head is not None:
        _require("head", edit.head, config.n_heads)
    if isinstance(edit, PaintedRow):
        _require_row(edit, config)
        return
    if edit.act not in ACTS:
        raise DataError(f"Nobody can do {edit.act!r} to a part. Choose one of {', '.join(ACTS)}.")
    if edit.act == "uniform" and edit.head is None:
        raise DataError(
            f"The feed-forward part of layer {edit.layer} has no attention that could be made "
            "uniform. Choose off, a factor or mean."
        )
    if edit.act == "scale" and not math.isfinite(edit.factor):
        raise DataError(f"A factor of {edit.factor} is no number. Choose one like 0.5 or 2.")


def _require_row(row: PaintedRow, config: ModelConfig) -> None:
    _require("query", row.query, config.context_length)
    if len(row.weights_S) != row.query + 1:
        raise DataError(
            f"{len(row.weights_S)} weights for query {row.query}, which sees the tokens "
            f"0 to {row.query}: give {row.query + 1}."
        )
    if not all(0 <= weight <= _MOST_WEIGHT for weight in row.weights_S):
        raise DataError(
            "A painted weight is below 0, above a million or no number. Give shares of 0 and more."
        )
    if math.fsum(row.weights_S) <= 0:
        raise DataError("All painted weights are 0. A query has to look somewhere: raise one.")
    hidden = 0 if config.window is None else max(0, row.query + 1 - config.window)
    if any(row.weights_S[:hidden]):
        raise DataError(
            f"Query {row.query} sees {config.window} tokens, itself included: "
            f"the weights of tokens 0 to {hidden - 1} have to be 0."
        )


def _require(what: str, number: int, count: int) -> None:
    if not 0 <= number < count:
        raise DataError(f"There is no {what} {number}: this model has 0 to {count - 1}.")


def _last_ones(edits: Sequence[Change]) -> Sequence[Change]:
    """Of several edits of one place the last."""
    kept: Mapping[tuple[int, int | None, int | None], Change] = {
        (edit.layer, edit.head, edit.query if isinstance(edit, PaintedRow) else None): edit
        for edit in edits
    }
    return list(kept.values())
