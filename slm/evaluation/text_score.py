"""How surprised was the model at each token of this text, and what did it expect instead?

What the Evaluation page paints. A tokenizer comes in through its protocol.

Legend: B batch, T position, V vocabulary, N position in the text.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from torch import Tensor

from slm.errors import DataError
from slm.evaluation.perplexity import Perplexity, Window, batches
from slm.model.inference import diverged, inference
from slm.model.loss import LossTally, token_nats
from slm.model.transformer import Transformer
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer, well_formed


@dataclass(frozen=True)
class Expected:
    """A token that the model held likely, with its probability."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class TokenScore:
    """One token of the text. nats, rank (1 is the likeliest) and probability are None
    for a first token that nothing precedes. byte_span is its place in the UTF-8 text;
    `text` shows bytes that are no whole character as �.
    """

    id: int
    text: str
    byte_span: tuple[int, int]
    nats: float | None
    rank: int | None
    probability: float | None
    expected: tuple[Expected, ...]


@dataclass(frozen=True)
class TextScore:
    """Every token of a text, and the whole as one number."""

    tokens: tuple[TokenScore, ...]
    total: Perplexity


@dataclass(frozen=True)
class Piece:
    """A stretch of text between two places where both models' tokens end, so that the surprise
    of both is known exactly. byte_span is its place in the UTF-8 text.

    tokens, other_tokens: which tokens of each score it is made of. Nats are None where a first
    token was not predicted.
    """

    byte_span: tuple[int, int]
    tokens: range
    other_tokens: range
    nats: float | None
    other_nats: float | None

    @property
    def more(self) -> float | None:
        """By how much the first model was more surprised; below 0, the other was."""
        if self.nats is None or self.other_nats is None:
            return None
        return self.nats - self.other_nats


def compare_scores(one: TextScore, other: TextScore) -> tuple[Piece, ...]:
    """Two models' surprise at one text, stretch by stretch.

    With the same tokenizer, pieces are tokens. With different ones they are as short as both
    allow: "un|happy" beside "unh|appy" is one piece, and its surprise is compared as a whole,
    for nobody can say which share of a token's surprise each of its bytes has.
    """
    pieces = []
    i = j = begin_i = begin_j = 0
    while i < len(one.tokens) and j < len(other.tokens):
        ends = one.tokens[i].byte_span[1], other.tokens[j].byte_span[1]
        if ends[0] == ends[1] and _ends_a_piece(one, i) and _ends_a_piece(other, j):
            start = one.tokens[begin_i].byte_span[0]
            held, others = range(begin_i, i + 1), range(begin_j, j + 1)
            piece = Piece(
                (start, ends[0]), held, others, _summed(one, held), _summed(other, others)
            )
            pieces.append(piece)
            i, j = i + 1, j + 1
            begin_i, begin_j = i, j
        elif ends[0] < ends[1] or (ends[0] == ends[1] and not _ends_a_piece(one, i)):
            i += 1
        else:
            j += 1
    return tuple(pieces)


def _ends_a_piece(score: TextScore, at: int) -> bool:
    """Whether no token without bytes of its own follows: it belongs to the text before it."""
    after = score.tokens[at + 1 : at + 2]
    return not after or after[0].byte_span[1] > score.tokens[at].byte_span[1]


def _summed(score: TextScore, tokens: range) -> float | None:
    nats = [score.tokens[n].nats for n in tokens]
    known = [each for each in nats if each is not None]
    return sum(known) if len(known) == len(nats) else None


def score_text(
    model: Transformer,
    tokenizer: TextTokenizer,
    text: str,
    *,
    n_expected: int = 5,
    batch_size: int = 16,
) -> TextScore:
    """The model's surprise at every token of the text.

    The text stands where a document begins: after the token that was before texts in
    training, if there was one, so that its first token is predicted too. Beyond one context,
    windows overlap by half: every token sees at least half a context before it.

    Raises: DataError for no text, a single token with nothing before it, or ids that
    the model does not know; DivergedError for a loss that is not a number.
    """
    framed = frame(tokenizer)
    ids, spans = framed.plain.encode_with_spans(text)
    if not ids:
        raise DataError("The text is empty. Type at least one character.")
    lead = framed.before
    window = model.config.context_length
    stride = max(1, window // 2)

    utf8 = well_formed(text).encode()
    pieces = [utf8[start:stop].decode(errors="replace") for start, stop in spans]

    @cache
    def show(token: int) -> str:
        if token >= tokenizer.vocab_size:  # models are padded to round vocabulary sizes
            return f"<{token}>"
        return tokenizer.token_bytes(token).decode(errors="replace")

    tally = LossTally()
    tokens = [] if lead else [TokenScore(ids[0], pieces[0], spans[0], None, None, None, ())]
    for windows, ids_BT, targets_BT in batches(model, [*lead, *ids], window, stride, batch_size):
        with inference(model):
            for guess in _guesses(model(ids_BT), targets_BT, windows, n_expected):
                n = len(tokens)
                expected = tuple(Expected(i, show(i), p) for i, p in guess.best)
                probability = math.exp(-guess.nats)
                tokens.append(
                    TokenScore(
                        ids[n],
                        pieces[n],
                        spans[n],
                        guess.nats,
                        guess.rank,
                        probability,
                        expected,
                    )
                )
                tally.add(nats=guess.nats, tokens=1, n_bytes=spans[n][1] - spans[n][0])
    total = Perplexity.of(nats=tally.nats, tokens=tally.tokens, n_bytes=tally.n_bytes)
    return TextScore(tuple(tokens), total)


class _Guess(NamedTuple):
    nats: float
    rank: int
    best: list[tuple[int, float]]


def _guesses(
    logits_BTV: Tensor, targets_BT: Tensor, windows: list[Window], n_expected: int
) -> Iterator[_Guess]:
    """What the model held of each counted target, in the order of the text."""
    logits_BTV = logits_BTV.float()
    nats_BT = token_nats(logits_BTV, targets_BT)
    if not bool(nats_BT.isfinite().all()):
        raise diverged("its loss on this text is")
    target_BT1 = targets_BT.clamp(min=0)[..., None]
    ranks_BT = 1 + (logits_BTV > logits_BTV.gather(-1, target_BT1)).sum(-1)
    best = logits_BTV.topk(min(n_expected, logits_BTV.shape[-1]), dim=-1)
    chances = (best.values - logits_BTV.logsumexp(-1, keepdim=True)).exp()
    for b, window in enumerate(windows):
        counted = slice(window.new - window.start, window.stop - window.start)
        columns = (nats_BT, ranks_BT, best.indices, chances)
        for nats, rank, likely, shares in zip(
            *(column[b, counted].tolist() for column in columns), strict=True
        ):
            yield _Guess(nats, rank, list(zip(likely, shares, strict=True)))
