"""What each view of the attention chapter shows, as a picture to be saved.

View models in, pictures out; `attention_pictures` lays them out.

L layers, H heads, T tokens (queries and keys), S snapshots or keys, F frames, P side of a picture.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ui.figures.attention_pictures import Saved, SavedPage, SavedPicture, SavedThumbnails
from ui.figures.saved_charts import SavedBars, SavedLine, SavedLines
from ui.texts import tr
from ui.view_models.attention_compare import LossChange, Side, where
from ui.view_models.attention_time import AttentionTime, Place
from ui.view_models.cell import CellView
from ui.view_models.filmstrip import FilmPlace, FilmView, painted_rows
from ui.view_models.head_grid import HeadGrid

_LONGEST_COURSE = 400
"""Points of a loss curve that are drawn; a chart has no room for more."""


def heads_picture(
    pictures_LHPP: NDArray[np.uint8],
    grid: HeadGrid,
    weights_TT: NDArray[np.float32],
    tokens: Sequence[str],
    opened: tuple[int, int],
    whose: str,
) -> Saved:
    """All heads small, and the one that is open in full."""
    return SavedPage(
        (
            (
                SavedThumbnails(pictures_LHPP, tr("All heads"), whose, grid.labels),
                _map(
                    weights_TT,
                    tokens,
                    tr("Attention of {opened}").format(opened=where(opened)),
                    whose,
                ),
            ),
        )
    )


def cell_picture(view: CellView, tokens: Sequence[str], head: str, whose: str) -> Saved:
    """A query's scores and weights over all keys; of the open pair, the product by dimension."""
    seen = np.flatnonzero(view.visible_S).tolist()
    told = [
        tr("score {scores_s:.2f}, weight {weights_s:.3f}").format(
            scores_s=view.scores_S[key], weights_s=view.weights_S[key]
        )
        for key in seen
    ]
    names = [f"{key} {tokens[key]}" for key in seen]
    return SavedPage(
        (
            (
                SavedBars(
                    names,
                    view.weights_S[seen, None].astype(np.float32),
                    tr("From score to weight, {head}").format(head=head),
                    f"{whose}. {view.sentence}",
                    tr("attention weight of query {query}, by key that it may see").format(
                        query=view.query
                    ),
                    told=told,
                ),
            ),
            (
                SavedBars(
                    [
                        tr("dimension {place}").format(place=place)
                        for place in range(len(view.products_K))
                    ],
                    view.products_K[:, None].astype(np.float32),
                    tr("q·k of query {query} and key {key}").format(query=view.query, key=view.key),
                    tr("Their sum over the root of the head's width is the score."),
                    tr("product of two numbers"),
                    told=[f"{product:.3f}" for product in view.products_K.tolist()],
                ),
            ),
        )
    )


def timeline_picture(view: AttentionTime, place: Place, whose: str) -> Saved:
    """One measure of every head through training, the losses, and the open head's map then."""
    ids = [course.id for course in view.courses]
    number = ids.index(place.measure) if place.measure in ids else 0
    course = view.courses[number]
    at = view.steps.index(place.step) if place.step in view.steps else len(view.steps) - 1
    scores_SLH = view.scores_SLHM[..., number]
    heads = [
        SavedLine(
            scores_SLH[:, layer, head].tolist(),
            where((layer, head)) if (layer, head) == (view.layer, view.head) else "",
        )
        for layer in range(scores_SLH.shape[1])
        for head in range(scores_SLH.shape[2])
    ]
    ticks = [(float(np.log1p(step)), f"{step:,}") for step in view.steps]
    losses = [
        SavedLine(
            *_thinned(curve.nats, [float(np.log1p(step)) for step in curve.steps], tr(curve.name))
        )
        for curve in view.curves
        if curve.steps
    ]
    most = max((value for line in losses for value in line.values_S), default=1.0)
    places = [float(np.log1p(step)) for step in view.steps]
    along = tr("training step (logarithmic)")
    return SavedPage(
        (
            (
                SavedLines(
                    heads,
                    places,
                    ticks,
                    tr("{title} through training").format(title=course.title),
                    f"{whose}. {course.rise_words}",
                    along,
                    "score",
                    high=course.most,
                    pale=tr("each other head"),
                ),
            ),
            (
                SavedLines(
                    losses,
                    places,
                    ticks,
                    tr("Loss"),
                    whose,
                    along,
                    tr("nats per token"),
                    high=max(1.0, float(np.ceil(most))),
                ),
            ),
            (
                _map(
                    view.maps_STT[at].astype(np.float32),
                    view.tokens,
                    tr("Attention of {where}, step {steps:,}").format(
                        where=where((view.layer, view.head)), steps=view.steps[at]
                    ),
                    whose,
                ),
            ),
        )
    )


def compared_picture(
    a: Side,
    b: Side,
    heads: tuple[tuple[int, int], tuple[int, int]],
    tokens: Sequence[str],
    change: LossChange,
) -> Saved:
    """The map of A, that of B, their difference; below them what each token's loss became."""
    a_TT, b_TT = (
        side.reading.maps_LHTT[head].astype(np.float32)
        for side, head in zip((a, b), heads, strict=True)
    )
    difference_TT = _hidden(b_TT - a_TT)
    most = float(np.nanmax(np.abs(difference_TT), initial=0.0)) or 1.0
    changes_T1 = change.change_T1.astype(np.float32)
    return SavedPage(
        (
            (
                _map(
                    a_TT,
                    tokens,
                    f"A: {where(heads[0])}",
                    tr("{name}, step {step:,}").format(name=a.name, step=a.step),
                ),
                _map(
                    b_TT,
                    tokens,
                    f"B: {where(heads[1])}",
                    tr("{name}, step {step:,}").format(name=b.name, step=b.step),
                ),
                SavedPicture(
                    difference_TT,
                    tokens,
                    tokens,
                    tr("B less A"),
                    unit=tr("difference of weights"),
                    root=False,
                    diverging=True,
                    most=most,
                ),
            ),
            (
                SavedBars(
                    change.tokens,
                    changes_T1[:, None],
                    tr("Loss of each token, B less A"),
                    change.words,
                    "nats",
                    told=[
                        f"{before:.2f} → {after:.2f}"
                        for before, after in zip(change.a_T1, change.b_T1, strict=True)
                    ],
                ),
            ),
        )
    )


def film_picture(view: FilmView, place: FilmPlace, head: tuple[int, int], whose: str) -> Saved:
    """Where the text was looked at before each token was drawn, and how likely each token was."""
    rows_FS = painted_rows(view, place.painted_by, *head)
    drawn = view.tokens[view.prompt :]
    painters = {
        "head": where(head),
        "layer": tr("layer {head}, mean of its heads").format(head=head[0]),
        "all": tr("mean of all heads"),
    }
    shares_F2 = [
        next((bar.own, bar.drawn) for bar in frame.bars if bar.chosen) for frame in view.frames
    ]
    return SavedPage(
        (
            (
                SavedPicture(
                    rows_FS,
                    [f"{at} {token}" for at, token in enumerate(drawn)],
                    view.tokens[: rows_FS.shape[1]],
                    tr("Filmstrip: {painters}").format(painters=painters[place.painted_by]),
                    whose,
                    rows_are=tr("before the token that was drawn"),
                ),
            ),
            (
                SavedBars(
                    [f"{at} {token}" for at, token in enumerate(drawn)],
                    np.array(shares_F2, dtype=np.float32),
                    tr("How likely each drawn token was"),
                    whose,
                    "probability",
                    series=("model", tr("after temperature and top-k")),
                    told=[f"{own:.1%}, {then:.1%}" for own, then in shares_F2],
                ),
            ),
        )
    )


def _map(
    weights_TT: NDArray[np.float32], tokens: Sequence[str], title: str, whose: str
) -> SavedPicture:
    return SavedPicture(_hidden(weights_TT), tokens, tokens, title, whose)


def _hidden(values_TT: NDArray[np.float32]) -> NDArray[np.float32]:
    """What lies ahead of each query is no number."""
    ahead_TT = np.triu(np.ones(values_TT.shape, dtype=bool), 1)
    return np.where(ahead_TT, np.float32(np.nan), values_TT)


def _thinned(
    values: Sequence[float], places: Sequence[float], name: str
) -> tuple[Sequence[float], str, Sequence[float]]:
    """A long curve by some of its points, its last among them."""
    every = -(-len(values) // _LONGEST_COURSE)
    return values[::-every][::-1], name, places[::-every][::-1]
