"""How surprised is a model by text it never saw?

Sums nats and tokens and divides once, so short batches weigh what they hold.
Sees ids, never text; the bytes behind them are the caller's to count.

Legend: B batch, T position in the window, N position in the text, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.model.inference import diverged, inference, require_known
from slm.model.loss import IGNORED, LossTally, token_nats
from slm.model.transformer import Transformer

Ids = Sequence[int] | npt.NDArray[Any] | Tensor

_LOGITS_AT_ONCE = {"cpu": 1 << 22}
_LOGITS_AT_ONCE_ELSEWHERE = 1 << 26
_LOGITS_IN_CACHE = 1 << 20  # 4 MB of float32
_FEWEST_ROWS = 128  # of the stream: the unembedding is read anew for each few
_TOKENS_AT_ONCE = {"cpu": 1 << 11}
_TOKENS_AT_ONCE_ELSEWHERE = 1 << 14
_SOUND = (1e-25, 1e35)  # sums of exponentials that float32 holds exactly enough


@dataclass(frozen=True)
class Perplexity:
    """How well tokens were predicted, in three units.

    nats_per_token is the mean of −ln p; perplexity its exponential: as unsure as
    between that many equally likely tokens. bits_per_byte, known when the bytes
    are, compares models of different tokenizers. `tokens` were predicted.
    """

    nats_per_token: float
    perplexity: float
    bits_per_byte: float | None
    tokens: int
    n_bytes: int | None

    @classmethod
    def of(cls, *, nats: float, tokens: int, n_bytes: int | None = None) -> "Perplexity":
        """From sums over all predicted tokens.

        >>> Perplexity.of(nats=8.317766, tokens=3, n_bytes=6).perplexity.__round__(3)
        16.0
        """
        tally = LossTally()
        tally.add(nats=nats, tokens=tokens, n_bytes=n_bytes or 0)
        return cls(
            nats_per_token=tally.nats_per_token,
            perplexity=tally.perplexity,
            bits_per_byte=tally.bits_per_byte if n_bytes else None,
            tokens=tokens,
            n_bytes=n_bytes or None,
        )


@dataclass(frozen=True)
class Window:
    """One forward pass's share of a text: inputs start..stop−1, counted from `new` on.

    The targets are one token later; those before `new` were counted by the window before.
    """

    start: int
    new: int
    stop: int


class Losses(NamedTuple):
    """The surprise of tokens in a row, in nats, from the `first` of the text on.

    seen_N: how many tokens stood before each in its window; what it was predicted from.
    """

    first: int
    nats_N: npt.NDArray[np.float32]
    seen_N: npt.NDArray[np.int64]


def evaluate(
    model: Transformer,
    ids: Ids,
    *,
    context_length: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
    n_bytes: int | None = None,
    report: Reporter = silent,
) -> Perplexity:
    """How well the model predicts every token but the first, each exactly once.

    context_length: tokens a window holds; the model's own when None.
    stride: tokens from one window's start to the next. None is a whole window:
    fast, and the first tokens of each window see little. Smaller: each token
    sees at least context_length − stride tokens before it, at the price of more
    passes; only tokens that no window before has counted are counted.
    n_bytes: UTF-8 bytes of the text behind these ids, for bits per byte.

    When `report` asks to stop, the result covers the tokens counted so far.

    Raises: DataError for fewer than two tokens, ids outside the vocabulary or a
    window that does not fit; DivergedError for a loss that is not a number.

    Source: "Perplexity of fixed-length models", Hugging Face transformers documentation.
    """
    tally = LossTally()
    to_count = len(ids) - 1
    tokens = 0
    for windows, nats_BT in _window_losses(model, ids, context_length, stride, batch_size):
        new = sum(window.stop - window.new for window in windows)
        tally.add(nats=float(nats_BT.sum(dtype=torch.float64)), tokens=new)
        tokens += new
        report(tokens / to_count, f"{tokens:,} of {to_count:,} tokens scored")
        if report.should_stop():
            break
    nats = tally.nats_per_token * tokens
    return Perplexity.of(nats=nats, tokens=tokens, n_bytes=n_bytes if tokens == to_count else None)


def token_losses(
    model: Transformer,
    ids: Ids,
    *,
    context_length: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
) -> npt.NDArray[np.float32]:
    """The surprise of every token in nats, as long as `ids`.

    The first is NaN: nothing comes before it, so nothing predicts it.

    Raises: as `evaluate`.
    """
    nats_N = np.full(len(ids), np.nan, dtype=np.float32)
    for part in losses(
        model, ids, context_length=context_length, stride=stride, batch_size=batch_size
    ):
        nats_N[part.first : part.first + len(part.nats_N)] = part.nats_N
    return nats_N


def losses(
    model: Transformer,
    ids: Ids,
    *,
    context_length: int | None = None,
    stride: int | None = None,
    batch_size: int = 16,
) -> Iterator[Losses]:
    """The surprise of every token but the first, a few windows at a time, in order.

    Raises: as `evaluate`.
    """
    for windows, nats_BT in _window_losses(model, ids, context_length, stride, batch_size):
        rows_BT = nats_BT.cpu().numpy()
        fresh = [
            nats_T[window.new - window.start : window.stop - window.start]
            for window, nats_T in zip(windows, rows_BT, strict=True)
        ]
        seen = [
            np.arange(window.new - window.start, window.stop - window.start) + 1
            for window in windows
        ]
        yield Losses(windows[0].new + 1, np.concatenate(fresh), np.concatenate(seen))


def cut_windows(n_ids: int, context_length: int, stride: int) -> list[Window]:
    """Windows that predict each of the n_ids − 1 later tokens exactly once.

    >>> [(w.start, w.new, w.stop) for w in cut_windows(8, context_length=4, stride=4)]
    [(0, 0, 4), (4, 4, 7)]
    >>> [(w.start, w.new, w.stop) for w in cut_windows(8, context_length=4, stride=2)]
    [(0, 0, 4), (2, 4, 6), (4, 6, 7)]
    """
    windows, new = [], 0
    for start in range(0, n_ids - 1, stride):
        stop = min(start + context_length, n_ids - 1)
        windows.append(Window(start, new, stop))
        new = stop
        if stop == n_ids - 1:
            break
    return windows


def batches(
    model: Transformer,
    ids: Ids,
    context_length: int | None,
    stride: int | None,
    batch_size: int,
) -> Iterator[tuple[list[Window], Tensor, Tensor]]:
    """(windows, ids_BT, targets_BT) on the model's device; IGNORED targets are not counted.

    As many rows at a time as their logits may be read together.

    Raises: DataError for fewer than two tokens, ids outside the vocabulary or a
    window that does not fit.
    """
    width = min(context_length or model.config.context_length, max(1, len(ids) - 1))
    rows = min(batch_size, rows_at_once(model, width))
    yield from _batches(model, ids, context_length, stride, rows)


def rows_at_once(model: Transformer, width: int) -> int:
    """Rows of `width` tokens whose logits are read together: at least 1.

    16 MB of float32 on a CPU, where more falls out of its caches (4 windows of 256 tokens
    and a vocabulary of 4,096 went 1.24 times as fast as 16), 256 MB elsewhere.
    """
    logits = _LOGITS_AT_ONCE.get(model.device.type, _LOGITS_AT_ONCE_ELSEWHERE)
    return max(1, logits // (width * model.config.vocab_size))


def _batches(
    model: Transformer, ids: Ids, context_length: int | None, stride: int | None, rows: int
) -> Iterator[tuple[list[Window], Tensor, Tensor]]:
    longest, vocab_size = model.config.context_length, model.config.vocab_size
    width = longest if context_length is None else context_length
    step = width if stride is None else stride
    if len(ids) < 2:
        raise DataError(f"{len(ids)} token(s): nothing to predict. Give at least two.")
    if not 1 <= width <= longest:
        raise DataError(f"A window of {width} tokens: this model reads 1 to {longest:,}.")
    if not 1 <= step <= width:
        raise DataError(f"A stride of {step}: give 1 to {width:,}, the tokens in a window.")
    device = model.device
    windows = cut_windows(len(ids), width, step)
    width = min(width, len(ids) - 1)
    for first in range(0, len(windows), rows):
        some = windows[first : first + rows]
        ids_BT = np.zeros((len(some), width), dtype=np.int64)
        targets_BT = np.full((len(some), width), IGNORED, dtype=np.int64)
        for b, window in enumerate(some):
            run = np.asarray(ids[window.start : window.stop + 1], dtype=np.int64)
            require_known(run, vocab_size)
            ids_BT[b, : len(run) - 1] = run[:-1]
            old = window.new - window.start
            targets_BT[b, old : len(run) - 1] = run[1 + old :]
        yield some, torch.from_numpy(ids_BT).to(device), torch.from_numpy(targets_BT).to(device)


def _window_losses(
    model: Transformer,
    ids: Ids,
    context_length: int | None,
    stride: int | None,
    batch_size: int,
) -> Iterator[tuple[list[Window], Tensor]]:
    """(windows, nats_BT): 0 where a target is not counted."""
    width = min(context_length or model.config.context_length, max(1, len(ids) - 1))
    at_once = _TOKENS_AT_ONCE.get(model.device.type, _TOKENS_AT_ONCE_ELSEWHERE)
    rows = min(batch_size, max(1, at_once // max(1, width)))
    for windows, ids_BT, targets_BT in _batches(model, ids, context_length, stride, rows):
        with inference(model):
            nats_BT = _nats(model, ids_BT, targets_BT)
        if not bool(nats_BT.isfinite().all()):
            raise diverged("its loss on this text is")
        yield windows, nats_BT


def _nats(model: Transformer, ids_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """`token_nats(model(ids_BT), targets_BT)`, some positions at a time.

    The logits of a batch never stand together: a vocabulary of 150,000 needs no gigabytes, and
    on a CPU they stay in its caches, which makes it 1.7 times as fast as all at once.
    """
    stream_BTD, turns, visible_TS = model.enter(ids_BT)
    for layer, block in enumerate(model.blocks):
        stream_BTD = block(stream_BTD, turns, visible_TS, layer, None, None)
    on_cpu = model.device.type == "cpu"
    most = _LOGITS_IN_CACHE if on_cpu else _LOGITS_AT_ONCE_ELSEWHERE
    rows = max(_FEWEST_ROWS, most // model.config.vocab_size)
    streams = torch.split(stream_BTD.flatten(0, 1), rows)
    parts = zip(streams, torch.split(targets_BT.flatten(), rows), strict=True)
    return torch.cat([_head_nats(model, *part) for part in parts]).view_as(targets_BT)


def _head_nats(model: Transformer, stream_ND: Tensor, targets_N: Tensor) -> Tensor:
    """Nats from the residual stream.

    ln Σ e^logit is taken as it stands, which saves two passes over the logits; where float32
    does not hold the sum (a logit of 88 and more), the largest is subtracted as usual.
    """
    logits_NV = model.read_out(stream_ND[None])[0]
    if logits_NV.dtype != torch.float32:
        return token_nats(logits_NV, targets_N)
    target_N = logits_NV.gather(1, targets_N.clamp(min=0)[:, None])[:, 0]
    sums_N = logits_NV.exp_().sum(-1)
    low, high = _SOUND
    if not bool(((sums_N > low) & (sums_N < high)).all()):
        return token_nats(model.read_out(stream_ND[None])[0], targets_N)
    return (sums_N.log_() - target_N).masked_fill_(targets_N == IGNORED, 0.0)
