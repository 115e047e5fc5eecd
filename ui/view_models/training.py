"""A run's record as curves and words; knows no charts."""

from collections.abc import Mapping, Sequence
from typing import Any

_MAX_POINTS = 600


def loss_rows(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Points (step, split, nats) of a metrics log: training thinned evenly, validation whole.

    >>> loss_rows([{"step": 1, "train_nats": 3.0, "val_nats": None}])
    [{'step': 1, 'split': 'training', 'nats': 3.0}]
    """
    every = max(1, len(records) // _MAX_POINTS)
    thinned = [record for place, record in enumerate(records) if place % every == 0]
    return [
        *_points(thinned, "training", "train_nats"),
        *_points(records, "validation", "val_nats"),
    ]


def _points(records: Sequence[Mapping[str, Any]], split: str, field: str) -> list[dict[str, Any]]:
    return [
        {"step": record["step"], "split": split, "nats": record[field]}
        for record in records
        if record.get(field) is not None
    ]
