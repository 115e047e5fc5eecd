"""What would the model say if it stopped here? The stream read out at every depth.

The residual stream has one width from the first block to the last, so the final norm and
the unembedding can read it anywhere: what they find after few blocks is what the model
would say if the remaining blocks added nothing. Knows ids, never text, and reads the model
through the probe seam.

The streams are held whole (N·T·D numbers, as one forward pass makes them); logits are made
for a few positions at a time and reduced there, so a vocabulary of 150,000 costs no more
memory than one of 1,000.

N depths, K likeliest tokens, C positions read out at once, T position, D width, V vocabulary.
"""

import math
import threading
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.config import Config
from slm.model.inference import diverged, inference
from slm.model.probe import Recorder
from slm.model.transformer import Transformer

_CHUNK_NUMBERS = 8_000_000  # logits held at once: 32 MB in float32
_LAST_STOP = "output"


class LensConfig(Config):
    """How to read the stream."""

    top: int = Field(5, ge=1, le=100, description="Likeliest tokens kept at each place.")
    between: bool = Field(
        False,
        description="Read also between the parts of a block: after its attention, before its "
        "feed-forward part.",
    )
    normed: bool = Field(
        True,
        description="Apply the final norm before reading out, as the model does. Without it the "
        "order of tokens shows what is written, but not how sure the model is.",
    )


AS_THE_MODEL = LensConfig()


@dataclass(frozen=True)
class Lens:
    """What each depth says at each position. Shared: read the arrays only.

    `stops` names the depths: "embedding", "attention 0" where asked for, "block 0", … and
    at last "output". top_ids_NTK are the likeliest next tokens, best first. next_share_NT and
    next_rank_NT (1 is the likeliest) are those of the token that does follow in the text; the
    last position has none: NaN and 0. entropy_NT is in nats, 0 to ln V. kl_NT, in nats, is how
    far the depth is from what the model says in the end, KL(output ‖ depth); 0 for the output.
    """

    ids_T: npt.NDArray[np.int64]
    stops: tuple[str, ...]
    top_ids_NTK: npt.NDArray[np.int64]
    top_shares_NTK: Floats
    next_share_NT: Floats
    next_rank_NT: npt.NDArray[np.int64]
    entropy_NT: Floats
    kl_NT: Floats

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Every array by its name, for a file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}


def logit_lens(model: Transformer, ids_T: Ids, config: LensConfig = AS_THE_MODEL) -> Lens:
    """Read the stream out at every depth.

    Raises: DataError for no tokens, more than the context holds, or unknown ones;
    DivergedError for numbers that are not finite.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; KL to the output as in
    Belrose et al. 2023, §2 (where it is measured to judge such readings).
    """
    reading = Reading(model, ids_T, config)
    while not reading.finished:
        reading.advance()
    return reading.lens()


class Reading:
    """A lens that is read one depth of some positions at a time. Safe for several threads.

    Raises: as `logit_lens`.
    """

    def __init__(self, model: Transformer, ids_T: Ids, config: LensConfig = AS_THE_MODEL) -> None:
        ids_BT = one_row(ids_T, model.config.vocab_size, model.config.context_length)
        n_tokens, n_vocabulary = ids_BT.shape[1], model.config.vocab_size
        sites = ("resid_pre", "resid_post", *(("attn_out",) if config.between else ()))
        streams = Recorder(sites)
        with inference(model):
            model(ids_BT.to(model.device), probe=streams, last_only=True)
            self.stops, self._stream_NTD = _depths(streams, model.config.n_layers, config.between)
            if not torch.isfinite(self._stream_NTD).all():
                raise diverged("its residual stream is")
            self._next_T = torch.full((n_tokens,), -1, device=model.device)
            self._next_T[:-1] = ids_BT[0, 1:]
        self._model, self._normed, self._ids_T = model, config.normed, ids_BT[0].numpy()
        self._found = _Found.empty(len(self.stops), n_tokens, min(config.top, n_vocabulary))
        size = max(1, _CHUNK_NUMBERS // n_vocabulary)
        self._slices = [
            (slice(first, min(first + size, n_tokens)), depth)
            for first in range(0, n_tokens, size)
            for depth in range(len(self.stops))
        ]
        self._done = 0
        self._final: tuple[slice, Tensor] | None = None
        self._lock = threading.Lock()

    @property
    def fraction(self) -> float:
        """How much has been read, 0 to 1."""
        return self._done / len(self._slices)

    @property
    def finished(self) -> bool:
        """Whether everything has been read."""
        return self._done == len(self._slices)

    def advance(self) -> None:
        """Read the next depth of some positions; nothing when all are read."""
        with self._lock, inference(self._model):
            if self.finished:
                return
            part, depth = self._slices[self._done]
            if self._final is None or self._final[0] != part:
                final_CV = self._model.read_out(self._stream_NTD[-1:, part])[0].float()
                self._final = part, final_CV.log_softmax(-1)
            stream_BCD = self._stream_NTD[depth : depth + 1, part]
            logits_CV = _read(self._model, stream_BCD, self._normed)
            self._found.put(depth, part, logits_CV, self._final[1], self._next_T[part])
            self._done += 1
            if self.finished:
                self._final, self._stream_NTD = None, self._stream_NTD[:0]

    def lens(self) -> Lens:
        """What was read; all of it once `finished`."""
        found = self._found
        if not all(np.isfinite(each).all() for each in (found.entropy_NT, found.top_shares_NTK)):
            raise diverged("its logits are")
        return Lens(
            ids_T=self._ids_T,
            stops=self.stops,
            top_ids_NTK=found.top_ids_NTK,
            top_shares_NTK=found.top_shares_NTK,
            next_share_NT=found.next_share_NT,
            next_rank_NT=found.next_rank_NT,
            entropy_NT=found.entropy_NT,
            kl_NT=found.kl_NT,
        )


def most_entropy(vocab_size: int) -> float:
    """The entropy of knowing nothing, ln V nats.

    >>> round(most_entropy(1024), 2)
    6.93
    """
    return math.log(vocab_size)


def _depths(streams: Recorder, n_layers: int, between: bool) -> tuple[tuple[str, ...], Tensor]:
    """Names and stream_NTD of every depth, from the embedding to the output."""
    names, found = ["embedding"], [streams["resid_pre", 0]]
    for layer in range(n_layers):
        if between:
            names.append(f"attention {layer}")
            found.append(streams["resid_pre", layer] + streams["attn_out", layer])
        names.append(_LAST_STOP if layer == n_layers - 1 else f"block {layer}")
        found.append(streams["resid_post", layer])
    return tuple(names), torch.cat(found)


def _read(model: Transformer, stream_BCD: Tensor, normed: bool) -> Tensor:
    """logits_CV of one depth, in float32."""
    if normed:
        return model.read_out(stream_BCD)[0].float()
    return F.linear(stream_BCD, model.unembedding_weight)[0].float()


@dataclass(frozen=True)
class _Found:
    """The reductions, filled a few positions at a time."""

    top_ids_NTK: npt.NDArray[np.int64]
    top_shares_NTK: Floats
    next_share_NT: Floats
    next_rank_NT: npt.NDArray[np.int64]
    entropy_NT: Floats
    kl_NT: Floats

    @classmethod
    def empty(cls, n_depths: int, n_tokens: int, top: int) -> "_Found":
        flat, deep = (n_depths, n_tokens), (n_depths, n_tokens, top)
        return cls(
            np.zeros(deep, np.int64),
            np.zeros(deep, np.float32),
            np.full(flat, np.nan, np.float32),
            np.zeros(flat, np.int64),
            np.zeros(flat, np.float32),
            np.zeros(flat, np.float32),
        )

    def put(
        self, depth: int, part: slice, logits_CV: Tensor, final_CV: Tensor, next_C: Tensor
    ) -> None:
        """Reduce one depth of some positions. final_CV: log probabilities of the output."""
        logs_CV = logits_CV.log_softmax(-1)
        best = logs_CV.topk(self.top_ids_NTK.shape[-1], dim=-1)
        self.top_ids_NTK[depth, part] = best.indices.cpu().numpy()
        self.top_shares_NTK[depth, part] = best.values.exp().cpu().numpy()
        entropy_C = -_expected(logs_CV.exp(), logs_CV)
        self.entropy_NT[depth, part] = entropy_C.cpu().numpy()
        final_shares_CV = final_CV.exp()
        kl_C = _expected(final_shares_CV, final_CV) - _expected(final_shares_CV, logs_CV)
        self.kl_NT[depth, part] = kl_C.clamp(min=0).cpu().numpy()
        known_C = (next_C >= 0).cpu().numpy()
        next_logs_C1 = logs_CV.gather(-1, next_C.clamp(min=0)[:, None])
        share_C = next_logs_C1[:, 0].exp().cpu().numpy()
        rank_C = (1 + (logs_CV > next_logs_C1).sum(-1)).cpu().numpy()
        self.next_share_NT[depth, part] = np.where(known_C, share_C, np.nan)
        self.next_rank_NT[depth, part] = np.where(known_C, rank_C, 0)


def _expected(shares_CV: Tensor, values_CV: Tensor) -> Tensor:
    """The mean of values, weighted by shares that sum to 1, (C)."""
    return torch.einsum("cv,cv->c", shares_CV, values_CV)
