"""Attention, ready to show: which part of a text, what each head is called, which to open first.

Knows weights, ids and scores; neither models nor Streamlit.

Legend: L layers, H heads, T query and key positions of the text shown, M measures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.attention.heads import HeadScores, label
from slm.attention.maps import Floats
from slm.model.config import ModelConfig
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines

DEFAULT_TEXT = (
    "Carla the squirrel lived by the old mill with Emil the bear. One day Carla the squirrel lost "
    'her copper lamp. "Where is my copper lamp?" cried Carla the squirrel. "Here is the copper '
    'lamp!" said Emil the bear.'
)
"""Names and things come again, so that a head which looks for what came next shows it."""

MOST_TOKENS = 512
"""The longest text that the page draws all heads of."""
_MOST_BYTES = 160_000_000
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "induction": (
            "induction",
            tr("looks for an earlier place where the present token stood, at what came next there"),
        ),
        "duplicate token": (
            "duplicate_token",
            tr("looks at an earlier place where the same token stood"),
        ),
        "previous token": ("previous_token", tr("looks at the token just before")),
        "first token": (
            "first_token",
            tr("rests on the first token, mostly when it has nothing to find"),
        ),
        "broad": ("", tr("spreads its attention over nearly all it may see")),
        "positional": (
            "positional",
            tr("looks at the same places whatever the tokens are, such as the last few"),
        ),
        "mixed": ("", tr("has no habit that stands out on this text")),
    }
)
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "induction": tr("Induction"),
        "duplicate_token": tr("Duplicate token"),
        "previous_token": tr("Previous token"),
        "first_token": tr("First token"),
        "positional": tr("Positional"),
        "entropy_normalised": tr("Evenness"),
        "entropy": tr("Entropy (nats)"),
        "distance": tr("Distance (tokens)"),
    }
)


@dataclass(frozen=True)
class Window:
    """The part of a text that is shown: tokens `start` up to, not with, `stop` of `total`."""

    start: int
    stop: int
    total: int
    note: str | None

    @property
    def last_start(self) -> int:
        """The latest token where a window of this length can begin."""
        return self.total - (self.stop - self.start)


@dataclass(frozen=True)
class Opening:
    """The head, and perhaps the query, that the page opens when nobody has chosen."""

    layer: int
    head: int
    query: int | None = None


@dataclass(frozen=True)
class LegendRow:
    """One kind of head: how many of them this model has, and what they do."""

    kind: str
    count: int
    sentence: str


def window_of(n_tokens: int, start: int, config: ModelConfig, longest: int | None = None) -> Window:
    """The part of a text that the model reads at once, and that a view can draw.

    `longest` is the most tokens that the view draws; None: as many as all weights of all heads
    fit in memory for.

    >>> config = ModelConfig(context_length=128)
    >>> window_of(300, 250, config).note
    'You see tokens 172 to 299 of 300: this model reads 128 at once.'
    """
    per_pair = 4 * config.n_layers * config.n_heads
    length = min(config.context_length, longest or isqrt(_MOST_BYTES // per_pair))
    if n_tokens <= length:
        return Window(0, n_tokens, n_tokens, None)
    start = min(max(start, 0), n_tokens - length)
    why = tr("this model reads") if length == config.context_length else tr("this page draws")
    note = tr(
        "You see tokens {start:,} to {stop:,} of {n_tokens:,}: {why} {length:,} at once."
    ).format(start=start, stop=start + length - 1, n_tokens=n_tokens, why=why, length=length)
    return Window(start, start + length, n_tokens, note)


def too_short(n_tokens: int) -> str | None:
    """What to say of a text that has no attention to show; None for one that has."""
    if n_tokens == 0:
        return tr("Type a text, and every head shows where it looks in it.")
    if n_tokens == 1:
        return tr(
            "This text is a single token, and a single token can look only at itself: every "
            "weight is 1. Type one word more."
        )
    return None


def kinds_of(scores: HeadScores) -> list[list[str]]:
    """The plain name of every head, LH."""
    return [[str(kind) for kind in row] for row in label(scores)]


def labels_of(scores: HeadScores) -> list[list[str]]:
    """Names with the score that earned them, for the thumbnails, LH."""
    return [
        [_labelled(scores, kind, layer, head) for head, kind in enumerate(row)]
        for layer, row in enumerate(kinds_of(scores))
    ]


def legend(kinds_LH: Sequence[Sequence[str]]) -> tuple[LegendRow, ...]:
    """The kinds that this model has, most telling first."""
    every = [kind for row in kinds_LH for kind in row]
    return tuple(
        LegendRow(kind, every.count(kind), sentence)
        for kind, (_, sentence) in KINDS.items()
        if kind in every
    )


def opening(
    scores: HeadScores, ids_T: Sequence[int], weights_of: Callable[[int, int], Floats]
) -> Opening:
    """The strongest induction head, at the query where it shows best on this text.

    Without one: the strongest of the next kind that the model has; else the head whose
    attention is least even. `weights_of(layer, head)` gives the weights_TT of one head.
    """
    kinds_LH = np.array(kinds_of(scores))
    for kind, (measure, _) in KINDS.items():
        if measure and (kinds_LH == kind).any():
            strength_LH = np.where(kinds_LH == kind, scores[measure], -1.0)
            layer, head = _highest(strength_LH)
            if kind != "induction":
                return Opening(layer, head)
            return Opening(layer, head, _induction_query(ids_T, weights_of(layer, head)))
    return Opening(*_highest(-scores["entropy_normalised"]))


def describe(scores: HeadScores, layer: int, head: int) -> str:
    """One head in numbers, as sentences; of measures that were not taken nothing is said."""

    def share(measure: str) -> str:
        return f"{scores[measure][layer, head]:.0%}"

    sentences = [
        tr(
            "On this text {share} of its attention goes to the token before "
            "and {other_share} to the first one; a query looks {distance:.1f} "
            "tokens back on average."
        ).format(
            share=share("previous_token"),
            other_share=share("first_token"),
            distance=scores["distance"][layer, head],
        )
    ]
    if "induction" in scores.measures:
        sentences.append(
            tr(
                "On random tokens that come twice, {share} goes to what followed "
                "a token's earlier occurrence, {other_share} to that occurrence."
            ).format(share=share("induction"), other_share=share("duplicate_token"))
        )
    if "positional" in scores.measures:
        sentences.append(
            tr("When all tokens are others, {share} still goes to the same places.").format(
                share=share("positional")
            )
        )
    return " ".join(sentences)


def all_weights_note(config: ModelConfig, n_tokens: int) -> str | None:
    """Why all weights of this text are not offered as one file; None where they are.

    >>> all_weights_note(ModelConfig(n_layers=2, n_heads=4, context_length=128), 128)
    """
    n_bytes = 4 * config.n_layers * config.n_heads * n_tokens**2
    if n_bytes <= _MOST_BYTES:
        return None
    return tr(
        "All weights of this text are {n_bytes:,.0f} MB, too much for a "
        "page: the NPZ holds scores alone. `python -m slm attention` "
        "writes them to a file."
    ).format(n_bytes=n_bytes / 1e6)


def score_rows(scores: HeadScores) -> list[dict[str, float | str]]:
    """Every head as a row: its name and its scores."""
    return [
        {
            tr("Head"): tr("layer {layer}, head {head}").format(layer=layer, head=head),
            tr("Kind"): kind,
            **{
                title: float(scores[measure][layer, head].round(3))
                for measure, title in COLUMNS.items()
                if measure in scores.measures
            },
        }
        for layer, row in enumerate(kinds_of(scores))
        for head, kind in enumerate(row)
    ]


def saved_arrays(
    scores: HeadScores,
    ids_T: Sequence[int],
    tokens: Sequence[str],
    weights_LHTT: Floats | None,
) -> dict[str, NDArray[Any]]:
    """What a file holds: scores (L×H×M), ids and tokens, and all weights if they are given."""
    named: dict[str, NDArray[Any]] = {
        "ids": np.array(ids_T),
        "tokens": np.array(tokens),
        "scores": scores.values_LHM,
        "measures": np.array(scores.measures),
    }
    return named if weights_LHTT is None else {"weights": weights_LHTT, **named}


def code_lines(
    run: Artefact, step: int | None, text: str, window: Window, layer: int, head: int
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    return f"""{opened}
from slm.attention.heads import head_scores, label
from slm.attention.maps import attention_maps

text = {text!r}
ids = opened.tokenizer.encode(text){part}
weights_LHTT = attention_maps(opened.model, ids)
print(weights_LHTT[{layer}, {head}].round(3))
scores = head_scores(opened.model, ids, eos_id=opened.tokenizer.eos_id)
print(label(scores))
"""


def _labelled(scores: HeadScores, kind: str, layer: int, head: int) -> str:
    measure, _ = KINDS[kind]
    return f"{kind} {scores[measure][layer, head]:.2f}" if measure else kind


def _highest(values_LH: Floats) -> tuple[int, int]:
    layer, head = divmod(int(values_LH.argmax()), values_LH.shape[1])
    return layer, head


def _induction_query(ids_T: Sequence[int], weights_TT: Floats) -> int | None:
    """The query that gives most to the token after an earlier occurrence of its own token."""
    best, found = 0.0, None
    places: dict[int, list[int]] = {}
    for query, token in enumerate(ids_T):
        for earlier in places.get(token, ()):
            if earlier + 1 < query and weights_TT[query, earlier + 1] > best:
                best, found = float(weights_TT[query, earlier + 1]), query
        places.setdefault(token, []).append(query)
    return found
