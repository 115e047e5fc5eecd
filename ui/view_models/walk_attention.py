"""The walk's steps through the attention of a block, from norm to output.

Words and rounding; the numbers are the walk's.
"""

import math

import numpy as np

from ui.view_models.walk import (
    Bars,
    Columns,
    Look,
    Matrix,
    Step,
    Strips,
    Turns,
    length,
    number,
    share,
    strongest,
)
from ui.view_models.walk_ends import norm_formula

_BLOCK, _ATTENTION = "slm.model.transformer.Block", "slm.model.self_attention"
_MOST_ARROWS, _MOST_ROWS = 8, 5


def attention_steps(look: Look) -> tuple[Step, ...]:
    """Attention of the opened block, at the chosen token and head."""
    steps = [_norm(look), _project(look)]
    if look.walk.block.angles_TP is not None:
        steps.append(_turn(look))
    return (*steps, _scores(look), _mask(look), _softmax(look), _mix(look), _output(look))


def _norm(look: Look) -> Step:
    at, block = look.place.token, look.walk.block
    before_D = look.walk.stream_LTD[block.layer, at]
    return Step(
        id="norm",
        group=look.group,
        title="Norm before attention",
        formula=(norm_formula(look.config, "x", r"\hat{x}"),),
        shape=f"x̂: {len(look.tokens)} × {look.config.d_model}",
        why="Attention reads an evened-out copy of the stream, so that its size does not matter. "
        "The stream itself stays as it is.",
        told=f"The {before_D.size} numbers of {look.here} have the root mean square "
        f"{number(length(before_D) / math.sqrt(before_D.size))}; after division and the learned "
        f"factors γ their length is {number(length(block.normed_TD[at]))}.",
        source=f"{_BLOCK}.forward",
        line="self.attention_norm(stream_BTD), turns, visible_TS, layer, cache, probe",
        pictures=(
            Strips("Before", (("x", before_D),)),
            Strips("After", (("x̂", block.normed_TD[at]),)),
        ),
    )


def _project(look: Look) -> Step:
    at, head, block, config = look.place.token, look.place.head, look.walk.block, look.config
    group, bias = block.group_of(head), "" if config.bias == "none" else " + b"
    rows = [("query", block.projected_query_HTK[head, at])]
    if block.even_query_HTK is not None:
        rows.append(("query, normed", block.even_query_HTK[head, at]))
    rows.append(("key", block.projected_key_GTK[group, at]))
    if block.even_key_GTK is not None:
        rows.append(("key, normed", block.even_key_GTK[group, at]))
    shared = config.n_heads // config.kv_heads
    told = f"Head {head} has a query of length {number(length(rows[0][1]))} for {look.here}."
    if shared > 1:
        told += f" {shared} query heads share key and value: this head uses number {group}."
    if config.qk_norm:
        told += " A norm of their own brings query and key to an even size."
    return Step(
        id="project",
        group=look.group,
        title="Query, key, value",
        formula=(
            rf"q = W_Q \hat{{x}}{bias}, \quad k = W_K \hat{{x}}{bias}, "
            rf"\quad v = W_V \hat{{x}}{bias}",
            rf"W_Q \in \mathbb{{R}}^{{{config.n_heads * config.head_width} × {config.d_model}}}, "
            rf"\quad W_K, W_V \in "
            rf"\mathbb{{R}}^{{{config.kv_heads * config.head_width} × {config.d_model}}}",
        ),
        shape=f"q: {config.n_heads} heads × {len(look.tokens)} × {config.head_width}; "
        f"k, v: {config.kv_heads} × {len(look.tokens)} × {config.head_width}",
        why="The query says what this position looks for, the key what it has to offer to others, "
        "the value what it hands over to those who look.",
        told=told,
        source=f"{_ATTENTION}.SelfAttention",
        line="self.query = nn.Linear(config.d_model, inner, bias=with_bias)",
        pictures=(
            Strips(f"Query and key of {look.here}, head {head}", tuple(rows)),
            Strips("Its value", (("value", block.value_GTK[group, at]),)),
        ),
    )


def _turn(look: Look) -> Step:
    at, head, block, config = look.place.token, look.place.head, look.walk.block, look.config
    group = block.group_of(head)
    assert block.angles_TP is not None
    query_K = _before_turn(block.even_query_HTK, block.projected_query_HTK, head, at)
    key_K = _before_turn(block.even_key_GTK, block.projected_key_GTK, group, at)
    angles_P, half = block.angles_TP[at], config.head_width // 2
    pairs = np.linspace(0, half - 1, min(_MOST_ARROWS, half)).round().astype(int)
    return Step(
        id="turn",
        group=look.group,
        title="Turned by position",
        formula=(
            rf"\varphi_i = {at} \cdot {config.rope_theta:g}^{{-2i/{config.head_width}}}",
            r"a ← a \, \cos \varphi_i - b \, \sin \varphi_i",
            r"b ← b \, \cos \varphi_i + a \, \sin \varphi_i",
        ),
        shape=f"{half} pairs (i, i + {half}) of the {config.head_width} numbers",
        why="Pairs of numbers are turned like the hands of clocks that run at different speeds. "
        "The product of a turned query and a turned key then depends on how far apart they "
        "stand, and that is how attention knows the order.",
        told=f"Position {at} turns the fastest pair by {number(math.degrees(angles_P[0]))}° and "
        f"the slowest by {number(math.degrees(angles_P[-1]))}°. No length changes.",
        source="slm.model.layers.rotate",
        line="return heads_BHTK * cosine + halves_swapped * sine",
        pictures=(
            Strips(
                f"{look.here}, head {head}",
                (
                    ("query", query_K),
                    ("query, turned", block.query_HTK[head, at]),
                    ("key", key_K),
                    ("key, turned", block.key_GTK[group, at]),
                ),
            ),
            Turns(
                "Pairs of the query, before (thin) and after (thick)",
                np.stack([query_K[pairs], query_K[pairs + half]], axis=1),
                np.stack(
                    [block.query_HTK[head, at, pairs], block.query_HTK[head, at, pairs + half]],
                    axis=1,
                ),
                angles_P[pairs],
            ),
        ),
    )


def _before_turn(even: np.ndarray | None, projected: np.ndarray, head: int, at: int) -> np.ndarray:
    vector: np.ndarray = projected[head, at] if even is None else even[head, at]
    return vector


def _scores(look: Look) -> Step:
    place, block, config = look.place, look.walk.block, look.config
    key = place.key or 0
    products_K = block.products_K(place.head, place.token, key)
    score = float(block.scores_HTS[place.head, place.token, key])
    return Step(
        id="scores",
        group=look.group,
        title="Scores",
        formula=(
            rf"s_{{t,u}} = \frac{{q_t \cdot k_u}}{{\sqrt{{{config.head_width}}}}}",
            rf"s_{{{place.token},{key}}} = {number(score)}",
        ),
        shape=f"s: {config.n_heads} heads × {len(look.tokens)} × {len(look.tokens)} "
        "(queries × keys)",
        why="The product of a query and a key is large where what is looked for and what is "
        "offered point the same way. The root keeps scores from growing with the head's width.",
        told=f"{look.here} looking at “{look.tokens[key]}” (position {key}) scores "
        f"{number(score)}: the sum of {products_K.size} products. Click a cell for another pair.",
        source=f"{_ATTENTION}.score",
        line="return query_BHTK @ key_BHSK.mT * scale",
        pictures=(
            Matrix("Scores: rows look at columns", block.scores_HTS[place.head], None, False),
            Columns(
                f"q·k/√{config.head_width}, dimension by dimension",
                products_K,
                tuple(f"dimension {i}" for i in range(products_K.size)),
            ),
        ),
    )


def _mask(look: Look) -> Step:
    place, block, window = look.place, look.walk.block, look.config.window
    seen = int(block.visible_TS[place.token].sum())
    limit = "" if window is None else rf" \text{{ or }} u \leq t - {window}"
    why = (
        "A position may look at itself and at what came before, never at what comes later: in "
        "training the next token would else be given away, and in writing it is not there yet."
    )
    if window is not None:
        why += f" In this model it sees {window:,} positions at most."
    return Step(
        id="mask",
        group=look.group,
        title="Mask",
        formula=(rf"s_{{t,u}} = -\infty \text{{ where }} u > t{limit}",),
        shape=f"{len(look.tokens)} × {len(look.tokens)}, the same for every head",
        why=why,
        told=f"{look.here} sees {seen} of {len(look.tokens)} positions.",
        source=f"{_ATTENTION}.weigh",
        line="scores_BHTS.masked_fill(~visible_TS, -torch.inf)",
        pictures=(Matrix("What is left", block.scores_HTS[place.head], ~block.visible_TS, False),),
    )


def _softmax(look: Look) -> Step:
    place, block = look.place, look.walk.block
    weights_S = block.weights_HTS[place.head, place.token]
    key = place.key or 0
    best = int(weights_S.argmax())
    return Step(
        id="softmax",
        group=look.group,
        title="Softmax",
        formula=(
            r"w_{t,u} = \frac{e^{s_{t,u}}}{\sum_{j} e^{s_{t,j}}}",
            rf"w_{{{place.token},{key}}} = {number(float(weights_S[key]))}",
        ),
        shape=f"w: {look.config.n_heads} heads × {len(look.tokens)} × {len(look.tokens)}",
        why="Softmax turns the scores of a row into shares of attention: none is below zero, "
        "each row sums to 1, and a score that is 1 higher takes e ≈ 2.7 times as much.",
        told=f"{look.here} gives most, {share(float(weights_S[best]))}, to "
        f"“{look.tokens[best]}” (position {best}). Its row sums to {float(weights_S.sum()):.3f}.",
        source=f"{_ATTENTION}.weigh",
        line="softmax(dim=-1)",
        pictures=(
            Matrix(
                "Weights: rows look at columns",
                block.weights_HTS[place.head],
                ~block.visible_TS,
                True,
            ),
            Columns(f"The row of {look.here}", weights_S, look.tokens, marked=key, picks=True),
        ),
    )


def _mix(look: Look) -> Step:
    place, block = look.place, look.walk.block
    weights_S = block.weights_HTS[place.head, place.token]
    parts_SK = block.weighted_values_SK(place.head, place.token)
    most = strongest(weights_S, min(_MOST_ROWS, int(block.visible_TS[place.token].sum())))
    rows = [
        (f"{share(float(weights_S[s]))} of “{look.tokens[s]}” ({s})", parts_SK[s]) for s in most
    ]
    rest = [s for s in range(len(look.tokens)) if s not in most]
    if float(weights_S[rest].sum()) > 0:
        rows.append(
            (
                f"{share(float(weights_S[rest].sum()))} of the others",
                np.asarray(parts_SK[rest].sum(axis=0), dtype=np.float32),
            )
        )
    rows.append(("sum", block.head_out_HTK[place.head, place.token]))
    return Step(
        id="mix",
        group=look.group,
        title="Values, mixed",
        formula=(r"o_t = \sum_u w_{t,u} \, v_u",),
        shape=f"o: {look.config.n_heads} heads × {len(look.tokens)} × {look.config.head_width}",
        why="Each position hands over its value, times its weight. The sum is what this head "
        "brings to the position from the others.",
        told=f"Head {place.head} gathers {len(most)} large parts for {look.here}; the mixture has "
        f"length {number(length(rows[-1][1]))}.",
        source=f"{_ATTENTION}.attend",
        line="weights_BHTS @ share(value_BHSK, n_heads)",
        pictures=(Strips("Weighted values, and their sum", tuple(rows)),),
    )


def _output(look: Look) -> Step:
    at, block, config = look.place.token, look.walk.block, look.config
    lengths_H = look.reading.head_lengths_H
    before_D = look.walk.stream_LTD[block.layer, at]
    added_D = look.walk.attention_LTD[block.layer, at]
    inner, bias = config.n_heads * config.head_width, " + b" if config.bias == "all" else ""
    return Step(
        id="output",
        group=look.group,
        title="Into the stream",
        formula=(
            rf"a = W_O \, [o^{{(0)}}, …, o^{{({config.n_heads - 1})}}]{bias}, "
            r"\quad x ← x + a",
            rf"W_O \in \mathbb{{R}}^{{{config.d_model} × {inner}}}",
        ),
        shape=f"a: {len(look.tokens)} × {config.d_model}",
        why="The heads' mixtures, side by side, go through one matrix and are added to the stream. "
        "Adding, rather than replacing, keeps all that was there.",
        told=f"Attention adds a vector of length {number(length(added_D))} to one of length "
        f"{number(length(before_D))}; the sum has {number(length(block.between_TD[at]))}.",
        source=f"{_BLOCK}.forward",
        line='stream_BTD = stream_BTD + tap(probe, "attn_out", layer, attended_BTD)',
        pictures=(
            Bars(
                f"Length of what each head adds at {look.here}",
                tuple(f"head {head}" for head in range(config.n_heads)),
                lengths_H,
                tuple(number(float(value)) for value in lengths_H),
                marked=look.place.head,
            ),
            Strips(
                "The stream",
                (("before", before_D), ("added", added_D), ("after", block.between_TD[at])),
            ),
        ),
    )
