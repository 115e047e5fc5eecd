"""Tensors that come one after another make the files that all tensors at once make."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from slm.errors import WorkspaceError
from slm.model.tensor_stream import write_stream
from slm.model.tensors import stored_tensors, write_tensors

TENSORS = {
    "w": torch.arange(6.0).view(2, 3),
    "step": torch.tensor(7.0),
    "half": torch.ones(3, dtype=torch.bfloat16),
    "none": torch.zeros(0, 4),
}


def test_the_library_reads_what_was_streamed(tmp_path: Path) -> None:
    plan = {name: torch.empty_like(tensor, device="meta") for name, tensor in TENSORS.items()}
    write_stream(tmp_path, plan, TENSORS.items())
    for found in (
        load_file(tmp_path / "model.safetensors"),
        {name: stored.read() for name, stored in stored_tensors(tmp_path).items()},
    ):
        assert found.keys() == TENSORS.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())
        assert all(found[name].dtype == tensor.dtype for name, tensor in TENSORS.items())


def test_shards_and_their_index_are_those_of_all_at_once(tmp_path: Path) -> None:
    """24 + 4 bytes, then 6 + 0: shards of at most 30 bytes are two."""
    (tmp_path / "once").mkdir()
    (tmp_path / "streamed").mkdir()
    write_tensors(tmp_path / "once", TENSORS, "optimizer", shard_bytes=30)
    write_stream(tmp_path / "streamed", TENSORS, TENSORS.items(), "optimizer", shard_bytes=30)
    index = "optimizer.safetensors.index.json"
    assert (tmp_path / "once" / index).read_text() == (tmp_path / "streamed" / index).read_text()
    assert stored_tensors(tmp_path / "streamed", "optimizer").keys() == TENSORS.keys()


def test_a_tensor_is_asked_for_when_the_one_before_is_written(tmp_path: Path) -> None:
    alive: list[int] = []

    def coming() -> Iterator[tuple[str, Tensor]]:
        for name in ("first", "second"):
            alive.append((tmp_path / "model.safetensors").stat().st_size)
            yield name, torch.ones(100_000)

    write_stream(tmp_path, {name: torch.ones(100_000) for name in ("first", "second")}, coming())
    assert alive[1] - alive[0] >= 400_000


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no disk that is always full")
    (tmp_path / "model.safetensors").symlink_to(full)
    with pytest.raises(WorkspaceError, match="full"):
        write_stream(tmp_path, TENSORS, TENSORS.items())
