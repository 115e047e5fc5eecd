"""One weight of one head as a row of steps: words, rounding, and the numbers of each step.

Knows the vectors of a head; computes none of them. Foreign text stands in `tokens` alone and in
labels made of them; the browser shows both as typed.

S key position, K head width, R values told one by one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import Window
from ui.view_models.code import open_lines
from ui.view_models.walk import number, share

if TYPE_CHECKING:
    from slm.attention.cells import HeadVectors, Mixture, Row

Floats = NDArray[np.float32]
MOST_VALUES = 6
"""So many values of the mixture are told one by one; the others are told together."""
_LONGEST_TOKEN = 24


@dataclass(frozen=True)
class CellStep:
    """One stop on the way from score to weight. `formula` is LaTeX that the component draws."""

    id: str
    title: str
    formula: tuple[str, ...]
    told: str
    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CellView:
    """Everything that the component shows. Arrays are shared: read them only.

    `vectors` are named rows of K numbers, queries and keys by turns; `values` the rows of the
    mixture, the last of which is the head's output.
    """

    query: int
    key: int
    sentence: str
    steps: tuple[CellStep, ...]
    vectors: tuple[tuple[str, Floats], ...]
    products_K: Floats
    scores_S: Floats
    visible_S: NDArray[np.bool_]
    weights_S: Floats
    values: tuple[tuple[str, Floats], ...]
    value_keys: tuple[int | None, ...]


def cell_view(
    vectors: "HeadVectors", row: "Row", key: int, mixture: "Mixture", tokens: tuple[str, ...]
) -> CellView:
    """The way from one query and key to their weight, and on to the head's output."""
    query = row.query
    products_K = vectors.products_K(query, key)
    asks, offers = _named(tokens, query), _named(tokens, key)
    values, value_keys = _values(row, mixture, tokens)
    return CellView(
        query=query,
        key=key,
        sentence=_sentence(row, key, asks, offers),
        steps=(
            _vectors_step(vectors, query, key),
            *_turn_step(vectors, query, key),
            _products_step(products_K, query, key),
            _score_step(products_K, row, key),
            _mask_step(vectors, row, len(tokens), asks),
            _softmax_step(row, key, tokens),
            _mix_step(row, mixture, tokens),
        ),
        vectors=_rows(vectors, query, key),
        products_K=products_K,
        scores_S=row.scores_S,
        visible_S=row.visible_S,
        weights_S=row.weights_S,
        values=values,
        value_keys=value_keys,
    )


def read_key(text: str | None, row: "Row") -> int:
    """The key that a link or the browser says, if the text has it; else the one that gets most."""
    if text and text.isascii() and text.isdigit() and len(text) < 7:
        key = int(text)
        return key if key < len(row.weights_S) else row.strongest
    return row.strongest


def saved_arrays(view: CellView, ids_T: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The numbers of every step by name, for a file."""
    return {
        "ids": np.array(ids_T),
        "query_at": np.array(view.query),
        "key_at": np.array(view.key),
        **{name.replace(", ", "_"): row_K for name, row_K in view.vectors},
        "products": view.products_K,
        "scores": view.scores_S,
        "visible": view.visible_S,
        "weights": view.weights_S,
        "value_names": np.array([name for name, _ in view.values]),
        "values": np.stack([row_K for _, row_K in view.values]),
    }


def cell_code(
    run: Artefact,
    step: int | None,
    text: str,
    window: Window,
    layer: int,
    head: int,
    query: int,
    key: int,
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    return f"""{opened}
from slm.attention.cells import head_vectors

text = {text!r}
ids = opened.tokenizer.encode(text){part}
vectors = head_vectors(opened.model, ids, layer={layer}, head={head})
row = vectors.row({query})
products_K = vectors.products_K({query}, {key})
print(products_K.sum() / products_K.size**0.5, row.scores_S[{key}], row.weights_S[{key}])
print(vectors.mixture(row, most={MOST_VALUES}))
"""


def _named(tokens: tuple[str, ...], at: int) -> str:
    token = tokens[at]
    short = token if len(token) <= _LONGEST_TOKEN else token[: _LONGEST_TOKEN - 1] + "…"
    return f"“{short}” ({at})"


def _terms(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, glossary.meaning(name)) for name in names)


def _sentence(row: "Row", key: int, asks: str, offers: str) -> str:
    if not row.visible_S[key]:
        return tr("{asks} may not look at {offers}: its weight is 0.").format(
            asks=asks, offers=offers
        )
    weight = float(row.weights_S[key])
    return tr(
        "{asks} looks at {offers} with weight {weight:.3f}: place {key} "
        "of the {seen} positions that it may see."
    ).format(asks=asks, offers=offers, weight=weight, key=row.rank(key), seen=row.seen)


def _rows(vectors: "HeadVectors", query: int, key: int) -> tuple[tuple[str, Floats], ...]:
    """Queries above keys, in every form that this family has, the last as attention uses it."""
    stages = [("", vectors.projected_query_TK, vectors.projected_key_SK)]
    if vectors.even_query_TK is not None and vectors.even_key_SK is not None:
        stages.append((", normed", vectors.even_query_TK, vectors.even_key_SK))
    if vectors.config.positions == "rotary":
        stages.append((", turned", vectors.query_TK, vectors.key_SK))
    return (
        *((f"query{name}", query_TK[query]) for name, query_TK, _ in stages),
        *((f"key{name}", key_SK[key]) for name, _, key_SK in stages),
    )


def _vectors_step(vectors: "HeadVectors", query: int, key: int) -> CellStep:
    config = vectors.config
    bias = "" if config.bias == "none" else " + b"
    shared = config.n_heads // config.kv_heads
    told = tr(
        "Head {head} makes a query of {head_width} numbers for position "
        "{query} and a key of as many for position {key}: what the one "
        "looks for, what the other offers."
    ).format(head=vectors.head, head_width=config.head_width, query=query, key=key)
    if shared > 1:
        told += tr(
            " {shared} query heads share one key and value: heads {group} to "
            "{last} use key-value head {own}."
        ).format(
            shared=shared,
            group=vectors.group * shared,
            last=(vectors.group + 1) * shared - 1,
            own=vectors.group,
        )
    if config.qk_norm:
        told += tr(" A norm brings both to an even size before they are compared.")
    return CellStep(
        "vectors",
        tr("Query and key"),
        (rf"q = W_Q \hat{{x}}_{{{query}}}{bias}, \quad k = W_K \hat{{x}}_{{{key}}}{bias}",),
        told,
        _terms("query", "key", *((tr("grouped-query attention"),) if shared > 1 else ())),
    )


def _turn_step(vectors: "HeadVectors", query: int, key: int) -> tuple[CellStep, ...]:
    angles_P, key_angles_P = vectors.angles_P(query), vectors.angles_P(key)
    if angles_P is None or key_angles_P is None:
        return ()
    half, width = vectors.config.head_width // 2, vectors.config.head_width
    fastest = math.degrees(float(angles_P[0] - key_angles_P[0]))
    slowest = math.degrees(float(angles_P[-1] - key_angles_P[-1]))
    told = tr(
        "Numbers i and i + {half} form a pair, which is turned by its "
        "position. Between query and key lie {query} positions: the "
        "fastest pair is {fastest}° apart, the slowest {slowest}°. So "
        "the product knows how far apart the two stand."
    ).format(
        half=half,
        query=abs(query - key),
        fastest=number(abs(fastest)),
        slowest=number(abs(slowest)),
    )
    return (
        CellStep(
            "turn",
            tr("Turned by position"),
            (
                rf"\varphi_i = t \cdot {vectors.config.rope_theta:g}^{{-2i/{width}}}",
                tr(
                    "(a, b) ← (a \\cos \\varphi - b \\sin \\varphi, \\, b \\cos \\varphi + a "
                    "\\sin \\varphi)"
                ),
            ),
            told,
            _terms(tr("rotary positions")),
        ),
    )


def _products_step(products_K: Floats, query: int, key: int) -> CellStep:
    order = np.argsort(-np.abs(products_K), kind="stable")[:3].tolist()
    strongest = ", ".join(f"{each} ({number(float(products_K[each]))})" for each in order)
    total = float(products_K.sum(dtype=np.float64))
    return CellStep(
        "products",
        tr("Multiplied, dimension by dimension"),
        (
            tr("q_{{{query}}} \\cdot k_{{{key}}} = \\sum_{{i}} q_i k_i = {total}").format(
                query=query, key=key, total=number(total)
            ),
        ),
        tr(
            "A bar up: query and key agree there; down: they disagree. "
            "Largest: dimension {strongest}. All {size} bars together are "
            "{total}."
        ).format(strongest=strongest, size=products_K.size, total=number(total)),
        _terms(tr("attention score")),
    )


def _score_step(products_K: Floats, row: "Row", key: int) -> CellStep:
    total, width = float(products_K.sum(dtype=np.float64)), products_K.size
    return CellStep(
        "score",
        tr("Scaled to a score"),
        (
            rf"s = \frac{{q \cdot k}}{{\sqrt{{{width}}}}} = "
            rf"\frac{{{number(total)}}}{{{number(width**0.5)}}} = "
            rf"{number(float(row.scores_S[key]))}",
        ),
        tr(
            "Dividing by the root of the {width} numbers of a head keeps "
            "scores from growing with the head's width."
        ).format(width=width),
        _terms(tr("attention score")),
    )


def _mask_step(vectors: "HeadVectors", row: "Row", n_tokens: int, asks: str) -> CellStep:
    window = vectors.config.window
    limit = "" if window is None else rf" \text{{ or }} u \leq t - {window}"
    told = tr("{asks} may see {seen} of {n_tokens} positions: itself and what came before.").format(
        asks=asks, seen=row.seen, n_tokens=n_tokens
    )
    if window is not None:
        told += tr(" This model looks back over {window:,} positions at most.").format(
            window=window
        )
    if row.seen < n_tokens:
        told += tr(" Scores of the others (hatched) are there, and are set to −∞.")
    return CellStep(
        "mask",
        tr("The row of scores, masked"),
        (tr("s_{{t,u}} = -\\infty \\text{{ where }} u > t{limit}").format(limit=limit),),
        told,
        _terms(tr("causal mask")),
    )


def _softmax_step(row: "Row", key: int, tokens: tuple[str, ...]) -> CellStep:
    own, total = row.exponentials(key)
    weight, best = float(row.weights_S[key]), row.strongest
    told = tr(
        "The largest score is taken from all, which changes no share and "
        "keeps numbers small. Most, {weights_s}, goes to {tokens}. The "
        "weights of the row sum to {sum:.3f}."
    ).format(
        weights_s=share(float(row.weights_S[best])),
        tokens=_named(tokens, best),
        sum=float(row.weights_S.sum(dtype=np.float64)),
    )
    return CellStep(
        "softmax",
        tr("Softmax: shares of attention"),
        (
            tr(
                "w_{{t,u}} = \\frac{{e^{{s_{{t,u}}}}}}{{\\sum_{{j}} "
                "e^{{s_{{t,j}}}}}} = \\frac{{{own}}}{{{total}}} = {weight}"
            ).format(own=number(own), total=number(total), weight=number(weight)),
        ),
        told,
        _terms("softmax", tr("attention weight")),
    )


def _mix_step(row: "Row", mixture: "Mixture", tokens: tuple[str, ...]) -> CellStep:
    size = float(np.linalg.norm(mixture.head_out_K))
    told = tr(
        "Each value counts by its weight; the sum, of length {size}, is "
        "what this head hands to position {query}. Click a row to go to "
        "that key."
    ).format(size=number(size), query=row.query)
    return CellStep(
        "mix",
        tr("Values, mixed by weight"),
        (tr("o_{{{query}}} = \\sum_u w_{{{query},u}} \\, v_u").format(query=row.query),),
        told,
        _terms("value", "head"),
    )


def _values(
    row: "Row", mixture: "Mixture", tokens: tuple[str, ...]
) -> tuple[tuple[tuple[str, Floats], ...], tuple[int | None, ...]]:
    keys = mixture.keys_R.tolist()
    rows = [
        (
            tr("{weights_s} of {tokens}").format(
                weights_s=share(float(row.weights_S[each])), tokens=_named(tokens, each)
            ),
            part_K,
        )
        for each, part_K in zip(keys, mixture.parts_RK, strict=True)
    ]
    rest: list[tuple[str, Floats]] = []
    if row.seen > len(keys):
        rest = [
            (
                tr("{rest_weight} of {seen} others").format(
                    rest_weight=share(mixture.rest_weight), seen=row.seen - len(keys)
                ),
                mixture.rest_K,
            )
        ]
    rows += [*rest, (tr("the head's output"), mixture.head_out_K)]
    return tuple(rows), (*keys, *(None for _ in rest), None)
