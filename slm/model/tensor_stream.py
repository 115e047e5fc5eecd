"""Named tensors written to safetensors files one after another, never all in memory.

The format wants names, shapes and places first, so these are planned before any tensor is
there. For models whose tensors are gathered from several processes.

Source: the format is described in the safetensors repository's README ("Format").
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slm import files
from slm.model.tensors import DTYPES, SHARD_BYTES, in_files, write_index

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write_stream(
    folder: Path,
    plan: Mapping[str, Tensor],
    tensors: Iterable[tuple[str, Tensor]],
    stem: str = "model",
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """As `tensors.write_tensors`, of tensors that come one after another.

    `plan` has their names in the order in which they come; of its tensors only shape and
    number format are read.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    coming = iter(tensors)
    parts = in_files(plan, stem, shard_bytes)
    for file_name, part in parts.items():
        with files.disk_errors(folder / file_name), (folder / file_name).open("wb") as stream:
            stream.write(_header(part))
            for name, planned in part.items():
                came, tensor = next(coming)
                assert (came, tensor.shape, tensor.dtype) == (name, planned.shape, planned.dtype)
                stream.write(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
                del tensor
    for left_over in coming:
        raise AssertionError(f"{left_over[0]} was not planned")
    write_index(folder, parts, stem)


def _header(part: Mapping[str, Tensor]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, planned in part.items():
        begin, end = end, end + planned.numel() * planned.dtype.itemsize
        entries[name] = {
            "dtype": _NAMES[planned.dtype],
            "shape": list(planned.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
