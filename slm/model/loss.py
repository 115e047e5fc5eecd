"""How wrong predictions are: nats for each token, and sums that are divided once, at the end.

Sees ids and logits, never text. B batch, T position, V vocabulary, N = B·T.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from slm.errors import DataError

IGNORED = -1
"""A target with this id is not scored."""

CHUNK_VALUES = 2**24
"""Logits turned to float32 at once: 64 MB."""


def token_nats(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """Surprise at each target, −ln p(target), float32 (B, T); 0 where the target is -1.

    Reduced number formats are widened chunk by chunk, never all at once.

    >>> token_nats(torch.zeros(1, 2, 4), torch.tensor([[3, -1]])).exp()
    tensor([[4., 1.]])
    """
    logits_NV, targets_N = logits_BTV.flatten(0, -2), targets_BT.flatten()
    if logits_NV.dtype == torch.float32 or logits_NV.numel() <= CHUNK_VALUES:
        return _nats(logits_NV, targets_N).view_as(targets_BT)
    rows = max(1, CHUNK_VALUES // logits_NV.shape[-1])
    chunks = zip(torch.split(logits_NV, rows), torch.split(targets_N, rows), strict=True)
    return torch.cat([_nats(*chunk) for chunk in chunks]).view_as(targets_BT)


def _nats(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    return F.cross_entropy(logits_NV.float(), targets_N, ignore_index=IGNORED, reduction="none")


def mean_nats(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """Nats per scored token: what training makes small. NaN when none is scored."""
    n_scored = (targets_BT != IGNORED).sum()
    return token_nats(logits_BTV, targets_BT).sum() / n_scored


@dataclass
class LossTally:
    """Nats, tokens and bytes added up over batches of any size, then divided once.

    >>> tally = LossTally()
    >>> tally.add(nats=3 * math.log(2), tokens=3, n_bytes=6)
    >>> round(tally.perplexity, 9), round(tally.bits_per_byte, 9)
    (2.0, 0.5)
    """

    nats: float = 0.0
    tokens: int = 0
    n_bytes: int = 0

    def add(self, *, nats: float, tokens: int, n_bytes: int = 0) -> None:
        """Count a batch: the sum of its nats, its scored tokens, its bytes of text."""
        self.nats += nats
        self.tokens += tokens
        self.n_bytes += n_bytes

    @property
    def nats_per_token(self) -> float:
        """Mean surprise in nats. Raises: DataError when nothing was counted."""
        if self.tokens == 0:
            raise DataError("No token was scored; give a text of at least two tokens.")
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """e to the mean surprise: among how many equal choices the model wavers, so to speak."""
        mean = self.nats_per_token
        return math.exp(mean) if mean < 700 else math.inf

    @property
    def bits_per_byte(self) -> float | None:
        """Surprise by length of text, comparable between tokenizers; None if bytes are unknown."""
        if self.n_bytes == 0:
            return None
        return self.nats / math.log(2) / self.n_bytes
