"""Does the model know what it knows? Its certainty held against what came.

A model is calibrated when, of all the tokens that it gave 30%, 30% came. Reads held-out ids
in batches and keeps counts, so memory does not grow with the text. Sees ids, never text.

Legend: B batch, T position in the window, N counted targets, K likeliest tokens, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slm.errors import DataError
from slm.evaluation.binning import Cells, Reliability
from slm.evaluation.perplexity import Ids, batches
from slm.evaluation.tempering import Tempering, Tempers
from slm.jobs import Reporter, silent
from slm.model.inference import diverged, inference
from slm.model.loss import IGNORED
from slm.model.transformer import Transformer

TOP = (1, 5, 10)
"""How many guesses a model may have for `top-k accuracy`."""
N_BINS = 15
ENTROPY_BINS = 12

Floats = NDArray[np.float32]
_GUESSES = max(TOP)
_LOGITS_AT_ONCE = 2**19  # 2 MB stay in a core's cache from one look at them to the next
_FAR = 1e4


@dataclass(frozen=True)
class Judged:
    """What the model held of N targets before it saw them.

    nats_N       surprise at the target
    entropy_N    how unsure it was, in nats: 0 for one certain token, ln V for no idea
    guesses_NK   probabilities of its likeliest tokens, likeliest first
    hits_NK      whether that guess was the target
    """

    nats_N: Floats
    entropy_N: Floats
    guesses_NK: Floats
    hits_NK: NDArray[np.bool_]


@dataclass(frozen=True)
class EntropyBin:
    """The targets before which the model was about equally unsure (nats)."""

    low: float
    high: float
    count: int
    entropy: float
    accuracy: float
    confidence: float


@dataclass(frozen=True)
class Calibration:
    """What the model's certainty is worth, on `tokens` targets.

    top         share of targets among the first k guesses, by k
    confidence  mean probability of the first guess
    width       first guesses in bins of equal width, as in the paper
    mass        the same in bins of about equal count
    guesses     all of the first ten guesses, each held against whether it came
    tempered    the same model at other temperatures, on a part of the targets
    """

    tokens: int
    nats_per_token: float
    entropy: float
    top: dict[int, float]
    confidence: float
    width: Reliability
    mass: Reliability
    guesses: Reliability
    by_entropy: tuple[EntropyBin, ...]
    tempered: Tempering


def calibrate(
    model: Transformer,
    ids: Ids,
    *,
    n_bins: int = N_BINS,
    context_length: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
    report: Reporter = silent,
) -> Calibration:
    """Hold the model's certainty against every token but the first.

    Windows are those of `perplexity.evaluate`. When `report` asks to stop, the result covers
    the tokens counted so far.

    Raises: DataError for fewer than two tokens, ids outside the vocabulary or a window that
    does not fit; DivergedError for logits that are no numbers.

    Source: Guo et al. 2017, "On calibration of modern neural networks", eq. 2 and 3.
    """
    if not 2 <= n_bins <= 100:
        raise DataError(f"{n_bins} bins: give 2 to 100.")
    tally = _Tally(n_bins, model.config.vocab_size)
    tempers = Tempers(len(ids) - 1, n_bins)
    to_count = len(ids) - 1
    for logits_NV, targets_N in _read(model, ids, context_length, stride, batch_size):
        tally.add(judge(logits_NV, targets_N))
        tempers.add(logits_NV, targets_N)
        report(tally.tokens / to_count, f"{tally.tokens:,} of {to_count:,} tokens judged")
        if report.should_stop():
            break
    return tally.result(tempers.result())


def judgements(
    model: Transformer,
    ids: Ids,
    *,
    context_length: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
) -> Iterator[Judged]:
    """What `calibrate` counts, target by target in the order of the text, a part at a time."""
    for logits_NV, targets_N in _read(model, ids, context_length, stride, batch_size):
        yield judge(logits_NV, targets_N)


def judge(logits_NV: Tensor, targets_N: Tensor) -> Judged:
    """Guesses, hits, surprise and entropy of one batch of targets.

    Raises: DivergedError for logits that are no numbers.
    """
    logs_NV = torch.log_softmax(logits_NV.float(), dim=-1)
    nats_N = -logs_NV.gather(-1, targets_N[:, None])[:, 0]
    if not bool(nats_N.isfinite().all()):
        raise diverged("its loss on this text is")
    best = logs_NV.topk(min(_GUESSES, logs_NV.shape[-1]), dim=-1)
    hits_NK = best.indices == targets_N[:, None]
    logs_NV.clamp_(min=-_FAR)  # a token of probability 0 adds nothing, not 0 · ∞
    entropy_N = -torch.linalg.vecdot(logs_NV.exp(), logs_NV)
    return Judged(
        nats_N.cpu().numpy(),
        entropy_N.clamp(min=0).cpu().numpy(),
        best.values.exp().cpu().numpy(),
        hits_NK.cpu().numpy(),
    )


@dataclass
class _Tally:
    """Sums over all targets so far."""

    n_bins: int
    vocab_size: int
    tokens: int = 0
    nats: float = 0.0
    entropy: float = 0.0
    hits_K: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_GUESSES, np.int64))

    def __post_init__(self) -> None:
        self._first = Cells(self.n_bins)
        self._all = Cells(self.n_bins)
        self._unsure = np.zeros((4, ENTROPY_BINS))  # count, entropy, hits, confidence
        self._highest = float(np.log(max(2, self.vocab_size)))

    def add(self, judged: Judged) -> None:
        """Count one batch."""
        guesses_NK, hits_NK = judged.guesses_NK, judged.hits_NK
        self.tokens += judged.nats_N.size
        self.nats += float(judged.nats_N.sum(dtype=np.float64))
        self.entropy += float(judged.entropy_N.sum(dtype=np.float64))
        self.hits_K[: hits_NK.shape[1]] += hits_NK.sum(axis=0)
        self._first.add(guesses_NK[:, 0], hits_NK[:, 0])
        self._all.add(guesses_NK.ravel(), hits_NK.ravel())
        places_N = np.minimum(
            (judged.entropy_N / self._highest * ENTROPY_BINS).astype(np.int64), ENTROPY_BINS - 1
        )
        for row, weights_N in zip(
            self._unsure,
            (None, judged.entropy_N, hits_NK[:, 0], guesses_NK[:, 0]),
            strict=True,
        ):
            row += np.bincount(places_N, weights=weights_N, minlength=ENTROPY_BINS)

    def result(self, tempered: Tempering) -> Calibration:
        """Divided once. Raises: DataError when nothing was counted."""
        if not self.tokens:
            raise DataError("No token was judged; give a text of at least two tokens.")
        width = self._first.equal_width(self.n_bins)
        return Calibration(
            tokens=self.tokens,
            nats_per_token=self.nats / self.tokens,
            entropy=self.entropy / self.tokens,
            top={k: float(self.hits_K[:k].sum()) / self.tokens for k in TOP},
            confidence=sum(each.count * each.confidence for each in width.bins) / self.tokens,
            width=width,
            mass=self._first.equal_mass(self.n_bins),
            guesses=self._all.equal_width(self.n_bins),
            by_entropy=tuple(self._entropy_bins()),
            tempered=tempered,
        )

    def _entropy_bins(self) -> Iterator[EntropyBin]:
        step = self._highest / ENTROPY_BINS
        for place, (count, entropy, hits, confidence) in enumerate(self._unsure.T.tolist()):
            if count:
                low, high = place * step, (place + 1) * step
                n = int(count)
                yield EntropyBin(low, high, n, entropy / n, hits / n, confidence / n)


def _read(
    model: Transformer, ids: Ids, context_length: int | None, stride: int | None, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """(logits_NV, targets_N) of every counted target in the order of the text, a part at a time."""
    rows = max(1, _LOGITS_AT_ONCE // model.config.vocab_size)
    for _, ids_BT, targets_BT in batches(model, ids, context_length, stride, batch_size):
        with inference(model):
            logits_NV = model(ids_BT).flatten(0, -2)
            targets_N = targets_BT.flatten()
            for some in torch.split((targets_N != IGNORED).nonzero()[:, 0], rows):
                yield logits_NV[some], targets_N[some]
