"""Named tensors in safetensors files: the header is checked first, the bytes are copied.

Files are read, never mapped into memory: a mapped file that another process cuts
short would kill this one. Knows names, shapes and number formats, no models.

Source: the format is described in the safetensors repository's README ("Format").
"""

import json
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from slm import files
from slm.errors import CheckpointError, WorkspaceError

MAX_HEADER_BYTES = 1_000_000
MAX_INDEX_BYTES = 16_000_000
SHARD_BYTES = 4_000_000_000
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_READERS = 2
_CHECKED_AT_ONCE = 2**18  # numbers, which stay in a core's cache for the second look
_WHOLE = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_SHARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor stands, and what it will be, before any of it is read."""

    path: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    def read(self) -> Tensor:
        """The tensor, copied into memory.

        Raises: CheckpointError when the file has become shorter.
        """
        tensor = torch.empty(self.shape, dtype=self.dtype)
        n_bytes = self.stop - self.start
        if n_bytes:
            with self.path.open("rb") as stream:
                stream.seek(self.start)
                n_read = stream.readinto(tensor.flatten().view(torch.uint8).numpy().data)
            if n_read != n_bytes:
                raise CheckpointError(f"{self.path.name} was cut short while it was read.")
        return tensor


def write_tensors(
    folder: Path, tensors: Mapping[str, Tensor], stem: str = "model", shard_bytes: int = SHARD_BYTES
) -> None:
    """`STEM.safetensors`, or numbered shards of at most `shard_bytes` and an index, in `folder`.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    parts = in_files(tensors, stem, shard_bytes)
    for name, shard in parts.items():
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in shard.items()}
        with files.disk_errors(folder / name), _told_as_os_error():
            save_file(whole, folder / name, metadata={"format": "pt"})
    write_index(folder, parts, stem)


def in_files(
    tensors: Mapping[str, Tensor], stem: str, shard_bytes: int
) -> dict[str, dict[str, Tensor]]:
    """Which file each tensor goes to: one, or numbered ones of at most `shard_bytes`."""
    shards = _shards(tensors, shard_bytes)
    n_shards = len(shards)
    if n_shards == 1:
        return {f"{stem}.safetensors": shards[0]}
    numbered = enumerate(shards, 1)
    return {f"{stem}-{i:05}-of-{n_shards:05}.safetensors": shard for i, shard in numbered}


def write_index(folder: Path, parts: Mapping[str, Mapping[str, Tensor]], stem: str) -> None:
    """The index of several files; a single file needs none."""
    if len(parts) == 1:
        return
    total = sum(tensor.nbytes for shard in parts.values() for tensor in shard.values())
    places = {key: name for name, shard in parts.items() for key in shard}
    files.write_json(
        folder / f"{stem}.safetensors.index.json",
        {"metadata": {"total_size": total}, "weight_map": places},
    )


@contextmanager
def _told_as_os_error() -> Iterator[None]:
    """The library's own error for a disk that is full or fails, as Python's."""
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        if sys.platform == "win32":
            raise OSError(0, str(error), None, int(number[1])) from error
        raise OSError(int(number[1]), str(error)) from error


def _shards(tensors: Mapping[str, Tensor], shard_bytes: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.nbytes > shard_bytes:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += tensor.nbytes
    return shards


def stored_tensors(folder: Path, stem: str = "model") -> dict[str, StoredTensor]:
    """Every tensor that `STEM.safetensors`, or its shards, hold; only headers are read.

    Raises: CheckpointError when files are missing or damaged, or there are only pickles.
    """
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        return read_header(single)
    if not index.is_file():
        pickles = [
            path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)
        ]
        if pickles:
            raise CheckpointError(
                f"{pickles[0]} is a pickle, which can run any program when opened, so it is "
                "refused. Save the model as safetensors (save_pretrained does) and try again."
            )
        raise CheckpointError(f"There is no {single.name} in {folder.name}.")
    stored: dict[str, StoredTensor] = {}
    places = _read_index(index)
    for name in sorted(set(places.values())):
        stored |= read_header(folder / name)
    lost = [
        key for key, name in places.items() if key not in stored or stored[key].path.name != name
    ]
    if lost:
        raise CheckpointError(f"{index.name} lists tensors that are not there: {listing(lost)}.")
    return stored


def _read_index(path: Path) -> dict[str, str]:
    if path.stat().st_size > MAX_INDEX_BYTES:
        raise CheckpointError(f"{path.name} is too large to be an index of tensors.")
    try:
        places = files.read_json(path).get("weight_map")
    except WorkspaceError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{path.name} has no weight_map.")
    for name in places.values():
        if not isinstance(name, str) or not _SHARD_NAME.fullmatch(name):
            raise CheckpointError(f"{path.name} names {name!r}, which is no safetensors file here.")
    return places


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file by name, every size and place checked against the file.

    Raises: CheckpointError for anything that does not add up.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing in {path.parent.name}.")
    file_size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if file_size < 8 or length > min(MAX_HEADER_BYTES, file_size - 8):
            _refuse(path, f"its header claims {length:,} bytes")
        text = stream.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"its header is no plain JSON ({error})")
    if not isinstance(header, dict):
        _refuse(path, "its header is no JSON object")
    header.pop("__metadata__", None)
    stored = {name: _entry(path, name, value, 8 + length) for name, value in header.items()}
    end = 8 + length
    for name, tensor in sorted(stored.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != end:
            _refuse(path, f"the bytes of {name!r} overlap others or leave a gap")
        end = tensor.stop
    if end != file_size:
        _refuse(path, f"it has {file_size:,} bytes where its header asks for {end:,}")
    return stored


def _entry(path: Path, name: str, value: Any, first: int) -> StoredTensor:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        _refuse(path, f"{name[:80]!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        _refuse(path, f"{name[:80]!r} has the number format {str(dtype)[:20]!r}")
    if not _are_counts(shape, 8) or not _are_counts(offsets, 2) or len(offsets) != 2:
        _refuse(path, f"{name[:80]!r} has no proper shape or place")
    start, stop = offsets
    if stop - start != prod(shape) * DTYPES[dtype].itemsize:
        _refuse(path, f"{name[:80]!r} has {stop - start:,} bytes, which its shape does not give")
    return StoredTensor(path, DTYPES[dtype], tuple(shape), first + start, first + stop)


def _are_counts(value: Any, longest: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= longest
        and all(type(number) is int and 0 <= number < 2**48 for number in value)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name stands twice")
    return result


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CheckpointError(f"{path.name} is no sound safetensors file: {reason}.")


def require_shapes(
    stored: Mapping[str, StoredTensor], expected: Mapping[str, tuple[int, ...]], what: str
) -> None:
    """Compare names, shapes and number formats with what a model needs; nothing is read.

    Raises: CheckpointError that lists what is missing, unknown, or of another shape.
    """
    missing = [name for name in expected if name not in stored]
    extra = [name for name in stored if name not in expected]
    shared = [name for name in expected if name in stored]
    other = [
        f"{name} {list(stored[name].shape)} for {list(expected[name])}"
        for name in shared
        if stored[name].shape != expected[name]
    ]
    numbers = [name for name in shared if not stored[name].dtype.is_floating_point]
    problems = [
        f"{title}: {listing(names)}"
        for title, names in (
            ("missing", missing),
            ("not part of this model", extra),
            ("of another shape", other),
            ("not floating-point", numbers),
        )
        if names
    ]
    if problems:
        raise CheckpointError(f"{what} does not fit its settings. " + "; ".join(problems) + ".")


def is_finite(tensor: Tensor) -> bool:
    """Whether a floating-point tensor holds neither NaN nor infinity.

    In all these formats NaN and infinity are the largest of their bits as whole numbers, apart
    from the sign. So two maxima tell, without a copy: thirteen times faster than `torch.isfinite`.

    >>> is_finite(torch.ones(2)), is_finite(torch.tensor([1.0, -torch.inf]))
    (True, False)
    """
    if not tensor.numel():
        return True
    if tensor.device.type != "cpu":
        return bool(torch.isfinite(tensor).all())
    infinity = torch.tensor(torch.inf, dtype=tensor.dtype).view(_WHOLE[tensor.itemsize]).item()
    width = 8 * tensor.itemsize
    bits = tensor.detach().contiguous().flatten().view(_WHOLE[tensor.itemsize]).numpy()
    for start in range(0, bits.size, _CHECKED_AT_ONCE):
        part = bits[start : start + _CHECKED_AT_ONCE]
        with_sign = int(part.view(f"u{tensor.itemsize}").max())
        if part.max() >= infinity or with_sign >= infinity + 2 ** (width - 1):
            return False
    return True


def read_in_turn(stored: Iterable[StoredTensor]) -> Iterator[Tensor]:
    """The tensors one after another; while one is used, the next two are being read.

    Raises: CheckpointError when a file has become shorter.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        coming: deque[Future[Tensor]] = deque()
        for one in stored:
            coming.append(readers.submit(one.read))
            if len(coming) > _READERS:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def listing(names: list[str], most: int = 6) -> str:
    """The first few names, and how many more there are.

    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(name[:120] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
