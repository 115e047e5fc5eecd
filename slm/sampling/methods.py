"""The ways to write a text, chosen by one setting: draw, take the likeliest, or search further.

    for written in write(model, prompt_ids, WritingConfig(method="beam"), eos_id=eos_id): …

Joins `engine.py` (drawing and greedy, many texts as one batch) and `search.py`. Knows ids;
only strings that end a text make it look at text.

Legend: T positions, V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from pydantic import Field, field_validator, model_validator

from slm.config import Config
from slm.errors import DataError
from slm.model.inference import inference
from slm.model.transformer import Transformer
from slm.sampling.config import SamplingConfig
from slm.sampling.constraint import (
    LONGEST_REGEX,
    LONGEST_SCHEMA,
    Constraint,
    constraint_for,
)
from slm.sampling.engine import engine_for
from slm.sampling.filters import next_token_distributions
from slm.sampling.generate import fit_prompt
from slm.sampling.search import (
    Beam,
    BeamConfig,
    BeamTurn,
    ContrastiveConfig,
    ContrastiveStep,
    beam_turns,
    contrastive_search,
)
from slm.sampling.steps import Ending, Step, steps_of
from slm.tokenizer.protocol import StreamDecoder, TextTokenizer

Method = Literal["sampling", "greedy", "beam", "contrastive"]
MOST_CONTINUATIONS = 4
MOST_STOPS = 8
_PLAIN = SamplingConfig(temperature=1.0, top_k=0)
_AT_ONCE = 2**22  # logits of a text that is read back


class WritingConfig(Config):
    """How a text is written: the method, its settings, and where it ends."""

    method: Method = Field(
        "sampling",
        description="Draw each token, always take the likeliest, pursue several texts side by "
        "side, or take likely tokens that are unlike what stands before.",
    )
    sampling: SamplingConfig = SamplingConfig()
    beam: BeamConfig = BeamConfig()
    contrastive: ContrastiveConfig = ContrastiveConfig()
    max_new_tokens: int = Field(
        200,
        ge=1,
        le=100_000,
        description="At most this many tokens; the model may end its text before.",
        json_schema_extra={"ui": {"step": 50, "max": 2_000}},
    )
    continuations: int = Field(
        1,
        ge=1,
        le=MOST_CONTINUATIONS,
        description="So many texts at once, each drawn with a seed of its own: the given one, "
        "the next, and so on.",
        json_schema_extra={"ui": {"step": 1}},
    )
    stop: tuple[str, ...] = Field(
        (),
        max_length=MOST_STOPS,
        description="Strings at which a text ends, without them.",
    )

    regex: str = Field(
        "",
        max_length=LONGEST_REGEX,
        description="The text behind the prompt must match this regular expression as a whole. "
        "Empty: any text.",
    )
    json_schema: str = Field(
        "",
        max_length=LONGEST_SCHEMA,
        description="The text behind the prompt must be JSON as this schema describes it. "
        "Empty: any text.",
    )

    @field_validator("stop")
    @classmethod
    def _short_and_not_empty(cls, stop: tuple[str, ...]) -> tuple[str, ...]:
        if any(not 1 <= len(each) <= 100 for each in stop):
            raise ValueError("strings of 1 to 100 characters")
        return stop

    @model_validator(mode="after")
    def _one_form_that_is_drawn(self) -> Self:
        if self.regex and self.json_schema:
            raise ValueError("give a regular expression or a JSON schema, not both")
        if self.constrained and self.method not in {"sampling", "greedy"}:
            raise ValueError(
                "a search cannot be held to a regular expression or a JSON schema; use sampling "
                "or greedy"
            )
        return self

    @property
    def constrained(self) -> bool:
        """Whether the text must have a form."""
        return bool(self.regex or self.json_schema)

    @property
    def drawn_with(self) -> SamplingConfig:
        """What stands between the model and the choice: for a search nothing does.

        >>> WritingConfig(method="greedy").drawn_with.greedy
        True
        """
        if self.method == "sampling":
            return self.sampling
        if self.method == "greedy":
            penalty = self.sampling.repetition_penalty
            return SamplingConfig(temperature=0, top_k=0, repetition_penalty=penalty)
        return _PLAIN

    @property
    def certain(self) -> bool:
        """Whether the same text comes whatever the seed."""
        return self.method != "sampling" or self.sampling.greedy

    def seeds(self) -> tuple[int, ...]:
        """A seed for each text; one for a method without chance."""
        first = self.sampling.seed
        return (first,) if self.certain else tuple(range(first, first + self.continuations))

    def choice(self) -> "WritingConfig":
        """How a token is chosen, and nothing else: what differs from text to text is as usual."""
        sampling = self.sampling.replace(seed=0)
        return WritingConfig(
            method=self.method, sampling=sampling, beam=self.beam, contrastive=self.contrastive
        )

    def with_seed(self, seed: int) -> "WritingConfig":
        """The same settings for one text."""
        return self.replace(sampling=self.sampling.replace(seed=seed), continuations=1)


@dataclass(frozen=True)
class Draft:
    """A whole text anew, in place of all before: what a search holds for best now.

    steps are empty until it ended. rivals: the other texts that are pursued, or were found.
    """

    ids: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    rivals: tuple[Beam, ...] = ()


def write(
    model: Transformer,
    prompt_ids: Sequence[int],
    config: WritingConfig,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    decoder: Callable[[], StreamDecoder] | None = None,
    constraint: Constraint | None = None,
) -> Iterator[Step | Draft]:
    """One text, as it grows. Steps add to it; a Draft replaces it. A search ends with one.

    decoder: says what text the new ids are; needed for stop strings, which a beam search,
    whose texts change as they grow, does not look for. constraint: what the settings' regex or
    json_schema asks for (`constrained`); a search takes none.

    Raises: DataError as `fit_prompt`, or for a search without room behind the prompt, at once;
    DivergedError for logits that are not finite.
    """
    if config.constrained and constraint is None:
        raise DataError("A regex or a json_schema needs its constraint: give `constrained(…)`.")
    if config.method == "beam":
        turns = beam_turns(
            model, prompt_ids, config.beam, config.max_new_tokens,
            eos_id=eos_id, should_stop=should_stop,
        )  # fmt: skip
        return _beams(model, prompt_ids, turns, eos_id)
    if config.method == "contrastive":
        steps = contrastive_search(
            model, prompt_ids, config.contrastive, config.max_new_tokens,
            eos_id=eos_id, should_stop=should_stop,
        )  # fmt: skip
        ending = Ending(config.stop)
        heard = decoder() if decoder is not None and config.stop else None
        return _contrastive(model, prompt_ids, steps, eos_id, ending, heard)
    return engine_for(model).generate(
        prompt_ids,
        config.drawn_with.replace(seed=config.sampling.seed),
        config.max_new_tokens,
        eos_id=eos_id,
        should_stop=should_stop,
        stop=config.stop,
        decoder=decoder() if decoder is not None and config.stop else None,
        constraint=constraint,
    )


def constrained(
    model: Transformer,
    cut: TextTokenizer,
    config: WritingConfig,
    *,
    eos_id: int | None = None,
    written: Sequence[int] = (),
) -> Constraint | None:
    """What holds one text to the settings' regex or json_schema; None where they ask for none.

    written: the prompt's last ids that belong to the text already.

    Raises: DataError for a form that cannot be followed, with the reason.
    """
    return constraint_for(
        cut,
        model.config.vocab_size,
        regex=config.regex,
        json_schema=config.json_schema,
        eos_id=eos_id,
        written=written,
    )


def read_back(
    model: Transformer,
    prompt_ids: Sequence[int],
    new_ids: Sequence[int],
    eos_id: int | None = None,
    n_top: int = 5,
) -> tuple[Step, ...]:
    """What the model thinks of tokens that are there already, as steps that were not drawn.

    Raises: DataError as `fit_prompt`; DivergedError for logits that are not finite.
    """
    shape = model.config
    prompt = fit_prompt(prompt_ids, shape.vocab_size, shape.context_length, eos_id)
    unread = [*prompt.ids, *new_ids][: shape.context_length + 1]
    new_ids = unread[len(prompt.ids) :]
    cache = model.new_cache(max_length=max(1, len(unread) - 1))
    length = max(1, _AT_ONCE // shape.vocab_size)
    first = len(prompt.ids) - 1  # its logits are those of the first new token
    found: list[Step] = []
    with inference(model):
        for begin in range(0, len(unread) - 1, length):
            ids_T = unread[begin : min(begin + length, len(unread) - 1)]
            logits_TV = model(torch.tensor([ids_T], device=model.device), cache)[0]
            skipped = max(0, first - begin)
            if skipped >= len(ids_T):
                continue
            own_TV = logits_TV[skipped:].float().cpu().numpy()
            behind = [(token, 1.0) for token in unread[begin + skipped + 1 :][: len(own_TV)]]
            each = [_PLAIN] * len(own_TV)
            distributions = next_token_distributions(own_TV, each, [()] * len(own_TV))
            found += steps_of(distributions, behind, [n_top] * len(own_TV))
    return tuple(replace(step, n_kept=0, ends=step.id == eos_id) for step in found[: len(new_ids)])


def _beams(
    model: Transformer, prompt_ids: Sequence[int], turns: Iterator[BeamTurn], eos_id: int | None
) -> Iterator[Draft]:
    best: Beam | None = None
    rivals: tuple[Beam, ...] = ()
    for turn in turns:
        rivals = (*turn.whole, *turn.beams)
        best = turn.whole[0] if not turn.beams else turn.beams[0]
        yield Draft(best.ids, (), rivals)
        rivals, best = turn.whole or turn.beams, (turn.whole or turn.beams)[0]
    if best is not None:
        yield Draft(best.ids, read_back(model, prompt_ids, best.ids, eos_id), rivals)


def _contrastive(
    model: Transformer,
    prompt_ids: Sequence[int],
    steps: Iterator[ContrastiveStep],
    eos_id: int | None,
    ending: Ending,
    decoder: StreamDecoder | None,
) -> Iterator[Step | Draft]:
    ids: list[int] = []
    for step in steps:
        ids.append(step.id)
        if decoder is not None and not step.ends:
            ending.push(decoder.push(step.id))
        yield _as_step(step, ending.found)
        if ending.found is not None:
            break
    if ids:
        read = read_back(model, prompt_ids, ids, eos_id)
        last = replace(read[-1], stopped_by=ending.found)
        yield Draft(tuple(ids), (*read[:-1], last))


def _as_step(step: ContrastiveStep, stopped_by: str | None) -> Step:
    rank = next(n for n, each in enumerate(step.candidates, 1) if each.id == step.id)
    own = step.candidates[rank - 1].probability
    top = tuple((each.id, each.probability) for each in step.candidates)
    return Step(
        step.id, math.log(max(own, 1e-45)), 1.0, rank, top, step.ends, step.notes, stopped_by
    )
