"""And then? One token after another, from a model and a SamplingConfig.

Knows ids; only strings that end a text make it look at text. One prompt at a time: many are
written together by `engine.py`.

When the context is full, the older half is dropped: the last half of the ids is
read again from position 0 and writing goes on, so the model always sees between
half a context and a whole one.

Legend: B batch (here 1), T position, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model.cache import KeyValueCache
from slm.model.graph_stepping import stepper_for
from slm.model.inference import inference, require_known
from slm.model.probe import Probe
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer
from slm.sampling.constraint import Constraint
from slm.sampling.distribution import Floats, Mask
from slm.sampling.filters import SamplingConfig, next_token_distributions
from slm.sampling.heads import HeadFinder, finder_for
from slm.sampling.steps import Ending, steps_of
from slm.sampling.steps import Step as Step
from slm.sampling.steps import decode_stream as decode_stream
from slm.tokenizer.protocol import StreamDecoder

_AT_ONCE = 65_536  # logits; more do not stay in a core's cache from one filter to the next


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
    stop: tuple[str, ...] = (),
    decoder: StreamDecoder | None = None,
    int8: bool = False,
    constraint: Constraint | None = None,
) -> Iterator[Step]:
    """The tokens that follow the prompt, each as soon as it is chosen.

    Ends after max_new_tokens, after the step whose id is eos_id, or when should_stop,
    asked before each token, says so. The same seed gives the same tokens on any
    device whose logits agree, because numbers are drawn on the CPU.
    use_cache: False reads the whole window again for every token: the same tokens,
    slowly. probe sees, or changes, every reading. stop: the step that completes one of
    these strings is the last; decoder (`tokenizer.decoder(prompt_ids)`) says what text the
    ids are, and `decode_stream(…, stop=stop)` gives the text up to that string. int8: a
    processor reads new tokens with weights of 8 bits, faster and nearly as well
    (`slm.model.int8`); tokens may differ. constraint (`constraint_for`, one for each text): only
    tokens that it allows are drawn, and the text ends when it is whole.

    Raises: DataError as `fit_prompt`, at once; DivergedError for logits that are not
    finite, at the step that meets them; DataError where a constraint can no longer be met.
    """
    prompt = fit_prompt(prompt_ids, model.config.vocab_size, model.config.context_length, eos_id)
    longest = min(model.config.context_length, len(prompt.ids) + max(0, max_new_tokens))
    cache = model.new_cache(max_length=longest) if use_cache else None
    reader = _Reader(model, cache, probe, int8=int8, n_steps=max_new_tokens)
    writing = Writing(prompt, config, eos_id, n_top, stop, decoder, constraint)
    finder = finder_for(model.device)

    def steps() -> Iterator[Step]:
        new_ids = prompt.ids
        for _ in range(max_new_tokens):
            if should_stop():
                return
            (drawn,) = draw(reader.read(new_ids)[None], [writing], finder)
            step = writing.take(drawn)
            yield step
            if writing.ended:
                return
            new_ids = (step.id,)

    return steps()


class Writing:
    """What one text needs beside the model: its settings, its seed, what it has said."""

    def __init__(
        self,
        prompt: Prompt,
        config: SamplingConfig,
        eos_id: int | None = None,
        n_top: int = 5,
        stop: tuple[str, ...] = (),
        decoder: StreamDecoder | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        """Raises: DataError for stop strings without a decoder, or an empty one."""
        if stop and decoder is None:
            raise DataError("Stop strings need a decoder: give tokenizer.decoder(prompt_ids).")
        self.config, self.n_top = config, n_top
        self.seen = set(prompt.ids)
        self.ended = False
        self._eos_id, self._decoder, self._constraint = eos_id, decoder, constraint
        self._ending = Ending(stop)
        self._notes = prompt.notes
        self._generator = torch.Generator("cpu").manual_seed(config.seed)

    @property
    def allowed_V(self) -> Mask | None:
        """The tokens that may come next; None where all may."""
        return None if self._constraint is None else self._constraint.allowed_V

    def uniform(self) -> float:
        """The next number of the seed's row, at least 0 and below 1."""
        return float(torch.rand((), generator=self._generator, dtype=torch.float64))

    def take(self, step: Step) -> Step:
        """The step with what it means for this text.

        Raises: TokenizerError for an id without text, where stop strings are looked for;
        DataError where a constraint can no longer be met.
        """
        ends, stopped_by, whole = step.id == self._eos_id, None, False
        if self._constraint is not None and not ends:
            self._constraint.take(step.id)
            whole = self._constraint.whole
        if self._decoder is not None and not ends:
            self._ending.push(self._decoder.push(step.id))
            stopped_by = self._ending.found
        self.ended = ends or whole or stopped_by is not None
        self.seen.add(step.id)
        notes, self._notes = self._notes, ()
        if not (self.ended or notes):
            return step
        return replace(step, ends=ends, notes=notes, stopped_by=stopped_by, whole=whole)


def draw(
    logits_BV: Tensor, writings: Sequence[Writing], finder: HeadFinder | None = None
) -> list[Step]:
    """One token for each text, from its row of logits_BV; `Writing.take` completes the step.

    finder: `finder_for` the model's device; logits stay on a GPU, of which a draw mostly needs
    the likeliest alone.

    Raises: DivergedError for logits that are not finite.
    """
    if finder is not None and all(each.allowed_V is None for each in writings):
        configs, n_top = [each.config for each in writings], [each.n_top for each in writings]
        if head := finder.find(logits_BV, configs, n_top):
            distributions = next_token_distributions(head.logits_BM, configs, [()] * len(configs))
            drawn = distributions.draw([each.uniform() for each in writings])
            return steps_of(distributions, drawn, n_top, head)
    own_BV: Floats = logits_BV.float().cpu().numpy()
    together = max(1, _AT_ONCE // logits_BV.shape[1])
    steps: list[Step] = []
    for begin in range(0, len(writings), together):
        part = writings[begin : begin + together]
        distributions = next_token_distributions(
            own_BV[begin : begin + together],
            [each.config for each in part],
            [each.seen for each in part],
            [each.allowed_V for each in part],
        )
        drawn = distributions.draw([each.uniform() for each in part])
        steps += steps_of(distributions, drawn, [each.n_top for each in part])
    return steps


def logits(model: Transformer, prompt_ids: Sequence[int], eos_id: int | None = None) -> Floats:
    """The model's logits_V for the token after the prompt, as `generate` would see them.

    Raises: DataError as `fit_prompt`.
    """
    prompt = fit_prompt(prompt_ids, model.config.vocab_size, model.config.context_length, eos_id)
    logits_V: Floats = _Reader(model, None).read(prompt.ids).float().cpu().numpy()
    return logits_V


class _Reader:
    """Holds what the model has read, and makes room when the context is full."""

    def __init__(
        self,
        model: Transformer,
        cache: KeyValueCache | None,
        probe: Probe | None = None,
        *,
        int8: bool = False,
        n_steps: int | None = None,
    ) -> None:
        self._int8, self._n_steps = int8, n_steps
        self._model = model
        self._cache = cache
        self._probe = probe
        self._stepper: Stepper | None = None
        self._window: list[int] = []

    def read(self, new_ids: Sequence[int]) -> Tensor:
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
            return self._logits(unread)

    def _logits(self, unread: list[int]) -> Tensor:
        """Logits_V after these ids; a single one behind others takes the short way."""
        ids_T = torch.tensor(unread, device=self._model.device)
        if len(unread) == 1 and self._cache is not None and self._probe is None:
            if self._stepper is None:
                self._stepper = stepper_for(
                    self._model, self._cache, int8=self._int8, n_steps=self._n_steps
                )
            return self._stepper(ids_T)[0]
        logits_BTV = self._model(ids_T[None], self._cache, self._probe, last_only=True)
        last_V: Tensor = logits_BTV[0, -1]
        return last_V
