"""Attention weights in the form the browser draws. Pure: arrays in, bytes out.

Shapes: L layers, H heads, T query positions (rows), S key positions (columns; as many as T),
P side of a picture.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components.payload import pack, unpack
from ui.view_models.head_grid import HeadGrid

FEW_HEADS = 6
HEADS_BESIDE = 16


def as_weights(weights: NDArray[Any]) -> NDArray[np.float32]:
    """Weights as float32; uint8 counts 255ths."""
    if weights.dtype == np.uint8:
        return weights.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(weights, dtype=np.float32)


def pack_overview(
    pictures_LHPP: NDArray[np.uint8],
    *,
    tokens: int,
    layer: int,
    head: int,
    grid: HeadGrid | None = None,
    arrangement: str = "",
    height: int = 480,
) -> bytes:
    """All heads small, which of them is open, what is known of them and how they are put."""
    n_layers, n_heads, side, _ = pictures_LHPP.shape
    header = {
        "layers": n_layers,
        "heads": n_heads,
        "side": side,
        "tokens": tokens,
        "layer": layer,
        "head": head,
        "height": height,
        "arrangement": arrangement,
        "labels": grid.labels if grid is not None else None,
        "kindsOf": grid.kinds_of if grid is not None else None,
        "kinds": [asdict(kind) for kind in grid.kinds] if grid is not None else [],
        "columns": [asdict(column) for column in grid.columns] if grid is not None else [],
    }
    return pack(header, np.ascontiguousarray(pictures_LHPP).tobytes())


def unpack_overview(data: bytes) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Header and pictures LHPP, as packed."""
    header, values = unpack(data)
    shape = (header["layers"], header["heads"], header["side"], header["side"])
    return header, np.frombuffer(values, dtype=np.uint8).reshape(shape)


def pack_head(
    weights_TS: NDArray[Any],
    tokens: Sequence[str],
    *,
    layer: int,
    head: int,
    query: int | None = None,
    window: int | None = None,
    title: str = "",
    height: int = 480,
) -> bytes:
    """One head in full, as float32, so that the values shown are those computed.

    A query sees itself and what is before it, at most ``window`` positions (None: all).
    """
    weights_TS = as_weights(weights_TS)
    if weights_TS.shape != (len(tokens), len(tokens)):
        raise ValueError(f"weights {weights_TS.shape} do not match {len(tokens)} tokens")
    header = {
        "tokens": list(tokens),
        "layer": layer,
        "head": head,
        "query": query,
        "window": window,
        "title": title,
        "height": height,
        "unsound": int((~np.isfinite(weights_TS)).sum()),
    }
    return pack(header, weights_TS.astype("<f4").tobytes())


def unpack_head(data: bytes) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Header and weights TS, as packed."""
    header, values = unpack(data)
    length = len(header["tokens"])
    return header, np.frombuffer(values, dtype="<f4").reshape(length, length)


def pack_view(overview: bytes, head: bytes, *, n_heads: int) -> bytes:
    """Both together; the overview stands beside the head where ``n_heads`` leave room for it."""
    beside = "few" if n_heads <= FEW_HEADS else "many" if n_heads <= HEADS_BESIDE else ""
    return pack({"overview": len(overview), "beside": beside}, overview + head)


def unpack_view(data: bytes) -> tuple[bytes, bytes]:
    """Overview and head, as packed."""
    header, values = unpack(data)
    return values[: header["overview"]], values[header["overview"] :]
