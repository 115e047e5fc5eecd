"""What was chosen, and the text that it makes: steps, streams of text, strings that end one.

`decode_stream` and `Ending` see text; nothing here sees a model.

Legend: B rows of a batch, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from slm.errors import DataError
from slm.sampling.distribution import Distributions, top_tokens
from slm.sampling.heads import Head
from slm.tokenizer.protocol import TextTokenizer

Ids = npt.NDArray[np.int64]
_NEVER = np.float32(-1e4)  # e to this is 0, as is e to minus infinity


@dataclass(frozen=True)
class Step:
    """One token that was chosen.

    logprob and rank (1 is the likeliest) are the model's own, before any filter;
    probability is that of the draw, after them. top holds the model's likeliest
    (id, probability), best first. ends: this is the end-of-text token and nothing
    follows. notes: what was done to the prompt; on the first step only. stopped_by:
    the stop string that this token completed; nothing follows. entropy_nats is the
    model's own uncertainty before the draw; n_kept counts the tokens that could be
    drawn, 0 where nothing was; removed names those of top that could not. whole: the text has
    the form that was asked for, to which nothing can be added; nothing follows.
    """

    id: int
    logprob: float
    probability: float
    rank: int
    top: tuple[tuple[int, float], ...]
    ends: bool = False
    notes: tuple[str, ...] = ()
    stopped_by: str | None = None
    entropy_nats: float = field(default=float("nan"), compare=False)  # sums may differ in order
    n_kept: int = 0
    removed: tuple[int, ...] = ()
    whole: bool = False


def steps_of(
    distributions: Distributions,
    drawn: Sequence[tuple[int, float]],
    n_top: Sequence[int],
    head: Head | None = None,
) -> list[Step]:
    """For each row the step that drew this token, with the `n_top` likeliest beside it.

    head: where the distributions are those of a head, which then says what their places mean.
    """
    own_BV = distributions.own_logits_BV
    rows_B, chosen_B = np.arange(len(own_BV)), np.array([token for token, _ in drawn])
    chosen_B1 = own_BV[rows_B, chosen_B][:, None]
    below_BV = own_BV - own_BV.max(axis=-1, keepdims=True)
    np.maximum(below_BV, _NEVER, out=below_BV)  # 0 times infinity would be no number
    below_B = below_BV[rows_B, chosen_B].astype(np.float64)
    weights_BV = np.exp(below_BV)
    sums_B = weights_BV.sum(axis=-1, dtype=np.float64)
    if head is None:
        log_sums_B = np.log(sums_B)
        entropies_B = log_sums_B - np.einsum("bv,bv->b", weights_BV, below_BV) / sums_B
    else:
        log_sums_B, entropies_B = head.log_sums_B, head.entropies_B
        sums_B = np.exp(log_sums_B)
    ranks_B = 1 + (own_BV > chosen_B1).sum(axis=-1)
    kept_BV = distributions.layers[-1].logits_BV > -np.inf
    n_kept_B = np.count_nonzero(kept_BV, axis=-1)
    tops = [top_tokens(own_V, count) for own_V, count in zip(weights_BV, n_top, strict=True)]
    steps = [
        Step(
            id=token,
            logprob=float(below_B[row] - log_sums_B[row]),
            probability=probability,
            rank=int(ranks_B[row]),
            top=tuple((other, weight / float(sums_B[row])) for other, weight in tops[row]),
            entropy_nats=max(0.0, float(entropies_B[row])),
            n_kept=int(n_kept_B[row]),
            removed=tuple(other for other, _ in tops[row] if not kept_BV[row, other]),
        )
        for row, (token, probability) in enumerate(drawn)
    ]
    return (
        steps if head is None else [_named(*each) for each in zip(steps, head.ids_BM, strict=True)]
    )


def _named(step: Step, ids_M: Ids) -> Step:
    """A step whose tokens are places in a head, by their ids."""
    return replace(
        step,
        id=int(ids_M[step.id]),
        top=tuple((int(ids_M[place]), share) for place, share in step.top),
        removed=tuple(int(ids_M[place]) for place in step.removed),
    )


def decode_stream(
    steps: Iterable[Step],
    tokenizer: TextTokenizer,
    after: Iterable[int] = (),
    stop: tuple[str, ...] = (),
) -> Iterator[str]:
    """The text of the steps, in pieces that never split a character.

    after: the prompt's ids, which may end in the middle of one. The end-of-text
    token itself is not text and is left out. stop: the text ends before the first of
    these, and no more steps are asked for; what may be the beginning of one waits.
    """
    decoder = tokenizer.decoder(after)
    ending = Ending(stop)
    for step in steps:
        if not step.ends and (piece := ending.push(decoder.push(step.id))):
            yield piece
        if ending.found is not None:
            return
    if piece := ending.push(decoder.flush()) + ending.flush():
        yield piece


class Ending:
    """Looks for strings that end a text, in pieces of it.

    >>> ending = Ending(("\\n\\n",))
    >>> ending.push("One."), ending.push("\\n"), ending.push("Two.\\n"), ending.push("\\nThree")
    ('One.', '', '\\nTwo.', '')
    >>> ending.found
    '\\n\\n'
    """

    def __init__(self, stop: tuple[str, ...]) -> None:
        """Raises: DataError for an empty string."""
        if "" in stop:
            raise DataError("A stop string is empty. Give it at least one character.")
        self._stop = stop
        self._held = ""
        self.found: str | None = None

    def push(self, piece: str) -> str:
        """What can be shown now: up to a stop string, or to what may become one."""
        if self.found is not None or not piece:
            return ""
        text = self._held + piece
        places = [(at, -len(each), each) for each in self._stop if (at := text.find(each)) >= 0]
        if places:
            at, _, self.found = min(places)
            self._held = ""
            return text[:at]
        longest = max((len(each) - 1 for each in self._stop), default=0)
        held = next(
            (n for n in range(min(longest, len(text)), 0, -1) if self._may_begin(text[-n:])), 0
        )
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """What was held back, when nothing more comes."""
        held, self._held = self._held, ""
        return held

    def _may_begin(self, text: str) -> bool:
        return any(each.startswith(text) for each in self._stop)
