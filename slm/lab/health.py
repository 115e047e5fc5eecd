"""Observers that say whether a run is sound: what each layer adds, and what guessing would give.

Their numbers join the run's metrics:

    attention_share       one number a layer: RMS(what attention adds) / RMS(what the block reads)
    feed_forward_share    one number a layer: RMS(what it adds) / RMS(the stream it is added to)
    unigram_nats, bigram_nats    at step 0 only: what counting tokens, or pairs, predicts
    val_bytes_per_token          at step 0 only: bits per byte are nats / ln 2 / this

Shapes: N texts, T tokens, D width, L layers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slm.data.batches import TokenFile
from slm.evaluation.baselines import evaluate_baseline, fit_baselines
from slm.lab.reports import byte_count
from slm.model.inference import inference
from slm.model.transformer import Transformer
from slm.tokenizer.protocol import TextTokenizer
from slm.training.config import TrainConfig, is_evaluation_step

COUNTED_TOKENS = 2**22
"""Training tokens that the baselines count at most: stretches evenly over the text."""
JUDGED_TOKENS = 2**17
"""Validation tokens that the baselines are judged on at most."""
_STRETCHES = 16


class HealthObserver:
    """At evaluations: how much each layer's two parts add to the stream, on one fixed text."""

    def __init__(self, config: TrainConfig, text_ids_NT: NDArray[np.int64]) -> None:
        self._config, self._ids_BT = config, torch.from_numpy(text_ids_NT[:1])

    def on_change(self, config: TrainConfig) -> None:
        """Take over when evaluations are."""
        self._config = config

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, NDArray[Any]]:
        """The shares of every layer; nothing between evaluations."""
        if not is_evaluation_step(self._config, step):
            return {}
        shares = _Shares()
        with inference(model):
            model(self._ids_BT.to(model.device), probe=shares)
        return {
            "attention_share": np.array(shares.attention),
            "feed_forward_share": np.array(shares.feed_forward),
        }


class _Shares:
    """A probe that compares what each part adds with the stream that it is added to."""

    sites = frozenset({"resid_pre", "attn_out", "mlp_out"})
    layers = None

    def __init__(self) -> None:
        self.attention: list[float] = []
        self.feed_forward: list[float] = []
        self._stream_BTD = torch.zeros(())

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        del layer
        if site == "resid_pre":
            self._stream_BTD = tensor
            return
        share = (_rms(tensor) / _rms(self._stream_BTD)).item()
        (self.attention if site == "attn_out" else self.feed_forward).append(share)
        self._stream_BTD = self._stream_BTD + tensor


def _rms(tensor: Tensor) -> Tensor:
    root: Tensor = tensor.float().square().mean().sqrt().clamp_min(1e-12)
    return root


class BaselineObserver:
    """At step 0: what guessing from counts would give on the held-out text."""

    def __init__(self, tokens_folder: Path, vocab_size: int, tokenizer: TextTokenizer) -> None:
        self._folder, self._vocab_size, self._tokenizer = tokens_folder, vocab_size, tokenizer

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, NDArray[Any]]:
        """The baselines and the bytes a token; nothing where no text is held out."""
        del model
        held_out = self._folder / "val.bin"
        if step > 0 or not held_out.exists():
            return {}
        ids = TokenFile(held_out).ids(0, JUDGED_TOKENS)
        if len(ids) < 2:
            return {}
        counted = spread(TokenFile(self._folder / "train.bin"), COUNTED_TOKENS)
        fitted = fit_baselines(counted, self._vocab_size)
        found = {
            f"{name}_nats": np.array(evaluate_baseline(fitted[name], ids).nats_per_token)
            for name in ("unigram", "bigram")
        }
        n_bytes = byte_count(self._tokenizer, ids)
        return {**found, "val_bytes_per_token": np.array(n_bytes / (len(ids) - 1))}


def spread(tokens: TokenFile, limit: int) -> NDArray[np.int64]:
    """All ids, or about `limit` of them in stretches evenly over the file, one behind the other."""
    if len(tokens) <= limit:
        return tokens.ids()
    length = limit // _STRETCHES
    starts: Sequence[int] = np.linspace(0, len(tokens) - length, _STRETCHES).astype(int).tolist()
    return np.concatenate([tokens.ids(start, start + length) for start in starts])
