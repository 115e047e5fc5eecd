"""Questions for a class, and their answers computed by a model that stands before it.

Five are ready. Each takes a prompt or a text of the presenter's own.

Legend: V vocabulary.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from slm.attention.maps import Floats
from slm.data.sources import Document
from slm.errors import DataError
from slm.evaluation.perplexity import evaluate
from slm.lab.judged_text import TextConfig, encode_text, open_text
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig, next_token_distribution
from slm.sampling.generate import logits
from slm.tokenizer.protocol import TextTokenizer
from slm.workshop.questions import Question
from slm.workspace import Artefact, Workspace

PROMPT = "Once upon a time there was a"
LONGEST_PROMPT = 2_000
_RANKS = (0, 1, 3, 8)
_TEMPERATURES = (0.3, 0.7, 1.0, 2.0)
_BARS = 6
_NUCLEUS = 0.9
_JUDGED_TOKENS = 1_500
_FEWEST_TOKENS = 64
_SHORT_CONTEXT = 4
_CHANGES: tuple[tuple[str, float], ...] = (
    ("It falls, or stays as it is", 1.01),
    ("Up to a tenth higher", 1.1),
    ("A tenth to a half higher", 1.5),
    ("A half higher up to double", 2.0),
    ("More than double", float("inf")),
)
_COUNTS: tuple[tuple[str, int], ...] = (
    ("One", 1),
    ("2 to 5", 5),
    ("6 to 20", 20),
    ("21 to 100", 100),
    ("More than 100", 2**62),
)


@dataclass(frozen=True)
class Basis:
    """What a question is computed with. `text` is the presenter's own; empty for the usual one."""

    workspace: Workspace
    run: Artefact
    model: Transformer
    tokenizer: TextTokenizer
    text: str = ""

    @property
    def prompt(self) -> str:
        """What stands before the token that is asked for."""
        return self.text or PROMPT


def compute(kind: str, basis: Basis) -> Question:
    """The question of that kind, one of READY, with its answer.

    Raises: DataError for a text that is too long or too short; as `logits` and `evaluate`.
    """
    if len(basis.text) > LONGEST_PROMPT:
        raise DataError(
            f"The text has {len(basis.text):,} characters; {LONGEST_PROMPT:,} are the most. "
            "Shorten it."
        )
    return _BUILDERS[kind](basis)


def _next_token(basis: Basis) -> Question:
    """Which of four tokens is the likeliest?"""
    shares_V = _shares(basis, 1.0)
    order = np.argsort(-shares_V, kind="stable")
    chosen = [int(order[rank]) for rank in _RANKS if rank < len(order)]
    shuffled = sorted(chosen, key=lambda token: _mixed(f"{basis.prompt}-{token}"))
    best = shuffled.index(chosen[0])
    return Question(
        "next_token",
        "Which token does the model hold likeliest to come next?",
        tuple(basis.tokenizer.decode([token]) for token in shuffled),
        (best,),
        f"It gives its first choice {float(shares_V[chosen[0]]):.1%}.",
        basis.prompt,
        basis.run.name,
        tokens=True,
        shares=tuple(float(shares_V[token]) for token in shuffled),
    )


def _temperature(basis: Basis) -> Question:
    """At which temperature were the bars drawn?"""
    right = _mixed(f"temperature-{basis.prompt}") % len(_TEMPERATURES)
    drawn_V, own_V = _shares(basis, _TEMPERATURES[right]), _shares(basis, 1.0)
    order = np.argsort(-own_V, kind="stable")[:_BARS].tolist()
    decode = basis.tokenizer.decode
    best = order[0]
    return Question(
        "temperature",
        "Which temperature gives this distribution of the next token?",
        tuple(f"{each:g}" for each in _TEMPERATURES),
        (right,),
        f"At {_TEMPERATURES[right]:g} the likeliest token has {float(drawn_V[best]):.1%}; the "
        f"model itself, at 1, gives it {float(own_V[best]):.1%}.",
        basis.prompt,
        basis.run.name,
        shown=tuple((decode([token]), float(drawn_V[token])) for token in order),
        beside=tuple(float(own_V[token]) for token in order),
    )


def _certainty(basis: Basis) -> Question:
    """How many tokens share nine tenths of the probability?"""
    shares_V = np.sort(_shares(basis, 1.0))[::-1]
    needed = int(np.searchsorted(np.cumsum(shares_V), _NUCLEUS)) + 1
    right = next(place for place, (_, most) in enumerate(_COUNTS) if needed <= most)
    return Question(
        "certainty",
        f"How many different next tokens share {_NUCLEUS:.0%} of the probability?",
        tuple(name for name, _ in _COUNTS),
        (right,),
        f"{needed:,} of the {len(shares_V):,} tokens of the vocabulary.",
        basis.prompt,
        basis.run.name,
    )


def _short_memory(basis: Basis) -> Question:
    """What happens to the loss when the model may look back four tokens only?"""
    ids = _ids(basis)
    width = basis.model.config.context_length
    if width <= _SHORT_CONTEXT:
        raise DataError("This model's context is too short for this question; choose another.")
    whole = evaluate(basis.model, ids).nats_per_token
    short = evaluate(basis.model, ids, context_length=_SHORT_CONTEXT, stride=1).nats_per_token
    told = (
        f"With up to {width} tokens before it each token costs {whole:.2f} nats, with "
        f"{_SHORT_CONTEXT} at most {short:.2f}."
    )
    return Question(
        "short_memory",
        f"The model may look back {_SHORT_CONTEXT} tokens only. What does its loss do?",
        tuple(name for name, _ in _CHANGES),
        (_bucket(short / whole),),
        told,
        basis.text,
        basis.run.name,
    )


def _shuffled(basis: Basis) -> Question:
    """What happens to the loss when the words of the text are put in a random order?"""
    text = _plain_text(basis)
    words = text.split()
    mixed = [words[place] for place in np.random.default_rng(0).permutation(len(words))]
    before, after = (_bits(basis, each) for each in (" ".join(words), " ".join(mixed)))
    return Question(
        "shuffled",
        "The words of a held-out text are put in a random order. What does the loss do?",
        tuple(name for name, _ in _CHANGES),
        (_bucket(after / before),),
        f"In order the text costs {before:.2f} bits a byte, mixed {after:.2f}.",
        basis.text,
        basis.run.name,
    )


def _shares(basis: Basis, temperature: float) -> Floats:
    """Probabilities of the next token after the prompt, at a temperature."""
    ids = basis.tokenizer.encode(basis.prompt)
    row_V = logits(basis.model, ids, basis.tokenizer.eos_id)
    config = SamplingConfig(temperature=temperature, top_k=0)
    found: Floats = next_token_distribution(row_V, config).probabilities_V
    return found


def _ids(basis: Basis) -> Sequence[int]:
    if basis.text:
        found = encode_text("text", [Document(basis.text, "")], basis.tokenizer).ids
    else:
        settings = TextConfig(max_tokens=_JUDGED_TOKENS)
        held = open_text(basis.workspace, basis.run, basis.tokenizer, settings)
        found = held.ids[0 : len(held.ids)]
    ids = [int(token) for token in found]
    if len(ids) < _FEWEST_TOKENS:
        raise DataError(f"The text has {len(ids)} tokens; at least {_FEWEST_TOKENS} are needed.")
    return ids


def _plain_text(basis: Basis) -> str:
    eos = basis.tokenizer.eos_id
    return basis.tokenizer.decode([token for token in _ids(basis) if token != eos])


def _bits(basis: Basis, text: str) -> float:
    held = encode_text("text", [Document(text, "")], basis.tokenizer)
    found = evaluate(basis.model, held.ids, n_bytes=held.n_bytes).bits_per_byte
    assert found is not None
    return found


def _bucket(ratio: float) -> int:
    """The option that says by how much a loss has changed.

    >>> [_bucket(ratio) for ratio in (0.9, 1.05, 1.3, 1.9, 7.0)]
    [0, 1, 2, 3, 4]
    """
    return next(place for place, (_, most) in enumerate(_CHANGES) if ratio <= most)


def _mixed(text: str) -> int:
    """A number that looks random but is always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")


READY: Mapping[str, str] = MappingProxyType(
    {
        "next_token": "Which token comes next?",
        "temperature": "Which temperature is this?",
        "certainty": "How sure is the model?",
        "short_memory": "What if it forgets?",
        "shuffled": "What if the words are mixed?",
    }
)
"""The kinds of questions, and what the presenter's list calls them."""
_BUILDERS: Mapping[str, Callable[[Basis], Question]] = MappingProxyType(
    {
        "next_token": _next_token,
        "temperature": _temperature,
        "certainty": _certainty,
        "short_memory": _short_memory,
        "shuffled": _shuffled,
    }
)
