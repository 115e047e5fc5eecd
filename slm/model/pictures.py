"""A matrix small enough to be looked at, with the figures that a small picture cannot show.

NumPy alone; knows nothing about models. R rows, C columns.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slm.errors import DivergedError

Cell = Literal["largest", "mean"]
_IN_RANGE = 99.5  # percent of all sizes that the colours tell apart


@dataclass(frozen=True)
class Picture:
    """What is drawn, and what is true of all the numbers behind it.

    cells        float16 (r, c): one for each block of the matrix
    block        rows and columns of the matrix that a cell stands for (the last may be cut)
    limit        the size at which the colours end, both ways, so that 0 is in the middle
    beyond       how many numbers of the matrix are larger than that
    missing      how many numbers there are none of (hidden scores); they are in no figure
    """

    cells: npt.NDArray[np.float16]
    rows: int
    columns: int
    block: tuple[int, int]
    minimum: float
    maximum: float
    mean: float
    std: float
    limit: float
    beyond: int
    missing: int


def picture(
    matrix_RC: npt.NDArray[Any], *, most_rows: int = 128, most_columns: int = 256, cell: Cell
) -> Picture:
    """A picture of at most so many cells, each the mean of its block, or its largest number.

    "largest" keeps the number of the greatest size with its sign, so that nothing that stands
    out gets lost; "mean" shows what is common to a neighbourhood. NaN marks what is not there.

    >>> shown = picture(np.array([[1.0, -3.0], [2.0, 0.0]]), most_rows=2, most_columns=1,
    ...                 cell="largest")
    >>> shown.cells.tolist(), shown.mean, shown.block
    ([[-3.0], [2.0]], 0.0, (1, 2))

    Raises: DivergedError where numbers are infinite.
    """
    values = np.asarray(matrix_RC, dtype=np.float32)
    if np.isinf(values).any():
        raise DivergedError(
            "Some of these numbers are infinite. Choose an earlier checkpoint, or train again "
            "with a lower learning rate."
        )
    rows, columns = values.shape
    block = (-(-rows // most_rows), -(-columns // most_columns))
    there = values[~np.isnan(values)]
    sizes = np.abs(there)
    limit = float(np.percentile(sizes, _IN_RANGE)) if there.size else 0.0
    limit = limit or (float(sizes.max()) if there.size else 0.0) or 1.0
    cells = _pooled(values, block, cell)
    return Picture(
        cells=np.clip(cells, -65_000, 65_000).astype(np.float16),
        rows=rows,
        columns=columns,
        block=block,
        minimum=float(there.min(initial=np.inf)) if there.size else 0.0,
        maximum=float(there.max(initial=-np.inf)) if there.size else 0.0,
        mean=float(there.mean(dtype=np.float64)) if there.size else 0.0,
        std=float(there.std(dtype=np.float64)) if there.size else 0.0,
        limit=limit,
        beyond=int((sizes > limit).sum()),
        missing=values.size - there.size,
    )


def _pooled(
    values_RC: npt.NDArray[np.float32], block: tuple[int, int], cell: Cell
) -> npt.NDArray[np.float32]:
    """(r, c): each block as one number; NaN where a block has none."""
    high, wide = block
    if block == (1, 1):
        return values_RC
    rows, columns = values_RC.shape
    padding = ((0, -rows % high), (0, -columns % wide))
    padded = np.pad(values_RC, padding, constant_values=np.nan)
    size = (padded.shape[0] // high, padded.shape[1] // wide)
    cut = padded.reshape(size[0], high, size[1], wide).transpose(0, 2, 1, 3)
    blocks = cut.reshape(*size, high * wide)
    there = ~np.isnan(blocks)
    known = np.where(there, blocks, 0)
    if cell == "mean":
        found = known.sum(-1, dtype=np.float64) / np.maximum(1, there.sum(-1))
    else:
        place = np.abs(known).argmax(-1)
        found = np.take_along_axis(known, place[..., None], -1)[..., 0]
    result: npt.NDArray[np.float32] = np.where(there.any(-1), found, np.nan).astype(np.float32)
    return result
