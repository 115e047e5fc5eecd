"""How a run's attention came to be: its snapshots in order, one opened at a time.

Reads what `lab/snapshots.py` keeps while a run trains (`probes.npz` and half-precision
weights), also while it still trains. Knows ids, never text.

    probes.npz
      text_ids_NT, text_nats_NT    windows of held-out text, nats of each token after the first
      repeat_ids_T, repeat_nats_T  random tokens that come twice: the second half gets cheap
                                   when the model learns to look back
      sample_ids                   what the model wrote after the prompt, always the same draw
      head_scores_LHM, measures    every measure of every head, and the measures' names

Shapes: S snapshots, N texts, T tokens, L layers, H heads, M measures.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from slm import files, zips
from slm.errors import CheckpointError
from slm.model.checkpoint import CheckpointRef, load_checkpoint, snapshots
from slm.model.transformer import Transformer

PROBES = "probes.npz"
MOST_PROBE_BYTES = 64_000_000
"""Larger files are none of ours: those of a run hold some tens of kilobytes."""

_NEEDED = {
    "text_ids_NT": 2,
    "text_nats_NT": 2,
    "repeat_ids_T": 1,
    "repeat_nats_T": 1,
    "sample_ids": 1,
    "head_scores_LHM": 3,
    "measures": 1,
}
_KEPT = 64  # opened probe files that stay in memory, over all runs


@dataclass(frozen=True)
class Moment:
    """What the probes found at one snapshot. Shared: read the arrays only."""

    step: int
    text_ids_NT: NDArray[np.int64]
    text_nats_NT: NDArray[np.float32]
    repeat_ids_T: NDArray[np.int64]
    repeat_nats_T: NDArray[np.float32]
    sample_ids: NDArray[np.int64]
    head_scores_LHM: NDArray[np.float32]
    measures: tuple[str, ...]


class Timeline:
    """The snapshots of a run as its folder has them when this is made.

    >>> Timeline(Path("a run without snapshots")).steps
    ()
    """

    def __init__(self, run_folder: Path) -> None:
        self._references: Mapping[int, CheckpointRef] = {
            reference.step: reference for reference in snapshots(run_folder)
        }

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that have a snapshot, in order."""
        return tuple(self._references)

    @property
    def disk_bytes(self) -> int:
        """What the snapshots take up together."""
        return sum(
            file.stat().st_size
            for reference in self._references.values()
            for file in reference.folder.iterdir()
        )

    def moment(self, step: int) -> Moment:
        """What the probes found at this step; read when it is asked for.

        Raises: CheckpointError when there is no such snapshot, or its probes are damaged.
        """
        path = self._reference(step).folder / PROBES
        try:
            version = path.stat().st_mtime_ns
        except OSError:
            raise CheckpointError(f"Snapshot {step} has lost its {PROBES}.") from None
        return _read(str(path), step, version)

    def moments(self) -> tuple[tuple[Moment, ...], tuple[str, ...]]:
        """Every moment that can be read, and in words why others cannot."""
        found, problems = [], []
        for step in self.steps:
            try:
                found.append(self.moment(step))
            except CheckpointError as error:
                problems.append(str(error))
        return tuple(found), tuple(problems)

    def version(self, step: int) -> int:
        """What changes when the snapshot is written anew, for caches.

        Raises: CheckpointError when there is no such snapshot, or it was deleted meanwhile.
        """
        try:
            return (self._reference(step).folder / files.MANIFEST).stat().st_mtime_ns
        except OSError:
            raise CheckpointError(f"Snapshot {step} was deleted.") from None

    def load_model(self, step: int, device: torch.device | str = "cpu") -> Transformer:
        """The model as it was at this step, ready to read with.

        Raises: CheckpointError when there is no such snapshot, or it is damaged.
        """
        return load_checkpoint(self._reference(step).folder, device)

    def _reference(self, step: int) -> CheckpointRef:
        if step not in self._references:
            known = ", ".join(map(str, self.steps)) or "none"
            raise CheckpointError(f"There is no snapshot at step {step}; there are: {known}.")
        return self._references[step]


@lru_cache(maxsize=_KEPT)
def _read(path: str, step: int, version: int) -> Moment:
    del version
    damaged = CheckpointError(f"The probes of snapshot {step} are damaged; it is left out.")
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_PROBE_BYTES:
                raise damaged
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _NEEDED}
    except (OSError, *zips.DAMAGE):
        raise damaged from None
    if any(arrays[name].ndim != ndim for name, ndim in _NEEDED.items()):
        raise damaged
    if not _fit_together(arrays):
        raise damaged
    measures = tuple(str(name) for name in arrays.pop("measures"))
    return Moment(step=step, measures=measures, **arrays)


def _fit_together(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether there is a loss for every token but the first, and a score for every measure."""
    n_texts, n_tokens = arrays["text_ids_NT"].shape
    return (
        arrays["text_nats_NT"].shape == (n_texts, max(0, n_tokens - 1))
        and arrays["repeat_nats_T"].size == max(0, arrays["repeat_ids_T"].size - 1)
        and arrays["head_scores_LHM"].shape[-1] == arrays["measures"].size
        and all(
            np.issubdtype(arrays[name].dtype, np.number) for name in _NEEDED if name != "measures"
        )
    )
