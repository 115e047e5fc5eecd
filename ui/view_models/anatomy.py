"""One choice, stage by stage: bars, figures, and the number that falls on a token.

Knows distributions and token bytes; neither models nor Streamlit.

S stages, N tokens shown, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slm.sampling.config import SamplingConfig
from slm.sampling.distribution import Distribution, Stage, top_tokens
from ui.texts import tr
from ui.view_models.chips import Chip, chip, labeller
from ui.view_models.sampling import TokenBytes, cut_by, percent

SHOWN = 12
TALLY = 100
_SHORT = {"repetition_penalty": tr("Repetition"), "temperature": tr("Temp.")}
_NARROW = 0.006  # a share of the line too small for a segment of its own


@dataclass(frozen=True)
class Column:
    """One stage: what acted, in words, and what is left. Shares are of the tokens shown.

    `share_others` are all other tokens together; a share below 0 says that the token was cut
    here or before. `cut` is what this filter took away of what came to it.
    """

    name: str
    title: str
    short: str
    setting: str
    acts: bool
    shares_N: tuple[float, ...]
    share_others: float
    entropy: str
    kept: str
    cut: str


@dataclass(frozen=True)
class Segment:
    """A stretch of the line from 0 to 1: one token, or several that are too narrow to see."""

    label: str
    start: float
    end: float
    token: int | None


@dataclass(frozen=True)
class Anatomy:
    """Everything that is drawn. `counts_N` tell how often each token came in so many draws."""

    labels_N: tuple[str, ...]
    n_others: int
    columns_S: tuple[Column, ...]
    segments: tuple[Segment, ...]
    uniform: float
    drawn: str
    drawn_place: int | None
    counts_N: tuple[int, ...]
    count_others: int
    notes: tuple[str, ...]


def anatomy_of(
    distribution: Distribution,
    config: SamplingConfig,
    numbers: Sequence[float],
    token_bytes: TokenBytes,
    vocab_size: int,
    *,
    draw: int = 0,
    shown: int = SHOWN,
) -> Anatomy:
    """The choice as it is drawn: the likeliest tokens of the model, in its order.

    `numbers` are the seed's, TALLY of them; `draw` says which of them falls now.
    """
    model_V = distribution.stages[0].probabilities_V
    tokens_N = np.array([token for token, _ in top_tokens(model_V, shown)])
    label = labeller(token_bytes, vocab_size)
    drawn = distribution.draws(numbers)
    now = drawn[draw]
    places = {int(token): place for place, token in enumerate(tokens_N)}
    counts = [0] * len(places)
    for token in drawn[:TALLY]:
        if token in places:
            counts[places[token]] += 1
    return Anatomy(
        labels_N=tuple(label(int(token)) for token in tokens_N),
        n_others=model_V.size - len(tokens_N),
        columns_S=_columns(distribution.stages, config, tokens_N),
        segments=segments_of(distribution, token_bytes, vocab_size),
        uniform=numbers[draw],
        drawn=label(now),
        drawn_place=places.get(now),
        counts_N=tuple(counts),
        count_others=min(TALLY, len(drawn)) - sum(counts),
        notes=distribution.notes,
    )


def segments_of(
    distribution: Distribution, token_bytes: TokenBytes, vocab_size: int
) -> tuple[Segment, ...]:
    """All tokens that can be drawn, laid end to end in the order of their ids, as the draw does.

    Neighbours too narrow to be seen are one stretch.
    """
    label = labeller(token_bytes, vocab_size)
    kept = np.flatnonzero(distribution.kept_V)
    ends = np.cumsum(distribution.probabilities_V[kept], dtype=np.float64)
    ends /= ends[-1]
    starts = np.concatenate([[0.0], ends[:-1]])
    found: list[Segment] = []
    reached = 0.0
    for place in np.flatnonzero(ends - starts >= _NARROW):  # at most 1 / _NARROW of them
        start, end, token = float(starts[place]), float(ends[place]), int(kept[place])
        if start > reached:
            found.append(Segment("…", reached, start, None))
        found.append(Segment(label(token), start, end, token))
        reached = end
    if reached < 1.0:
        found.append(Segment("…", reached, 1.0, None))
    return tuple(found)


def draw_sentence(anatomy: Anatomy, seed: int, draw: int) -> str:
    """Where the number fell."""
    return tr("Number {draw:,} of seed {seed} is {uniform:.3f}: it falls on “{drawn}”.").format(
        draw=draw + 1, seed=seed, uniform=anatomy.uniform, drawn=anatomy.drawn
    )


def came_sentence(
    distribution: Distribution, token: int, token_bytes: TokenBytes, vocab_size: int
) -> str:
    """What the text has at this place, and what the model and the filters thought of it."""
    model_V = distribution.stages[0].probabilities_V
    rank = 1 + int((model_V > model_V[token]).sum())
    cut = cut_by(distribution, token)
    final = percent(float(distribution.probabilities_V[token]))
    fate = (
        tr("{final} in the draw").format(final=final)
        if cut is None
        else tr("cut by {cut}").format(cut=cut)
    )
    return tr(
        "In the text “{token}” follows: the model gave it {model_v} (rank {rank:,}), {fate}."
    ).format(
        token=labeller(token_bytes, vocab_size)(token),
        model_v=percent(float(model_V[token])),
        rank=rank,
        fate=fate,
    )


def prompt_chips(ids: Sequence[int], token_bytes: TokenBytes, vocab_size: int) -> tuple[Chip, ...]:
    """The tokens of a prompt, to choose a place by."""
    note = (tr("a click looks at the choice of the token behind it"),)
    return tuple(
        chip(token, token_bytes(token) if token < vocab_size else b"", notes=note) for token in ids
    )


def moved(order: Sequence[str], name: str, steps: int) -> tuple[str, ...]:
    """The order with one filter moved to the left (below 0) or right, as far as there is room.

    >>> moved(("a", "b", "c"), "c", -1), moved(("a", "b", "c"), "a", -1)
    (('a', 'c', 'b'), ('a', 'b', 'c'))
    """
    rest = [each for each in order if each != name]
    place = min(len(rest), max(0, list(order).index(name) + steps))
    return (*rest[:place], name, *rest[place:])


def _columns(
    stages: Sequence[Stage], config: SamplingConfig, tokens_N: np.ndarray
) -> tuple[Column, ...]:
    """A column for each stage; one that is off shows what came to it, without counting again."""
    columns = [_column(stages[0], None, config, tokens_N)]
    acted = stages[0]
    for stage in stages[1:]:
        if stage.changed:
            columns.append(_column(stage, acted, config, tokens_N))
            acted = stage
        else:
            title, setting = _words(stage.name, config)
            off = replace(columns[-1], name=stage.name, title=title, setting=setting, acts=False)
            columns.append(replace(off, short=_SHORT.get(stage.name, title), cut="nothing"))
    return tuple(columns)


def _column(
    stage: Stage, before: Stage | None, config: SamplingConfig, tokens_N: np.ndarray
) -> Column:
    shares_V, kept_V = stage.probabilities_V, stage.kept_V
    cut = 0.0
    if before is not None and stage.changed:
        cut = float(before.probabilities_V[~kept_V].sum(dtype=np.float64))
    title, setting = _words(stage.name, config)
    entropy = stage.entropy_nats
    return Column(
        name=stage.name,
        title=title,
        short=_SHORT.get(stage.name, title),
        setting=setting,
        acts=True,
        shares_N=tuple(float(shares_V[t]) if kept_V[t] else -1.0 for t in tokens_N),
        share_others=_others(stage, tokens_N),
        entropy=tr("{entropy:.2f} nats, as among {alike:,.1f}").format(
            entropy=entropy, alike=math.exp(entropy)
        ),
        kept=tr("{sum:,} of {size:,}").format(sum=int(kept_V.sum()), size=kept_V.size),
        cut=percent(cut) if cut > 0 else tr("nothing"),
    )


def _others(stage: Stage, tokens_N: np.ndarray) -> float:
    """The share of all tokens that are not shown; below 0 where every one of them was cut."""
    if stage.kept_V.sum() == stage.kept_V[tokens_N].sum() and stage.kept_V.size > len(tokens_N):
        return -1.0
    return max(0.0, 1.0 - float(stage.probabilities_V[tokens_N].sum(dtype=np.float64)))


def _words(name: str, config: SamplingConfig) -> tuple[str, str]:
    """What a stage is called, and its setting."""
    return {
        "model": (tr("Model"), tr("as it is")),
        "repetition_penalty": (tr("Repetition penalty"), f"× {config.repetition_penalty:g}"),
        "temperature": (
            tr("Temperature"),
            tr("0, greedy") if config.greedy else f"÷ {config.temperature:g}",
        ),
        "top_k": (tr("Top-k"), f"{config.top_k or 0:,}"),
        "top_p": (tr("Top-p"), f"{config.top_p:g}"),
        "min_p": (tr("Min-p"), f"{config.min_p:g}"),
        "typical_p": (tr("Typical"), f"{config.typical_p:g}"),
    }[name]
