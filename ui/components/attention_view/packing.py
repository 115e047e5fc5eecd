"""Attention weights in the form the browser draws. Pure: arrays in, bytes out.

Shapes: L layers, H heads, T query positions (rows), S key positions (columns; as many as T),
P side of a thumbnail.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ui.components.payload import pack, unpack

THUMBNAIL_SIDE = 64


def as_weights(weights: NDArray[Any]) -> NDArray[np.float32]:
    """Weights as float32; uint8 counts 255ths."""
    if weights.dtype == np.uint8:
        return weights.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(weights, dtype=np.float32)


def thumbnails(weights_LHTS: NDArray[Any], side: int = THUMBNAIL_SIDE) -> NDArray[np.uint8]:
    """Every head small: uint8 LHPP of 255 × √weight, P at most ``side``.

    Where T is larger, a pixel holds the largest weight of its block: a mean would wash out the
    thin diagonals by which heads are recognised. The root keeps small weights apart.
    Weights that are not numbers count as 0.
    """
    weights_LHTS = as_weights(weights_LHTS)
    n_layers, n_heads, length, _ = weights_LHTS.shape
    block = -(-length // side)
    if block > 1:
        P = -(-length // block)
        padding = P * block - length
        if padding:
            corners = ((0, 0), (0, 0), (0, padding), (0, padding))
            weights_LHTS = np.pad(weights_LHTS, corners)
        rows_LHPbS = weights_LHTS.reshape(n_layers, n_heads, P, block, P * block)
        rows_LHPS = np.fmax.reduce(rows_LHPbS, axis=3)  # fmax passes over what is no number
        weights_LHTS = rows_LHPS[..., ::block]
        for offset in range(1, block):
            weights_LHTS = np.fmax(weights_LHTS, rows_LHPS[..., offset::block])
    sound = np.nan_to_num(weights_LHTS, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    small: NDArray[np.uint8] = np.rint(np.sqrt(sound) * 255).astype(np.uint8)
    return small


def pack_overview(
    thumbnails_LHPP: NDArray[np.uint8],
    *,
    tokens: int,
    layer: int,
    head: int,
    labels: Sequence[Sequence[str]] | None = None,
) -> bytes:
    """All heads small, and which of them is open."""
    n_layers, n_heads, side, _ = thumbnails_LHPP.shape
    header = {
        "layers": n_layers,
        "heads": n_heads,
        "side": side,
        "tokens": tokens,
        "layer": layer,
        "head": head,
        "labels": [list(row) for row in labels] if labels is not None else None,
    }
    return pack(header, np.ascontiguousarray(thumbnails_LHPP).tobytes())


def unpack_overview(data: bytes) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Header and thumbnails LHPP, as packed."""
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


def pack_view(overview: bytes, head: bytes, *, beside: bool) -> bytes:
    """Both together; ``beside`` where the overview is narrow enough to stand beside the head."""
    return pack({"overview": len(overview), "few": beside}, overview + head)


def unpack_view(data: bytes) -> tuple[bytes, bytes]:
    """Overview and head, as packed."""
    header, values = unpack(data)
    return values[: header["overview"]], values[header["overview"] :]
