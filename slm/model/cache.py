"""Keys and values of the positions that a model has read, so that it need not read them again.

Each row of the batch has its own length, so requests of different lengths share
one forward pass. It knows no ids and no text.

L layers, B rows, H key-value heads, S key position, T new position, K head width.
"""

from typing import Self

import torch
from torch import Tensor

from slm.errors import DataError
from slm.model.config import ModelConfig


class KeyValueCache:
    """Room for `max_length` positions in each of `batch_size` rows, taken at once.

    `lengths_B` (int64, always on the CPU, so that asking costs no wait for a GPU)
    says how many positions of each row are filled. What lies behind a row's length
    is never seen.

    A prompt goes into one row with `model(ids_1T, cache=cache.row(3))`. Prompts of
    different lengths go in together padded on the right; `truncate` each row to its
    own length afterwards: no position looks ahead, so the padding harmed nothing.
    """

    def __init__(
        self,
        config: ModelConfig,
        batch_size: int,
        max_length: int | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        max_length = max_length or config.context_length
        shape = (config.n_layers, batch_size, config.kv_heads, max_length, config.head_width)
        self.keys_LBHSK = torch.zeros(shape, device=device, dtype=dtype)
        self.values_LBHSK = torch.zeros(shape, device=device, dtype=dtype)
        self.lengths_B = torch.zeros(batch_size, dtype=torch.int64)

    @property
    def batch_size(self) -> int:
        """Rows."""
        return self.keys_LBHSK.shape[1]

    @property
    def max_length(self) -> int:
        """Positions that fit in a row."""
        return self.keys_LBHSK.shape[3]

    @property
    def longest(self) -> int:
        """Filled positions of the longest row."""
        return int(self.lengths_B.max())

    @property
    def is_even(self) -> bool:
        """Whether all rows have the same length."""
        return bool((self.lengths_B == self.lengths_B[0]).all())

    def row(self, index: int) -> Self:
        """One row as a cache of its own; what is written there is written here."""
        view = object.__new__(type(self))
        rows = slice(index, index + 1)
        view.keys_LBHSK, view.values_LBHSK = self.keys_LBHSK[:, rows], self.values_LBHSK[:, rows]
        view.lengths_B = self.lengths_B[rows]
        return view

    def first(self, n_rows: int) -> Self:
        """The first rows as a cache of their own; what is written there is written here."""
        if n_rows == self.batch_size:
            return self
        view = object.__new__(type(self))
        view.keys_LBHSK, view.values_LBHSK = (
            self.keys_LBHSK[:, :n_rows],
            self.values_LBHSK[:, :n_rows],
        )
        view.lengths_B = self.lengths_B[:n_rows]
        return view

    def move(self, row: int, to: int) -> None:
        """Let row `to` hold what `row` holds, which is empty then."""
        if row == to:
            return
        length = int(self.lengths_B[row])
        for kept_LBHSK in (self.keys_LBHSK, self.values_LBHSK):
            kept_LBHSK[:, to, :, :length] = kept_LBHSK[:, row, :, :length]
        self.lengths_B[to] = length
        self.lengths_B[row] = 0

    def reorder(self, parents_B: Tensor) -> None:
        """Let every row hold what the row that it names held; one row may go to many."""
        length = self.longest
        for kept_LBHSK in (self.keys_LBHSK, self.values_LBHSK):
            filled_LBHSK = kept_LBHSK[:, :, :, :length]
            filled_LBHSK.copy_(filled_LBHSK[:, parents_B.to(kept_LBHSK.device)])
        self.lengths_B.copy_(self.lengths_B[parents_B.cpu()])

    def wipe(self, row: int) -> None:
        """Empty a row and overwrite it: NaN that is not seen would still spoil a sum."""
        self.keys_LBHSK[:, row] = 0
        self.values_LBHSK[:, row] = 0
        self.lengths_B[row] = 0

    def take_over(self, other: Self) -> None:
        """Hold what a smaller cache holds, row by row."""
        length, n_rows = other.longest, other.batch_size
        self.keys_LBHSK[:, :n_rows, :, :length] = other.keys_LBHSK[:, :, :, :length]
        self.values_LBHSK[:, :n_rows, :, :length] = other.values_LBHSK[:, :, :, :length]
        self.lengths_B[:n_rows] = other.lengths_B

    def reset(self, row: int | None = None) -> None:
        """Empty one row, or all."""
        self.lengths_B[slice(None) if row is None else row] = 0

    def truncate(self, row: int, length: int) -> None:
        """Forget what the row holds from position `length` on."""
        assert 0 <= length <= self.lengths_B[row], f"row {row} holds {int(self.lengths_B[row])}"
        self.lengths_B[row] = length

    def require_room(self, n_new: int) -> None:
        """Raises: DataError when `n_new` positions do not fit behind the longest row."""
        if self.longest + n_new > self.max_length:
            raise DataError(
                f"{self.longest} positions are cached and {n_new} come; {self.max_length} fit. "
                "Shorten the text, or start again with the last part of it."
            )

    def append(self, layer: int, key_BHTK: Tensor, value_BHTK: Tensor) -> tuple[Tensor, Tensor]:
        """Write new positions behind each row's length; all keys and values up to the longest row.

        The lengths stay until `advance`, so that every layer of one forward pass
        writes to the same place.
        """
        n_new = key_BHTK.shape[2]
        keys_BHSK, values_BHSK = self.keys_LBHSK[layer], self.values_LBHSK[layer]
        if self.is_even:
            start = int(self.lengths_B[0])
            keys_BHSK[:, :, start : start + n_new] = key_BHTK
            values_BHSK[:, :, start : start + n_new] = value_BHTK
        else:
            positions_BT = self.positions(n_new, keys_BHSK.device)
            rows_B1 = torch.arange(self.batch_size, device=keys_BHSK.device)[:, None]
            keys_BHSK[rows_B1, :, positions_BT] = key_BHTK.transpose(1, 2).to(keys_BHSK.dtype)
            values_BHSK[rows_B1, :, positions_BT] = value_BHTK.transpose(1, 2).to(keys_BHSK.dtype)
        filled = self.longest + n_new
        return keys_BHSK[:, :, :filled], values_BHSK[:, :, :filled]

    def positions(self, n_new: int, device: torch.device | str = "cpu") -> Tensor:
        """Where the next `n_new` ids of each row stand, (B, T)."""
        return (self.lengths_B[:, None] + torch.arange(n_new)).to(device)

    def advance(self, n_new: int) -> None:
        """Count the positions that `append` wrote."""
        self.lengths_B += n_new
