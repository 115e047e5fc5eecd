"""The walk's steps through the attention of a block, from norm to output.

Words and rounding; the numbers are the walk's.
"""

import math

import numpy as np

from ui.texts import tr
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
        title=tr("Norm before attention"),
        formula=(norm_formula(look.config, "x", r"\hat{x}"),),
        shape=f"x̂: {len(look.tokens)} × {look.config.d_model}",
        why=tr(
            "Attention reads an evened-out copy of the stream, so that its size does not matter. "
            "The stream itself stays as it is."
        ),
        told=tr(
            "The {size} numbers of {here} have the root mean square "
            "{before_d}; after division and the learned factors γ their "
            "length is {normed_td}."
        ).format(
            size=before_D.size,
            here=look.here,
            before_d=number(length(before_D) / math.sqrt(before_D.size)),
            normed_td=number(length(block.normed_TD[at])),
        ),
        source=f"{_BLOCK}.forward",
        line="self.attention_norm(stream_BTD), turns, visible_TS, layer, cache, probe",
        pictures=(
            Strips(tr("Before"), (("x", before_D),)),
            Strips(tr("After"), (("x̂", block.normed_TD[at]),)),
        ),
    )


def _project(look: Look) -> Step:
    at, head, block, config = look.place.token, look.place.head, look.walk.block, look.config
    group, bias = block.group_of(head), "" if config.bias == "none" else " + b"
    rows = [("query", block.projected_query_HTK[head, at])]
    if block.even_query_HTK is not None:
        rows.append((tr("query, normed"), block.even_query_HTK[head, at]))
    rows.append(("key", block.projected_key_GTK[group, at]))
    if block.even_key_GTK is not None:
        rows.append((tr("key, normed"), block.even_key_GTK[group, at]))
    shared = config.n_heads // config.kv_heads
    told = tr("Head {head} has a query of length {rows} for {here}.").format(
        head=head, rows=number(length(rows[0][1])), here=look.here
    )
    if shared > 1:
        told += tr(
            " {shared} query heads share key and value: this head uses number {group}."
        ).format(shared=shared, group=group)
    if config.qk_norm:
        told += tr(" A norm of their own brings query and key to an even size.")
    return Step(
        id="project",
        group=look.group,
        title=tr("Query, key, value"),
        formula=(
            rf"q = W_Q \hat{{x}}{bias}, \quad k = W_K \hat{{x}}{bias}, "
            rf"\quad v = W_V \hat{{x}}{bias}",
            tr(
                "W_Q \\in \\mathbb{{R}}^{{{n_heads} × {d_model}}}, \\quad W_K, W_V "
                "\\in \\mathbb{{R}}^{{{kv_heads} × {d_model}}}"
            ).format(
                n_heads=config.n_heads * config.head_width,
                d_model=config.d_model,
                kv_heads=config.kv_heads * config.head_width,
            ),
        ),
        shape=tr(
            "q: {n_heads} heads × {n_tokens} × {head_width}; k, v: "
            "{kv_heads} × {n_tokens} × {head_width}"
        ).format(
            n_heads=config.n_heads,
            n_tokens=len(look.tokens),
            head_width=config.head_width,
            kv_heads=config.kv_heads,
        ),
        why=tr(
            "The query says what this position looks for, the key what it has to offer to others, "
            "the value what it hands over to those who look."
        ),
        told=told,
        source=f"{_ATTENTION}.SelfAttention",
        line="self.query = nn.Linear(config.d_model, inner, bias=with_bias)",
        pictures=(
            Strips(
                tr("Query and key of {here}, head {head}").format(here=look.here, head=head),
                tuple(rows),
            ),
            Strips(tr("Its value"), (("value", block.value_GTK[group, at]),)),
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
        title=tr("Turned by position"),
        formula=(
            rf"\varphi_i = {at} \cdot {config.rope_theta:g}^{{-2i/{config.head_width}}}",
            tr(r"a ← a \, \cos \varphi_i - b \, \sin \varphi_i"),
            tr(r"b ← b \, \cos \varphi_i + a \, \sin \varphi_i"),
        ),
        shape=tr("{half} pairs (i, i + {half}) of the {head_width} numbers").format(
            half=half, head_width=config.head_width
        ),
        why=tr(
            "Pairs of numbers are turned like the hands of clocks that run at different speeds. "
            "The product of a turned query and a turned key then depends on how far apart they "
            "stand, and that is how attention knows the order."
        ),
        told=tr(
            "Position {at} turns the fastest pair by {angles_p}° and the "
            "slowest by {slowest}°. No length changes."
        ).format(
            at=at,
            angles_p=number(math.degrees(angles_P[0])),
            slowest=number(math.degrees(angles_P[-1])),
        ),
        source="slm.model.layers.rotate",
        line="return heads_BHTK * cosine + halves_swapped * sine",
        pictures=(
            Strips(
                tr("{here}, head {head}").format(here=look.here, head=head),
                (
                    ("query", query_K),
                    (tr("query, turned"), block.query_HTK[head, at]),
                    ("key", key_K),
                    (tr("key, turned"), block.key_GTK[group, at]),
                ),
            ),
            Turns(
                tr("Pairs of the query, before (thin) and after (thick)"),
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
        title=tr("Scores"),
        formula=(
            tr("s_{{t,u}} = \\frac{{q_t \\cdot k_u}}{{\\sqrt{{{head_width}}}}}").format(
                head_width=config.head_width
            ),
            rf"s_{{{place.token},{key}}} = {number(score)}",
        ),
        shape=tr("s: {n_heads} heads × {n_tokens} × {n_tokens} (queries × keys)").format(
            n_heads=config.n_heads, n_tokens=len(look.tokens)
        ),
        why=tr(
            "The product of a query and a key is large where what is looked for and what is "
            "offered point the same way. The root keeps scores from growing with the head's width."
        ),
        told=tr(
            "{here} looking at “{tokens}” (position {key}) scores {score}: "
            "the sum of {size} products. Click a cell for another pair."
        ).format(
            here=look.here,
            tokens=look.tokens[key],
            key=key,
            score=number(score),
            size=products_K.size,
        ),
        source=f"{_ATTENTION}.score",
        line="return query_BHTK @ key_BHSK.mT * scale",
        pictures=(
            Matrix(tr("Scores: rows look at columns"), block.scores_HTS[place.head], None, False),
            Columns(
                tr("q·k/√{head_width}, dimension by dimension").format(
                    head_width=config.head_width
                ),
                products_K,
                tuple(tr("dimension {i}").format(i=i) for i in range(products_K.size)),
            ),
        ),
    )


def _mask(look: Look) -> Step:
    place, block, window = look.place, look.walk.block, look.config.window
    seen = int(block.visible_TS[place.token].sum())
    limit = "" if window is None else rf" \text{{ or }} u \leq t - {window}"
    why = tr(
        "A position may look at itself and at what came before, never at what comes later: in "
        "training the next token would else be given away, and in writing it is not there yet."
    )
    if window is not None:
        why += tr(" In this model it sees {window:,} positions at most.").format(window=window)
    return Step(
        id="mask",
        group=look.group,
        title=tr("Mask"),
        formula=(tr("s_{{t,u}} = -\\infty \\text{{ where }} u > t{limit}").format(limit=limit),),
        shape=tr("{n_tokens} × {n_tokens}, the same for every head").format(
            n_tokens=len(look.tokens)
        ),
        why=why,
        told=tr("{here} sees {seen} of {n_tokens} positions.").format(
            here=look.here, seen=seen, n_tokens=len(look.tokens)
        ),
        source=f"{_ATTENTION}.weigh",
        line="scores_BHTS.masked_fill(~visible_TS, -torch.inf)",
        pictures=(
            Matrix(tr("What is left"), block.scores_HTS[place.head], ~block.visible_TS, False),
        ),
    )


def _softmax(look: Look) -> Step:
    place, block = look.place, look.walk.block
    weights_S = block.weights_HTS[place.head, place.token]
    key = place.key or 0
    best = int(weights_S.argmax())
    return Step(
        id="softmax",
        group=look.group,
        title=tr("Softmax"),
        formula=(
            tr(r"w_{t,u} = \frac{e^{s_{t,u}}}{\sum_{j} e^{s_{t,j}}}"),
            rf"w_{{{place.token},{key}}} = {number(float(weights_S[key]))}",
        ),
        shape=tr("w: {n_heads} heads × {n_tokens} × {n_tokens}").format(
            n_heads=look.config.n_heads, n_tokens=len(look.tokens)
        ),
        why=tr(
            "Softmax turns the scores of a row into shares of attention: none is below zero, "
            "each row sums to 1, and a score that is 1 higher takes e ≈ 2.7 times as much."
        ),
        told=tr(
            "{here} gives most, {weights_s}, to “{tokens}” (position "
            "{best}). Its row sums to {sum:.3f}."
        ).format(
            here=look.here,
            weights_s=share(float(weights_S[best])),
            tokens=look.tokens[best],
            best=best,
            sum=float(weights_S.sum()),
        ),
        source=f"{_ATTENTION}.weigh",
        line="softmax(dim=-1)",
        pictures=(
            Matrix(
                tr("Weights: rows look at columns"),
                block.weights_HTS[place.head],
                ~block.visible_TS,
                True,
            ),
            Columns(
                tr("The row of {here}").format(here=look.here),
                weights_S,
                look.tokens,
                marked=key,
                picks=True,
            ),
        ),
    )


def _mix(look: Look) -> Step:
    place, block = look.place, look.walk.block
    weights_S = block.weights_HTS[place.head, place.token]
    parts_SK = block.weighted_values_SK(place.head, place.token)
    most = strongest(weights_S, min(_MOST_ROWS, int(block.visible_TS[place.token].sum())))
    rows = [
        (
            tr("{weights_s} of “{tokens}” ({s})").format(
                weights_s=share(float(weights_S[s])), tokens=look.tokens[s], s=s
            ),
            parts_SK[s],
        )
        for s in most
    ]
    rest = [s for s in range(len(look.tokens)) if s not in most]
    if float(weights_S[rest].sum()) > 0:
        rows.append(
            (
                tr("{sum} of the others").format(sum=share(float(weights_S[rest].sum()))),
                np.asarray(parts_SK[rest].sum(axis=0), dtype=np.float32),
            )
        )
    rows.append(("sum", block.head_out_HTK[place.head, place.token]))
    return Step(
        id="mix",
        group=look.group,
        title=tr("Values, mixed"),
        formula=(r"o_t = \sum_u w_{t,u} \, v_u",),
        shape=tr("o: {n_heads} heads × {n_tokens} × {head_width}").format(
            n_heads=look.config.n_heads,
            n_tokens=len(look.tokens),
            head_width=look.config.head_width,
        ),
        why=tr(
            "Each position hands over its value, times its weight. The sum is what this head "
            "brings to the position from the others."
        ),
        told=tr(
            "Head {head} gathers {n_most} large parts for {here}; the mixture has length {rows}."
        ).format(
            head=place.head, n_most=len(most), here=look.here, rows=number(length(rows[-1][1]))
        ),
        source=f"{_ATTENTION}.attend",
        line="weights_BHTS @ share(value_BHSK, n_heads)",
        pictures=(Strips(tr("Weighted values, and their sum"), tuple(rows)),),
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
        title=tr("Into the stream"),
        formula=(
            rf"a = W_O \, [o^{{(0)}}, …, o^{{({config.n_heads - 1})}}]{bias}, "
            r"\quad x ← x + a",
            tr("W_O \\in \\mathbb{{R}}^{{{d_model} × {inner}}}").format(
                d_model=config.d_model, inner=inner
            ),
        ),
        shape=f"a: {len(look.tokens)} × {config.d_model}",
        why=tr(
            "The heads' mixtures, side by side, go through one matrix and are added to the stream. "
            "Adding, rather than replacing, keeps all that was there."
        ),
        told=tr(
            "Attention adds a vector of length {added_d} to one of length "
            "{before_d}; the sum has {between_td}."
        ).format(
            added_d=number(length(added_D)),
            before_d=number(length(before_D)),
            between_td=number(length(block.between_TD[at])),
        ),
        source=f"{_BLOCK}.forward",
        line='stream_BTD = stream_BTD + tap(probe, "attn_out", layer, attended_BTD)',
        pictures=(
            Bars(
                tr("Length of what each head adds at {here}").format(here=look.here),
                tuple(tr("head {head}").format(head=head) for head in range(config.n_heads)),
                lengths_H,
                tuple(number(float(value)) for value in lengths_H),
                marked=look.place.head,
            ),
            Strips(
                tr("The stream"),
                (("before", before_D), ("added", added_D), ("after", block.between_TD[at])),
            ),
        ),
    )
