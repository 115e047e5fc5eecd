"""And then? One token after another, from a model and a SamplingConfig.

Knows ids, never text; `decode_stream` alone asks a tokenizer. One prompt at a time.

When the context is full, the older half is dropped: the last half of the ids is
read again from position 0 and writing goes on, so the model always sees between
half a context and a whole one.

Legend: B batch (here 1), T position, V vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model.cache import KeyValueCache
from slm.model.inference import inference, require_known
from slm.model.probe import Probe
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer
from slm.sampling.distribution import Distribution, Floats, top_tokens
from slm.sampling.filters import SamplingConfig, next_token_distribution
from slm.tokenizer.protocol import TextTokenizer


@dataclass(frozen=True)
class Step:
    """One token that was chosen.

    logprob and rank (1 is the likeliest) are the model's own, before any filter;
    probability is that of the draw, after them. top holds the model's likeliest
    (id, probability), best first. ends: this is the end-of-text token and nothing
    follows. notes: what was done to the prompt; on the first step only.
    """

    id: int
    logprob: float
    probability: float
    rank: int
    top: tuple[tuple[int, float], ...]
    ends: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A prompt that the model can read: at least one token, at most a context."""

    ids: tuple[int, ...]
    dropped: int
    notes: tuple[str, ...]


def fit_prompt(
    prompt_ids: Sequence[int], vocab_size: int, context_length: int, eos_id: int | None = None
) -> Prompt:
    """What the model will read of a prompt, and a sentence for each change.

    An empty prompt becomes the end-of-text token, after which a new text begins; a
    long one keeps its end.

    >>> fit_prompt([1, 2, 3], vocab_size=9, context_length=2).notes
    ('The prompt has 3 tokens and the context holds 2: using the last 2.',)

    Raises: DataError for an empty prompt and no end-of-text token, or an id outside
    the vocabulary.
    """
    ids = tuple(int(i) for i in prompt_ids)
    notes = []
    if not ids:
        if eos_id is None:
            raise DataError(
                "The prompt is empty and this tokenizer has no token that begins a text. "
                "Type at least one character."
            )
        ids = (eos_id,)
        notes.append("The prompt is empty: starting from the token that begins a text.")
    require_known(np.array(ids), vocab_size)
    dropped = max(0, len(ids) - context_length)
    if dropped:
        notes.append(
            f"The prompt has {len(ids):,} tokens and the context holds {context_length:,}: "
            f"using the last {context_length:,}."
        )
    return Prompt(ids[dropped:], dropped, tuple(notes))


def generate(
    model: Transformer,
    prompt_ids: Sequence[int],
    config: SamplingConfig,
    max_new_tokens: int,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    n_top: int = 5,
    use_cache: bool = True,
    probe: Probe | None = None,
) -> Iterator[Step]:
    """The tokens that follow the prompt, each as soon as it is chosen.

    Ends after max_new_tokens, after the step whose id is eos_id, or when should_stop,
    asked before each token, says so. The same seed gives the same tokens on any
    device whose logits agree, because numbers are drawn on the CPU.
    use_cache: False reads the whole window again for every token: the same tokens,
    slowly. probe sees, or changes, every reading.

    Raises: DataError as `fit_prompt`, at once; DivergedError for logits that are not
    finite, at the step that meets them.
    """
    prompt = fit_prompt(prompt_ids, model.config.vocab_size, model.config.context_length, eos_id)
    longest = min(model.config.context_length, len(prompt.ids) + max(0, max_new_tokens))
    reader = _Reader(model, model.new_cache(max_length=longest) if use_cache else None, probe)
    generator = torch.Generator("cpu").manual_seed(config.seed)

    def steps() -> Iterator[Step]:
        seen, new_ids, notes = set(prompt.ids), prompt.ids, prompt.notes
        for _ in range(max_new_tokens):
            if should_stop():
                return
            distribution = next_token_distribution(reader.read(new_ids), config, seen)
            uniform = float(torch.rand((), generator=generator, dtype=torch.float64))
            chosen = distribution.draw(uniform)
            ends = chosen == eos_id
            yield _step(distribution, chosen, n_top, ends, notes)
            if ends:
                return
            seen.add(chosen)
            new_ids, notes = (chosen,), ()

    return steps()


def logits(model: Transformer, prompt_ids: Sequence[int], eos_id: int | None = None) -> Floats:
    """The model's logits_V for the token after the prompt, as `generate` would see them.

    Raises: DataError as `fit_prompt`.
    """
    prompt = fit_prompt(prompt_ids, model.config.vocab_size, model.config.context_length, eos_id)
    return _Reader(model, None).read(prompt.ids)


def decode_stream(
    steps: Iterable[Step], tokenizer: TextTokenizer, after: Iterable[int] = ()
) -> Iterator[str]:
    """The text of the steps, in pieces that never split a character.

    after: the prompt's ids, which may end in the middle of one. The end-of-text
    token itself is not text and is left out.
    """
    decoder = tokenizer.decoder(after)
    for step in steps:
        if not step.ends and (piece := decoder.push(step.id)):
            yield piece
    if piece := decoder.flush():
        yield piece


class _Reader:
    """Holds what the model has read, and makes room when the context is full."""

    def __init__(
        self, model: Transformer, cache: KeyValueCache | None, probe: Probe | None = None
    ) -> None:
        self._model = model
        self._cache = cache
        self._probe = probe
        self._stepper: Stepper | None = None
        self._window: list[int] = []

    def read(self, new_ids: Sequence[int]) -> Floats:
        """Logits_V after these ids, which follow all that was read before."""
        unread = list(new_ids)
        self._window += unread
        longest = self._model.config.context_length
        if len(self._window) > longest:
            self._window = unread = self._window[-max(1, longest // 2) :]
            if self._cache is not None:
                self._cache.reset()
        if self._cache is None:
            unread = self._window
        with inference(self._model):
            logits_V: Floats = self._logits(unread).float().cpu().numpy()
        return logits_V

    def _logits(self, unread: list[int]) -> Tensor:
        """Logits_V after these ids; a single one behind others takes the short way."""
        ids_T = torch.tensor(unread, device=self._model.device)
        if len(unread) == 1 and self._cache is not None and self._probe is None:
            if self._stepper is None:
                self._stepper = Stepper(self._model, self._cache)
            return self._stepper(ids_T)[0]
        logits_BTV = self._model(ids_T[None], self._cache, self._probe, last_only=True)
        last_V: Tensor = logits_BTV[0, -1]
        return last_V


def _step(
    distribution: Distribution, chosen: int, n_top: int, ends: bool, notes: tuple[str, ...]
) -> Step:
    own = distribution.stages[0]
    return Step(
        id=chosen,
        logprob=_log_probability(own.logits_V, chosen),
        probability=float(distribution.probabilities_V[chosen]),
        rank=1 + int((own.logits_V > own.logits_V[chosen]).sum()),
        top=top_tokens(own.probabilities_V, n_top),
        ends=ends,
        notes=notes,
    )


def _log_probability(logits_V: Floats, token: int) -> float:
    above_V = logits_V.astype(np.float64) - float(logits_V[token])
    highest = above_V.max()
    return -float(highest + np.log(np.exp(above_V - highest).sum()))
