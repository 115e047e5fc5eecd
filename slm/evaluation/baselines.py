"""How well does one guess without a model? Uniform, unigram, bigram and trigram.

Counts tokens of the training split; sees ids, never text. A model that learned
anything beats them on the same held-out ids: each predicts every token but the
first, as `perplexity.evaluate` does. Bigram and trigram are those of `ngrams`.

Legend: V vocabulary, N tokens.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slm.errors import DataError
from slm.evaluation.ngrams import NGrams, chunks
from slm.evaluation.perplexity import Perplexity
from slm.jobs import Reporter, silent

Ids = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Baseline(Protocol):
    """Anything that gives the next token a probability from the few tokens before it."""

    @property
    def vocab_size(self) -> int:
        """V."""

    @property
    def reach(self) -> int:
        """How many tokens it looks back at."""

    def nats(self, ids_N: Ids, first: int) -> Floats:
        """−ln p of each token from `first` on, given those before it."""


@dataclass(frozen=True)
class Uniform:
    """Every token equally likely: ln V nats a token."""

    vocab_size: int
    reach: int = 0

    def nats(self, ids_N: Ids, first: int) -> Floats:
        """See `Baseline`."""
        return np.full(len(ids_N) - first, math.log(self.vocab_size))


@dataclass(frozen=True)
class Unigram:
    """Each token as likely as it was frequent, whatever came before.

    p(w) = (c(w) + 1) / (N + V), so a token that was never seen is possible too.

    Source: Laplace's rule; Jurafsky and Martin, Speech and Language Processing,
    3rd ed., ch. 3, "Laplace smoothing".
    """

    counts_V: Counts
    reach: int = 0

    @classmethod
    def fit(cls, train_ids: Ids, vocab_size: int) -> "Unigram":
        """Count the training tokens.

        Raises: DataError for no tokens, or one outside the vocabulary.
        """
        if len(train_ids) == 0:
            raise DataError("The training split holds no tokens to count. Add text.")
        counts_V = np.zeros(vocab_size, dtype=np.int64)
        for chunk_N in chunks(train_ids, vocab_size):
            counts_V += np.bincount(chunk_N, minlength=vocab_size)
        return cls(counts_V)

    @property
    def vocab_size(self) -> int:
        """V."""
        return len(self.counts_V)

    @cached_property
    def probabilities_V(self) -> Floats:
        """Of every token; they sum to 1."""
        counts_V = self.counts_V.astype(np.float64) + 1.0
        probabilities_V: Floats = counts_V / counts_V.sum()
        return probabilities_V

    def nats(self, ids_N: Ids, first: int) -> Floats:
        """See `Baseline`."""
        nats_N: Floats = -np.log(self.probabilities_V)[ids_N[first:]]
        return nats_N


def fit_baselines(train_ids: Ids, vocab_size: int, longest: int = 2) -> dict[str, Baseline]:
    """By name, from worst to best: uniform, unigram, bigram, and with `longest` 3 a trigram.

    Raises: DataError for no tokens, or one outside the vocabulary.
    """
    fitted: dict[str, Baseline] = {
        "uniform": Uniform(vocab_size),
        "unigram": Unigram.fit(train_ids, vocab_size),
    }
    for order, name in ((2, "bigram"), (3, "trigram")):
        if order <= longest and order <= len(train_ids):
            fitted[name] = NGrams.fit(train_ids, vocab_size, order)
    return fitted


def baseline_losses(baseline: Baseline, ids: Ids) -> Iterator[tuple[int, Floats]]:
    """(n, −ln p of the tokens from the n-th on), run by run, every token but the first once.

    Raises: DataError for fewer than two tokens, or one outside the vocabulary.
    """
    if len(ids) < 2:
        raise DataError(f"{len(ids)} token(s): nothing to predict. Give at least two.")
    overlap = max(1, baseline.reach)
    n = 1
    for chunk_N in chunks(ids, baseline.vocab_size, overlap=overlap):
        first = 1 if n == 1 else overlap
        yield n, baseline.nats(chunk_N, first)
        n += len(chunk_N) - first


def evaluate_baseline(
    baseline: Baseline, ids: Ids, *, n_bytes: int | None = None, report: Reporter = silent
) -> Perplexity:
    """How well the baseline predicts every token but the first.

    n_bytes: UTF-8 bytes of the text behind these ids, for bits per byte.

    Raises: as `baseline_losses`.
    """
    nats, tokens = 0.0, 0
    for _, nats_N in baseline_losses(baseline, ids):
        nats += float(nats_N.sum())
        tokens += len(nats_N)
        report(tokens / (len(ids) - 1), f"{tokens:,} tokens scored")
        if report.should_stop():
            break
    complete = tokens == len(ids) - 1
    return Perplexity.of(nats=nats, tokens=tokens, n_bytes=n_bytes if complete else None)


def compare_baselines(
    train_ids: Ids,
    held_out_ids: Ids,
    vocab_size: int,
    *,
    n_bytes: int | None = None,
    longest: int = 2,
) -> dict[str, Perplexity]:
    """The baselines of `fit_baselines`, fitted on one split and evaluated on the other."""
    fitted = fit_baselines(train_ids, vocab_size, longest)
    return {
        name: evaluate_baseline(baseline, held_out_ids, n_bytes=n_bytes)
        for name, baseline in fitted.items()
    }
