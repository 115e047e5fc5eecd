"""One weight's making, and a film of attention, as reports with words for their tokens."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from slm.attention.cells import HeadVectors, Row, head_vectors
from slm.jobs import Reporter, silent
from slm.lab.filmstrip import AS_USUAL, FilmConfig, film, film_arrays
from slm.lab.reports import OpenedRun

_MOST_PARTS = 5


def cell_report(
    opened: OpenedRun,
    text: str,
    layer: int = 0,
    head: int = 0,
    query: int | None = None,
    key: int | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """How one weight comes about. `query` None is the last, `key` None the one that gets most.

    `out` (NPZ) holds every vector of the head, and the row.

    Raises: DataError for an empty or too long text, or a head or position that is not there.
    """
    ids = opened.tokenizer.encode(text)
    vectors = head_vectors(opened.model, ids, layer, head)
    row = vectors.row(vectors.n_tokens - 1 if query is None else query)
    key = row.strongest if key is None else key
    products_K = vectors.products_K(row.query, key)
    mixture = vectors.mixture(row, _MOST_PARTS)
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **cell_arrays(vectors, row))
    return {
        "run": opened.id,
        "step": opened.step,
        "tokens": [opened.tokenizer.decode([each]) for each in ids],
        "layer": layer,
        "head": head,
        "key_value_head": vectors.group,
        "query": row.query,
        "key": key,
        "products": products_K.round(5).tolist(),
        "dot_product": float(products_K.sum()),
        "score": float(row.scores_S[key]),
        "visible": bool(row.visible_S[key]),
        "weight": float(row.weights_S[key]),
        "rank": row.rank(key),
        "gives_most_to": {
            str(s): round(float(row.weights_S[s]), 5) for s in mixture.keys_R.tolist()
        },
    }


def cell_arrays(vectors: HeadVectors, row: Row) -> dict[str, Any]:
    """A head's vectors and one row as arrays for a file; what a family lacks is left out."""
    named = {field.name: getattr(vectors, field.name) for field in fields(vectors)}
    kept = {name: value for name, value in named.items() if isinstance(value, np.ndarray | int)}
    return kept | {field.name: getattr(row, field.name) for field in fields(row)}


def film_report(
    opened: OpenedRun,
    prompt: str,
    config: FilmConfig = AS_USUAL,
    *,
    out: Path | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """What was written, token by token; `out` (NPZ) holds the whole film.

    Raises: DataError for an empty prompt, or one that leaves no room for a frame.
    """
    cut = opened.tokenizer
    ids = cut.encode(prompt)
    frames = []
    for frame in film(opened.model, ids, config, eos_id=cut.eos_id):
        frames.append(frame)
        report(len(frames) / config.max_new_tokens, f"{len(frames)} tokens")
        if report.should_stop():
            break
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **film_arrays(ids, frames))
    return {
        "run": opened.id,
        "step": opened.step,
        "prompt_tokens": len(ids),
        "text": cut.decode([*ids, *(frame.token for frame in frames)]),
        "frames": [
            {
                "token": cut.decode([frame.token]),
                "id": frame.token,
                "probability": frame.own_share,
                "drawn_with": frame.drawn_share,
                "rank": frame.rank,
                "by_depth": [cut.decode([each]) for each in frame.depth_ids_N.tolist()],
            }
            for frame in frames
        ],
    }
