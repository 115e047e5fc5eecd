"""Looking further than the next token: beam search and contrastive search.

Both are certain: no seed, no draw. Both tell at every turn what they weighed, so that a page
can draw it. They end where the context is full. Knows ids, never text.

B beams or candidates, V vocabulary, D width, T positions, N all continuations of all beams.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from slm.config import Config
from slm.errors import DataError
from slm.model.cache import KeyValueCache
from slm.model.graph_stepping import stepper_for
from slm.model.inference import diverged, inference
from slm.model.probe import Recorder
from slm.model.transformer import Transformer
from slm.sampling.generate import Prompt, fit_prompt

_NEVER = -1e9


class BeamConfig(Config):
    """How many texts are pursued side by side, and how their lengths are weighed."""

    beams: int = Field(
        4,
        ge=1,
        le=64,
        description="Texts that are pursued side by side. 1 is greedy.",
        json_schema_extra={"ui": {"step": 1, "max": 16}},
    )
    length_penalty: float = Field(
        1.0,
        ge=-5.0,
        le=5.0,
        allow_inf_nan=False,
        description="A text's log-probability is divided by its length to this power: above 0 "
        "longer texts lose less, 0 compares plain sums.",
        json_schema_extra={"ui": {"step": 0.1, "min": -2.0, "max": 2.0}},
    )
    early_stopping: Literal["when_full", "likely", "certain"] = Field(
        "likely",
        description="When to end: as soon as there are as many whole texts as beams; when no "
        "beam is better as it stands; or when none can become better.",
    )


class ContrastiveConfig(Config):
    """How many candidates are tried at each step, and how repetition is weighed."""

    candidates: int = Field(
        5,
        ge=1,
        le=64,
        description="The likeliest tokens that are tried at each step. 1 is greedy.",
        json_schema_extra={"ui": {"step": 1, "max": 16}},
    )
    penalty: float = Field(
        0.6,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Weight of the likeness to what stands before, against the probability. "
        "0 is greedy.",
        json_schema_extra={"ui": {"step": 0.05}},
    )


@dataclass(frozen=True)
class Beam:
    """A text that is pursued, or whole. score is what decides among whole texts.

    ids: the new tokens, an end-of-text token among them. logprob: the sum of theirs, in nats.
    parent: the place of the beam that it continues, among those of the turn before.
    """

    ids: tuple[int, ...]
    logprob: float
    score: float
    parent: int
    whole: bool = False


@dataclass(frozen=True)
class BeamTurn:
    """One token further: the beams that go on, and the best whole texts so far, best first."""

    beams: tuple[Beam, ...]
    whole: tuple[Beam, ...]
    notes: tuple[str, ...] = ()


def beam_turns(
    model: Transformer,
    prompt_ids: Sequence[int],
    config: BeamConfig,
    max_new_tokens: int,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[BeamTurn]:
    """The search, a token at a time; the last turn's whole texts are what it found.

    Of all continuations of all beams the likeliest go on. One that ends its text is whole if
    it is among the `beams` likeliest, and is weighed by its log-probability over its length
    (new tokens, the ending one included) to the power of `length_penalty`. At the last token
    every beam is whole. Chosen as by `transformers`.

    Raises: DataError as `fit_prompt`, or when the prompt fills the context, at once;
    DivergedError for logits that are not finite.

    Source: Graves 2012, section 3; Wu et al. 2016 (GNMT), section 7, for lengths.
    """
    prompt, most = _fit(model, prompt_ids, max_new_tokens, eos_id)
    return _beam_turns(model, prompt, config, most, eos_id, should_stop)


def beam_search(
    model: Transformer,
    prompt_ids: Sequence[int],
    config: BeamConfig,
    max_new_tokens: int,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Beam, ...]:
    """The whole texts that were found, best first; see `beam_turns`. Empty if stopped early.

    Raises: as `beam_turns`.
    """
    found: tuple[Beam, ...] = ()
    for turn in beam_turns(
        model, prompt_ids, config, max_new_tokens, eos_id=eos_id, should_stop=should_stop
    ):
        found = turn.whole
    return found


def _beam_turns(
    model: Transformer,
    prompt: Prompt,
    config: BeamConfig,
    most: int,
    eos_id: int | None,
    should_stop: Callable[[], bool],
) -> Iterator[BeamTurn]:
    n_beams = config.beams
    cache = model.new_cache(n_beams, len(prompt.ids) + most)
    with inference(model):
        ids_1T = torch.tensor([prompt.ids], device=model.device)
        logits_BV = model(ids_1T, cache.row(0), last_only=True)[:, -1].expand(n_beams, -1)
    cache.reorder(torch.zeros(n_beams, dtype=torch.int64))
    stepper = stepper_for(model, cache, n_steps=most)
    beams = [Beam((), 0.0 if place == 0 else _NEVER, 0.0, place) for place in range(n_beams)]
    whole: list[Beam] = []
    for turn in range(1, most + 1):
        if should_stop():
            return
        with inference(model):
            if turn > 1:
                logits_BV = stepper(torch.tensor([b.ids[-1] for b in beams], device=model.device))
            logprobs_BV = _log_probabilities(logits_BV)
        goes_on, ended = _continue(beams, logprobs_BV, config, eos_id, last=turn == most)
        whole = sorted([*whole, *ended], key=lambda beam: -beam.score)[:n_beams]
        yield BeamTurn(tuple(goes_on), tuple(whole), prompt.notes if turn == 1 else ())
        if not goes_on or _is_over(goes_on, whole, config, turn, most):
            return
        beams = goes_on
        cache.reorder(torch.tensor([beam.parent for beam in beams]))


def _continue(
    beams: Sequence[Beam], logprobs_BV: Tensor, config: BeamConfig, eos_id: int | None, last: bool
) -> tuple[list[Beam], list[Beam]]:
    """The likeliest continuations: those that go on, and those that are whole now."""
    n_beams, vocab_size = logprobs_BV.shape
    before_B1 = torch.tensor([[beam.logprob] for beam in beams], device=logprobs_BV.device)
    sums_N = (logprobs_BV + before_B1).flatten()
    best = sums_N.topk(min(2 * n_beams, len(sums_N)))  # half of them may end their texts
    goes_on: list[Beam] = []
    whole: list[Beam] = []
    for place, (total, at) in enumerate(zip(*(x.tolist() for x in best), strict=True)):
        parent, token = divmod(at, vocab_size)
        if total <= _NEVER / 2:
            break
        ids = (*beams[parent].ids, token)
        score = total / len(ids) ** config.length_penalty
        ends = token == eos_id
        if ends or last:
            if place < n_beams:
                whole.append(Beam(ids, total, score, parent, whole=True))
        elif len(goes_on) < n_beams:
            goes_on.append(Beam(ids, total, score, parent))
    while goes_on and len(goes_on) < n_beams:  # a vocabulary smaller than the beams
        goes_on.append(Beam(goes_on[0].ids, 2 * _NEVER, 2 * _NEVER, goes_on[0].parent))
    return goes_on, whole


def _is_over(
    goes_on: Sequence[Beam], whole: Sequence[Beam], config: BeamConfig, turn: int, most: int
) -> bool:
    """Whether the whole texts are enough, or better than what the beams promise."""
    if len(whole) < config.beams:
        return False
    if config.early_stopping == "when_full":
        return True
    longest = most if config.early_stopping == "certain" and config.length_penalty > 0 else turn
    promise: float = goes_on[0].logprob / longest**config.length_penalty
    return promise <= whole[-1].score


@dataclass(frozen=True)
class Candidate:
    """A token that contrastive search weighed.

    likeness: the largest cosine between its hidden state and one before it.
    score: (1 - penalty) · probability - penalty · likeness.
    """

    id: int
    probability: float
    likeness: float
    score: float


@dataclass(frozen=True)
class ContrastiveStep:
    """The token that was taken, and all that were weighed, likeliest first."""

    id: int
    candidates: tuple[Candidate, ...]
    ends: bool = False
    notes: tuple[str, ...] = field(default=())


def contrastive_search(
    model: Transformer,
    prompt_ids: Sequence[int],
    config: ContrastiveConfig,
    max_new_tokens: int,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[ContrastiveStep]:
    """The tokens that follow the prompt: likely ones that are unlike what stands before.

    Raises: as `beam_turns`.

    Source: Su et al. 2022 (SimCTG), eq. 8; hidden states are those after the final norm.
    """
    prompt, most = _fit(model, prompt_ids, max_new_tokens, eos_id)
    return _contrastive_steps(model, prompt, config, most, eos_id, should_stop)


def _contrastive_steps(
    model: Transformer,
    prompt: Prompt,
    config: ContrastiveConfig,
    most: int,
    eos_id: int | None,
    should_stop: Callable[[], bool],
) -> Iterator[ContrastiveStep]:
    n_tried = min(config.candidates, model.config.vocab_size)
    cache = model.new_cache(n_tried, len(prompt.ids) + most)
    hidden = _Hidden(model)
    with inference(model):
        ids_1T = torch.tensor([prompt.ids], device=model.device)
        logits_V = model(ids_1T, cache.row(0), hidden.recorder, last_only=True)[0, -1]
        before_TD = hidden.states_BTD()[0]
    cache.reorder(torch.zeros(n_tried, dtype=torch.int64))
    notes = prompt.notes
    for _ in range(most):
        if should_stop():
            return
        with inference(model):
            likeliest = _log_probabilities(logits_V[None])[0].exp().topk(n_tried)
            logits_BTV = model(likeliest.indices[:, None], cache, hidden.recorder)
            states_BD = hidden.states_BTD()[:, -1]
            likeness_B = (states_BD @ before_TD.T).amax(dim=-1)
            scores_B = (1 - config.penalty) * likeliest.values - config.penalty * likeness_B
            best = int(scores_B.argmax())
            before_TD = torch.cat([before_TD, states_BD[best : best + 1]])
            logits_V = logits_BTV[best, -1]
        weighed = (likeliest.indices, likeliest.values, likeness_B, scores_B)
        tried = tuple(Candidate(*each) for each in zip(*(x.tolist() for x in weighed), strict=True))
        ends = tried[best].id == eos_id
        yield ContrastiveStep(tried[best].id, tried, ends, notes)
        if ends:
            return
        notes = ()
        _keep_last(cache, best)


class _Hidden:
    """The hidden states of a pass, of length 1, so that products are cosines."""

    def __init__(self, model: Transformer) -> None:
        self._model = model
        self._last = model.config.n_layers - 1
        self.recorder = Recorder(["resid_post"], layers=[self._last])

    def states_BTD(self) -> Tensor:
        stream_BTD = self.recorder["resid_post", self._last]
        states_BTD: Tensor = self._model.final_norm(stream_BTD)
        return F.normalize(states_BTD.float(), dim=-1)


def _keep_last(cache: KeyValueCache, row: int) -> None:
    """All rows agree but for the last position: give it to all as this row has it."""
    last = cache.longest - 1
    for kept_LBHSK in (cache.keys_LBHSK, cache.values_LBHSK):
        kept_LBHSK[:, :, :, last] = kept_LBHSK[:, row : row + 1, :, last].clone()


def _fit(
    model: Transformer, prompt_ids: Sequence[int], max_new_tokens: int, eos_id: int | None
) -> tuple[Prompt, int]:
    """The prompt, and how many tokens fit behind it."""
    config = model.config
    prompt = fit_prompt(prompt_ids, config.vocab_size, config.context_length, eos_id)
    room = config.context_length - len(prompt.ids)
    if room < 1:
        raise DataError(
            f"The prompt fills the context of {config.context_length:,} tokens. A search needs "
            "room behind it: shorten the prompt."
        )
    return prompt, max(0, min(max_new_tokens, room))


def _log_probabilities(logits_BV: Tensor) -> Tensor:
    logprobs_BV = logits_BV.float().log_softmax(dim=-1)
    if logprobs_BV.isnan().any():
        raise diverged("the logits of the next token are")
    return logprobs_BV
